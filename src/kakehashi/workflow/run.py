"""The whole chain: problem, circuit, device, samples, subspace, energy, report."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from kakehashi.circuit.hartree_fock import build_hartree_fock
from kakehashi.circuit.spec import CircuitSpec
from kakehashi.core.errors import InputError
from kakehashi.core.identity import identify
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.ranks import Ranks
from kakehashi.core.rng import named_stream
from kakehashi.core.spec import as_spec
from kakehashi.device.model import Device, Shots
from kakehashi.device.spec import DeviceSpec, parse_device
from kakehashi.device.twin_device import TwinDevice
from kakehashi.device.uniform import UniformDevice
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.identity import identify_problem
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem
from kakehashi.report.ledger import Ledger
from kakehashi.report.model import Control, Result
from kakehashi.report.selected import SelectedSummary
from kakehashi.samples.spec import SamplesSpec
from kakehashi.subspace.loop import Turn, iterate, require_loop_memory
from kakehashi.subspace.spec import SubspaceSpec
from kakehashi.workflow.classical import ClassicalSpec, require_solvers, solve_references
from kakehashi.workflow.clock import Clock
from kakehashi.workflow.control import solve_control
from kakehashi.workflow.folder import RunFolder, read_run_id
from kakehashi.workflow.identity import describe_problem
from kakehashi.workflow.ledger import LedgerSpec, ledger_parts, trace_ledger
from kakehashi.workflow.plan import Plan
from kakehashi.workflow.result import assemble, record_turn
from kakehashi.workflow.selection import Ascent, follow_ranks, heaviest_determinants, read_earlier, summarize_climb
from kakehashi.workflow.sizes import trace_sizes
from kakehashi.workflow.spec import ControlSpec, RunSpec, refuse_scan

__all__ = ["execute", "solve"]

Options = Mapping[str, Any]
Records = tuple[Mapping[str, Any], ...]


def solve(
    problem: Problem | str,
    *,
    device: Device | DeviceSpec | Options | str = "exact",
    n_shots: int | None = None,
    circuit: CircuitSpec | Options | None = None,
    samples: SamplesSpec | Options | None = None,
    subspace: SubspaceSpec | Options | None = None,
    control: ControlSpec | Options | None = None,
    energy: EnergySpec | Options | None = None,
    classical: ClassicalSpec | Options | Sequence[str] | None = None,
    ledger: LedgerSpec | Options | None = None,
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
        energy: How far selected configuration interaction goes on from the samples, such as
            ``{"max_determinants": 1_000_000}``; 0 leaves it out.
        classical: Solvers that stand beside the result: their names, such as ``["ccsd(t)"]``, or a spec.
        ledger: How far the ledger of what the samples are worth goes; ``{"max_determinants": 0}`` leaves it out.
        seed: Seed of all random numbers; a fresh one, noted in the result, where not given.
        folder: Where to keep shots, checkpoints, result and report. A call with the same arguments and a seed
            goes on from what it finds there. Nothing is written where no folder is given.
        progress: Receives events.

    Returns:
        The result: tables, figures and an HTML view are its methods.

    Raises:
        KakehashiError: With one sentence; see :mod:`kakehashi.core.errors`.

    Example:
        >>> noisy = {"name": "noisy", "depolarizing": 0.3, "n_shots": 2000}
        >>> result = solve("hydrogen-chain", device=noisy, seed=7)
        >>> bool(abs(result.error_mhartree) < 1.0)
        True
        >>> round(result.selected.estimate.energy_hartree - result.reference_hartree, 6) + 0.0
        0.0
    """
    if isinstance(device, str):
        device = {"name": device}
    if isinstance(device, Mapping):
        device = parse_device(device if n_shots is None else {**device, "n_shots": n_shots})
    if isinstance(classical, Sequence):
        classical = {"solvers": [classical] if isinstance(classical, str) else list(classical)}
    plan = Plan(
        problem=load_problem(problem) if isinstance(problem, str) else problem,
        sampler=device,
        n_shots=n_shots,
        circuit=as_spec(CircuitSpec, circuit, "circuit"),
        samples=as_spec(SamplesSpec, samples, "samples"),
        subspace=as_spec(SubspaceSpec, subspace, "subspace"),
        control=as_spec(ControlSpec, control, "control"),
        energy=as_spec(EnergySpec, energy, "energy"),
        classical=as_spec(ClassicalSpec, classical, "classical"),
        ledger=as_spec(LedgerSpec, ledger, "ledger"),
        seed=secrets.randbits(32) if seed is None else seed,
    )
    return _Run(plan, Clock(), Reporter(progress)).finish(folder)


