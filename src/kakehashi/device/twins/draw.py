"""Numbers of a calibration, drawn from ranges by a seed, and how they wander over the days.

Behind every number stands one of the normal distribution, the same for a seed whatever the range: the qubit that is
best in one preset is best in the other. It has a part that stays and one that wanders, an autoregressive walk from day
to day that forgets in the time that the data file gives; between days the walk is joined up so that its spread stays
the same. A number therefore keeps its distribution on every day, and moves without jumps.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.core.rng import named_stream
from kakehashi.device.twins.spec import DriftSpec, Range

__all__ = ["NO_DRIFT", "chosen", "correlated", "least_infidelity", "mapped", "standing_normals"]

Floats: TypeAlias = NDArray[np.float64]

NO_DRIFT = DriftSpec(share=0.0)
"""For what stays as it was built: frequencies, couplings, durations."""

FORGOTTEN = 1e-3
"""The walk's memory is cut where so little of a day's step is left."""

FARTHEST_DAY = 100_000.0

LEAST_SPREAD = 1e-12


def standing_normals(size: int, *, seed: int, names: tuple[str, ...], drift: DriftSpec, day: float = 0.0) -> Floats:
    """Numbers of the standard normal distribution that wander with the day.

    Args:
        size: How many.
        seed: Seed of the twin.
        names: What they are for, such as ``("riken-64", "t1_us")``.
        drift: How they wander.
        day: The day, a real number of either sign.

    Returns:
        float64, shape ``(size,)``.

    Raises:
        InputError: The day is not a number, or beyond 100,000, or the seed is negative.

    Example:
        >>> drift = DriftSpec(share=0.4, correlation_days=7.0)
        >>> a, b, c = (standing_normals(3, seed=1, names=("x",), drift=drift, day=day) for day in (0, 0.01, 0))
        >>> bool((a == c).all()), bool(0 < abs(a - b).max() < 0.05)
        (True, True)
    """
    if not abs(day) <= FARTHEST_DAY:
        raise InputError(f"Argument `day` must be a number between -100,000 and 100,000, but is {day!r}.")
    lasting = named_stream(seed, "twin", *names).standard_normal(size)
    if drift.share == 0.0:
        return lasting
    walk = _walk(size, seed=seed, names=names, drift=drift, day=day)
    return math.sqrt(1 - drift.share**2) * lasting + drift.share * walk


def _walk(size: int, *, seed: int, names: tuple[str, ...], drift: DriftSpec, day: float) -> Floats:
    """The wandering part, of unit variance on every day."""
    kept = math.exp(-1 / drift.correlation_days)
    length = math.ceil(math.log(FORGOTTEN) / math.log(kept)) + 1
    weights = kept ** np.arange(length)
    weights /= np.linalg.norm(weights)
    first = math.floor(day)
    part = day - first
    # Steps of the days first + 1, first, first - 1, ...: every day's step has a stream of its own, so that no day
    # needs the days before it.
    reach = range(first + 1, first - length, -1)
    total = np.zeros(len(reach))
    total[1:] += (1 - part) * weights
    total[:-1] += part * weights
    total /= np.linalg.norm(total)
    found = np.zeros(size)
    for weight, when in zip(total, reach, strict=True):
        if weight != 0.0:
            found += weight * named_stream(seed, "twin", *names, "day", when).standard_normal(size)
    return found


def correlated(first: Floats, second: Floats, correlation: float) -> Floats:
    """The second numbers changed so that they correlate with the first, both standing for standard normal ones.

    Args:
        first: Numbers, shape ``(n,)``.
        second: Independent ones, shape ``(n,)``.
        correlation: From -1 to 1.

    Example:
        >>> correlated(np.array([1.0, -1.0]), np.array([0.5, 0.5]), 1.0)
        array([ 1., -1.])
    """
    return correlation * first + math.sqrt(1 - correlation**2) * second


def mapped(normals: Floats, within: Range) -> Floats:
    """Standard normal numbers taken to a log-normal distribution that is cut to a range.

    Args:
        normals: Numbers of the standard normal distribution.
        within: The range.

    Returns:
        Values from ``within.low`` to ``within.high``, ascending with the normals.

    Example:
        >>> mapped(np.array([-9.0, 0.0, 9.0]), Range(median=20.0, spread=0.5, low=10.0, high=40.0)).round(6)
        array([10., 20., 40.])
    """
    from scipy.special import ndtr, ndtri

    if within.spread < LEAST_SPREAD or within.low == within.high:
        return np.full(len(normals), within.median)
    bottom, top = ndtr(np.log(np.array([within.low, within.high]) / within.median) / within.spread)
    share = ndtr(normals)
    # Each half is cut by itself, so that the median stays the median where the range is lopsided.
    below = ndtri(bottom + (0.5 - bottom) * np.minimum(2 * share, 1))
    above = ndtri(0.5 + (top - 0.5) * np.maximum(2 * share - 1, 0))
    values = within.median * np.exp(within.spread * np.where(normals < 0, below, above))
    return np.asarray(np.clip(values, within.low, within.high))


def chosen(size: int, share: float, *, seed: int, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """A share of things picked at random; a larger share holds the smaller one.

    Args:
        size: How many there are.
        share: Which share of them, rounded to whole things.
        seed: Seed of the twin.
        names: What they are picked for.

    Returns:
        Whether each is picked, shape ``(size,)``.

    Example:
        >>> few, many = (chosen(10, share, seed=3, names=("x",)) for share in (0.2, 0.5))
        >>> int(few.sum()), int(many.sum()), bool((few <= many).all())
        (2, 5, True)
    """
    order = named_stream(seed, "twin", *names).permutation(size)
    picked = np.zeros(size, dtype=bool)
    picked[order[: round(share * size)]] = True
    return picked


def least_infidelity(duration_ns: Floats, t1_us: Floats, t2_us: Floats) -> Floats:
    """Average infidelity that relaxation alone gives a gate: no gate can be better.

    Args:
        duration_ns: Of each gate, nanoseconds, shape ``(n,)``.
        t1_us: Relaxation time of each qubit that the gate acts on, microseconds, shape ``(n, k)``.
        t2_us: Dephasing time, likewise.

    Returns:
        Shape ``(n,)``. With ``d = 2**k``, ``d/(d+1) * (1 - prod (1 + exp(-t/T1) + 2 exp(-t/T2)) / 4)``: the
        entanglement fidelity of relaxation on one qubit, multiplied up, turned into an average one.

    Source:
        Nielsen, Phys. Lett. A 303, 249 (2002), for average and entanglement fidelity.

    Example:
        >>> float(least_infidelity(np.array([100.0]), np.array([[100.0]]), np.array([[100.0]]))[0]).__round__(6)
        0.0005
    """
    time_us = 1e-3 * duration_ns[:, None]
    fidelity = ((1 + np.exp(-time_us / t1_us) + 2 * np.exp(-time_us / t2_us)) / 4).prod(axis=1)
    dimension = 2.0 ** t1_us.shape[1]
    return np.asarray(dimension / (dimension + 1) * (1 - fidelity))
