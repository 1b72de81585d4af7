"""Entangled pairs (BBM92) and single photons: Tomamichel et al., Nat. Commun. 3, 634 (2012), arXiv:1103.4130."""

from __future__ import annotations

import math

from kakehashi.qkd.security.intervals import binary_entropy, require_intensities
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings, Failure, KeyLength

__all__ = ["NAME", "entangled_length"]

NAME = "entangled"


def entangled_length(counts: DecoyCounts, settings: DecoySettings, *, leak_bits: float, failure: Failure) -> KeyLength:
    """Length of a key from coincidences in two bases.

    It holds where the detection does not depend on the basis, and not for weak laser pulses.

    Arguments as in :func:`~kakehashi.qkd.security.wiesemann.wiesemann_length`, with one intensity.

    Raises:
        InputError: There is more than one intensity.

    Source: arXiv:1103.4130, the form of 2012.

    Example:
        >>> import numpy as np
        >>> counts = DecoyCounts(detections=np.array([[1e6], [1e5]]), errors=np.array([[2e4], [2e3]]))
        >>> one = DecoySettings(intensities=(1.0,), probabilities=(1.0,))
        >>> entangled_length(counts, one, leak_bits=1.6e5, failure=Failure()).bits
        614408
    """
    require_intensities(settings, counts, 1, NAME)
    key, test = float(counts.detections[0, 0]), float(counts.detections[1, 0])
    phase = 0.5
    if key > 0 and test > 0:
        deviation = math.sqrt((key + test) / (key * test) * (test + 1) / test * math.log(4 / failure.secrecy))
        phase = min(0.5, float(counts.errors[1, 0]) / test + deviation)
    charged = math.log2(2 / (failure.secrecy**2 * failure.correctness))
    exact = key * (1 - binary_entropy(phase)) - leak_bits - charged
    return KeyLength(
        exact=exact,
        bound=NAME,
        failure=failure,
        terms={"single": key, "phase_error": phase, "leak": leak_bits, "secrecy_and_correctness": charged},
    )
