"""Where selected configuration interaction starts: orbitals, and the first determinants over them.

Orbitals come first: in those of a broken-symmetry determinant a few thousand determinants say more of coupled metal
centres than a hundred million over orbitals of paired spins (docs/explanations/selected-ci.md).
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings, lowest_string, pack_strings
from kakehashi.core.parts import Parts
from kakehashi.core.progress import Reporter
from kakehashi.core.rng import named_stream
from kakehashi.energy.orbitals import OrbitalStep, optimize_orbitals
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.broken_symmetry import broken_symmetry_starts
from kakehashi.problem.common_determinant import common_orbitals, optimize_determinant
from kakehashi.problem.identity import identify_problem
from kakehashi.problem.model import Hamiltonian, Problem
from kakehashi.problem.orbitals import natural_orbitals
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.select import grow

__all__ = ["Seeds", "Start", "choose_start", "hartree_fock_seeds", "start_parts"]

Array = NDArray[np.float64]
Seeds = tuple[Strings, Strings]

DEPENDS_ON = {
    "orbitals",
    "orbital_determinants",
    "max_orbital_turns",
    "n_starts",
    "two_s",
    "spin_penalty_hartree",
}
"""What of the spec makes a start what it is; the other options say what follows."""

SPIN_BROKEN = 0.1
"""Excess of ``<S^2>`` over a spin's own from which a state counts as of broken symmetry."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Start:
    """Orbitals with determinants to start from.

    Attributes:
        name: How they were found.
        hamiltonian: Integrals over the orbitals.
        rotation: Column ``j`` is orbital ``j`` over the problem's orbitals, shape ``(n_orb, n_orb)``.
        alpha: Alpha strings of the determinants, shape ``(n, 2)``.
        beta: Their beta strings.
        energy_hartree: Energy of the small space in which starts were compared; infinite where they were not.
        spin_squared: ``<S^2>`` there; not a number where they were not.
    """

    name: str
    hamiltonian: Hamiltonian
    rotation: Array
    alpha: Strings
    beta: Strings
    energy_hartree: float = np.inf
    spin_squared: float = np.nan


def hartree_fock_seeds(problem: Problem) -> Seeds:
    """The determinant of the lowest-numbered orbitals."""
    return lowest_string(problem.n_elec[0]), lowest_string(problem.n_elec[1])


def start_parts(
    path: Path | str | None,
    problem: Problem,
    spec: EnergySpec,
    *,
    seeds: Seeds | None = None,
    carried: Start | None = None,
    seed: int = 0,
) -> Parts:
    """Where :func:`choose_start` keeps what it tries; for one process.

    Args:
        path: The file; nothing is kept where none is given.
        problem: The problem.
        spec: What is asked for.
        seeds: As for :func:`choose_start`.
        carried: Likewise.
        seed: Likewise.

    Example:
        >>> from kakehashi.problem.lattice import hubbard
        >>> start_parts(None, hubbard(2, u=4.0, n_elec=(1, 1)), EnergySpec()).has("natural")
        False
    """
    key = {
        "problem": identify_problem(problem),
        "spec": spec.model_dump(mode="json", include=DEPENDS_ON),
        "seeds": None if seeds is None else _digest(*seeds),
        # Its orbitals follow from the problem's, whose last digits differ from call to call.
        "carried": None if carried is None else _digest(carried.alpha, carried.beta),
        "seed": seed,
    }
    return Parts(path, stage="orbitals", key=key)


