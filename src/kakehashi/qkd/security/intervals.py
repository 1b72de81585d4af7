"""What all decoy bounds share: photon numbers, deviations, entropy, and the step from counts to bounds on them."""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.qkd.security.model import DecoyCounts, DecoySettings

__all__ = [
    "ScaledCounts",
    "binary_entropy",
    "hoeffding_deviation",
    "photon_probability",
    "require_intensities",
    "sampling_deviation",
    "scaled_counts",
    "serfling_deviation",
]

Numbers: TypeAlias = NDArray[np.float64]


class ScaledCounts(NamedTuple):
    """Bounds on counts of one basis as if each intensity alone had been sent: times ``e^mu / p``. Shape ``(n,)``."""

    lower: Numbers
    upper: Numbers


def binary_entropy(x: float) -> float:
    """Entropy of a bit that is 1 with probability ``x``, in bits.

    Beyond one half it stays 1: a bound on an error rate may lie there, and no more than all can be lost.

    Example:
        >>> binary_entropy(0.5), round(binary_entropy(0.11), 3)
        (1.0, 0.5)
    """
    if x <= 0:
        return 0.0
    if x >= 0.5:
        return 1.0
    return -x * math.log2(x) - (1 - x) * math.log2(1 - x)


def photon_probability(settings: DecoySettings, n_photons: int) -> float:
    """Probability that a pulse holds ``n_photons``, over all intensities: the ``tau`` of the papers.

    Example:
        >>> settings = DecoySettings(intensities=(0.5, 0.1), probabilities=(0.5, 0.5))
        >>> round(photon_probability(settings, 0), 4)
        0.7557
    """
    return sum(
        p * math.exp(-mu) * mu**n_photons / math.factorial(n_photons)
        for mu, p in zip(settings.intensities, settings.probabilities, strict=True)
    )


def hoeffding_deviation(total: float, failure: float) -> float:
    """How far a count out of ``total`` may lie from what is expected, but for ``failure`` (Hoeffding 1963).

    The total is that of the basis, for every intensity: with the count of one intensity instead, key comes for free.

    Example:
        >>> round(hoeffding_deviation(1e6, 1e-10), 1)
        3393.1
    """
    return math.sqrt(total / 2 * math.log(1 / failure))


def scaled_counts(counts: Numbers, settings: DecoySettings, failure: float, *, clip: bool) -> ScaledCounts:
    """Bounds on the counts of one basis, scaled by ``e^mu / p``.

    Args:
        counts: Counts of each intensity, shape ``(n_intensities,)``.
        settings: What was sent.
        failure: Failure probability of each deviation.
        clip: Whether bounds are also cut at the total from above, as Wiesemann et al. do; from below they are cut at 0
            in any case.
    """
    total = float(counts.sum())
    deviation = hoeffding_deviation(total, failure)
    upper = np.minimum(counts + deviation, total) if clip else counts + deviation
    scale = np.exp(settings.intensities) / np.asarray(settings.probabilities)
    return ScaledCounts(lower=scale * np.maximum(counts - deviation, 0), upper=scale * upper)


def serfling_deviation(test: float, key: float, failure: float) -> float:
    """How much larger an error rate may be in ``key`` unseen bits than in ``test`` seen ones (Serfling 1974).

    The term with one bit more belongs to the test sample.

    Example:
        >>> round(serfling_deviation(1e5, 1e6, 1e-10), 4)
        0.0159
    """
    return math.sqrt((key + test) / (key * test) * (test + 1) / test * math.log(1 / failure))


def sampling_deviation(rate: float, test: float, key: float, *, failure: float, n_terms: int) -> float:
    """The same by the hypergeometric tail of Fung, Ma and Chau (2010), which Lim et al. and Rusca et al. use.

    Args:
        rate: Error rate seen, above 0.
        test: Bits seen.
        key: Bits unseen.
        failure: Secrecy failure of the key.
        n_terms: Into how many equal parts it was divided.

    Source: arXiv:1311.7129, doi:10.1103/PhysRevA.81.012318.

    Example:
        >>> round(sampling_deviation(0.02, 1e5, 1e6, failure=1e-9, n_terms=21), 4)
        0.0042
    """
    spread = (1 - rate) * rate
    ratio = (key + test) / (key * test)
    return math.sqrt(ratio * spread / math.log(2) * math.log2(ratio / spread * n_terms**2 / failure**2))


def require_intensities(settings: DecoySettings, counts: DecoyCounts, n: int, name: str) -> None:
    """Refuse settings that a proof does not cover.

    Raises:
        InputError: There are not ``n`` intensities, or the counts are of another number.
    """
    if len(settings.intensities) != n:
        raise InputError(f"The bound {name!r} needs {n} intensities, but the source sends {len(settings.intensities)}.")
    if counts.detections.shape[1] != n:
        raise InputError(f"There are counts of {counts.detections.shape[1]} intensities, but the source sends {n}.")
