"""The whole chain: problem, circuit, device, samples, subspace, energy, report."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from kakehashi.circuit.hartree_fock import build_hartree_fock
from kakehashi.circuit.spec import CircuitSpec
from kakehashi.core.errors import InputError
from kakehashi.core.identity import identify
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.provenance import collect_provenance
from kakehashi.core.resources import peak_memory_bytes
from kakehashi.core.rng import named_stream
from kakehashi.core.spec import Spec, parse_spec
from kakehashi.device.model import Device, Shots
from kakehashi.device.spec import DeviceSpec, parse_device
from kakehashi.device.uniform import UniformDevice
from kakehashi.problem.library import load_problem
from kakehashi.problem.mean_field import hartree_fock_energy
from kakehashi.problem.model import Problem
from kakehashi.report.model import Control, Iteration, Result, SizePoint
from kakehashi.samples.spec import SamplesSpec
from kakehashi.subspace.loop import Turn, iterate
from kakehashi.subspace.model import State
from kakehashi.subspace.spec import SubspaceSpec
from kakehashi.workflow.control import solve_control
from kakehashi.workflow.folder import RunFolder
from kakehashi.workflow.sizes import trace_sizes
from kakehashi.workflow.spec import ControlSpec, RunSpec
from kakehashi.workflow.summary import summarize_sampling

__all__ = ["execute", "solve"]

S = TypeVar("S", bound=Spec)
SPIN_CONTAMINATION = 0.1
"""Deviation of ``<S^2>`` from the lowest spin above which the user is warned."""

DEFAULT_SHOTS = 100_000

Options = Mapping[str, Any]


def solve(
    problem: Problem | str,
    *,
    device: Device | DeviceSpec | Options | str = "exact",
    n_shots: int | None = None,
    circuit: CircuitSpec | Options | None = None,
    samples: SamplesSpec | Options | None = None,
    subspace: SubspaceSpec | Options | None = None,
    control: ControlSpec | Options | None = None,
    seed: int | None = None,
    folder: Path | str | None = None,
    progress: Progress = silent,
) -> Result:
    """Take a problem through a quantum sampler to an energy.

    Args:
        problem: A problem, or the name of one in the library.
        device: A device, the name of one, or its options as a dict with its name, such as
            ``{"name": "noisy", "prob_meas1_prep0": 0.01}``.
        n_shots: Number of shots; where not given, what the device's options say, 100,000 otherwise.
        circuit: What the device runs: a spec, or its options as a dict.
        samples: How shots become strings.
        subspace: How strings are diagonalised, such as ``{"max_strings": 500}``.
        control: What stands beside the result.
        seed: Seed of all random numbers; a fresh one, noted in the result, where not given.
        folder: Where to keep shots, checkpoints, result and report. A call with the same arguments and a seed
            goes on from what it finds there. Nothing is written where no folder is given.
        progress: Receives events.

    Returns:
        The result: tables, figures and an HTML view are its methods.

    Raises:
        KakehashiError: With one sentence; see :mod:`kakehashi.core.errors`.

    Example:
        >>> result = solve("h4-chain", device="exact", n_shots=2000, seed=7)
        >>> bool(abs(result.error_mhartree) < 1.0)
        True
    """
    if isinstance(problem, str):
        problem = load_problem(problem)
    if isinstance(device, str):
        device = {"name": device}
    if isinstance(device, Mapping):
        device = parse_device(device if n_shots is None else {**device, "n_shots": n_shots})
    return _run(
        problem,
        device,
        n_shots,
        circuit=_as_spec(CircuitSpec, circuit, "circuit"),
        samples=_as_spec(SamplesSpec, samples, "samples"),
        subspace=_as_spec(SubspaceSpec, subspace, "subspace"),
        control=_as_spec(ControlSpec, control, "control"),
        seed=secrets.randbits(32) if seed is None else seed,
        folder=folder,
        progress=progress,
    )


def _as_spec(model: type[S], value: S | Options | None, name: str) -> S:
    if isinstance(value, model):
        return value
    if value is not None and not isinstance(value, Mapping):
        raise InputError(f"Argument `{name}` must be a {model.__name__} or a dict, but is {value!r}.")
    return parse_spec(model, value or {}, source=f"argument `{name}`")


def execute(
    spec: RunSpec,
    *,
    base: Path | str = ".",
    folder: Path | str | None = None,
    fresh: bool = False,
    progress: Progress = silent,
) -> Result:
    """Do the run that a spec describes; what the command line calls.

    Args:
        spec: The run.
        base: Folder that the spec's relative paths start from.
        folder: As in :func:`solve`.
        fresh: Forget what an earlier call left in the folder.
        progress: Receives events.
    """
    clock = _Clock()
    with clock.stage("problem"):
        Reporter(progress).step("problem", "reading or computing the integrals")
        problem = spec.problem.build(base=Path(base))
    return _run(
        problem,
        spec.device,
        None,
        circuit=spec.circuit,
        samples=spec.samples,
        subspace=spec.subspace,
        control=spec.control,
        seed=spec.seed,
        folder=folder,
        fresh=fresh,
        progress=progress,
        base=Path(base),
        written=spec.model_dump(mode="json", exclude_unset=True),
        clock=clock,
    )


class _Clock:
    """Seconds per stage."""

    def __init__(self) -> None:
        self.stage_s: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.stage_s[name] = self.stage_s.get(name, 0.0) + time.monotonic() - start


def _run(
    problem: Problem,
    sampler: Device | DeviceSpec,
    n_shots: int | None,
    *,
    circuit: CircuitSpec,
    samples: SamplesSpec,
    subspace: SubspaceSpec,
    control: ControlSpec,
    seed: int,
    folder: Path | str | None,
    progress: Progress,
    base: Path = Path(),
    fresh: bool = False,
    written: Mapping[str, Any] | None = None,
    clock: _Clock | None = None,
) -> Result:
    reporter, clock = Reporter(progress), clock or _Clock()
    if isinstance(sampler, DeviceSpec):
        sampler.check(problem, base)
        device, about = sampler.build(base), sampler.identity(base)
        n_shots = sampler.n_shots if n_shots is None else n_shots
    else:
        n_shots = DEFAULT_SHOTS if n_shots is None else n_shots
        device, about = sampler, {"name": sampler.name, "n_shots": n_shots}
    identity = {
        "problem": _identify_problem(problem),
        "device": about,
        **{
            name: table.model_dump(mode="json")
            for name, table in (
                ("circuit", circuit),
                ("samples", samples),
                ("subspace", subspace),
                ("control", control),
            )
        },
        "seed": seed,
    }
    run_id = identify(identity)
    spec = identity if written is None else {**written, "seed": seed}
    kept = None if folder is None else RunFolder(folder, run_id=run_id, spec=spec, fresh=fresh)
    if kept is not None and (finished := kept.result()) is not None:
        return finished
    shots, warnings = _take_shots(problem, device, n_shots, circuit, seed, kept, reporter, clock)
    turn, history = _loop(problem, shots, samples, subspace, seed, "loop", kept, reporter, clock)
    with clock.stage("sizes"):
        reporter.step("sizes", "energy against subspace size")
        size_curve = trace_sizes(problem.hamiltonian, turn.best, subspace)
    beside = None
    if control.random_strings:
        with clock.stage("control"):
            reporter.step("control", "the same-sized subspace of random strings")
            beside = solve_control(problem, turn.best, subspace, seed=seed)
    if beside is not None and control.uniform_loop and device.name != "uniform":
        uniform = UniformDevice().run(
            build_hartree_fock(problem), shots.n_shots, rng=named_stream(seed, "control", "shots")
        )
        other, _ = _loop(problem, uniform, samples, subspace, seed, "control", kept, reporter, clock)
        beside = replace(beside, loop_energy_hartree=other.best.energy_hartree)
    result = _assemble(
        problem, device, shots, turn, history, size_curve, beside, warnings, clock, seed, spec, run_id
    )
    if kept is not None:
        with clock.stage("report"):
            reporter.step("report", "writing the report")
            result.save(kept.path)
    return result


def _identify_problem(problem: Problem) -> dict[str, Any]:
    """What made the problem; for integrals that somebody handed over, their checksum."""
    settings = dict(problem.settings)
    if not settings:
        digest = hashlib.sha256(problem.hamiltonian.one_body.tobytes())
        digest.update(problem.hamiltonian.two_body.tobytes())
        settings = {"integrals_sha256": digest.hexdigest(), "constant_hartree": problem.hamiltonian.constant}
    return {"name": problem.name, "n_elec": list(problem.n_elec), **settings}


def _take_shots(
    problem: Problem,
    device: Device,
    n_shots: int,
    circuit: CircuitSpec,
    seed: int,
    kept: RunFolder | None,
    reporter: Reporter,
    clock: _Clock,
) -> tuple[Shots, tuple[str, ...]]:
    """Shots from the folder if they are there, from the device otherwise."""
    shots = None if kept is None else kept.shots()
    if shots is None:
        with clock.stage("circuit"):
            reporter.step("circuit", "building the circuit" if device.reads_circuit else "no circuit needed")
            built = circuit.build(problem) if device.reads_circuit else build_hartree_fock(problem)
        with clock.stage("sample"):
            reporter.step("sample", f"taking shots from {device.name}")
            shots = device.run(built, n_shots, rng=named_stream(seed, "shots"))
        about = {
            "circuit": built.settings,
            "warnings": list(built.warnings),
            "stage_s": {name: clock.stage_s[name] for name in ("circuit", "sample")},
        }
        shots = replace(shots, provenance={**shots.provenance, **about})
        if kept is not None:
            kept.keep_shots(shots)
    else:
        reporter.step("sample", "shots of the earlier call are there")
        earlier: Any = shots.provenance.get("stage_s", {})
        clock.stage_s.update(earlier)
    warnings: Any = shots.provenance.get("warnings", ())
    return shots, tuple(warnings)


def _loop(
    problem: Problem,
    shots: Shots,
    samples: SamplesSpec,
    subspace: SubspaceSpec,
    seed: int,
    name: str,
    kept: RunFolder | None,
    reporter: Reporter,
    clock: _Clock,
) -> tuple[Turn, tuple[Mapping[str, Any], ...]]:
    turn, history = (None, ()) if kept is None else kept.turn(name)
    before_s = sum(seconds for stage, seconds in clock.stage_s.items() if stage not in ("loop", "control loop"))
    turns = iterate(
        problem, shots, samples=samples, subspace=subspace, seed=seed, name=name, resume=turn, reporter=reporter
    )
    for turn in turns:
        record = Iteration(
            index=turn.index,
            energy_hartree=turn.energy_hartree,
            batch_energies_hartree=turn.batch_energies_hartree,
            n_alpha_strings=turn.shape[0],
            n_beta_strings=turn.shape[1],
            n_determinants=turn.shape[0] * turn.shape[1],
            spin_squared=turn.spin_squared,
            n_configurations=turn.n_configurations,
            elapsed_s=before_s + turn.elapsed_s,
        )
        history = (*history, asdict(record))
        reporter.step(
            name,
            "turn done",
            step=turn.index,
            total=subspace.max_iterations,
            energy_hartree=turn.best.energy_hartree,
            n_determinants=turn.best.n_determinants,
        )
        if kept is not None:
            kept.keep_turn(name, turn, history)
    if turn is None:  # iterate gives at least one turn, or resumes one
        raise RuntimeError("the loop gave no turn")
    clock.stage_s["loop" if name == "loop" else "control loop"] = turn.elapsed_s
    return turn, history


def _assemble(
    problem: Problem,
    device: Device,
    shots: Shots,
    turn: Turn,
    history: tuple[Mapping[str, Any], ...],
    size_curve: tuple[SizePoint, ...],
    beside: Control | None,
    warnings: tuple[str, ...],
    clock: _Clock,
    seed: int,
    spec: Mapping[str, Any],
    run_id: str,
) -> Result:
    best = turn.best
    return Result(
        run_id=run_id,
        problem=problem.name,
        description=problem.description,
        n_orb=problem.n_orb,
        n_elec=problem.n_elec,
        energy_hartree=best.energy_hartree,
        root_energies_hartree=best.root_energies_hartree,
        hartree_fock_hartree=hartree_fock_energy(problem),
        reference=problem.reference,
        spin_squared=best.spin_squared,
        n_determinants=best.n_determinants,
        n_alpha_strings=len(best.alpha),
        n_beta_strings=len(best.beta),
        occupancies=best.occupancies(),
        iterations=tuple(
            Iteration(**{**item, "batch_energies_hartree": tuple(item["batch_energies_hartree"])})
            for item in history
        ),
        size_curve=size_curve,
        sampling=summarize_sampling(problem, device.name, shots, turn),
        control=beside,
        converged=best.converged,
        warnings=(*warnings, *_warn(problem, best)),
        stage_s=dict(clock.stage_s),
        seed=seed,
        wall_s=sum(clock.stage_s.values()),
        peak_memory_bytes=peak_memory_bytes(),
        spec=spec,
        provenance=collect_provenance(),
    )


def _warn(problem: Problem, best: State) -> tuple[str, ...]:
    warnings = []
    if not best.converged:
        warnings.append(
            f"The eigensolver stopped at a residual of {best.residual_norm:.1e} hartree before it reached its "
            "tolerance; raise subspace.max_eigensolver_iterations."
        )
    spin = abs(problem.two_s) / 2
    if abs(best.spin_squared - spin * (spin + 1)) > SPIN_CONTAMINATION:
        warnings.append(
            f"<S^2> is {best.spin_squared:.3f}; the lowest spin that the electrons allow has {spin * (spin + 1):g}. "
            "The state may be of another spin: set subspace.two_s and subspace.spin_penalty_hartree."
        )
    return tuple(warnings)
