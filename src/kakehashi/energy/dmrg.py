"""Density matrix renormalisation group by block2: growing bond dimension, and extrapolation in the discarded weight.

block2 (H. Zhai and others, J. Chem. Phys. 159, 234801 (2023), doi:10.1063/5.0180424) is under the GPL-3, hence an
optional extra: ``pip install kakehashi[dmrg]``. The energy is a line in the discarded weight (O. Legeza and G. Fath,
Phys. Rev. B 53, 14349 (1996), doi:10.1103/PhysRevB.53.14349); its error is by custom a fifth of the way from the last
energy to the extrapolated one (R. Olivares-Amaya and others, J. Chem. Phys. 142, 034102 (2015), doi:10.1063/1.4905329).
"""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import t as student

from kakehashi.core.errors import InputError, MissingDependencyError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.resources import default_n_threads, require_memory
from kakehashi.energy.solver import Clock, Solution, WantedSpin, spin_squared_of, wanted_two_s
from kakehashi.problem.model import Problem

__all__ = ["BondStep", "Dmrg", "Extrapolation", "estimate_dmrg_bytes", "extrapolate", "has_block2"]

EXACT_WEIGHT = 1e-13
"""Below this discarded weight nothing was cut off: the energy is the exact one, to rounding and tolerance."""

NOISY_SWEEPS = 4
SHARE_OF_WAY = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class BondStep:
    """Where the sweeps at one bond dimension ended.

    Attributes:
        bond_dimension: Most states kept on a bond: multiplets where the spin is kept.
        energy_hartree: Total energy of the last sweep, an upper bound.
        discarded_weight: Largest weight that a step of the last sweep cut off.
        change_hartree: What the last sweep changed.
    """

    bond_dimension: int
    energy_hartree: float
    discarded_weight: float
    change_hartree: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrapolation:
    """Energy at vanishing discarded weight.

    Attributes:
        energy_hartree: The estimate.
        interval_hartree: Interval of 95 % confidence, or None where the steps lie on no falling line.
        reason: Why there is no interval, or nothing.
    """

    energy_hartree: float
    interval_hartree: tuple[float, float] | None
    reason: str = ""


def has_block2() -> bool:
    """Whether block2 is installed.

    Example:
        >>> has_block2() in (True, False)
        True
    """
    return importlib.util.find_spec("pyblock2") is not None


def estimate_dmrg_bytes(n_orb: int, bond_dimension: int, n_threads: int) -> int:
    """Memory: operators of two blocks in float64, and as much again for each thread's share and the Krylov space.

    Example:
        >>> estimate_dmrg_bytes(20, 500, 1) < 8 * 1024**3
        True
    """
    return 8 * bond_dimension**2 * (n_orb**2 + 20 * 16 + 8 * n_threads) + 512 * 1024**2


