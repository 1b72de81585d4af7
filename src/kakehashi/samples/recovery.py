"""Configuration recovery: shots with a wrong number of electrons are repaired towards known occupancies.

The method is that of Robledo-Moreno et al. 2024 (arXiv:2405.05068): where a spin has too many (too few)
electrons, just as many occupied (empty) orbitals as needed are flipped, drawn without replacement. The more an
orbital's bit deviates from the orbital's mean occupancy, the likelier it is drawn; the weight is a "modified
ReLU" of the deviation. Occupancies come from the ground state of the turn before, so the loop is
self-consistent; what the first turn starts from is :func:`initial_occupancies`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings, count_electrons, pack_strings, unpack_strings
from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.model import Shots
from kakehashi.samples.merge import check_sector, merge_configurations
from kakehashi.samples.model import Configurations
from kakehashi.samples.postselect import split_shots

__all__ = ["flip_weights", "initial_occupancies", "recover_configurations"]

CORNER = 0.01
"""Flip weight at the corner of the modified ReLU: the paper's delta, and the public package's value of it."""

LAST_RESORT = 1e-9
"""Flip weight of an orbital that occupancies say never to flip; drawn only where there is nothing else."""

MAX_DRAWS = 2_000_000
"""Most repairs of repeated shots in one call; beyond it, a repair stands for several shots."""

CHUNK = 4096
"""Rows repaired at once: their random keys stay in the processor's cache."""

NEVER = np.float32(1e30)
"""Later than any candidate's clock rings: a clock with rate ``LAST_RESORT`` rings before 1e11."""


def initial_occupancies(*, n_orb: int, n_elec: tuple[int, int]) -> NDArray[np.float64]:
    """First guess of the occupancies (Hartree-Fock): of each spin, the lowest orbitals are full.

    It is for the first turn, where no shot is in the sector to tell better. Shots do not all become the
    Hartree-Fock determinant, because recovery flips no more bits than it must. There is no option to soften the
    guess: the modified ReLU gives orbitals below the mean filling nearly no weight anyway.

    Args:
        n_orb: Number of spatial orbitals, ordered by energy.
        n_elec: Numbers of alpha and beta electrons.

    Returns:
        Shape ``(2, n_orb)``, float64: alpha, beta.

    Raises:
        InputError: The electrons do not fit into the orbitals.

    Example:
        >>> initial_occupancies(n_orb=3, n_elec=(2, 1))
        array([[1., 1., 0.],
               [1., 0., 0.]])
    """
    check_sector(n_orb=n_orb, n_elec=n_elec)
    orbital = np.arange(n_orb)
    return np.array([orbital < count for count in n_elec], dtype=np.float64)


