"""Two decoys: Lim et al., Phys. Rev. A 89, 022307 (2014), arXiv:1311.7129."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.qkd.security.intervals import binary_entropy, photon_probability, require_intensities, scaled_counts
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings, Failure, KeyLength
from kakehashi.qkd.security.rusca import phase_error

__all__ = ["NAME", "lim_length"]

NAME = "lim"

N_TERMS = 21


def lim_length(counts: DecoyCounts, settings: DecoySettings, *, leak_bits: float, failure: Failure) -> KeyLength:
    """Length of a key from three intensities.

    Arguments and terms as in :func:`~kakehashi.qkd.security.wiesemann.wiesemann_length`.

    Raises:
        InputError: There are not three intensities, or the first is not above the sum of the others.

    Source: arXiv:1311.7129; the key basis is X there.

    Example:
        >>> import numpy as np
        >>> counts = DecoyCounts(
        ...     detections=np.array([[9e7, 1e7, 1e5], [1e6, 1e5, 1e3]]),
        ...     errors=np.array([[9e5, 2e5, 4e4], [1e4, 2e3, 400]]),
        ... )
        >>> settings = DecoySettings(intensities=(0.5, 0.1, 2e-4), probabilities=(0.6, 0.3, 0.1))
        >>> lim_length(counts, settings, leak_bits=9e6, failure=Failure()).bits
        42450478
    """
    require_intensities(settings, counts, 3, NAME)
    signal, decoy, weak = settings.intensities
    if signal <= decoy + weak:
        raise InputError(f"The bound 'lim' needs a signal above {decoy} + {weak}, but it is {signal}.")
    each = failure.secrecy / N_TERMS
    key_vacuum, key_single = _vacuum_and_single(counts.detections[0], settings, each)
    _, test_single = _vacuum_and_single(counts.detections[1], settings, each)
    errors = scaled_counts(counts.errors[1], settings, each, clip=False)
    tau_1 = photon_probability(settings, 1)
    test_errors = max(0.0, float(tau_1 * (errors.upper[1] - errors.lower[2]) / (decoy - weak)))
    phase = phase_error(test_errors, test_single, key_single, failure.secrecy, N_TERMS)
    secrecy, correctness = 6 * math.log2(N_TERMS / failure.secrecy), math.log2(2 / failure.correctness)
    exact = key_vacuum + key_single * (1 - binary_entropy(phase)) - leak_bits - secrecy - correctness
    return KeyLength(
        exact=exact,
        bound=NAME,
        failure=failure,
        terms={
            "vacuum": key_vacuum,
            "single": key_single,
            "test_single": test_single,
            "test_single_errors": test_errors,
            "phase_error": phase,
            "leak": leak_bits,
            "correctness": correctness,
            "secrecy": secrecy,
        },
    )


def _vacuum_and_single(detections: NDArray[np.float64], settings: DecoySettings, failure: float) -> tuple[float, float]:
    """Fewest detections from empty pulses and from single photons. Two decoys need the *lower* bound on the former."""
    signal, decoy, weak = settings.intensities
    tau = [photon_probability(settings, n) for n in (0, 1)]
    n = scaled_counts(detections, settings, failure, clip=False)
    vacuum = max(0.0, float(tau[0] * (decoy * n.lower[2] - weak * n.upper[1]) / (decoy - weak)))
    bracket = n.lower[1] - n.upper[2] - (decoy**2 - weak**2) / signal**2 * (n.upper[0] - vacuum / tau[0])
    single = tau[1] * signal * bracket / (signal * (decoy - weak) - decoy**2 + weak**2)
    return vacuum, max(0.0, float(single))
