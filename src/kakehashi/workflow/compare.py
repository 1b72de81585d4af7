"""The ledger by itself: the problem and the shots of a run, and what the shots are worth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kakehashi.circuit.hartree_fock import build_hartree_fock
from kakehashi.core.errors import FileFormatError
from kakehashi.core.files import read_text
from kakehashi.core.identity import identify
from kakehashi.core.parts import parts_path
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.provenance import collect_provenance
from kakehashi.core.rng import named_stream
from kakehashi.device.hdf5 import load_shots, save_shots
from kakehashi.device.model import Shots
from kakehashi.problem.identity import identify_problem
from kakehashi.problem.model import Problem
from kakehashi.report.ledger_page import Comparison, write_comparison
from kakehashi.workflow.ledger import ledger_parts, require_sizes, trace_ledger
from kakehashi.workflow.spec import RunSpec, refuse_scan

__all__ = ["trace_comparison"]

SHOTS_NAME = "ledger-shots.h5"
"""Apart from the run's own: a folder with ``shots.h5`` must hold the run that took them."""

SOURCES = ("problem", "circuit", "device", "seed")
"""What shots depend on; the other tables of a spec may differ."""


def trace_comparison(
    spec: RunSpec, *, base: Path | str = ".", folder: Path | str | None = None, progress: Progress = silent
) -> Comparison:
    """Take the shots of a run, or find them, and trace their ledger.

    Args:
        spec: The run; its tables ``[subspace]`` and ``[control]`` mean nothing here.
        base: Folder that the spec's relative paths start from.
        folder: Where to look for shots, and to write them and ``ledger.json``, ``ledger.svg`` and ``ledger.html``;
            nothing is written where none is given.
        progress: Receives events.

    Raises:
        KakehashiError: With one sentence; see :mod:`kakehashi.core.errors`.

    Example:
        >>> from kakehashi.core.spec import parse_spec
        >>> table = {"problem": {"name": "hydrogen-chain", "n_atoms": 4}, "device": {"name": "uniform", "n_shots": 50}}
        >>> trace_comparison(parse_spec(RunSpec, table, source="example")).ledger.n_shots
        50
    """
    refuse_scan(spec)
    base, reporter = Path(base), Reporter(progress)
    require_sizes(spec.ledger)  # before the shots are taken
    reporter.step("problem", "reading or computing the integrals")
    problem = spec.problem.build(base=base)
    spec.device.check(problem, base)
    shots = _find_shots(spec, problem, base, None if folder is None else Path(folder), reporter)
    parts = ledger_parts(
        None if folder is None else parts_path(Path(folder) / SHOTS_NAME),
        problem,
        shots,
        spec.ledger,
        samples=spec.samples,
        seed=spec.seed,
    )
    comparison = Comparison(
        problem=problem.name,
        device=spec.device.name,
        reference=problem.reference,
        ledger=trace_ledger(
            problem, shots, spec.ledger, samples=spec.samples, seed=spec.seed, reporter=reporter, parts=parts
        ),
        seed=spec.seed,
        spec={**spec.model_dump(mode="json", exclude_unset=True), "seed": spec.seed},
        provenance=collect_provenance(),
    )
    if folder is not None:
        write_comparison(comparison, folder)
        # Whoever asks again wants the arms traced again, perhaps with other threads.
        parts_path(Path(folder) / SHOTS_NAME).unlink(missing_ok=True)
    return comparison


def _find_shots(spec: RunSpec, problem: Problem, base: Path, folder: Path | None, reporter: Reporter) -> Shots:
    """Shots from the folder if they are there, from the device otherwise."""
    source = identify(
        {
            "problem": identify_problem(problem),
            "circuit": spec.circuit.model_dump(mode="json"),
            "device": spec.device.identity(base),
            "seed": spec.seed,
        }
    )
    shots = None if folder is None else _kept_shots(spec, source, folder)
    if shots is not None:
        reporter.step("sample", "the shots of the earlier call are there")
        return shots
    spec.device.reach(problem, base)
    device = spec.device.build(base)
    reporter.step("circuit", "building the circuit" if device.reads_circuit else "no circuit needed")
    circuit = spec.circuit.build(problem) if device.reads_circuit else build_hartree_fock(problem)
    reporter.step("sample", f"taking shots from the device {device.name!r}")
    # The run's own stream: a run with this seed takes the same shots.
    rng = named_stream(spec.seed, "shots")
    shots = device.run(circuit, spec.device.n_shots, rng=rng, progress=reporter.forward)
    if folder is not None:
        save_shots(replace(shots, provenance={**shots.provenance, "source": source}), folder / SHOTS_NAME)
    return shots


def _kept_shots(spec: RunSpec, source: str, folder: Path) -> Shots | None:
    if (folder / SHOTS_NAME).exists():
        shots = load_shots(folder / SHOTS_NAME)
        if shots.provenance.get("source") == source:
            return shots
    marker, kept = folder / "run.json", folder / "shots.h5"
    if not (marker.exists() and kept.exists()):
        return None
    try:
        written: Any = json.loads(read_text(marker))["spec"]
    except (ValueError, KeyError, TypeError):
        raise FileFormatError(marker, "expected a JSON object with the key 'spec'; give another --out.") from None
    wanted = {"seed": spec.seed, **spec.model_dump(mode="json", exclude_unset=True)}
    alike = isinstance(written, Mapping) and all(written.get(name) == wanted.get(name) for name in SOURCES)
    return load_shots(kept) if alike else None
