"""One decoy, after error correction: Wiesemann et al., arXiv:2405.16578 v3 (2026). The default.

The statistics of the key basis are computed after error correction, when its errors are known without disclosing a bit.
The proof repairs two gaps of earlier ones: the treatment of a length that depends on the counts, and of the acceptance
test. Where errors are so few that a bound would exceed what is possible, it is cut there.
"""

from __future__ import annotations

import math

from kakehashi.qkd.security.intervals import binary_entropy, require_intensities, serfling_deviation
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings, Failure, KeyLength
from kakehashi.qkd.security.one_decoy import bound_basis

__all__ = ["NAME", "wiesemann_length"]

NAME = "wiesemann"

N_TERMS = 15
"""Into how many failure probabilities that of secrecy is divided."""


def wiesemann_length(
    counts: DecoyCounts,
    settings: DecoySettings,
    *,
    leak_bits: float,
    failure: Failure,
    count_vacuum: bool = False,
) -> KeyLength:
    """Length of a key from two intensities.

    Args:
        counts: What was counted, shape ``(2, 2)``.
        settings: What was sent.
        leak_bits: Bits that error correction and verification disclosed.
        failure: What is asked for.
        count_vacuum: Whether detections from empty pulses, of which nobody can know the bit, add to the key.

    Returns:
        The length and its terms: ``vacuum``, ``single``, ``test_single``, ``test_single_errors``, ``phase_error`` (a
        rate), ``leak``, ``correctness``, ``secrecy``.

    Raises:
        InputError: There are not two intensities.

    Source: arXiv:2405.16578 v3, with the constants of the authors' published program.

    Example:
        >>> import numpy as np
        >>> counts = DecoyCounts(
        ...     detections=np.array([[3.5e8, 1.7e7], [4.3e6, 2.1e5]]), errors=np.array([[7e6, 3.5e5], [8.6e4, 4.3e3]])
        ... )
        >>> settings = DecoySettings(intensities=(0.5, 0.15), probabilities=(0.9, 0.1))
        >>> length = wiesemann_length(counts, settings, leak_bits=6.1e7, failure=Failure())
        >>> length.bits, round(length.terms["phase_error"], 3)
        (232463670, 0.027)
    """
    require_intensities(settings, counts, 2, NAME)
    each = failure.secrecy / N_TERMS
    key = bound_basis(counts.detections[0], counts.errors[0], settings, each, clip=True)
    test = bound_basis(counts.detections[1], counts.errors[1], settings, each, clip=True)
    phase = 0.5
    if key.single_lower > 0 and test.single_lower > 0:
        seen = min(0.5, test.single_errors_upper / test.single_lower)
        phase = min(0.5, seen + serfling_deviation(test.single_lower, key.single_lower, each))
    vacuum = key.vacuum_lower if count_vacuum else 0.0
    secrecy = 4 * math.log2(N_TERMS / (2**0.25 * failure.secrecy))
    correctness = math.log2(2 / failure.correctness)
    exact = vacuum + key.single_lower * (1 - binary_entropy(phase)) - leak_bits - correctness - secrecy
    return KeyLength(
        exact=exact,
        bound=NAME,
        failure=failure,
        terms={
            "vacuum": vacuum,
            "single": key.single_lower,
            "test_single": test.single_lower,
            "test_single_errors": test.single_errors_upper,
            "phase_error": phase,
            "leak": leak_bits,
            "correctness": correctness,
            "secrecy": secrecy,
        },
    )
