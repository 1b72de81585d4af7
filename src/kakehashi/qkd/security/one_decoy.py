"""Bounds on vacuum and single photons from two intensities, which two proofs share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.qkd.security.intervals import hoeffding_deviation, photon_probability, scaled_counts
from kakehashi.qkd.security.model import DecoySettings

__all__ = ["BasisBounds", "bound_basis"]


class BasisBounds(NamedTuple):
    """Bounds on what happened in one basis.

    Attributes:
        vacuum_lower: Fewest detections from empty pulses.
        vacuum_upper: Most of them.
        single_lower: Fewest detections from single photons.
        single_errors_upper: Most errors among those.
    """

    vacuum_lower: float
    vacuum_upper: float
    single_lower: float
    single_errors_upper: float


def bound_basis(
    detections: NDArray[np.float64],
    errors: NDArray[np.float64],
    settings: DecoySettings,
    failure: float,
    *,
    clip: bool,
) -> BasisBounds:
    """Bounds for one basis and two intensities.

    Detections from single photons need the *upper* bound on those from empty pulses, which comes from errors: an empty
    pulse gives a wrong bit every other time.

    Args:
        detections: Counts of the signal and the decoy, shape ``(2,)``.
        errors: Wrong bits among them, likewise.
        settings: What was sent.
        failure: Failure probability of each deviation.
        clip: Whether each bound is cut to what is possible, as Wiesemann et al. do.

    Raises:
        InputError: The decoy is dark: empty pulses beside the signal do not bound single photons.

    Source: arXiv:1801.03443, arXiv:2405.16578.
    """
    signal, decoy = settings.intensities
    if decoy <= 0:
        raise InputError("A bound with one decoy needs a decoy above 0 photons a pulse; add a third intensity.")
    tau = [photon_probability(settings, n) for n in (0, 1)]
    total = float(detections.sum())
    n = scaled_counts(detections, settings, failure, clip=clip)
    # An error count has its own deviation; that of the detections enters where errors are turned into vacuum events.
    m = scaled_counts(errors, settings, failure, clip=clip)

    vacuum_lower = tau[0] / (signal - decoy) * (signal * n.lower[1] - decoy * n.upper[0])
    vacuum_upper = float(np.min(2 * (tau[0] * m.upper + hoeffding_deviation(total, failure))))
    if clip:
        vacuum_upper = min(max(vacuum_upper, 0.0), total)
    ratio = (decoy / signal) ** 2
    bracket = n.lower[1] - ratio * n.upper[0] - (1 - ratio) / tau[0] * vacuum_upper
    single_lower = tau[1] * signal / (decoy * (signal - decoy)) * bracket
    single_errors = tau[1] / (signal - decoy) * (m.upper[0] - m.lower[1])
    if clip:
        single_lower = min(single_lower, total)
        single_errors = min(single_errors, total)
    return BasisBounds(
        max(float(vacuum_lower), 0.0), vacuum_upper, max(float(single_lower), 0.0), max(float(single_errors), 0.0)
    )