def extrapolate(steps: Sequence[BondStep], *, tolerance_hartree: float) -> Extrapolation:
    """Extrapolate energies to zero discarded weight.

    Args:
        steps: The steps, the bond dimension ascending.
        tolerance_hartree: How far the sweeps themselves may be from their end.

    Returns:
        The estimate. The interval reaches no higher than the last energy, which is an upper bound; its half width is
        the larger of the line's prediction interval and two fifths of the way that was extrapolated.

    Raises:
        InputError: There is no step.

    Example:
        >>> line = [BondStep(bond_dimension=m, energy_hartree=-1 + 10 * w, discarded_weight=w, change_hartree=0)
        ...         for m, w in ((50, 4e-4), (100, 2e-4), (200, 1e-4))]
        >>> round(extrapolate(line, tolerance_hartree=1e-8).energy_hartree, 9)
        -1.0
    """
    if not steps:
        raise InputError("There is no step to extrapolate from.")
    last = steps[-1]
    best = min(step.energy_hartree for step in steps)
    if last.discarded_weight < EXACT_WEIGHT:
        margin = max(tolerance_hartree, abs(last.change_hartree))
        return Extrapolation(energy_hartree=best, interval_hartree=(best - margin, best))
    usable = [step for step in steps if step.discarded_weight >= EXACT_WEIGHT]
    weights = np.array([step.discarded_weight for step in usable])
    energies = np.array([step.energy_hartree for step in usable])
    if len(usable) < 3 or np.any(np.diff(weights) >= 0) or np.any(np.diff(energies) >= 0):
        reason = "Fewer than three bond dimensions lie on a falling line; grow the bond dimension further."
        return Extrapolation(energy_hartree=best, interval_hartree=None, reason=reason)
    # The sweeps with the smallest weight lie nearest to where the line is wanted, and are the straightest.
    design = np.stack([np.ones_like(weights), weights], axis=1) / weights[:, None]
    scaled = energies / weights
    line = np.linalg.lstsq(design, scaled, rcond=None)[0]
    residual = scaled - design @ line
    freedom = len(usable) - 2
    spread = float(residual @ residual) / freedom * np.linalg.inv(design.T @ design)[0, 0]
    at_zero = min(float(line[0]), best)
    half = max(
        float(student.ppf(0.975, freedom)) * float(np.sqrt(spread)),
        2 * SHARE_OF_WAY * (best - at_zero),
        tolerance_hartree,
    )
    return Extrapolation(energy_hartree=at_zero, interval_hartree=(at_zero - half, min(at_zero + half, best)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dmrg:
    """Two-site DMRG in order of the orbitals' exchange (Fiedler vector), SU(2) or U(1) symmetric.

    Attributes:
        bond_dimensions: Ascending; each is swept with noise first, then without until the energy stands.
        two_s: Spin of the wanted state, see :data:`~kakehashi.energy.solver.WantedSpin`; a wanted spin is kept
            exactly (SU(2)), ``"any"`` keeps the electron numbers only.
        tolerance_hartree: Change of the energy between sweeps at which a bond dimension is done.
        max_sweeps: Most sweeps without noise at each bond dimension.
        memory_budget_bytes: Limit for the estimate; the free memory where it is smaller or not given.
        n_threads: Threads; all processors, or ``OMP_NUM_THREADS``, where not given.
        seed: Of the random first state.

    Example:
        >>> from kakehashi.problem.library import load_problem
        >>> chain = load_problem("hydrogen-chain", n_atoms=4)
        >>> if has_block2():
        ...     assert Dmrg(bond_dimensions=(20, 40), n_threads=1).solve(chain).converged
    """

    bond_dimensions: tuple[int, ...] = (100, 200, 400, 800)
    two_s: WantedSpin = None
    tolerance_hartree: float = 1e-7
    max_sweeps: int = 16
    memory_budget_bytes: int | None = None
    n_threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        sizes = self.bond_dimensions
        if not sizes or sizes[0] < 1 or any(after <= before for before, after in pairwise(sizes)):
            raise InputError(f"Argument `bond_dimensions` must hold ascending positive numbers, but is {sizes}.")
        if self.tolerance_hartree <= 0 or self.max_sweeps < 2:
            raise InputError(
                "Argument `tolerance_hartree` must be positive and `max_sweeps` at least 2, but they are "
                f"{self.tolerance_hartree} and {self.max_sweeps}."
            )

    @property
    def name(self) -> str:
        """``"dmrg"``."""
        return "dmrg"

    def solve(self, problem: Problem, *, progress: Progress = silent) -> Solution:
        """Sweep.

        Raises:
            InputError: There are fewer than two orbitals, or the electrons cannot have the wanted spin.
            MissingDependencyError: block2 is not installed.
            ResourceError: The largest bond dimension does not fit into memory.
        """
        if not has_block2():
            raise MissingDependencyError("DMRG needs block2; install it with: pip install 'kakehashi[dmrg]'.")
        clock, reporter = Clock(), Reporter(progress)
        two_s = wanted_two_s(problem, self.two_s)
        if problem.n_orb < 2:
            raise InputError("DMRG needs at least two orbitals; use FCI, which is cheap here.")
        n_threads = self.n_threads or default_n_threads()
        needed = estimate_dmrg_bytes(problem.n_orb, self.bond_dimensions[-1], n_threads)
        require_memory(
            needed,
            f"DMRG with bond dimension {self.bond_dimensions[-1]} for {problem.n_orb} orbitals",
            remedy="use smaller bond dimensions",
            budget_bytes=self.memory_budget_bytes,
        )
        with _driver(problem, two_s, n_threads=n_threads, stack_bytes=needed, seed=self.seed) as driver:
            steps, spin_squared = self._sweep(driver, problem, two_s, reporter)
        last = steps[-1]
        line = extrapolate(steps, tolerance_hartree=self.tolerance_hartree)
        details: dict[str, float | int | str] = {
            "bond_dimension": last.bond_dimension,
            "discarded_weight": last.discarded_weight,
            "symmetry": "SU(2)" if two_s is not None else "SZ",
        }
        if line.reason:
            details["reason"] = line.reason
        for step in steps:
            details[f"energy_hartree_at_{step.bond_dimension}"] = step.energy_hartree
            details[f"discarded_weight_at_{step.bond_dimension}"] = step.discarded_weight
        return Solution(
            solver=self.name,
            energy_hartree=line.energy_hartree,
            interval_hartree=line.interval_hartree,
            variational_hartree=min(step.energy_hartree for step in steps),
            spin_squared=spin_squared,
            converged=abs(last.change_hartree) < self.tolerance_hartree,
            details=details,
            wall_s=clock.wall_s,
            cpu_s=clock.cpu_s,
        )

    def _sweep(
        self, driver: Any, problem: Problem, two_s: int | None, reporter: Reporter
    ) -> tuple[list[BondStep], float]:
        hamiltonian = problem.hamiltonian
        # Copies: block2 symmetrises the arrays in place, and ours are not writeable. The constant is added by us,
        # so that sweeps are compared by what changes.
        operator = driver.get_qc_mpo(
            h1e=hamiltonian.one_body.copy(), g2e=hamiltonian.two_body.copy(), ecore=0.0, reorder="fiedler", iprint=0
        )
        state = driver.get_random_mps(tag="KET", bond_dim=self.bond_dimensions[0], nroots=1)
        steps: list[BondStep] = []
        for number, bond_dimension in enumerate(self.bond_dimensions):
            noise = 1e-4 if number == 0 else 1e-5
            noises = [noise] * NOISY_SWEEPS + [0.0] * self.max_sweeps
            driver.dmrg(
                operator,
                state,
                n_sweeps=len(noises),
                bond_dims=[bond_dimension] * len(noises),
                noises=noises,
                thrds=[min(1e-7, self.tolerance_hartree / 10)] * len(noises),
                tol=self.tolerance_hartree,
                iprint=0,
            )
            _, weights, energies = driver.get_dmrg_results()
            totals = [float(energy[0]) + hamiltonian.constant for energy in energies]
            step = BondStep(
                bond_dimension=bond_dimension,
                energy_hartree=totals[-1],
                discarded_weight=float(weights[-1]),
                change_hartree=totals[-1] - totals[-2],
            )
            steps.append(step)
            reporter.step(
                "dmrg",
                f"bond dimension {bond_dimension}",
                step=number + 1,
                total=len(self.bond_dimensions),
                energy_hartree=step.energy_hartree,
                discarded_weight=step.discarded_weight,
            )
        if two_s is not None:
            return steps, spin_squared_of(two_s)
        spin = driver.expectation(state, driver.get_spin_square_mpo(iprint=0), state, iprint=0)
        return steps, float(spin)


@contextmanager
def _driver(problem: Problem, two_s: int | None, *, n_threads: int, stack_bytes: int, seed: int) -> Iterator[Any]:
    """A block2 driver in a folder of its own, both gone afterwards."""
    block2 = importlib.import_module("pyblock2.driver.core")
    with tempfile.TemporaryDirectory(prefix="kakehashi-dmrg-") as scratch:
        driver = block2.DMRGDriver(
            scratch=scratch,
            symm_type=block2.SymmetryTypes.SZ if two_s is None else block2.SymmetryTypes.SU2,
            n_threads=n_threads,
            stack_mem=stack_bytes,
        )
        try:
            driver.bw.b.Random.rand_seed(seed)
            driver.initialize_system(
                n_sites=problem.n_orb, n_elec=sum(problem.n_elec), spin=problem.two_s if two_s is None else two_s
            )
            yield driver
        finally:
            driver.finalize()
