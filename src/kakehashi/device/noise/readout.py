"""Misreading: measured bits from true ones, and its exact matrix for a few bits."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.noise.model import NoisyCircuit, Readout

__all__ = ["confuse", "misread", "readout_of"]

Floats: TypeAlias = NDArray[np.float64]
Bits: TypeAlias = NDArray[np.uint8]

MAX_EXACT_BITS = 26
MAX_LINE_BITS = 12
CHUNK_ROWS = 1 << 20

DENSE = 0.2
"""Above this probability it is quicker to draw a number for every row than the gaps between errors."""


def readout_of(circuit: NoisyCircuit) -> Readout | None:
    """How a circuit's bits are misread; bits that no measurement writes are 0, and read as that.

    Example:
        >>> ones = np.ones(2)
        >>> measure = Operation(name="measure", qubits=(0,), bits=(1,))
        >>> circuit = NoisyCircuit(n_qubits=1, n_bits=2, steps=(measure,),
        ...                        readout=Readout(prob_meas1_prep0=ones, prob_meas0_prep1=ones))
        >>> readout_of(circuit).prob_meas1_prep0
        array([0., 1.])
    """
    readout = circuit.readout
    if readout is None:
        return None
    written = np.zeros(circuit.n_bits, dtype=np.bool_)
    for step in circuit.steps:
        if isinstance(step, Operation) and step.bits:
            written[list(step.bits)] = True
    if written.all():
        return readout
    return Readout(
        prob_meas1_prep0=np.where(written, readout.prob_meas1_prep0, 0.0),
        prob_meas0_prep1=np.where(written, readout.prob_meas0_prep1, 0.0),
        line=None if readout.line is None else np.where(written, readout.line, -1),
        line_crosstalk=readout.line_crosstalk,
    )


def _lines(readout: Readout) -> list[list[int]]:
    """Bits that disturb each other, each list one line; bits without neighbours stand alone."""
    n_bits = len(readout.prob_meas1_prep0)
    if readout.line is None or readout.line_crosstalk == 0:
        return [[bit] for bit in range(n_bits)]
    groups: dict[int, list[int]] = {}
    for bit, line in enumerate(readout.line.tolist()):
        groups.setdefault(line if line >= 0 else -2 - bit, []).append(bit)
    return list(groups.values())


def misread(
    bits: Bits, readout: Readout | None, *, rng: RngLike = None, counts: NDArray[np.int64] | None = None
) -> Bits:
    """Read true bits as the machine would.

    Only the bits that may be misread are looked at: for each bit the rows are drawn that an error of its largest
    probability would hit, and of these, those are flipped that their own probability says.

    Args:
        bits: True bits, packed, shape ``(n_rows, ceil(n_bits / 8))``, dtype uint8, lowest bit first.
        readout: How bits are misread; None for a perfect readout.
        rng: Generator, seed or None.
        counts: How often each row stands, shape ``(n_rows,)``, int64; once where not given.

    Returns:
        One row per shot, shape ``(counts.sum(), ceil(n_bits / 8))``.

    Raises:
        InputError: The rows have another width than the readout.

    Example:
        >>> always = Readout(prob_meas1_prep0=np.array([1.0, 0.0]), prob_meas0_prep1=np.array([0.0, 1.0]))
        >>> misread(np.array([[0b10]], dtype=np.uint8), always, counts=np.array([3]))
        array([[1],
               [1],
               [1]], dtype=uint8)
    """
    rows = bits.copy() if counts is None else np.repeat(bits, counts, axis=0)
    if readout is None:
        return rows
    n_bits = len(readout.prob_meas1_prep0)
    if bits.ndim != 2 or bits.shape[1] != -(-n_bits // 8):
        raise InputError(
            f"Rows of {n_bits} packed bits must have {-(-n_bits // 8)} bytes, but have shape {bits.shape}."
        )
    generator = as_generator(rng)
    lines = _lines(readout)
    for first in range(0, len(rows), CHUNK_ROWS):
        chunk = rows[first : first + CHUNK_ROWS]
        for line in lines:
            _misread_line(chunk, line, readout, generator)
    return rows


def _misread_line(rows: Bits, line: list[int], readout: Readout, rng: np.random.Generator) -> None:
    """Flip bits of one line in place; what others of the line hold is what was true."""
    flips = []
    for bit in line:
        up, down = float(readout.prob_meas1_prep0[bit]), float(readout.prob_meas0_prep1[bit])
        most = min(max(up, down) + readout.line_crosstalk * (len(line) - 1), 1.0)
        if most <= 0:
            continue
        hit = _draw_rows(len(rows), most, rng)
        probability = np.where(rows[hit, bit >> 3] >> (bit & 7) & 1, down, up)
        for other in line:
            if other != bit:
                probability += readout.line_crosstalk * (rows[hit, other >> 3] >> (other & 7) & 1)
        flips.append((bit, hit[rng.random(len(hit)) * most < probability]))
    for bit, hit in flips:
        rows[hit, bit >> 3] ^= np.uint8(1 << (bit & 7))


def _draw_rows(n_rows: int, probability: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows in which an event of a given probability, above 0, happens, ascending."""
    if probability >= DENSE:
        return np.flatnonzero(rng.random(n_rows) < probability)
    found: list[NDArray[np.int64]] = []
    last = -1
    while last < n_rows:
        left = (n_rows - last) * probability
        found.append(last + np.cumsum(rng.geometric(probability, size=int(left + 5 * np.sqrt(left) + 10))))
        last = int(found[-1][-1])
    every = np.concatenate(found)
    return every[every < n_rows]


