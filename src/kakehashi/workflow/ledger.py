"""Tracing the quantum ledger: the same Hamiltonian in spaces whose determinants come from different places.

Selection by couplings finds determinants without a quantum computer. Whether samples are worth their shots is told by
what they add to it, beside what as many random determinants add (P. Reinholdt and others, J. Chem. Theory Comput. 21,
6811 (2025), arXiv:2501.07231). All arms have the problem's own orbitals, the same eigensolver and the same threads.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kakehashi.core.bits import Strings, lowest_string
from kakehashi.core.errors import InputError
from kakehashi.core.parts import Parts
from kakehashi.core.progress import Reporter
from kakehashi.core.resources import available_memory_bytes
from kakehashi.core.rng import named_stream
from kakehashi.core.spec import Spec
from kakehashi.device.model import Shots
from kakehashi.problem.identity import identify_problem
from kakehashi.problem.model import Problem
from kakehashi.report.ledger import ARMS, Arm, Ledger, LedgerPoint
from kakehashi.samples.model import Configurations
from kakehashi.samples.postselect import postselect
from kakehashi.samples.random import random_configurations
from kakehashi.samples.recovery import initial_occupancies, recover_configurations
from kakehashi.samples.spec import SamplesSpec
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.product import Parity
from kakehashi.subspace.select import Stage, grow, solve_space
from kakehashi.subspace.solve import parity_of_spin

__all__ = ["LedgerSpec", "ledger_parts", "require_sizes", "trace_ledger"]

FEWEST = 16
"""Size of the smallest space of an arm that is not grown by selection."""

SHARE_OF_MEMORY = 0.5
"""Of the free memory, for the matrix."""

RISE_HARTREE = 1e-9
"""A space that holds another cannot have a higher energy; more than that was another state."""

Pairs = tuple[Strings, Strings]
Points = tuple[LedgerPoint, ...]


class LedgerSpec(Spec):
    """What the samples are compared with; the table ``[ledger]``.

    Attributes:
        max_determinants: Size of the largest space of each arm; 0 leaves the ledger out of a run.
        n_seeds: Sampled determinants of largest weight that selection starts from, and random ones in its control.
        n_draws: Draws of the random arms, the first of which is shown; the others tell their scatter.
        n_threads: Threads of the kernels. Threads that wait for each other use processor time, too: with one, times
            are compared best.

    Example:
        >>> LedgerSpec(max_determinants=1000).n_seeds
        500
    """

    max_determinants: Annotated[int, Field(ge=0)] = 20_000
    n_seeds: Annotated[int, Field(ge=1)] = 500
    n_draws: Annotated[int, Field(ge=1)] = 2
    n_threads: Annotated[int, Field(ge=1)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tracer:
    """What all arms share."""

    problem: Problem
    spec: LedgerSpec
    reporter: Reporter

    @property
    def mirrored(self) -> bool:
        return self.problem.n_elec[0] == self.problem.n_elec[1]

    @property
    def parity(self) -> Parity:
        return parity_of_spin(abs(self.problem.two_s)) if self.mirrored else 0

    def sizes(self) -> list[int]:
        """Halvings of the largest size, ascending."""
        sizes = [self.spec.max_determinants]
        while sizes[0] // 2 >= FEWEST:
            sizes.insert(0, sizes[0] // 2)
        return sizes

    def space(self, seeds: Pairs | None = None) -> DeterminantSpace:
        """A space of the Hartree-Fock determinant, and of seeds where there are any."""
        space = DeterminantSpace(self.problem.hamiltonian, n_threads=self.spec.n_threads)
        n_alpha, n_beta = self.problem.n_elec
        space.append(lowest_string(n_alpha), lowest_string(n_beta))
        if seeds is not None:
            self.add(space, seeds)
        return space

    def add(self, space: DeterminantSpace, pairs: Pairs) -> None:
        """Take in determinants, with their mirror images where the spins are alike."""
        space.append(*pairs)
        if self.mirrored:
            space.append(pairs[1], pairs[0])

    def nested(self, name: str, pairs: Pairs, *, began: float) -> Iterator[Stage]:
        """Spaces of the first determinants of a list, for growing numbers of them."""
        space, used, before = self.space(), 0, None
        for size in self.sizes():
            while len(space) < size and used < len(pairs[0]):
                missing = max(1, (size - len(space)) // (2 if self.mirrored else 1))
                self.add(space, (pairs[0][used : used + missing], pairs[1][used : used + missing]))
                used += missing
            if before is not None and len(space) == before.n_determinants:
                return
            before = self._solve(space, before, began)
            self._tell(name, before)
            yield before

    def _solve(self, space: DeterminantSpace, before: Stage | None, began: float) -> Stage:
        # Determinants that nobody chose by their couplings may hold a lower state that the one before has no part in:
        # the eigensolver starts from the lowest ones.
        budget = int(SHARE_OF_MEMORY * available_memory_bytes())
        clocks = (time.perf_counter(), began)
        stage = solve_space(space, parity=self.parity, memory_budget_bytes=budget, began=clocks)
        if before is not None and stage.energies_hartree[0] > before.energies_hartree[0] + RISE_HARTREE:
            stage = solve_space(
                space, before.coefficients, parity=self.parity, memory_budget_bytes=budget, began=clocks
            )
        return stage

    def grown(self, name: str, seeds: Pairs | None) -> Iterator[Stage]:
        """Spaces that selection makes of seeds."""
        stages = grow(
            self.space(seeds),
            n_determinants=self.spec.max_determinants,
            criterion="heat-bath",
            two_s=abs(self.problem.two_s),
            memory_budget_bytes=int(SHARE_OF_MEMORY * available_memory_bytes()),
        )
        for stage in stages:
            self._tell(name, stage)
            yield stage

    def _tell(self, name: str, stage: Stage) -> None:
        self.reporter.step(
            "ledger", name, energy_hartree=stage.energies_hartree[0], n_determinants=stage.n_determinants
        )


def require_sizes(spec: LedgerSpec) -> None:
    """Refuse a spec that leaves the ledger out, where the ledger is what is wanted.

    Raises:
        InputError: It does.

    Example:
        >>> require_sizes(LedgerSpec(max_determinants=2))
    """
    if spec.max_determinants < 2:
        raise InputError(
            f"ledger.max_determinants must be 2 or more to compare anything, but is {spec.max_determinants}."
        )


def trace_ledger(
    problem: Problem,
    shots: Shots,
    spec: LedgerSpec | None = None,
    *,
    samples: SamplesSpec | None = None,
    seed: int = 0,
    reporter: Reporter | None = None,
    parts: Parts | None = None,
) -> Ledger:
    """Energies of growing spaces from the samples, from random determinants, from selection, and from both together.

    Shots with wrong electron numbers are repaired with the occupancies of the state in the space of those with the
    right ones; where there are none, with those of the Hartree-Fock determinant. Configurations are taken by weight,
    equal weights in random order: the order of the bits would be knowledge that no sampler had.

    Args:
        problem: The problem; its orbitals are used as they are.
        shots: What the device gave.
        spec: How far to go.
        samples: Whether shots with wrong electron numbers are repaired; the other options mean nothing here.
        seed: Of all random numbers.
        reporter: Told of each space.
        parts: Where each arm is kept, of :func:`ledger_parts` with the same arguments; what is there is not traced
            again.

    Raises:
        InputError: The shots do not suit the problem, or the spec leaves the ledger out.

    Example:
        >>> from kakehashi.circuit.spec import CircuitSpec
        >>> from kakehashi.device.exact import ExactDevice
        >>> from kakehashi.problem import load_problem
        >>> chain = load_problem("hydrogen-chain", n_atoms=4)
        >>> shots = ExactDevice().run(CircuitSpec().build(chain), 1000, rng=7)
        >>> ledger = trace_ledger(chain, shots, LedgerSpec(max_determinants=30))
        >>> [arm.complete for arm in ledger.arms if arm.name.endswith("heat-bath")]  # there are no more that couple
        [True, True, True]
    """
    spec = LedgerSpec() if spec is None else spec
    reporter = Reporter() if reporter is None else reporter
    parts = Parts() if parts is None else parts
    require_sizes(spec)
    tracer = _Tracer(problem=problem, spec=spec, reporter=reporter)
    prepared = _prepare(tracer, shots, parts, recovery=samples is None or samples.recovery, seed=seed)
    sampled = prepared.by_weight
    seeds = (sampled[0][: spec.n_seeds], sampled[1][: spec.n_seeds])

    def trace(name: str, spaces: Callable[[], Iterator[Stage]], *, draw: int = 0, offset_s: float = 0.0) -> Points:
        label = f"{name}, draw {draw + 1}"
        part = parts.finish(label, lambda: {"points": _points(spaces(), offset_s=offset_s)})
        if part.kept:
            reporter.step("ledger", f"{name} of the earlier call")
        return tuple(LedgerPoint(**point) for point in part.values["points"])

    nested, grown = [], []
    for draw in range(spec.n_draws):
        drawn = _Draw(problem=problem, spec=spec, seed=seed, number=draw)
        nested.append(trace("random", partial(_nested_random, tracer, drawn), draw=draw))
        grown.append(trace("random + heat-bath", partial(_grown_random, tracer, drawn, len(seeds[0])), draw=draw))
    points = {
        "samples": trace(
            "samples", lambda: tracer.nested("samples", sampled, began=time.process_time() - prepared.cpu_s)
        ),
        "random": nested[0],
        "heat-bath": trace("heat-bath", lambda: tracer.grown("heat-bath", None)),
        "samples + heat-bath": trace(
            "samples + heat-bath", lambda: tracer.grown("samples + heat-bath", seeds), offset_s=prepared.cpu_s
        ),
        "random + heat-bath": grown[0],
    }
    repeats = {"random": tuple(nested[1:]), "random + heat-bath": tuple(grown[1:])}
    return Ledger(
        arms=tuple(
            Arm(
                name=name,
                points=points[name],
                repeats=repeats.get(name, ()),
                complete=points[name][-1].n_determinants < spec.max_determinants,
            )
            for name in ARMS
        ),
        n_shots=shots.n_shots,
        n_in_sector=prepared.n_in_sector,
        n_configurations=prepared.n_configurations,
        n_seeds=len(seeds[0]),
    )


def ledger_parts(
    path: Path | str | None,
    problem: Problem,
    shots: Shots,
    spec: LedgerSpec,
    *,
    samples: SamplesSpec | None = None,
    seed: int = 0,
) -> Parts:
    """Where :func:`trace_ledger` keeps its arms, each draw of one by itself.

    Args:
        path: The file; nothing is kept where none is given.
        problem: As for :func:`trace_ledger`.
        shots: Likewise.
        spec: Likewise; the threads make no difference.
        samples: Likewise.
        seed: Likewise.

    Example:
        >>> from kakehashi.problem import load_problem
        >>> nothing = Shots.from_matrix(np.zeros((1, 8), dtype=bool))
        >>> ledger_parts(None, load_problem("hydrogen-chain", n_atoms=4), nothing, LedgerSpec()).has("samples, draw 1")
        False
    """
    digest = hashlib.sha256(shots.bits.tobytes())
    digest.update(shots.counts.tobytes())
    key = {
        "problem": identify_problem(problem),
        "shots": digest.hexdigest(),
        "spec": spec.model_dump(mode="json", exclude={"n_threads"}),
        "recovery": samples is None or samples.recovery,
        "seed": seed,
    }
    return Parts(path, stage="ledger", key=key)


@dataclass(frozen=True, kw_only=True)
class _Draw:
    """Random determinants, drawn when they are first asked for: of a draw that is kept nobody asks."""

    problem: Problem
    spec: LedgerSpec
    seed: int
    number: int

    @cached_property
    def pairs(self) -> Pairs:
        return random_configurations(
            self.spec.max_determinants,
            n_orb=self.problem.n_orb,
            n_elec=self.problem.n_elec,
            rng=named_stream(self.seed, "ledger", "random", self.number),
        )


def _nested_random(tracer: _Tracer, drawn: _Draw) -> Iterator[Stage]:
    began = time.process_time()
    return tracer.nested("random", drawn.pairs, began=began)


def _grown_random(tracer: _Tracer, drawn: _Draw, n_seeds: int) -> Iterator[Stage]:
    return tracer.grown("random + heat-bath", (drawn.pairs[0][:n_seeds], drawn.pairs[1][:n_seeds]))


def _points(stages: Iterator[Stage], *, offset_s: float) -> list[dict[str, Any]]:
    return [
        asdict(
            LedgerPoint(
                n_determinants=stage.n_determinants,
                energy_hartree=stage.energies_hartree[0],
                cpu_s=offset_s + stage.cpu_s,
                spin_squared=stage.spin_squared[0],
            )
        )
        for stage in stages
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """Configurations that the shots gave, the heaviest first, and how long it took to have them."""

    by_weight: Pairs
    n_in_sector: int
    n_configurations: int
    cpu_s: float


def _prepare(tracer: _Tracer, shots: Shots, parts: Parts, *, recovery: bool, seed: int) -> _Prepared:
    problem, earlier_s, began = tracer.problem, 0.0, time.process_time()
    measured = configurations = postselect(shots, n_orb=problem.n_orb, n_elec=problem.n_elec)
    if recovery:
        # Of the state only this is needed, and with the same occupancies the same random numbers repair alike.
        entered = time.process_time()
        towards = parts.finish("occupancies", lambda: {"occupancies": _occupancies(tracer, measured, seed)})
        earlier_s = towards.cpu_s - (time.process_time() - entered)  # which an earlier call may have spent
        configurations = recover_configurations(
            shots,
            n_elec=problem.n_elec,
            occupancies=towards.values["occupancies"],
            rng=named_stream(seed, "ledger", "repair"),
        )
    return _Prepared(
        by_weight=_by_weight(configurations, tracer.spec.max_determinants, seed),
        n_in_sector=len(measured),
        n_configurations=len(configurations),
        cpu_s=earlier_s + time.process_time() - began,
    )


def _by_weight(configurations: Configurations, n: int, seed: int) -> Pairs:
    """The heaviest configurations, those of equal weight in random order."""
    chance = named_stream(seed, "ledger", "ties").random(len(configurations))
    order = np.lexsort((chance, -configurations.weights))[:n]
    return configurations.alpha[order], configurations.beta[order]


def _occupancies(tracer: _Tracer, measured: Configurations, seed: int) -> NDArray[np.float64]:
    """What shots are repaired towards: of the state in the space of those with the right electron numbers."""
    problem = tracer.problem
    occupancies = initial_occupancies(n_orb=problem.n_orb, n_elec=problem.n_elec)
    if len(measured):
        space = tracer.space(_by_weight(measured, tracer.spec.max_determinants // 2, seed))
        state = tracer._solve(space, None, time.process_time()).coefficients[0]
        occupancies = np.diagonal(space.densities(state).one_body, axis1=1, axis2=2)
    return np.clip(occupancies, 0, 1)
