"""Coupled cluster by PySCF, from bare integrals: CCSD and CCSD(T), quick where one determinant dominates.

The energy is no upper bound, and says nothing about its own error: both fail, often without a sign of it, where several
determinants weigh alike. Source of the program: Q. Sun and others, J. Chem. Phys. 153, 024109 (2020),
doi:10.1063/5.0006074; of (T), K. Raghavachari and others, Chem. Phys. Lett. 157, 479 (1989),
doi:10.1016/S0009-2614(89)87395-6.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyscf import ao2mo, cc, gto, lib, scf

from kakehashi.core.errors import ConvergenceError, InputError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.resources import available_memory_bytes, default_n_threads, require_memory
from kakehashi.energy.solver import Clock, Solution
from kakehashi.problem.model import Problem

__all__ = ["CoupledCluster"]

BROKEN_EXTRAPOLATION = (np.linalg.LinAlgError, AttributeError)
"""What PySCF's DIIS raises where orbitals or amplitudes run away: its handler asks numpy for a name that is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoupledCluster:
    """CCSD or CCSD(T) over the Hartree-Fock determinant: RHF with equal electron numbers, UHF otherwise.

    Hartree-Fock starts from the determinant of the problem's first orbitals and is solved anew; orbitals that are
    Hartree-Fock's already stay as they are.

    Attributes:
        triples: Whether to add the perturbative triples, (T).
        tolerance_hartree: Change of the energy at which the amplitude iteration ends.
        max_cycles: Most amplitude iterations.
        memory_budget_bytes: Limit for the estimate; the free memory where it is smaller or not given.
        n_threads: Threads; all processors, or ``OMP_NUM_THREADS``, where not given.

    Example:
        >>> from kakehashi.problem.library import load_problem
        >>> solution = CoupledCluster(n_threads=1).solve(load_problem("hydrogen-chain", n_atoms=6))
        >>> solution.converged, solution.variational_hartree is None
        (True, True)
    """

    triples: bool = True
    tolerance_hartree: float = 1e-9
    max_cycles: int = 200
    memory_budget_bytes: int | None = None
    n_threads: int | None = None

    def __post_init__(self) -> None:
        if self.tolerance_hartree <= 0 or self.max_cycles < 1:
            raise InputError(
                "Arguments `tolerance_hartree` and `max_cycles` must be positive, but are "
                f"{self.tolerance_hartree} and {self.max_cycles}."
            )

    @property
    def name(self) -> str:
        """``"ccsd(t)"`` or ``"ccsd"``."""
        return "ccsd(t)" if self.triples else "ccsd"

    def solve(self, problem: Problem, *, progress: Progress = silent) -> Solution:
        """Solve the amplitude equations.

        A Hartree-Fock state or amplitudes that do not converge give ``converged=False`` with the last energy, and
        a sentence under ``reason`` in the details.

        Raises:
            InputError: There is nothing to correlate: fewer than two electrons, or a spin without an empty orbital.
            ResourceError: The amplitudes and integrals do not fit into memory.
            ConvergenceError: The amplitudes diverged, so that there is no energy.
        """
        clock, reporter = Clock(), Reporter(progress)
        n, (n_alpha, n_beta) = problem.n_orb, problem.n_elec
        if n_alpha + n_beta < 2 or max(n_alpha, n_beta) == n:
            raise InputError(
                f"Coupled cluster needs two electrons and an empty orbital for each spin, but there are "
                f"{problem.n_elec} electrons in {n} orbitals; use FCI, which is cheap here."
            )
        restricted = n_alpha == n_beta
        require_memory(
            8 * n**4 * (3 if restricted else 8),
            f"{self.name.upper()} in {n} orbitals",
            remedy="use a smaller active space",
            budget_bytes=self.memory_budget_bytes,
        )
        with lib.with_omp_threads(self.n_threads or default_n_threads()), np.errstate(all="ignore"):
            mean_field = _mean_field(problem)
            reporter.step("hartree-fock", energy_hartree=float(mean_field.e_tot))
            solver = cc.CCSD(mean_field)
            solver.verbose = 0
            solver.conv_tol, solver.max_cycle = self.tolerance_hartree, self.max_cycles
            energy = _iterate(solver, problem)
            reporter.step("ccsd", energy_hartree=energy)
            details: dict[str, float | int | str] = {
                "reference": "RHF" if restricted else "UHF",
                "reference_hartree": float(mean_field.e_tot),
                "ccsd_hartree": energy,
                "largest_singles_amplitude": _largest(solver.t1),
                "largest_doubles_amplitude": _largest(solver.t2),
            }
            if self.triples and solver.converged:
                details["triples_hartree"] = triples = float(solver.ccsd_t())
                energy += triples
                reporter.step("(t)", energy_hartree=energy)
        reason = _objection(mean_field, solver, self.max_cycles)
        return Solution(
            solver=self.name,
            energy_hartree=energy,
            converged=not reason,
            details={**details, "reason": reason} if reason else details,
            wall_s=clock.wall_s,
            cpu_s=clock.cpu_s,
        )


