"""The state vector of a circuit among the determinants with its numbers of electrons, and shots drawn from it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.device.sector.strings import slater_amplitudes

__all__ = ["address_bits", "draw", "estimate_memory_bytes", "state_vector"]

STATE_VECTORS = 4
"""Peak of the simulation in units of one complex128 vector: ffsim rotates orbitals out of place."""

SHOTS_AT_ONCE = 1_000_000


def estimate_memory_bytes(n_orb: int, n_elec: tuple[int, int]) -> int:
    """Peak memory that the simulation of a circuit needs, in bytes.

    Example:
        >>> estimate_memory_bytes(16, (5, 5)) // 2**20
        1164
    """
    n_alpha, n_beta = n_elec
    return STATE_VECTORS * 16 * math.comb(n_orb, n_alpha) * math.comb(n_orb, n_beta)


def state_vector(circuit: Circuit) -> NDArray[np.complex128]:
    """The state that the circuit prepares.

    Args:
        circuit: A circuit with an operator.

    Returns:
        Shape ``(n_alpha_strings * n_beta_strings,)``, beta strings fastest, each in ascending order.

    Example:
        >>> import ffsim
        >>> operator = ffsim.random.random_ucj_op_spin_balanced(3, n_reps=1, seed=1)
        >>> round(float(np.linalg.norm(state_vector(Circuit(n_orb=3, n_elec=(2, 1), operator=operator)))), 12)
        1.0
    """
    import ffsim
    from ffsim import gates

    operator, n_orb, n_elec = circuit.operator, circuit.n_orb, circuit.n_elec
    if operator is None:
        raise InputError("A circuit without an operator has one determinant and no state vector to compute.")
    if operator.n_reps == 0:
        reference = ffsim.hartree_fock_state(n_orb, n_elec)
        rotated: NDArray[np.complex128] = ffsim.apply_unitary(reference, operator, norb=n_orb, nelec=n_elec)
        return rotated
    # A rotation is (n_orb, n_orb) for both spins or (2, n_orb, n_orb) for each; the first of them turns the
    # determinant into another, whose amplitudes are minors: far cheaper than rotating the whole vector.
    adjoint = operator.orbital_rotations[0].swapaxes(-1, -2).conj()
    spins = np.broadcast_to(adjoint, (2, n_orb, n_orb))
    state = np.outer(*(slater_amplitudes(matrix, n) for matrix, n in zip(spins, n_elec, strict=True))).ravel()
    spin_balanced = operator.orbital_rotations.ndim == 3
    last = operator.n_reps - 1
    for layer, matrices in enumerate(operator.diag_coulomb_mats):
        same, opposite = matrices[0], matrices[1]
        state = gates.apply_diag_coulomb_evolution(
            state,
            (same, opposite, same if spin_balanced else matrices[2]),
            time=-1.0,
            norb=n_orb,
            nelec=n_elec,
            copy=False,
        )
        following = (
            operator.final_orbital_rotation
            if layer == last
            else operator.orbital_rotations[layer + 1].swapaxes(-1, -2).conj()
        )
        rotation = operator.orbital_rotations[layer]
        if following is not None:
            rotation = following @ rotation
        state = gates.apply_orbital_rotation(
            state,
            rotation if spin_balanced else (rotation[0], rotation[1]),
            norb=n_orb,
            nelec=n_elec,
            copy=False,
        )
    vector: NDArray[np.complex128] = state
    return vector


def draw(
    state: NDArray[np.complex128], n_shots: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sample addresses by inverting the distribution function.

    Args:
        state: Amplitudes; they need not be normalised.
        n_shots: Number of samples.
        rng: Source of random numbers.

    Returns:
        Distinct addresses, ascending, and how often each was drawn.

    Example:
        >>> addresses, counts = draw(np.array([0, 1, 0, 1j]), 10, np.random.default_rng(1))
        >>> addresses.tolist(), int(counts.sum())
        ([1, 3], 10)
    """
    cumulative = np.square(state.real)
    cumulative += np.square(state.imag)
    np.cumsum(cumulative, out=cumulative)
    total = cumulative[-1]
    last = int(np.searchsorted(cumulative, total))
    addresses: list[NDArray[np.int64]] = []
    counts: list[NDArray[np.int64]] = []
    for start in range(0, n_shots, SHOTS_AT_ONCE):
        points = np.sort(rng.random(min(SHOTS_AT_ONCE, n_shots - start))) * total
        # Rounding may put a point on the total itself; `last` is the last address that can be drawn.
        found = np.minimum(np.searchsorted(cumulative, points, side="right"), last)
        distinct, repeats = np.unique(found, return_counts=True)
        addresses.append(distinct)
        counts.append(repeats)
    distinct, where = np.unique(np.concatenate(addresses), return_inverse=True)
    totals = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(totals, where, np.concatenate(counts))
    return distinct.astype(np.int64), totals


def address_bits(addresses: NDArray[np.int64], n_orb: int, n_elec: tuple[int, int]) -> NDArray[np.bool_]:
    """Measured bits of determinants, shape ``(n, 2 * n_orb)``; column ``q`` is qubit ``q``.

    Example:
        >>> address_bits(np.array([0]), 3, (2, 1)).astype(int)
        array([[1, 1, 0, 1, 0, 0]])
    """
    from pyscf.fci import cistring

    n_beta_strings = math.comb(n_orb, n_elec[1])
    halves = []
    for n, index in zip(n_elec, np.divmod(addresses, n_beta_strings), strict=True):
        strings = np.asarray(cistring.addrs2str(n_orb, n, index), dtype=np.int64)
        halves.append((strings[:, None] >> np.arange(n_orb)) & 1)
    return np.concatenate(halves, axis=1).astype(np.bool_)