def flip_weights(
    occupancies: NDArray[np.float64], *, n_electrons: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How likely each orbital is drawn to be filled where it is empty, and to be emptied where it is full.

    With ``h`` the mean filling ``n_electrons / n_orb`` and ``y`` the orbital's mean occupancy, an empty orbital
    is filled with a weight that rises linearly from 0 at ``y = 0`` to 0.01 at ``y = h`` and from there to 1
    at ``y = 1``. Emptying is the same with electrons and holes exchanged. Source: arXiv:2405.05068, with the
    corners as in the package qiskit-addon-sqd.

    Args:
        occupancies: Mean occupancies of one spin's orbitals, shape ``(n_orb,)``, each between 0 and 1.
        n_electrons: Number of electrons of that spin.

    Returns:
        Weights to fill and weights to empty, each of shape ``(n_orb,)``, not normalised.

    Example:
        >>> fill, empty = flip_weights(np.array([0.0, 0.5, 1.0, 0.5]), n_electrons=2)
        >>> fill, empty
        (array([0.  , 0.01, 1.  , 0.01]), array([1.  , 0.01, 0.  , 0.01]))
    """
    filling = n_electrons / len(occupancies)
    return _modified_relu(occupancies, filling), _modified_relu(1 - occupancies, 1 - filling)


def _modified_relu(deviation: NDArray[np.float64], corner: float) -> NDArray[np.float64]:
    below = CORNER * deviation / corner if corner > 0 else np.full_like(deviation, CORNER)
    if corner >= 1:
        return below
    above = CORNER + (1 - CORNER) * (deviation - corner) / (1 - corner)
    return np.where(deviation < corner, below, above)


def recover_configurations(
    shots: Shots,
    *,
    n_elec: tuple[int, int],
    occupancies: NDArray[np.float64],
    rng: RngLike = None,
) -> Configurations:
    """Repair every shot to the right number of electrons of each spin; shots that have it are kept as they are.

    A string measured several times with a wrong number of electrons is repaired once for each time, not once
    for all: these are separate errors, and separate repairs of them reach more configurations at the same
    expected weights. (qiskit-addon-sqd repairs it once and gives the one result the whole weight.) Beyond two
    million repairs, a repair stands for several shots, in proportion to the counts.

    Args:
        shots: What a device gave; none of them needs to be in the sector.
        n_elec: Numbers of alpha and beta electrons.
        occupancies: Mean occupancies, shape ``(2, n_orb)``, float64: alpha, beta; each between 0 and 1.
        rng: Generator or seed.

    Returns:
        Distinct configurations, weighted by the number of shots that became them; empty if there are no shots.

    Raises:
        InputError: The occupancies have another shape, or are not between 0 and 1; the shots have another
            number of qubits; the electrons do not fit into the orbitals.

    Example:
        >>> shots = Shots.from_matrix(np.array([[True, False, False, False, True, True]]))
        >>> occupancies = initial_occupancies(n_orb=3, n_elec=(1, 1))
        >>> recovered = recover_configurations(shots, n_elec=(1, 1), occupancies=occupancies, rng=7)
        >>> recovered.alpha[0, 0], len(recovered)
        (np.uint64(1), 1)
    """
    occupancies = _checked_occupancies(occupancies)
    n_orb = occupancies.shape[1]
    check_sector(n_orb=n_orb, n_elec=n_elec)
    alpha, beta = split_shots(shots, n_orb=n_orb)
    generator = as_generator(rng)

    wrong = (count_electrons(alpha) != n_elec[0]) | (count_electrons(beta) != n_elec[1])
    n_draws = np.where(wrong, shots.counts, 1)
    budget = max(MAX_DRAWS, len(wrong))
    if n_draws.sum() > budget:
        share = budget / n_draws.sum()
        n_draws = np.where(wrong, np.maximum(1, (n_draws * share).astype(np.int64)), 1)
    rows = np.repeat(np.arange(len(n_draws)), n_draws)
    alpha, beta = alpha[rows], beta[rows]
    _repair(alpha, n_electrons=n_elec[0], occupancies=occupancies[0], rng=generator)
    _repair(beta, n_electrons=n_elec[1], occupancies=occupancies[1], rng=generator)
    weights = (shots.counts / n_draws)[rows]
    return merge_configurations(alpha, beta, weights, n_orb=n_orb, n_elec=n_elec)


def _checked_occupancies(occupancies: NDArray[np.float64]) -> NDArray[np.float64]:
    array = np.asarray(occupancies, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != 2 or array.shape[1] == 0:
        raise InputError(f"Argument `occupancies` must have shape (2, n_orb), but has {array.shape}.")
    # Diagonals of a density matrix leave the interval by rounding; more than that is a mistake.
    if not (np.isfinite(array).all() and array.min() >= -1e-6 and array.max() <= 1 + 1e-6):
        raise InputError("Argument `occupancies` must lie between 0 and 1 everywhere.")
    return np.clip(array, 0.0, 1.0)


def _repair(strings: Strings, *, n_electrons: int, occupancies: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Repair the strings of one spin in place."""
    fill, empty = (np.maximum(w, LAST_RESORT) for w in flip_weights(occupancies, n_electrons=n_electrons))
    excess = count_electrons(strings) - n_electrons
    for sign, weights in ((1, empty), (-1, fill)):
        rows = np.flatnonzero(excess * sign > 0)
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            chosen = _draw(
                unpack_strings(strings[chunk] if sign > 0 else ~strings[chunk], len(occupancies)),
                np.abs(excess[chunk]),
                weights,
                rng,
            )
            strings[chunk] ^= pack_strings(chosen)


def _draw(
    candidates: NDArray[np.bool_],
    n_wanted: NDArray[np.int64],
    weights: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Draw ``n_wanted`` candidates of each row without replacement, with the given weights.

    An exponential clock runs at each candidate with the candidate's weight as rate; the first clocks to ring
    are a draw without replacement (Efraimidis and Spirakis 2006, doi:10.1016/j.ipl.2005.11.003).
    """
    mean_times = (1 / weights).astype(np.float32)
    chosen = np.zeros_like(candidates)
    pending = np.arange(len(candidates))
    while len(pending):
        times = rng.standard_exponential((len(pending), len(weights)), dtype=np.float32)
        times *= mean_times
        times += ~candidates[pending] * NEVER
        last = np.take_along_axis(np.sort(times, axis=1), n_wanted[pending, None] - 1, axis=1)
        chosen[pending] = times <= last
        # Two clocks that ring in the same instant would give one candidate too many: drawn again.
        pending = pending[chosen[pending].sum(axis=1) != n_wanted[pending]]
    return chosen
