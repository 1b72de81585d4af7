"""Full configuration interaction by PySCF, from bare integrals: the exact energy, where the space fits into memory.

Source of the program: Q. Sun and others, J. Chem. Phys. 153, 024109 (2020), doi:10.1063/5.0006074; of the method, P. J.
Knowles and N. C. Handy, Chem. Phys. Lett. 111, 315 (1984), doi:10.1016/0009-2614(84)85513-X.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray
from pyscf import fci, lib

from kakehashi.core.errors import InputError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.resources import default_n_threads, require_memory
from kakehashi.energy.solver import Clock, Solution, WantedSpin, spin_squared_of, wanted_two_s
from kakehashi.problem.model import Problem

__all__ = ["Fci", "estimate_fci_bytes"]

KRYLOV_VECTORS = 12
"""Largest Krylov space before a restart."""

BLOCK = 400
"""Determinants that are diagonalised for the first guess."""

NOISE = 1e-2
"""Norm of the random part of the first guess."""

SPIN_TOLERANCE = 1e-3
"""A state whose ``<S^2>`` is farther off is another state than the wanted one."""


def estimate_fci_bytes(problem: Problem) -> int:
    """Memory of the calculation: the Krylov space, its image, work vectors, and the links between strings.

    Example:
        >>> from kakehashi.problem.library import load_problem
        >>> estimate_fci_bytes(load_problem("hydrogen-chain", n_atoms=6)) < 10**6
        True
    """
    n = problem.n_orb
    n_strings = [comb(n, count) for count in problem.n_elec]
    links = sum(
        strings * (count * (n - count) + count) * 16 for strings, count in zip(n_strings, problem.n_elec, strict=True)
    )
    return (2 * KRYLOV_VECTORS + 8) * 8 * n_strings[0] * n_strings[1] + links + 4 * 8 * n**4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fci:
    """Exact diagonalisation of the whole space.

    Attributes:
        two_s: Spin of the wanted state; see :data:`~kakehashi.energy.solver.WantedSpin`.
        tolerance_hartree: Change of the energy at which the iteration ends.
        max_cycles: Most iterations.
        spin_penalty_hartree: Weight of the operator that shifts the other spins up where a spin is wanted.
        memory_budget_bytes: Limit for the estimate; the free memory where it is smaller or not given.
        n_threads: Threads; all processors, or ``OMP_NUM_THREADS``, where not given.

    Example:
        >>> from kakehashi.problem.library import load_problem
        >>> solution = Fci(n_threads=1).solve(load_problem("hydrogen-chain", n_atoms=6))
        >>> round(solution.energy_hartree, 6), round(solution.spin_squared, 6)
        (-3.236066, 0.0)
    """

    two_s: WantedSpin = None
    tolerance_hartree: float = 1e-11
    max_cycles: int = 200
    spin_penalty_hartree: float = 0.2
    memory_budget_bytes: int | None = None
    n_threads: int | None = None

    def __post_init__(self) -> None:
        if self.tolerance_hartree <= 0 or self.max_cycles < 1 or self.spin_penalty_hartree <= 0:
            raise InputError(
                "Arguments `tolerance_hartree`, `max_cycles` and `spin_penalty_hartree` must be positive, but are "
                f"{self.tolerance_hartree}, {self.max_cycles} and {self.spin_penalty_hartree}."
            )

    @property
    def name(self) -> str:
        """``"fci"``."""
        return "fci"

    def solve(self, problem: Problem, *, progress: Progress = silent) -> Solution:
        """Diagonalise.

        Raises:
            InputError: The electrons cannot have the wanted spin.
            ResourceError: The space does not fit into memory.
        """
        clock, reporter = Clock(), Reporter(progress)
        n, n_elec, hamiltonian = problem.n_orb, problem.n_elec, problem.hamiltonian
        two_s = wanted_two_s(problem, self.two_s)
        size = comb(n, n_elec[0]) * comb(n, n_elec[1])
        require_memory(
            estimate_fci_bytes(problem),
            f"FCI in {size:,} determinants",
            remedy="use a smaller active space, or DMRG or selected configuration interaction",
            budget_bytes=self.memory_budget_bytes,
        )
        reporter.step("fci", f"{size:,} determinants", n_determinants=float(size))
        with lib.with_omp_threads(self.n_threads or default_n_threads()):
            solver = fci.direct_spin1.FCI()
            solver.verbose = 0
            solver.conv_tol, solver.max_cycle, solver.max_space = (
                self.tolerance_hartree,
                self.max_cycles,
                KRYLOV_VECTORS,
            )
            if two_s is not None and size > 1:
                solver = fci.addons.fix_spin_(solver, shift=self.spin_penalty_hartree, ss=spin_squared_of(two_s))
            energy, state = solver.kernel(hamiltonian.one_body, hamiltonian.two_body, n, n_elec, ci0=_guess(problem))
            spin_squared = float(fci.spin_op.spin_square0(state, n, n_elec)[0])
            # With a penalty the eigenvalue is the energy only as far as the spin is pure.
            energy = fci.direct_spin1.energy(hamiltonian.one_body, hamiltonian.two_body, state, n, n_elec)
        energy = float(energy) + hamiltonian.constant
        right_spin = two_s is None or abs(spin_squared - spin_squared_of(two_s)) < SPIN_TOLERANCE
        reporter.step("fci", "done", energy_hartree=energy)
        return Solution(
            solver=self.name,
            energy_hartree=energy,
            variational_hartree=energy,
            spin_squared=spin_squared,
            converged=bool(np.all(solver.converged)) and right_spin,
            details={"n_determinants": size},
            wall_s=clock.wall_s,
            cpu_s=clock.cpu_s,
        )


def _guess(problem: Problem) -> NDArray[np.float64]:
    """The ground state of the lowest determinants, and a little of everything.

    Without the noise a Krylov space started from a state of one symmetry would never leave it.
    """
    n, n_elec, hamiltonian = problem.n_orb, problem.n_elec, problem.hamiltonian
    h, g = hamiltonian.one_body, hamiltonian.two_body
    diagonal = fci.direct_spin1.make_hdiag(h, g, n, n_elec)
    places, block = fci.direct_spin1.pspace(h, g, n, n_elec, diagonal, np=min(BLOCK, diagonal.size))
    guess: NDArray[np.float64] = NOISE * np.random.default_rng(0).normal(size=diagonal.size) / np.sqrt(diagonal.size)
    guess[places] += np.linalg.eigh(block)[1][:, 0]
    guess /= np.linalg.norm(guess)
    return guess