def confuse(probabilities: Floats, readout: Readout | None) -> Floats:
    """Probabilities of what is read from those of what is true, exactly.

    Args:
        probabilities: Shape ``(2**n_bits,)``; bit ``b`` is bit ``b`` of the index.
        readout: How bits are misread; None for a perfect readout.

    Returns:
        Likewise.

    Raises:
        InputError: There are more than 26 bits, or more than 12 on one line that disturb each other, or the number of
            probabilities is not that of the readout.

    Example:
        >>> readout = Readout(prob_meas1_prep0=np.array([0.1]), prob_meas0_prep1=np.array([0.3]))
        >>> confuse(np.array([0.5, 0.5]), readout)
        array([0.6, 0.4])
    """
    if readout is None:
        return probabilities.copy()
    n_bits = len(readout.prob_meas1_prep0)
    if n_bits > MAX_EXACT_BITS:
        raise InputError(f"Exact misreading of {n_bits} bits would need 2^{n_bits} numbers; at most 26 bits can be.")
    if probabilities.shape != (2**n_bits,):
        raise InputError(f"There must be 2^{n_bits} probabilities, but they have shape {probabilities.shape}.")
    tensor = probabilities.reshape((2,) * n_bits)
    for line in _lines(readout):
        if len(line) > MAX_LINE_BITS:
            raise InputError(f"{len(line)} bits of one line disturb each other; an exact matrix holds {MAX_LINE_BITS}.")
        matrix = _line_matrix(line, readout).reshape((2,) * (2 * len(line)))
        # The last bit of a line is the highest of the matrix's index; bit b is axis n_bits - 1 - b of the tensor.
        axes = [n_bits - 1 - bit for bit in reversed(line)]
        moved = np.tensordot(matrix, tensor, axes=(range(len(line), 2 * len(line)), axes))
        tensor = np.moveaxis(moved, range(len(line)), axes)
    return np.ascontiguousarray(tensor).reshape(-1)


def _line_matrix(line: list[int], readout: Readout) -> Floats:
    """Probability that a line's bits are read as ``row`` where they are ``column``."""
    size = len(line)
    values = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    ones = values.sum(axis=1)
    matrix = np.ones((2**size, 2**size))
    for k, bit in enumerate(line):
        true = values[:, k]
        added = readout.line_crosstalk * (ones - true) if size > 1 else 0.0
        flip = np.where(true, readout.prob_meas0_prep1[bit], readout.prob_meas1_prep0[bit]) + added
        flip = np.minimum(flip, 1.0)
        matrix *= np.where(values[:, k][:, None] != true[None, :], flip, 1 - flip)
    return matrix
