"""The native solver as a drop-in ``sci_solver`` for ``qiskit-addon-sqd``.

Today's users of SQD hold a call of ``qiskit_addon_sqd.fermion.diagonalize_fermionic_hamiltonian``; one argument
more gives them this solver and changes nothing else::

    from kakehashi.subspace.sqd_addon import solve_sci_batch

    diagonalize_fermionic_hamiltonian(..., sci_solver=solve_sci_batch)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import MAX_ORBITALS, Strings
from kakehashi.core.errors import InputError, MissingDependencyError
from kakehashi.problem.model import Hamiltonian
from kakehashi.subspace.solve import solve_subspace

if TYPE_CHECKING:
    from qiskit_addon_sqd.fermion import SCIResult

__all__ = ["solve_sci_batch"]


def _to_strings(integers: NDArray[np.int64]) -> Strings:
    """CI strings as the package writes them, one integer each, as two 64-bit words."""
    mask = (1 << 64) - 1
    values = [int(value) for value in integers]
    return np.array([(value & mask, value >> 64) for value in values], dtype=np.uint64).reshape(-1, 2)


def solve_sci_batch(
    ci_strings: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    one_body_tensor: NDArray[np.float64],
    two_body_tensor: NDArray[np.float64],
    norb: int,
    nelec: tuple[int, int],
    *,
    spin_sq: float | None = None,
    tolerance: float = 1e-5,
    max_iterations: int = 100,
    n_threads: int | None = None,
) -> list[SCIResult]:
    """Diagonalise a batch of subspaces; the signature that ``qiskit-addon-sqd`` calls.

    Where the package gives both spins the same strings (``symmetrize_spin``), the state is the lowest with the sign of
    the wanted spin under spin exchange, as :func:`~kakehashi.subspace.solve.solve_subspace` finds it.

    Args:
        ci_strings: For each subspace, its alpha strings and its beta strings as integers.
        one_body_tensor: ``h_pq``, shape ``(norb, norb)``, hartree.
        two_body_tensor: Chemists' ``(pq|rs)``, shape ``(norb,) * 4``, hartree.
        norb: Number of spatial orbitals, at most 128 (63 with the strings that the package makes by default).
        nelec: Numbers of alpha and beta electrons.
        spin_sq: Wanted value of ``S^2``; states of other spins are raised by a penalty of one hartree. Bind it
            with ``functools.partial``.
        tolerance: Norm of the eigensolver's residual, hartree.
        max_iterations: Of the eigensolver.
        n_threads: Threads; all processors, or ``OMP_NUM_THREADS``, where not given.

    Returns:
        One ``qiskit_addon_sqd.fermion.SCIResult`` per subspace; energies leave the nuclear repulsion out, as the
        package expects.

    Raises:
        MissingDependencyError: ``qiskit-addon-sqd`` is not installed.
        InputError: ``spin_sq`` is not ``S(S + 1)`` of any spin.
    """
    try:
        from qiskit_addon_sqd.fermion import SCIResult, SCIState
    except ImportError:
        raise MissingDependencyError(
            "This solver returns results of qiskit-addon-sqd, which is not installed; "
            "install it with: pip install 'kakehashi[sqd]'."
        ) from None
    if norb > MAX_ORBITALS:
        raise InputError(f"At most {MAX_ORBITALS} orbitals are supported, but there are {norb}.")
    hamiltonian = Hamiltonian(one_body=one_body_tensor, two_body=two_body_tensor)
    results = []
    for integers in ci_strings:
        alpha, beta = (np.sort(np.asarray(values)) for values in integers)
        state = solve_subspace(
            hamiltonian,
            _to_strings(alpha),
            None if np.array_equal(alpha, beta) else _to_strings(beta),
            two_s=_two_s(spin_sq),
            spin_penalty_hartree=0.0 if spin_sq is None else 1.0,
            tolerance=tolerance,
            max_iterations=max_iterations,
            n_threads=n_threads,
        )
        occupancies = state.occupancies()
        results.append(
            SCIResult(
                state.energy_hartree,
                SCIState(state.coefficients, alpha, beta, norb, nelec),
                orbital_occupancies=(occupancies[0], occupancies[1]),
            )
        )
    return results


def _two_s(spin_sq: float | None) -> int | None:
    """Twice the spin whose ``S(S + 1)`` is ``spin_sq``."""
    if spin_sq is None:
        return None
    two_s = round(float(np.sqrt(1 + 4 * spin_sq)) - 1) if spin_sq >= 0 else -1
    if two_s < 0 or abs(two_s / 2 * (two_s / 2 + 1) - spin_sq) > 1e-6:
        raise InputError(f"Argument `spin_sq` must be S(S + 1) of some spin, such as 0, 0.75 or 2, but is {spin_sq}.")
    return two_s
