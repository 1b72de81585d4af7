"""Misread bits, undone on average: unbiased at any width, since nothing of size ``2**n`` is built or cut off.

Where every bit is misread by itself, the matrix that turns true into read probabilities is a product of one 2x2
matrix a bit, and so is its inverse. The mean over the shots of an entry of the inverse is the true probability of a
string, and of a product of scaled signs the true expectation value, whatever the other strings are. A system of
equations restricted to the strings that were seen, as in M3 (arXiv:2108.12518), is biased where most shots are seen
once: the strings that were not seen would have the negative quasi-probabilities. What both need is that bits are
misread independently: crosstalk between qubits of one readout line is averaged over, and stays as a bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.device.mitigation.model import Mitigated
from kakehashi.device.model import Shots, parse_strings
from kakehashi.device.noise.model import Readout

__all__ = ["QuasiProbabilities", "mitigate_parity", "mitigate_probabilities", "quasi_probabilities", "readout_overhead"]

Floats: TypeAlias = NDArray[np.float64]

LEAST_CONTRAST = 1e-3
"""``1 - p(1|0) - p(0|1)`` below which a bit tells nothing of its qubit."""

BLOCK = 1 << 22
"""Entries of the inverse that are computed at once: 32 MiB."""


def _checked(shots: Shots, readout: Readout) -> tuple[Floats, Floats]:
    rise, fall = (np.asarray(p, dtype=np.float64) for p in (readout.prob_meas1_prep0, readout.prob_meas0_prep1))
    if rise.shape != (shots.n_qubits,) or fall.shape != rise.shape:
        raise InputError(
            f"The readout has rates for {len(rise)} bits, but the shots have {shots.n_qubits}; give one rate a bit."
        )
    if not shots.n_shots:
        raise InputError("There are no shots to mitigate.")
    for bit in np.flatnonzero(~(1 - rise - fall >= LEAST_CONTRAST)):
        raise InputError(
            f"Bit {bit} is misread with probabilities {rise[bit]:g} and {fall[bit]:g}: it tells nothing of its qubit."
        )
    return rise, fall


def readout_overhead(readout: Readout, bits: Sequence[int] | None = None) -> float:
    """Largest factor by which mitigation multiplies the shots that a parity of some bits needs.

    Args:
        readout: Rates of each bit.
        bits: The bits; all where not given.

    Returns:
        The product of ``((1 + |p(1|0) - p(0|1)|) / (1 - p(1|0) - p(0|1)))**2``: the square of the inverse's 1-norm.

    Example:
        >>> one_per_cent = Readout(prob_meas1_prep0=np.full(127, 0.01), prob_meas0_prep1=np.full(127, 0.01))
        >>> round(readout_overhead(one_per_cent)), round(readout_overhead(one_per_cent, [0, 1]), 3)
        (169, 1.084)
    """
    chosen = slice(None) if bits is None else list(bits)
    rise, fall = readout.prob_meas1_prep0[chosen], readout.prob_meas0_prep1[chosen]
    return float(np.prod(((1 + np.abs(rise - fall)) / (1 - rise - fall)) ** 2))


def mitigate_parity(shots: Shots, readout: Readout, bits: Sequence[int]) -> Mitigated:
    """Expectation value of a product of Z on some bits.

    Args:
        shots: What was read.
        readout: Rates of each bit of the shots. Crosstalk is not undone.
        bits: On which bits.

    Raises:
        InputError: Rates and shots have different widths, a bit is not there, or a bit tells nothing of its qubit.

    Example:
        >>> readout = Readout(prob_meas1_prep0=np.array([0.1]), prob_meas0_prep1=np.array([0.3]))
        >>> found = mitigate_parity(Shots.from_counts({"0": 900, "1": 100}), readout, [0])
        >>> round(found.value, 6), round(found.unmitigated, 6)
        (1.0, 0.8)
    """
    rise, fall = _checked(shots, readout)
    chosen = list(bits)
    if any(not 0 <= bit < shots.n_qubits for bit in chosen) or len(set(chosen)) != len(chosen):
        raise InputError(f"The bits {chosen} must be distinct and below {shots.n_qubits}.")
    read = 1.0 - 2.0 * shots.to_matrix()[:, chosen]
    # The mean of a read sign is fall - rise + (1 - rise - fall) times the true one.
    scaled = (read - (fall - rise)[chosen]) / (1 - rise - fall)[chosen]
    value, error = _mean(scaled.prod(axis=1), shots.counts)
    plain, plain_error = _mean(read.prod(axis=1), shots.counts)
    return Mitigated(
        value=value,
        error=error,
        unmitigated=plain,
        unmitigated_error=plain_error,
        overhead=(error / plain_error) ** 2 if plain_error else readout_overhead(readout, chosen),
        method="readout",
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuasiProbabilities:
    """Mitigated probabilities of some strings; some are negative, and on all strings together their sum is 1.

    Attributes:
        bits: The strings, shape ``(n_strings, n_bits)``, bool.
        values: Mitigated probabilities, shape ``(n_strings,)``.
        errors: Their standard errors.
        unmitigated: Shares of the shots.
        unmitigated_errors: Their standard errors.
        overhead: Largest factor in shots that the mitigation can cost; see :func:`readout_overhead`.
    """

    bits: NDArray[np.bool_]
    values: Floats
    errors: Floats
    unmitigated: Floats
    unmitigated_errors: Floats
    overhead: float


def mitigate_probabilities(shots: Shots, readout: Readout, strings: Sequence[str]) -> QuasiProbabilities:
    """Probabilities of given strings.

    Args:
        shots: What was read.
        readout: Rates of each bit of the shots. Crosstalk is not undone.
        strings: Bit strings, bit 0 rightmost.

    Raises:
        InputError: Rates, strings and shots have different widths, or a bit tells nothing of its qubit.

    Example:
        >>> readout = Readout(prob_meas1_prep0=np.full(2, 0.1), prob_meas0_prep1=np.full(2, 0.1))
        >>> read = Shots.from_counts({"00": 81, "01": 9, "10": 9, "11": 1})
        >>> mitigate_probabilities(read, readout, ["00", "11"]).values.round(6) + 0.0
        array([1., 0.])
    """
    wanted = parse_strings(list(strings))
    if wanted.shape[1] != shots.n_qubits:
        raise InputError(f"The strings have {wanted.shape[1]} bits, but the shots have {shots.n_qubits}.")
    return _probabilities(shots, readout, wanted)


def quasi_probabilities(shots: Shots, readout: Readout) -> QuasiProbabilities:
    """Probabilities of all strings that were read.

    Args:
        shots: What was read; of time ``n_distinct**2``.
        readout: Rates of each bit of the shots. Crosstalk is not undone.

    Raises:
        InputError: Rates and shots have different widths, or a bit tells nothing of its qubit.

    Example:
        >>> readout = Readout(prob_meas1_prep0=np.full(1, 0.1), prob_meas0_prep1=np.full(1, 0.1))
        >>> quasi_probabilities(Shots.from_counts({"0": 60, "1": 40}), readout).values.round(3)
        array([0.625, 0.375])
    """
    return _probabilities(shots, readout, shots.to_matrix())


def _probabilities(shots: Shots, readout: Readout, wanted: NDArray[np.bool_]) -> QuasiProbabilities:
    rise, fall = _checked(shots, readout)
    read, n_shots = shots.to_matrix(), shots.n_shots
    share = shots.counts / n_shots
    values, squares, plain = (np.zeros(len(wanted)) for _ in range(3))
    step = max(1, BLOCK // len(read))
    for first in range(0, len(wanted), step):
        part = slice(first, first + step)
        inverse, distance = _inverse(wanted[part], read, rise, fall)
        values[part] = inverse @ share
        squares[part] = inverse**2 @ share
        plain[part] = (distance == 0) @ share
    degrees = max(n_shots - 1, 1)
    return QuasiProbabilities(
        bits=wanted,
        values=values,
        errors=np.sqrt((squares - values**2).clip(0) / degrees),
        unmitigated=plain,
        unmitigated_errors=np.sqrt(plain * (1 - plain) / degrees),
        overhead=readout_overhead(readout),
    )


def _inverse(
    wanted: NDArray[np.bool_], read: NDArray[np.bool_], rise: Floats, fall: Floats
) -> tuple[Floats, NDArray[np.int64]]:
    """Entries of the inverse between strings, and in how many bits they differ.

    The logarithm of a product over bits is a sum, and a sum over pairs of strings is a matrix product.
    """
    contrast = 1 - rise - fall
    # Of a bit: wanted 0 read 0, wanted 0 read 1 (negative), wanted 1 read 0 (negative), wanted 1 read 1. A rate of 0
    # makes an entry 0: its logarithm is so low that the product vanishes.
    with np.errstate(divide="ignore"):
        entries = [np.maximum(np.log(v / contrast), -800.0) for v in (1 - fall, fall, rise, 1 - rise)]
    x, y = wanted.astype(np.float64), read.astype(np.float64)
    same0, up, down, same1 = entries
    logs = same0.sum() + (x @ (down - same0))[:, None] + (y @ (up - same0))[None, :]
    logs += (x * (same0 - up - down + same1)) @ y.T
    distance = np.rint(x.sum(axis=1)[:, None] + y.sum(axis=1)[None, :] - 2 * x @ y.T).astype(np.int64)
    return np.exp(logs) * (1 - 2 * (distance & 1)), distance


def _mean(values: Floats, counts: NDArray[np.int64]) -> tuple[float, float]:
    total = int(counts.sum())
    mean = float(values @ counts) / total
    return mean, float(np.sqrt(((values - mean) ** 2) @ counts / max(total - 1, 1) / total))
