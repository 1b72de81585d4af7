"""Post-selection: the shots that have the right number of electrons of each spin, as they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import MAX_ORBITALS, Strings, count_electrons
from kakehashi.core.errors import InputError
from kakehashi.device.model import Shots
from kakehashi.samples.merge import check_sector, merge_configurations
from kakehashi.samples.model import Configurations

__all__ = ["in_sector_fraction", "postselect", "split_shots"]

N_WORDS = 2 * MAX_ORBITALS // 64
"""64-bit words of a shot over both spins."""


def split_shots(shots: Shots, *, n_orb: int) -> tuple[Strings, Strings]:
    """The alpha and the beta string of each distinct shot, whatever its number of electrons.

    Args:
        shots: Shots over ``2 * n_orb`` qubits, ``[beta | alpha]`` (see ``docs/formats/bits.md``).
        n_orb: Number of spatial orbitals.

    Returns:
        Alpha strings and beta strings, each of shape ``(shots.n_distinct, 2)``.

    Raises:
        InputError: The shots have another number of qubits, or there are more than 128 orbitals.

    Example:
        >>> shots = Shots.from_matrix(np.array([[True, True, False, False, True, False]]))
        >>> split_shots(shots, n_orb=3)
        (array([[3, 0]], dtype=uint64), array([[2, 0]], dtype=uint64))
    """
    if n_orb > MAX_ORBITALS:
        raise InputError(f"At most {MAX_ORBITALS} orbitals are supported, but there are {n_orb}.")
    if shots.n_qubits != 2 * n_orb:
        raise InputError(
            f"The shots have {shots.n_qubits} qubits, but {n_orb} orbitals need {2 * n_orb}: "
            "one for each orbital and spin."
        )
    # Words are shifted instead of bits unpacked: 16 times less memory, and no loop over qubits.
    padded = np.zeros((shots.n_distinct, 8 * N_WORDS), dtype=np.uint8)
    padded[:, : shots.bits.shape[1]] = shots.bits
    words = padded.view("<u8").astype(np.uint64, copy=False)
    first, shift = divmod(n_orb, 64)
    beta = np.zeros((len(words), 2), dtype=np.uint64)
    for i in range(2):
        if first + i < N_WORDS:
            beta[:, i] = words[:, first + i] >> np.uint64(shift)
        if shift and first + i + 1 < N_WORDS:
            beta[:, i] |= words[:, first + i + 1] << np.uint64(64 - shift)
    mask = [(1 << min(n_orb, 64)) - 1, (1 << max(n_orb - 64, 0)) - 1]
    alpha = words[:, :2] & np.array(mask, dtype=np.uint64)
    return alpha, beta


def _select(shots: Shots, n_orb: int, n_elec: tuple[int, int]) -> tuple[Strings, Strings, NDArray[np.bool_]]:
    check_sector(n_orb=n_orb, n_elec=n_elec)
    alpha, beta = split_shots(shots, n_orb=n_orb)
    valid = (count_electrons(alpha) == n_elec[0]) & (count_electrons(beta) == n_elec[1])
    return alpha, beta, valid


def postselect(shots: Shots, *, n_orb: int, n_elec: tuple[int, int]) -> Configurations:
    """Keep the shots with the right number of electrons of each spin.

    Args:
        shots: What a device gave.
        n_orb: Number of spatial orbitals.
        n_elec: Numbers of alpha and beta electrons.

    Returns:
        The in-sector configurations, weighted by their counts; empty where no shot is in the sector.

    Raises:
        InputError: The shots have another number of qubits, or the electrons do not fit into the orbitals.

    Example:
        >>> matrix = np.array([[1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 1, 0]], dtype=bool)
        >>> kept = postselect(Shots.from_matrix(matrix), n_orb=2, n_elec=(1, 1))
        >>> kept.alpha[:, 0], kept.weights.round(3)
        (array([1, 2], dtype=uint64), array([0.667, 0.333]))
    """
    alpha, beta, valid = _select(shots, n_orb, n_elec)
    counts = shots.counts[valid].astype(np.float64)
    return merge_configurations(alpha[valid], beta[valid], counts, n_orb=n_orb, n_elec=n_elec)


def in_sector_fraction(shots: Shots, *, n_orb: int, n_elec: tuple[int, int]) -> float:
    """Share of the shots that have the right number of electrons of each spin.

    Args:
        shots: What a device gave.
        n_orb: Number of spatial orbitals.
        n_elec: Numbers of alpha and beta electrons.

    Returns:
        Between 0 and 1, repeated shots counted; 0 where there are no shots.

    Raises:
        InputError: The shots have another number of qubits, or the electrons do not fit into the orbitals.

    Example:
        >>> matrix = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0]], dtype=bool)
        >>> in_sector_fraction(Shots.from_matrix(matrix), n_orb=2, n_elec=(1, 1))
        0.5
    """
    _, _, valid = _select(shots, n_orb, n_elec)
    return float(shots.counts[valid].sum() / shots.n_shots) if shots.n_shots else 0.0
