"""From a sequence of growing spaces to the exact energy, with an interval that has been checked.

The variational energy of a growing space falls as its second-order energy goes to zero, and close to zero the one is a
straight line of the other (A. A. Holmes, C. J. Umrigar and S. Sharma, J. Chem. Phys. 147, 164111 (2017),
doi:10.1063/1.4998614). Three lines, through the last two, three and four spaces, give the estimate and a measure of
how straight it is. What that measure is worth was found on problems whose exact energies are known: half the interval
is the measure times ``CALIBRATED_FACTOR``, and ``docs/explanations/error-bar.md`` shows how often it held the truth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.energy.model import Estimate, Rung

__all__ = [
    "CALIBRATED_FACTOR",
    "LEAST_HALF_WIDTH_HARTREE",
    "NOTHING_LEFT_HARTREE",
    "SPIN_TOLERANCE",
    "STEEPEST_SLOPE",
    "extrapolate",
    "may_be_trusted",
]

Vector = NDArray[np.float64]

CALIBRATED_FACTOR = 1.18
"""Half the 95 % interval over :func:`_measure`: the quantile that ``verification/calibrate.py`` finds."""

LEAST_HALF_WIDTH_HARTREE = 1e-6
"""What eigensolvers and thresholds leave open, in the exact energies of the calibration too."""

NOTHING_LEFT_HARTREE = 1e-8
"""A second-order energy that is rounding: no line is drawn through it."""

UNTRUSTED_FACTOR = 4.0
"""Where a line means nothing the interval reaches this many times what was last seen to change below the energy."""

LEAST_SPACES = 4
"""That a line is trusted through."""

LEAST_GROWTH = 1.4
"""Spaces that are hardly larger than the one before say nothing new: the line is not drawn through them."""

SPIN_TOLERANCE = 0.1
"""Of ``<S^2>``."""

STEEPEST_SLOPE = 1.5
"""Above, the second-order energy sees less than two thirds of what each step gains."""

GENTLEST_SLOPE = 0.5
LEAST_DECREASE = 0.9
"""The second-order energy of the last space over that of the one before, at which it no longer falls."""


def extrapolate(rungs: Sequence[Rung], *, two_s: int | None = None) -> Estimate:
    """Estimate the exact energy from a sequence of spaces.

    Args:
        rungs: The spaces, by size, at least one.
        two_s: Twice the spin that the state should have, to say where it has another; not checked where not given.

    Returns:
        The estimate. ``trusted`` is false, with the reason in words, where the sequence is not in the regime in which
        the extrapolation holds: the interval is then wide and no more than a hint. Its upper end is never above the
        variational energy, which bounds the exact one.

    Raises:
        InputError: There is no space.

    Example:
        >>> rungs = [
        ...     Rung(n_determinants=n, energy_hartree=-1.0 + 1.1 * x, second_order_hartree=-x, spin_squared=0.0)
        ...     for n, x in ((100, 0.02), (200, 0.01), (400, 0.005), (800, 0.002))
        ... ]
        >>> estimate = extrapolate(rungs, two_s=0)
        >>> round(estimate.energy_hartree, 6), estimate.trusted
        (-1.0, True)
    """
    if not rungs:
        raise InputError("Argument `rungs` holds no space to extrapolate from.")
    used = _spread(rungs)
    last = used[-1]
    energies = np.array([rung.energy_hartree for rung in used])
    second = np.array([rung.second_order_hartree for rung in used])
    wrong_spin = _wrong_spin(last, two_s)
    if abs(last.second_order_hartree) < NOTHING_LEFT_HARTREE and not wrong_spin:
        return Estimate(
            energy_hartree=last.energy_hartree,
            low_hartree=last.energy_hartree - 2 * last.second_order_error_hartree - LEAST_HALF_WIDTH_HARTREE,
            high_hartree=last.energy_hartree,
            trusted=True,
            reason="the space holds all that the state couples to",
            n_rungs=len(used),
        )
    if wrong_spin:
        return _untrusted(last.energy_hartree + last.second_order_hartree, energies, second, wrong_spin)
    if len(used) < LEAST_SPACES:
        reason = f"only {len(used)} of the spaces differ enough in size, and a line takes four"
        return _untrusted(last.energy_hartree + last.second_order_hartree, energies, second, reason)
    lines = {k: _line(energies, second, k) for k in (2, 3, 4)}
    estimate, slope = lines[3]
    # Spaces of a mixture lie on a line of their own.
    reason = next((words for rung in used[-LEAST_SPACES:-1] if (words := _wrong_spin(rung, two_s))), "")
    reason = reason or _why_not(second[-LEAST_SPACES:], slope)
    if not reason and estimate > last.energy_hartree + LEAST_HALF_WIDTH_HARTREE:
        reason = "the line ends above the variational energy, which is a bound"
    if reason:
        return _untrusted(estimate, energies, second, reason)
    measure = _measure({k: line[0] for k, line in lines.items()}, last.energy_hartree, last.second_order_hartree)
    half = CALIBRATED_FACTOR * measure + 2 * last.second_order_error_hartree + LEAST_HALF_WIDTH_HARTREE
    return Estimate(
        energy_hartree=min(estimate, last.energy_hartree),
        low_hartree=min(estimate, last.energy_hartree) - half,
        high_hartree=min(estimate + half, last.energy_hartree),
        trusted=True,
        reason=f"the last spaces lie on a line of slope {slope:.2f}",
        n_rungs=len(used),
    )


def may_be_trusted(rungs: Sequence[Rung], *, two_s: int, n_determinants: int, growth: float) -> bool:
    """Whether a growth may still end with an estimate that is trusted: whether enough spaces can have the wanted spin.

    A growth that ends before its limit because its space is complete is trusted with fewer; this foresees no such end.

    Args:
        rungs: The spaces so far.
        two_s: Twice the spin that the state should have.
        n_determinants: Where the growth stops.
        growth: Size of a space over that of the one before.

    Example:
        >>> mixed = Rung(n_determinants=1000, energy_hartree=-1.0, second_order_hartree=-0.1, spin_squared=1.0)
        >>> may_be_trusted([mixed], two_s=0, n_determinants=16_000, growth=2.0)  # 2,000 and 4,000 and 8,000 and 16,000
        True
        >>> may_be_trusted([mixed], two_s=0, n_determinants=8_000, growth=2.0)
        False
    """
    pure = 0
    for rung in reversed(rungs):
        if _wrong_spin(rung, two_s):
            break
        pure += 1
    ratio = max(n_determinants / rungs[-1].n_determinants, 1.0)
    return pure + math.ceil(round(math.log(ratio, max(growth, LEAST_GROWTH)), 6)) >= LEAST_SPACES


def _spread(rungs: Sequence[Rung]) -> list[Rung]:
    """The last space, and those before it that are smaller than the next one by enough."""
    used = [rungs[-1]]
    for rung in reversed(rungs[:-1]):
        if rung.n_determinants * LEAST_GROWTH <= used[-1].n_determinants:
            used.append(rung)
    return used[::-1]


def _line(energies: Vector, second: Vector, k: int) -> tuple[float, float]:
    """Energy at zero second-order energy, and slope, of the line through the last spaces; the close ones count more."""
    x, y = second[-k:], energies[-k:]
    weights = 1 / np.abs(x)
    a = np.stack([np.ones(k), -x], axis=1)
    (intercept, slope), *_ = np.linalg.lstsq(a * weights[:, None], y * weights, rcond=None)
    return float(intercept), float(slope)


def _measure(intercepts: dict[int, float], energy: float, second: float) -> float:
    """How far the estimate may be off, in units that the calibration turns into an interval."""
    return (
        abs(intercepts[3] - intercepts[2])
        + abs(intercepts[3] - intercepts[4])
        + 0.3 * abs(intercepts[3] - energy - second)
        + 0.02 * abs(second)
    )


def _wrong_spin(rung: Rung, two_s: int | None) -> str:
    """In which way the state of a space is not of the wanted spin, or an empty string."""
    if two_s is None:
        return ""
    wanted = two_s / 2 * (two_s / 2 + 1)
    if abs(rung.spin_squared - wanted) <= SPIN_TOLERANCE:
        return ""
    return (
        f"<S^2> is {rung.spin_squared:.2f} in {rung.n_determinants:,} determinants where the wanted spin has {wanted:g}"
    )


def _why_not(second: Vector, slope: float) -> str:
    """Why the line means nothing, or an empty string."""
    if (second >= 0).any():
        return "the second-order energy is positive: outside lie determinants below the state"
    if not GENTLEST_SLOPE <= slope <= STEEPEST_SLOPE:
        return (
            f"the energy changes by {slope:.1f} times what perturbation theory sees, where a line holds for "
            f"{GENTLEST_SLOPE:g} to {STEEPEST_SLOPE:g}"
        )
    if abs(second[-1]) > LEAST_DECREASE * abs(second[-2]):
        return "the second-order energy no longer falls as the space grows"
    return ""


def _untrusted(estimate: float, energies: Vector, second: Vector, reason: str) -> Estimate:
    energy = float(energies[-1])
    estimate = min(estimate, energy)
    seen = max(abs(float(second[-1])), float(energies[max(-3, -len(energies))] - energy), energy - estimate)
    return Estimate(
        energy_hartree=estimate,
        low_hartree=min(energy - UNTRUSTED_FACTOR * seen, estimate) - LEAST_HALF_WIDTH_HARTREE,
        high_hartree=energy,
        trusted=False,
        reason=reason,
        n_rungs=len(energies),
    )