def choose_start(
    problem: Problem,
    spec: EnergySpec,
    *,
    seeds: Seeds | None = None,
    carried: Start | None = None,
    seed: int = 0,
    reporter: Reporter | None = None,
    parts: Parts | None = None,
) -> Start:
    """The orbitals that a spec asks for, or the best of all.

    Args:
        problem: The problem.
        spec: What is asked for.
        seeds: Determinants over the problem's orbitals to begin with, such as sampled ones; the Hartree-Fock
            determinant is added.
        carried: What a similar problem ended with (:mod:`kakehashi.energy.carry`): one more start to compare, unless
            the given orbitals are asked for.
        seed: Of the random numbers.
        reporter: Told of each try.
        parts: Where each try is kept, of :func:`start_parts` with the same arguments; what is there is not tried again.

    Returns:
        The start; of several the one whose small space has the lowest energy, unless it holds a state of another
        spin: a quintet below the singlet stays one, however far the space grows.

    Raises:
        ResourceError: The disk is full.
        InputError: The parts cannot be written.

    Example:
        >>> from kakehashi.problem import load_problem
        >>> choose_start(load_problem("hydrogen-chain", n_atoms=4), EnergySpec(orbitals="natural")).name
        'natural'
    """
    reporter = Reporter() if reporter is None else reporter
    parts = Parts() if parts is None else parts
    given = _given(problem, seeds)
    if spec.orbitals == "given":
        return given
    two_s = abs(problem.two_s) if spec.two_s is None else spec.two_s
    candidates: dict[str, Callable[[], Start | None]] = {}
    if spec.orbitals == "auto":
        candidates["given"] = lambda: given
    if spec.orbitals != "broken-symmetry":
        candidates["natural"] = partial(_natural, problem, given, spec, two_s)
    if spec.orbitals != "natural":
        candidates["broken-symmetry"] = partial(_broken_symmetry, problem, spec, two_s, seed=seed, reporter=reporter)
    if carried is not None:
        candidates["carried"] = lambda: carried
    tried = []
    for name, make in candidates.items():
        found = parts.finish(name, partial(_try, make, spec, two_s))
        if found.values:  # not every problem has a determinant of broken symmetry
            tried.append(found.values)
            _tell(reporter, found.values, kept=found.kept)
    # Orbitals are made anew of what is kept, also in the call that keeps it: both calls go on with the same digits.
    best = min((_restore(problem, values) for values in tried), key=partial(_rank, problem, two_s), default=given)
    if spec.orbitals in ("auto", "optimized") and spec.max_orbital_turns:
        found = parts.finish("optimized", lambda: _values(_optimized(best, spec, two_s, reporter)))
        if found.kept:
            _tell(reporter, found.values, kept=True)
        best = min(best, _restore(problem, found.values), key=partial(_rank, problem, two_s))
    return best


def _tell(reporter: Reporter, values: Mapping[str, Any], *, kept: bool) -> None:
    whence = " of the earlier call" if kept else ""
    reporter.step("orbitals", f"{values['name']} orbitals{whence}", energy_hartree=values["energy_hartree"])


def _digest(alpha: Strings, beta: Strings) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(alpha).tobytes())
    digest.update(np.ascontiguousarray(beta).tobytes())
    return digest.hexdigest()


def _values(start: Start) -> dict[str, Any]:
    """A start as it is kept: its integrals follow from the problem's."""
    return {
        "name": start.name,
        "rotation": start.rotation,
        "alpha": start.alpha,
        "beta": start.beta,
        "energy_hartree": start.energy_hartree,
        "spin_squared": start.spin_squared,
    }


def _restore(problem: Problem, values: Mapping[str, Any]) -> Start:
    own = bool(np.array_equal(values["rotation"], np.eye(problem.n_orb)))
    hamiltonian = problem.hamiltonian if own else problem.hamiltonian.rotate(values["rotation"])
    return Start(hamiltonian=hamiltonian, **values)


def _rank(problem: Problem, two_s: int, start: Start) -> tuple[bool, float]:
    """What starts are ordered by: first whether they hold another spin, then the energy."""
    n_alpha, n_beta = problem.n_elec
    return _has_another_spin(start.spin_squared, two_s, mirrored=n_alpha == n_beta), start.energy_hartree


def _has_another_spin(spin_squared: float, two_s: int, *, mirrored: bool) -> bool:
    """Whether a state is one of another spin. A mixture with the wanted one is not: it sharpens as a space grows.

    With mirror images in the space, states have the sign of the wanted spin, and of every second one above and below.
    """
    if not math.isfinite(spin_squared):
        return False
    nearest = round(math.sqrt(1 + 4 * max(spin_squared, 0.0)) - 1)
    possible = nearest != two_s and (nearest - two_s) % (4 if mirrored else 2) == 0
    return possible and abs(spin_squared - nearest / 2 * (nearest / 2 + 1)) < SPIN_BROKEN


def _given(problem: Problem, seeds: Seeds | None) -> Start:
    alpha, beta = hartree_fock_seeds(problem)
    if seeds is not None:
        alpha, beta = np.concatenate([alpha, seeds[0]]), np.concatenate([beta, seeds[1]])
    return Start(name="given", hamiltonian=problem.hamiltonian, rotation=np.eye(problem.n_orb), alpha=alpha, beta=beta)


def _space(start: Start, spec: EnergySpec) -> DeterminantSpace:
    space = DeterminantSpace(
        start.hamiltonian, spin_penalty_hartree=spec.spin_penalty_hartree or 0.0, n_threads=spec.n_threads
    )
    space.append(start.alpha, start.beta)
    return space


