"""Coupled-cluster amplitudes of a problem, from its integrals alone.

The problem's orbitals are used as they are and the reference determinant fills the lowest of them, so a bare
FCIDUMP suffices: no molecule, no basis set, no self-consistent field. CCSD needs neither canonical nor
Hartree-Fock orbitals; where they are not, its t1 amplitudes carry the difference.

Where CCSD fails, second-order amplitudes take its place. For each excitation the determinant pair
{reference, excited} is a two-level problem with coupling ``g`` (a Fock matrix element for singles, an integral
for doubles) and gap ``d`` (of orbital energies), whose exact ground state is the reference rotated by
``-arctan(2 g / d) / 2``. That angle is ``-g / d``, the amplitude of second-order perturbation theory, where the
gap is large, and stays below ``pi / 4`` where it closes. The gap is regularised to
``sqrt(max(d, 0)^2 + GAP_FLOOR^2)``, so that rounding noise in ``g`` cannot become a large amplitude. In
Hartree-Fock orbitals the singles vanish.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.resources import available_memory_bytes, format_bytes
from kakehashi.problem.model import Problem

__all__ = ["GAP_FLOOR", "Amplitudes", "Singles", "compute_amplitudes"]

GAP_FLOOR = 0.05
"""Floor of the excitation energies of the fallback, in hartree (see the module's text)."""

ATTEMPTS = (
    {"level_shift": 0.0, "iterative_damping": 1.0, "diis_space": 6, "max_cycle": 60},
    {"level_shift": 0.4, "iterative_damping": 0.7, "diis_space": 10, "max_cycle": 120},
    {"level_shift": 1.0, "iterative_damping": 0.4, "diis_space": 12, "max_cycle": 200},
)
"""How CCSD is tried: plain with DIIS, then with a level shift (hartree) and damping, then with more of both."""

LARGEST_AMPLITUDE = 100.0
"""An iteration that reaches an amplitude of this size has diverged."""

Array: TypeAlias = NDArray[np.float64]
Singles: TypeAlias = Array | tuple[Array, Array]
"""t1 of a closed shell, or (alpha, beta) of an open one."""
Doubles: TypeAlias = Array | tuple[Array, Array, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amplitudes:
    """Cluster amplitudes; ``i, j`` run over occupied, ``a, b`` over empty orbitals.

    Attributes:
        t1: ``t_ia``, shape ``(n_occupied, n_empty)``, float64; for unequal numbers of alpha and beta electrons
            a pair (alpha, beta).
        t2: ``t_ijab``, shape ``(n_occupied, n_occupied, n_empty, n_empty)``, float64; for unequal numbers a
            triple (alpha-alpha, alpha-beta, beta-beta), the first and last antisymmetric in ``ij`` and ``ab``.
        method: ``"CCSD"``, ``"UCCSD"`` or, where that failed, ``"second-order"``.
        converged: Whether CCSD converged; False for the fallback.
        correlation_hartree: Energy relative to the reference determinant; of the fallback a rough estimate.
        warnings: What the user must know.
    """

    t1: Singles
    t2: Doubles
    method: str
    converged: bool
    correlation_hartree: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spin:
    """One spin of the reference determinant: its number of electrons and its Fock matrix (hartree)."""

    n_occupied: int
    fock: Array

    @property
    def gaps(self) -> Array:
        """Orbital energy of ``a`` minus that of ``i``, shape ``(n_occupied, n_empty)``."""
        energies = np.diag(self.fock)
        return energies[None, self.n_occupied :] - energies[: self.n_occupied, None]

    @property
    def coupling(self) -> Array:
        """Fock matrix elements between occupied and empty orbitals, shape ``(n_occupied, n_empty)``."""
        return self.fock[: self.n_occupied, self.n_occupied :]


class _DivergedError(Exception):
    """Raised inside PySCF's iteration to leave it; never seen outside this file."""


def compute_amplitudes(problem: Problem, *, memory_bytes: int | None = None) -> Amplitudes:
    """CCSD amplitudes over the determinant of the lowest orbitals, or the documented fallback.

    CCSD is tried three times: plain with DIIS, then with a level shift and damping, then with more of both. If
    none converges, if it converges to a state above the reference determinant, or if its integrals do not fit
    into memory, the amplitudes are of second order (see the module's text) and ``warnings`` says so. The
    amplitudes are always finite.

    Args:
        problem: Hamiltonian and numbers of electrons. Equal numbers of alpha and beta electrons give
            restricted amplitudes, unequal ones unrestricted amplitudes in the same orbitals.
        memory_bytes: Memory that CCSD may use; what is free where not given.

    Returns:
        The amplitudes.

    Example:
        >>> from kakehashi.problem.model import Hamiltonian
        >>> two_body = np.zeros((2, 2, 2, 2))
        >>> two_body[0, 1, 0, 1] = two_body[1, 0, 1, 0] = two_body[0, 1, 1, 0] = two_body[1, 0, 0, 1] = 0.1
        >>> hamiltonian = Hamiltonian(one_body=np.diag([0.0, 1.0]), two_body=two_body)
        >>> amplitudes = compute_amplitudes(Problem(name="two", hamiltonian=hamiltonian, n_elec=(1, 1)))
        >>> amplitudes.method, round(amplitudes.correlation_hartree, 6)
        ('CCSD', -0.004988)
    """
    spins = _reference(problem)
    need = _memory_bytes(problem)
    have = available_memory_bytes() if memory_bytes is None else memory_bytes
    if need > have:
        reason = f"needs about {format_bytes(need)} of memory, but {format_bytes(have)} is available"
        return _second_order(problem, spins, reason)
    reason = f"did not converge in {len(ATTEMPTS)} attempts"
    for attempt in ATTEMPTS:
        found = _run_ccsd(problem, spins, attempt)
        if found is None:
            continue
        if found.correlation_hartree <= 1e-9:
            return found
        reason = f"converged {found.correlation_hartree:.3g} hartree above the determinant of the lowest orbitals"
    return _second_order(problem, spins, reason)


def _reference(problem: Problem) -> tuple[_Spin, _Spin]:
    """Both spins of the determinant that fills the lowest orbitals."""
    one_body, two_body = problem.hamiltonian.one_body, problem.hamiltonian.two_body
    coulomb = one_body + sum(
        (np.einsum("pqii->pq", two_body[:, :, :n, :n]) for n in problem.n_elec),
        start=np.zeros_like(one_body),
    )
    alpha, beta = (
        _Spin(n_occupied=n, fock=coulomb - np.einsum("piiq->pq", two_body[:, :n, :n, :])) for n in problem.n_elec
    )
    return alpha, beta


def _memory_bytes(problem: Problem) -> int:
    """Estimate of what CCSD needs beside the problem: integrals and a dozen copies of t2 for DIIS."""
    total = 0
    closed = problem.two_s == 0
    for n_occupied in problem.n_elec[: 1 if closed else 2]:
        n_empty = problem.n_orb - n_occupied
        pairs = n_empty * (n_empty + 1) // 2
        integrals = problem.n_orb**4 // 8 + pairs**2 + n_occupied * n_empty * pairs
        total += integrals + (4 + 2 * 12) * (n_occupied * n_empty) ** 2
    return 8 * total if closed else 16 * total


def _run_ccsd(problem: Problem, spins: tuple[_Spin, _Spin], attempt: dict[str, float | int]) -> Amplitudes | None:
    """One attempt at CCSD; None where it did not converge."""
    from pyscf import lib
    from pyscf.cc import ccsd, uccsd

    closed = problem.two_s == 0
    mean_field = _pyscf_reference(problem)
    solver_type = ccsd.CCSD if closed else uccsd.UCCSD
    solver = solver_type(mean_field, mo_coeff=mean_field.mo_coeff, mo_occ=mean_field.mo_occ)
    solver.set(verbose=0, conv_tol=1e-9, conv_tol_normt=1e-6, incore_complete=True, async_io=False, **attempt)
    solver.callback = _stop_when_diverged
    start = _second_order(problem, spins, "")
    try:
        # A closing gap divides by zero inside PySCF; the callback then sees what is not finite.
        # One thread: several add in any order, and rounding decides how a circuit orients degenerate orbitals.
        with np.errstate(all="ignore"), lib.with_omp_threads(1):
            solver.kernel(t1=start.t1, t2=start.t2)
    except (_DivergedError, np.linalg.LinAlgError, AttributeError):
        # Where its extrapolation is singular, PySCF asks numpy for a name that numpy 2 dropped.
        return None
    if not solver.converged or not np.isfinite(solver.e_corr):
        return None
    return Amplitudes(
        t1=_as_arrays(solver.t1),
        t2=_as_arrays(solver.t2),
        method="CCSD" if closed else "UCCSD",
        converged=True,
        correlation_hartree=float(solver.e_corr),
    )


def _as_arrays(amplitudes: Any) -> Any:
    if isinstance(amplitudes, tuple):
        return tuple(np.asarray(part, dtype=np.float64) for part in amplitudes)
    return np.asarray(amplitudes, dtype=np.float64)


def _stop_when_diverged(state: dict[str, Any]) -> None:
    """PySCF calls this in every cycle with its local variables."""
    for name in ("t1new", "t2new"):
        value = state[name]
        for part in value if isinstance(value, tuple) else (value,):
            # The comparison is false for NaN, too.
            if part.size and not np.abs(part).max() < LARGEST_AMPLITUDE:
                raise _DivergedError


def _pyscf_reference(problem: Problem) -> Any:
    """A PySCF mean-field object that holds the problem's integrals, with the identity as its orbitals."""
    from pyscf import ao2mo, gto, scf

    n_orb = problem.n_orb
    molecule = gto.M(verbose=0)
    molecule.nelectron = sum(problem.n_elec)
    molecule.spin = problem.two_s
    molecule.incore_anyway = True
    identity = np.eye(n_orb)
    occupied = np.array([np.arange(n_orb) < n for n in problem.n_elec], dtype=np.float64)
    closed = problem.two_s == 0
    mean_field = (scf.RHF if closed else scf.UHF)(molecule)
    mean_field.verbose = 0
    mean_field.chkfile = None
    mean_field.get_hcore = lambda *_: problem.hamiltonian.one_body
    mean_field.get_ovlp = lambda *_: identity
    mean_field._eri = ao2mo.restore(8, problem.hamiltonian.two_body, n_orb)
    mean_field.mo_coeff = identity if closed else np.array([identity, identity])
    mean_field.mo_occ = occupied.sum(axis=0) if closed else occupied
    mean_field.e_tot = mean_field.energy_elec(mean_field.make_rdm1())[0]
    return mean_field


def _second_order(problem: Problem, spins: tuple[_Spin, _Spin], reason: str) -> Amplitudes:
    """The fallback: the rotation angles of the two-level problems."""
    two_body = problem.hamiltonian.two_body
    alpha, beta = spins

    def coupling(first: _Spin, second: _Spin) -> Array:
        n, m = first.n_occupied, second.n_occupied
        return two_body[:n, n:, :m, m:].transpose(0, 2, 1, 3)

    t1: Singles
    t2: Doubles
    singles = tuple(_angles(spin.coupling, spin.gaps) for spin in spins)
    energy = float(sum(np.vdot(spin.coupling, t) for spin, t in zip(spins, singles, strict=True)))
    opposite = coupling(alpha, beta)
    mixed = _angles(opposite, _double_gaps(alpha, beta))
    if problem.two_s == 0:
        t1, t2 = singles[0], mixed
        energy += float(np.vdot(2 * opposite - opposite.transpose(1, 0, 2, 3), mixed))
    else:
        energy += float(np.vdot(opposite, mixed))
        same = []
        for spin in spins:
            direct = coupling(spin, spin)
            antisymmetric = direct - direct.transpose(1, 0, 2, 3)
            same.append(_angles(antisymmetric, _double_gaps(spin, spin)))
            energy += float(np.vdot(antisymmetric, same[-1])) / 4
        t1, t2 = (singles[0], singles[1]), (same[0], mixed, same[1])
    warning = (
        f"CCSD {reason}; the circuit is built from second-order amplitudes with a regularised denominator "
        "instead, so its samples may be less useful. Other orbitals (natural, localised or unrestricted "
        "Hartree-Fock) may help."
    )
    return Amplitudes(
        t1=t1,
        t2=t2,
        method="second-order",
        converged=False,
        correlation_hartree=energy,
        warnings=(warning,),
    )


def _double_gaps(first: _Spin, second: _Spin) -> Array:
    """Orbital energies of ``a`` and ``b`` minus those of ``i`` and ``j``, shape as t2."""
    return first.gaps[:, None, :, None] + second.gaps[None, :, None, :]


def _angles(coupling: Array, gaps: Array) -> Array:
    """Rotation angles of the two-level problems {reference, excited}, as amplitudes."""
    angles: Array = -0.5 * np.arctan(2 * coupling / np.hypot(np.maximum(gaps, 0.0), GAP_FLOOR))
    return angles
