"""Lattice models: Hubbard lattices and the single-impurity Anderson model.

Energies are in whatever unit ``t`` and ``u`` are given in; where the house says hartree, read that unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import MAX_ORBITALS
from kakehashi.core.errors import InputError
from kakehashi.problem.model import Hamiltonian, Problem, symmetrized_one_body, symmetrized_two_body

__all__ = ["LatticeBasis", "anderson", "hubbard"]

LatticeBasis: TypeAlias = Literal["site", "standing_wave"]
"""Orbitals of a lattice: its sites, or the real eigenvectors of the hopping, lowest first."""


def hubbard(
    n_x: int,
    n_y: int = 1,
    *,
    u: float,
    n_elec: tuple[int, int],
    t: float = 1.0,
    periodic: bool | tuple[bool, bool] = True,
    basis: LatticeBasis = "site",
) -> Problem:
    """The Hubbard model on a rectangle.

    ``H = -t sum_<xy>s c+_xs c_ys + u sum_x n_xa n_xb`` (Hubbard, Proc. R. Soc. A 276, 238 (1963)). Each pair of
    neighbours counts once, also where a periodic side of two sites makes them neighbours twice.

    Args:
        n_x: Sites along x; site ``(x, y)`` is orbital ``x + n_x * y``.
        n_y: Sites along y.
        u: Repulsion on a site.
        n_elec: Numbers of alpha and beta electrons.
        t: Hopping.
        periodic: Whether the lattice closes on itself, for both directions or for each.
        basis: ``"site"``, or ``"standing_wave"``: real eigenvectors of the hopping, cosines and sines of equal
            momentum in place of plane waves (which would be complex), in the order of their energy. There
            the determinant of the lowest orbitals is a Fermi sea.

    Raises:
        InputError: A size, a value or an electron number is impossible.

    Example:
        >>> problem = hubbard(4, 4, u=4.0, n_elec=(8, 8))
        >>> problem.n_qubits, float(problem.hamiltonian.one_body[0, 1])
        (32, -1.0)
    """
    if n_x < 1 or n_y < 1 or n_x * n_y > MAX_ORBITALS:
        raise InputError(f"A lattice must have 1 to {MAX_ORBITALS} sites, but {n_x} x {n_y} was asked for.")
    _require_finite(u=u, t=t)
    if basis not in ("site", "standing_wave"):
        raise InputError(f"Argument `basis` must be 'site' or 'standing_wave', but is {basis!r}.")
    around = (periodic, periodic) if isinstance(periodic, bool) else tuple(periodic)
    one_body = np.kron(np.eye(n_y), _hopping(n_x, around[0])) + np.kron(_hopping(n_y, around[1]), np.eye(n_x))
    one_body = -t * one_body
    n = n_x * n_y
    if basis == "standing_wave":
        # Row-major products: orbital x + n_x * y again, now of wave x along x and wave y along y.
        waves = np.kron(_waves(n_y, around[1]), _waves(n_x, around[0]))
        energies = np.einsum("xk,xy,yk->k", waves, one_body, waves)
        waves = waves[:, np.argsort(energies.round(9), kind="stable")]
        pairs = np.einsum("xp,xq->xpq", waves, waves).reshape(n, n * n)
        two_body = _without_noise(symmetrized_two_body(u * (pairs.T @ pairs).reshape(n, n, n, n)))
        one_body = _without_noise(symmetrized_one_body(waves.T @ one_body @ waves))
    else:
        two_body = np.zeros((n, n, n, n))
        two_body[(np.arange(n),) * 4] = u
    return Problem(
        name=f"hubbard-{n_x}x{n_y}",
        hamiltonian=Hamiltonian(one_body=one_body, two_body=two_body),
        n_elec=n_elec,
        description=f"Hubbard model on {n_x} x {n_y} sites with u = {u:g} and t = {t:g}.",
        settings={
            "lattice": "hubbard",
            "n_x": n_x,
            "n_y": n_y,
            "u": float(u),
            "t": float(t),
            "periodic": list(around),
            "basis": basis,
        },
    )


def anderson(
    *,
    u: float,
    epsilon: float,
    hybridisation: Sequence[float],
    bath: Sequence[float],
    n_elec: tuple[int, int],
) -> Problem:
    """The single-impurity Anderson model with a discrete bath.

    ``H = epsilon n_d + u n_da n_db + sum_ks [V_k (d+_s c_ks + h.c.) + e_k c+_ks c_ks]`` (Anderson, Phys. Rev.
    124, 41 (1961), doi:10.1103/PhysRev.124.41).

    Args:
        u: Repulsion on the impurity.
        epsilon: Level of the impurity.
        hybridisation: ``V_k``, one per bath level.
        bath: ``e_k``, levels of the bath.
        n_elec: Numbers of alpha and beta electrons.

    Returns:
        The problem; orbital 0 is the impurity, orbital ``k`` the bath level ``k - 1``.

    Raises:
        InputError: The two lists differ in length, or a value or an electron number is impossible.

    Example:
        >>> problem = anderson(u=4.0, epsilon=-2.0, hybridisation=[0.5, 0.5], bath=[-1.0, 1.0], n_elec=(2, 1))
        >>> problem.n_orb, float(problem.hamiltonian.two_body[0, 0, 0, 0])
        (3, 4.0)
    """
    if len(hybridisation) != len(bath):
        raise InputError(
            f"Arguments `hybridisation` and `bath` must have one value per bath level, "
            f"but have {len(hybridisation)} and {len(bath)}."
        )
    n = 1 + len(bath)
    if n > MAX_ORBITALS:
        raise InputError(f"At most {MAX_ORBITALS - 1} bath levels are supported, but there are {n - 1}.")
    _require_finite(u=u, epsilon=epsilon)
    one_body = np.diag([epsilon, *bath]).astype(np.float64)
    one_body[0, 1:] = one_body[1:, 0] = hybridisation
    two_body = np.zeros((n, n, n, n))
    two_body[0, 0, 0, 0] = u
    return Problem(
        name=f"anderson-{n - 1}",
        hamiltonian=Hamiltonian(one_body=one_body, two_body=two_body),
        n_elec=n_elec,
        description=f"Anderson impurity with {n - 1} bath levels, u = {u:g} and epsilon = {epsilon:g}.",
        settings={
            "lattice": "anderson",
            "u": float(u),
            "epsilon": float(epsilon),
            "hybridisation": [float(value) for value in hybridisation],
            "bath": [float(value) for value in bath],
        },
    )


def _require_finite(**values: float) -> None:
    for name, value in values.items():
        if not np.isfinite(value):
            raise InputError(f"Argument `{name}` must be a finite number, but is {value}.")


def _hopping(n: int, periodic: bool) -> NDArray[np.float64]:
    """Adjacency matrix of ``n`` sites in a row or a ring."""
    matrix = np.eye(n, k=1) + np.eye(n, k=-1)
    if periodic and n > 2:
        matrix[0, -1] = matrix[-1, 0] = 1.0
    return matrix


def _waves(n: int, periodic: bool) -> NDArray[np.float64]:
    """Orthonormal real eigenvectors of :func:`_hopping` as columns."""
    x = np.arange(n)
    if not periodic or n <= 2:
        columns = [np.sin(np.pi * (x + 1) * (k + 1) / (n + 1)) for k in range(n)]
    else:
        columns = [np.ones(n)]
        for k in range(1, (n + 1) // 2):
            columns += [np.cos(2 * np.pi * k * x / n), np.sin(2 * np.pi * k * x / n)]
        if n % 2 == 0:
            columns.append((-1.0) ** x)
    return np.column_stack([column / np.linalg.norm(column) for column in columns])


def _without_noise(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Zero what is rounding, so that the symmetry of the waves shows in the integrals."""
    return np.where(np.abs(array) < 1e-14 * max(1.0, float(np.abs(array).max())), 0.0, array)
