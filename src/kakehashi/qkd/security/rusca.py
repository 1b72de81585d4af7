"""One decoy: Rusca et al., Appl. Phys. Lett. 112, 171104 (2018), arXiv:1801.03443.

Kept because links and papers state it. Its treatment of a length that depends on the counts has gaps that
:mod:`~kakehashi.qkd.security.wiesemann` repairs.
"""

from __future__ import annotations

import math

from kakehashi.qkd.security.intervals import binary_entropy, require_intensities, sampling_deviation
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings, Failure, KeyLength
from kakehashi.qkd.security.one_decoy import bound_basis

__all__ = ["NAME", "rusca_length"]

NAME = "rusca"

N_TERMS = 19


def rusca_length(counts: DecoyCounts, settings: DecoySettings, *, leak_bits: float, failure: Failure) -> KeyLength:
    """Length of a key from two intensities.

    Arguments, terms and errors as in :func:`~kakehashi.qkd.security.wiesemann.wiesemann_length`.

    Source: arXiv:1801.03443; the key basis is Z there.

    Example:
        >>> import numpy as np
        >>> counts = DecoyCounts(
        ...     detections=np.array([[8.2e7, 1.2e7], [1e6, 1.5e5]]), errors=np.array([[2e6, 3e5], [2.6e4, 3.8e3]])
        ... )
        >>> settings = DecoySettings(intensities=(0.45, 0.15), probabilities=(0.7, 0.3))
        >>> rusca_length(counts, settings, leak_bits=1.8e7, failure=Failure()).bits
        20258180
    """
    require_intensities(settings, counts, 2, NAME)
    each = failure.secrecy / N_TERMS
    key = bound_basis(counts.detections[0], counts.errors[0], settings, each, clip=False)
    test = bound_basis(counts.detections[1], counts.errors[1], settings, each, clip=False)
    phase = phase_error(test.single_errors_upper, test.single_lower, key.single_lower, failure.secrecy, N_TERMS)
    secrecy, correctness = 6 * math.log2(N_TERMS / failure.secrecy), math.log2(2 / failure.correctness)
    exact = key.vacuum_lower + key.single_lower * (1 - binary_entropy(phase)) - leak_bits - correctness - secrecy
    return KeyLength(
        exact=exact,
        bound=NAME,
        failure=failure,
        terms={
            "vacuum": key.vacuum_lower,
            "single": key.single_lower,
            "test_single": test.single_lower,
            "test_single_errors": test.single_errors_upper,
            "phase_error": phase,
            "leak": leak_bits,
            "correctness": correctness,
            "secrecy": secrecy,
        },
    )


def phase_error(errors: float, test: float, key: float, failure: float, n_terms: int) -> float:
    """Upper bound on the phase error rate of single photons in the key basis, at most one half.

    Without single photons in either basis nothing is known, which is one half; without errors the deviation's limit is
    taken at the smallest rate that a test of this size could show.
    """
    if test <= 0 or key <= 0:
        return 0.5
    rate = errors / test
    if rate >= 0.5:
        return 0.5
    shown = max(rate, 1 / (test + 1))
    if shown >= 0.5:
        return 0.5
    return min(0.5, rate + sampling_deviation(shown, test, key, failure=failure, n_terms=n_terms))