def _mean_field(problem: Problem) -> Any:
    """PySCF's Hartree-Fock object for bare integrals, solved; by second-order steps where DIIS does not converge."""
    n, (n_alpha, n_beta), hamiltonian = problem.n_orb, problem.n_elec, problem.hamiltonian
    molecule = gto.M(verbose=0)
    molecule.nelectron, molecule.spin, molecule.incore_anyway = n_alpha + n_beta, problem.two_s, True
    molecule.max_memory = available_memory_bytes() / 1e6
    mean_field = (scf.RHF if n_alpha == n_beta else scf.UHF)(molecule)
    # A checkpoint that nobody reads; where amplitudes diverge it would stay open until garbage is collected.
    mean_field._chkfile.close()
    mean_field.chkfile = None
    mean_field.get_hcore = lambda *_: hamiltonian.one_body
    mean_field.get_ovlp = lambda *_: np.eye(n)
    mean_field.energy_nuc = lambda *_: hamiltonian.constant
    mean_field._eri = ao2mo.restore(8, hamiltonian.two_body, n)
    mean_field.conv_tol = 1e-11
    density = np.array([np.diag(np.arange(n) < count).astype(float) for count in (n_alpha, n_beta)])
    guess = density.sum(axis=0) if n_alpha == n_beta else density
    with contextlib.suppress(*BROKEN_EXTRAPOLATION):
        mean_field.kernel(guess)
    if not mean_field.converged:
        second_order = mean_field.newton()
        second_order.kernel(mean_field.mo_coeff, mean_field.mo_occ, guess)
        mean_field.mo_coeff, mean_field.mo_occ = second_order.mo_coeff, second_order.mo_occ
        mean_field.mo_energy = second_order.mo_energy
        mean_field.e_tot, mean_field.converged = second_order.e_tot, second_order.converged
    return mean_field


def _iterate(solver: Any, problem: Problem) -> float:
    """Solve for the amplitudes and return the energy."""
    try:
        solver.kernel()
        energy = float(solver.e_tot)
    except BROKEN_EXTRAPOLATION:
        energy = np.nan
    if not np.isfinite(energy):
        raise ConvergenceError(
            f"The coupled-cluster amplitudes of {problem.name} diverged: more than one determinant weighs much here; "
            f"use DMRG or selected configuration interaction."
        )
    return energy


def _largest(amplitudes: Any) -> float:
    blocks = amplitudes if isinstance(amplitudes, tuple) else (amplitudes,)
    return max((float(np.abs(block).max()) for block in blocks if block.size), default=0.0)


def _objection(mean_field: Any, solver: Any, max_cycles: int) -> str:
    """Why the energy is not to be trusted, or nothing."""
    if not mean_field.converged:
        return "The Hartree-Fock reference did not converge."
    if not solver.converged:
        return f"The amplitudes did not converge in {max_cycles} iterations."
    return ""
