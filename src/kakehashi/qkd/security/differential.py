"""Differential phase shift (DPS) against individual attacks: Waks, Takesue, Yamamoto, Phys. Rev. A 73, 012344 (2006).

This is what the links of the Tokyo network with this protocol state, and less than the other bounds promise: nothing is
said of an eavesdropper who attacks several pulses together.
"""

from __future__ import annotations

import math

from kakehashi.qkd.security.intervals import hoeffding_deviation, require_intensities
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings, Failure, KeyLength

__all__ = ["NAME", "differential_length"]

NAME = "differential"

MAX_RATE = 6 / 38
"""Where the bound on the collision probability is largest: beyond it, it would promise more for a worse link."""


def differential_length(
    counts: DecoyCounts, settings: DecoySettings, *, leak_bits: float, failure: Failure
) -> KeyLength:
    """Length of a key against individual attacks.

    The error rate is that after correction plus a Hoeffding deviation. The formula itself holds in the limit of long
    keys; ``failure`` is charged as for privacy amplification, ``2 log2(1 / secrecy)``, and verification.

    Arguments as in :func:`~kakehashi.qkd.security.wiesemann.wiesemann_length`, with one intensity; only the key basis
    is read.

    Raises:
        InputError: There is more than one intensity.

    Source: doi:10.1103/PhysRevA.73.012344: a collision probability of at most ``1 - e^2 - (1 - 6 e)^2 / 2`` for each
    bit, of which ``1 - 2 mu`` are not known from a split pulse.

    Example:
        >>> import numpy as np
        >>> counts = DecoyCounts(detections=np.array([[1e7], [0.0]]), errors=np.array([[2.3e5], [0.0]]))
        >>> one = DecoySettings(intensities=(0.2,), probabilities=(1.0,))
        >>> differential_length(counts, one, leak_bits=1.83e6, failure=Failure()).bits
        2121264
    """
    require_intensities(settings, counts, 1, NAME)
    key, (mu,) = float(counts.detections[0, 0]), settings.intensities
    rate = 0.5
    if key > 0:
        # Half of the failure is for this, half for privacy amplification, which 2 log2(1 / secrecy) bits pay.
        rate = min(0.5, (float(counts.errors[0, 0]) + hoeffding_deviation(key, failure.secrecy / 2)) / key)
    secret = 0.0
    if rate < MAX_RATE:
        collision = 1 - rate**2 - (1 - 6 * rate) ** 2 / 2
        secret = -key * max(0.0, 1 - 2 * mu) * math.log2(collision)
    charged = 2 * math.log2(1 / failure.secrecy) + math.log2(2 / failure.correctness)
    exact = secret - leak_bits - charged
    return KeyLength(
        exact=exact,
        bound=NAME,
        failure=failure,
        terms={
            "secret": secret,
            "error_rate": rate,
            "leak": leak_bits,
            "secrecy_and_correctness": charged,
        },
    )