def execute(
    spec: RunSpec,
    *,
    base: Path | str = ".",
    folder: Path | str | None = None,
    fresh: bool = False,
    earlier: Path | None = None,
    ranks: Ranks | None = None,
    progress: Progress = silent,
) -> Result:
    """Do the run that a spec describes; what the command line calls.

    Args:
        spec: The run.
        base: Folder that the spec's relative paths start from.
        folder: As in :func:`solve`.
        fresh: Forget what an earlier call left in the folder.
        earlier: Folder of a finished run of a similar problem, whose orbitals and determinants are one more start.
        ranks: The processes that share selected configuration interaction; this one alone where not given. All call
            this alike, inside :func:`~kakehashi.core.ranks.guard_ranks`; the other stages are done by the first.
        progress: Receives events, on the first rank.

    Raises:
        InputError: The spec describes a scan; or else as :func:`solve`.
    """
    refuse_scan(spec)
    ranks = Ranks() if ranks is None else ranks
    if ranks.rank:
        follow_ranks(ranks)
        result: Result | None = None
    else:
        result = _execute(spec, Path(base), folder, fresh, earlier, ranks, progress)
        ranks.share(None)
    if (finished := ranks.share(result)) is None:
        raise RuntimeError("the first rank has no result")  # it shares one or ends all ranks
    return finished


def _execute(
    spec: RunSpec,
    base: Path,
    folder: Path | str | None,
    fresh: bool,
    earlier: Path | None,
    ranks: Ranks,
    progress: Progress,
) -> Result:
    clock, reporter = Clock(), Reporter(progress)
    with clock.stage("problem"):
        reporter.step("problem", "reading or computing the integrals")
        problem = spec.problem.build(base=base)
    plan = Plan(
        problem=problem,
        sampler=spec.device,
        n_shots=None,
        circuit=spec.circuit,
        samples=spec.samples,
        subspace=spec.subspace,
        control=spec.control,
        energy=spec.energy,
        classical=spec.classical,
        ledger=spec.ledger,
        seed=spec.seed,
        base=base,
        earlier=earlier,
        written=spec.model_dump(mode="json", exclude_unset=True),
    )
    return _Run(plan, clock, reporter, ranks).finish(folder, fresh=fresh)