def _try(make: Callable[[], Start | None], spec: EnergySpec, two_s: int) -> dict[str, Any]:
    """A start with the energy of its small space; nothing where there is no such start."""
    start = make()
    if start is None:
        return {}
    for stage in grow(_space(start, spec), n_determinants=spec.orbital_determinants, growth=3.0, two_s=two_s):
        energy, spin = stage.energies_hartree[0], stage.spin_squared[0]
    return _values(replace(start, energy_hartree=energy, spin_squared=spin))


def _natural(problem: Problem, given: Start, spec: EnergySpec, two_s: int) -> Start:
    space = _space(given, spec)
    for stage in grow(space, n_determinants=spec.orbital_determinants, growth=3.0, two_s=two_s):
        coefficients = stage.coefficients[0]
    density = space.densities(coefficients).one_body.sum(axis=0)
    labels = problem.orbital_symmetry if _keeps(density, problem.orbital_symmetry) else ()
    natural = natural_orbitals(density, orbital_symmetry=labels)
    strings = [
        _fill(natural.occupations, natural.orbital_symmetry, problem.orbital_symmetry if labels else (), n_electrons)
        for n_electrons in problem.n_elec
    ]
    return Start(
        name="natural",
        hamiltonian=given.hamiltonian.rotate(natural.rotation),
        rotation=natural.rotation,
        alpha=strings[0],
        beta=strings[1],
    )


def _keeps(density: Array, labels: Sequence[int]) -> bool:
    """Whether a density mixes no orbitals of different symmetry."""
    if not len(labels):
        return False
    same = np.equal.outer(np.array(labels), np.array(labels))
    return bool(np.abs(density[~same]).max(initial=0.0) < 1e-8)


def _fill(occupations: Array, labels: Sequence[int], old_labels: Sequence[int], n_electrons: int) -> Strings:
    """The string of the most occupied orbitals, as many of each symmetry as the Hartree-Fock string has."""
    chosen = np.zeros((1, len(occupations)), dtype=bool)
    if not len(labels):
        chosen[0, :n_electrons] = True
        return pack_strings(chosen)
    for label, count in Counter(old_labels[:n_electrons]).items():
        members = [p for p, own in enumerate(labels) if own == label]  # descending occupation
        chosen[0, members[:count]] = True
    return pack_strings(chosen)


def _broken_symmetry(problem: Problem, spec: EnergySpec, two_s: int, *, seed: int, reporter: Reporter) -> Start | None:
    """The best determinant with unpaired spins in its own orbitals, if there is one below the paired ones."""
    rng = named_stream(seed, "energy", "broken symmetry")
    hamiltonian = problem.hamiltonian
    reporter.step("orbitals", "broken-symmetry determinants")
    unrestricted = broken_symmetry_starts(hamiltonian, problem.n_elec, n_starts=spec.n_starts, rng=rng)[0]
    if unrestricted.spin_squared - two_s / 2 * (two_s / 2 + 1) < SPIN_BROKEN:
        return None
    nearest = common_orbitals(hamiltonian, unrestricted)
    best = optimize_determinant(hamiltonian, nearest.alpha_occupied, nearest.beta_occupied, nearest.rotation, rng=rng)
    alpha, beta = best.strings
    return Start(
        name="broken-symmetry",
        hamiltonian=hamiltonian.rotate(best.rotation),
        rotation=best.rotation,
        alpha=alpha,
        beta=beta,
    )


def _optimized(start: Start, spec: EnergySpec, two_s: int, reporter: Reporter) -> Start:
    def tell(step: OrbitalStep) -> None:
        reporter.step(
            "orbitals", "optimising orbitals", total=spec.max_orbital_turns, energy_hartree=step.energy_hartree
        )

    best = optimize_orbitals(
        start.hamiltonian,
        start.alpha[:1],
        start.beta[:1],
        n_determinants=spec.orbital_determinants,
        max_turns=spec.max_orbital_turns,
        two_s=two_s,
        spin_penalty_hartree=spec.spin_penalty_hartree or 0.0,
        n_threads=spec.n_threads,
        callback=tell,
    )
    return Start(
        name=f"optimized {start.name}",
        hamiltonian=best.hamiltonian,
        rotation=start.rotation @ best.rotation,
        alpha=best.alpha,
        beta=best.beta,
        energy_hartree=best.energy_hartree,
        spin_squared=min(best.steps, key=lambda step: step.energy_hartree).spin_squared,
    )