class _Run:
    """One run, stage by stage."""

    def __init__(self, plan: Plan, clock: Clock, reporter: Reporter, ranks: Ranks | None = None) -> None:
        self._plan = plan
        self._clock = clock
        self._reporter = reporter
        self._ranks = Ranks() if ranks is None else ranks
        self._device, self._n_shots, self._sampler = plan.prepare_device()
        require_loop_memory(plan.problem, plan.subspace, n_shots=self._n_shots)
        self._kept: RunFolder | None = None

    def finish(self, folder: Path | str | None, *, fresh: bool = False) -> Result:
        """Do what is not done yet, and return the result."""
        plan = self._plan
        rest = {"device": self._sampler, **plan.tables(), "seed": plan.seed}
        if plan.earlier is not None:
            rest["earlier"] = read_run_id(plan.earlier)
        run_id = identify({"problem": identify_problem(plan.problem), **rest})
        spec = {"problem": describe_problem(plan.problem), **rest} if plan.written is None else dict(plan.written)
        spec["seed"] = plan.seed
        if folder is not None:
            if not isinstance(plan.sampler, DeviceSpec):
                raise InputError(
                    "Argument `folder` needs a device by name or options: nothing tells one device object from another "
                    "when the run is resumed."
                )
            self._kept = RunFolder(folder, run_id=run_id, spec=spec, fresh=fresh)
            if (finished := self._kept.result()) is not None:
                return finished
        require_solvers(plan.classical, self._kept)
        shots = self._take_shots()
        turn, records = self._loop(shots, "loop")
        with self._clock.stage("sizes"):
            self._reporter.step("sizes", "energy against subspace size")
            size_curve = trace_sizes(plan.problem.hamiltonian, turn.best, plan.subspace)
        result = assemble(
            plan.problem,
            self._device.name,
            shots,
            turn,
            records,
            subspace=plan.subspace,
            size_curve=size_curve,
            control=self._control(shots, turn),
            selected=self._select(turn),
            classical=solve_references(
                plan.problem,
                plan.classical,
                energy=plan.selection,
                folder=self._kept,
                clock=self._clock,
                reporter=self._reporter,
            ),
            ledger=self._trace_ledger(shots),
            clock=self._clock,
            seed=plan.seed,
            spec=spec,
            run_id=run_id,
            twin=self._device.twin if isinstance(self._device, TwinDevice) else None,
        )
        if self._kept is not None:
            self._reporter.step("report", "writing the report")
            result.save(self._kept.path)
        return result

    def _take_shots(self) -> Shots:
        """Shots from the folder if they are there, from the device otherwise."""
        shots = None if self._kept is None else self._kept.shots()
        if shots is not None:
            self._reporter.step("sample", "the shots of the earlier call are there")
            earlier: Any = shots.provenance.get("stage_s", {})
            self._clock.stage_s.update(earlier)
            return shots
        plan = self._plan
        if isinstance(plan.sampler, DeviceSpec):
            plan.sampler.reach(plan.problem, plan.base)
        with self._clock.stage("circuit"):
            reads = self._device.reads_circuit
            self._reporter.step("circuit", "building the circuit" if reads else "no circuit needed")
            circuit = plan.circuit.build(plan.problem) if reads else build_hartree_fock(plan.problem)
        with self._clock.stage("sample"):
            self._reporter.step("sample", f"taking shots from the device {self._device.name!r}")
            rng = named_stream(plan.seed, "shots")
            shots = self._device.run(circuit, self._n_shots, rng=rng, progress=self._reporter.forward)
        about = {
            "circuit": circuit.settings,
            "warnings": list(circuit.warnings),
            "stage_s": {name: self._clock.stage_s[name] for name in ("circuit", "sample")},
        }
        shots = replace(shots, provenance={**shots.provenance, **about})
        if self._kept is not None:
            self._kept.keep_shots(shots)
        return shots

    def _loop(self, shots: Shots, name: str) -> tuple[Turn, Records]:
        """The self-consistent loop, from its last kept turn on."""
        plan = self._plan
        turn, records = (None, ()) if self._kept is None else self._kept.turn(name)
        before_s = sum(self._clock.stage_s.values())
        turns = iterate(
            plan.problem,
            shots,
            samples=plan.samples,
            subspace=plan.subspace,
            seed=plan.seed,
            name=name,
            resume=turn,
            reporter=self._reporter,
        )
        for turn in turns:
            records = (*records, asdict(record_turn(turn, before_s)))
            self._reporter.step(
                name,
                "turn done",
                step=turn.index,
                total=plan.subspace.max_iterations,
                energy_hartree=turn.best.energy_hartree,
                n_determinants=turn.best.n_determinants,
            )
            if self._kept is not None:
                self._kept.keep_turn(name, turn, records)
        if turn is None:
            raise RuntimeError("the loop gave no turn")  # it resumes one or yields at least one
        self._clock.stage_s["loop" if name == "loop" else "control loop"] = turn.elapsed_s
        return turn, records

    def _control(self, shots: Shots, turn: Turn) -> Control | None:
        plan = self._plan
        if not plan.control.random_strings:
            return None
        with self._clock.stage("control"):
            self._reporter.step("control", "the same-sized subspace of random strings")
            control = solve_control(plan.problem, turn.best, plan.subspace, seed=plan.seed)
        if not plan.control.uniform_loop or self._device.name == "uniform":
            return control
        circuit = build_hartree_fock(plan.problem)
        bits = UniformDevice().run(circuit, shots.n_shots, rng=named_stream(plan.seed, "control", "shots"))
        other, _ = self._loop(bits, "control")
        return replace(control, loop_energy_hartree=other.best.energy_hartree)

    def _select(self, turn: Turn) -> SelectedSummary | None:
        """Selected configuration interaction from the determinants that weigh most in the loop's state."""
        plan = self._plan
        if not plan.energy.max_determinants:
            return None
        spec = plan.selection
        ascent = Ascent(
            problem=plan.problem,
            spec=spec,
            seeds=heaviest_determinants(turn.best, spec.n_seeds),
            seed=plan.seed,
            checkpoint=None if self._kept is None else self._kept.selected_path,
            carried=read_earlier(plan.earlier, plan.problem, spec),
        )
        with self._clock.stage("selection"):
            summary = summarize_climb(plan.problem, ascent.lead(self._ranks, self._reporter))
        # What earlier calls kept was time, too.
        self._clock.stage_s["selection"] = max(self._clock.stage_s["selection"], summary.wall_s)
        return summary

    def _trace_ledger(self, shots: Shots) -> Ledger | None:
        plan = self._plan
        if not plan.ledger.max_determinants:
            return None
        parts = ledger_parts(
            None if self._kept is None else self._kept.ledger_parts_path,
            plan.problem,
            shots,
            plan.ledger,
            samples=plan.samples,
            seed=plan.seed,
        )
        with self._clock.stage("ledger"):
            ledger = trace_ledger(
                plan.problem,
                shots,
                plan.ledger,
                samples=plan.samples,
                seed=plan.seed,
                reporter=self._reporter,
                parts=parts,
            )
        self._clock.stage_s["ledger"] += parts.earlier_wall_s
        return ledger
