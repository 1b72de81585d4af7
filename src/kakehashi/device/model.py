"""What a quantum device is to the rest of the house, and what it gives: raw shots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.core.progress import Progress, silent
from kakehashi.core.rng import RngLike

if TYPE_CHECKING:
    from kakehashi.circuit.model import Circuit

__all__ = ["Device", "Shots"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shots:
    """What a device measured: distinct bit strings and how often each came.

    Attributes:
        bits: Shape ``(n_distinct, n_bytes)``, dtype uint8, ``n_bytes = ceil(n_qubits / 8)``; qubit ``q`` is
            bit ``q % 8`` (lowest first) of byte ``q // 8``. Rows are distinct and in ascending order of the
            number that the bit string writes. See ``docs/formats/bits.md``.
        counts: Shape ``(n_distinct,)``, dtype int64, all positive.
        n_qubits: Number of measured qubits.
        provenance: Device, settings, seed, times, as plain JSON values.
    """

    bits: NDArray[np.uint8]
    counts: NDArray[np.int64]
    n_qubits: int
    provenance: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_bytes = -(-self.n_qubits // 8)
        if self.n_qubits < 1:
            raise InputError(f"Argument `n_qubits` must be positive, but is {self.n_qubits}.")
        if self.bits.ndim != 2 or self.bits.shape[1] != n_bytes or self.bits.dtype != np.uint8:
            raise InputError(
                f"Argument `bits` must be uint8 with shape (n_distinct, {n_bytes}), "
                f"but is {self.bits.dtype} with {self.bits.shape}."
            )
        if self.counts.shape != (len(self.bits),) or self.counts.dtype != np.int64:
            raise InputError(
                f"Argument `counts` must be int64 with shape ({len(self.bits)},), "
                f"but is {self.counts.dtype} with {self.counts.shape}."
            )
        if len(self.counts) and self.counts.min() < 1:
            raise InputError("Argument `counts` must be positive.")
        if self.n_qubits % 8 and len(self.bits) and (self.bits[:, -1] >> (self.n_qubits % 8)).any():
            raise InputError(f"Argument `bits` has bits set beyond qubit {self.n_qubits - 1}.")
        if not _ascend(self.bits):
            raise InputError("Argument `bits` must have distinct rows in ascending order.")

    @property
    def n_shots(self) -> int:
        """Number of shots, repeated ones counted."""
        return int(self.counts.sum())

    @property
    def n_distinct(self) -> int:
        """Number of distinct bit strings."""
        return len(self.bits)

    @classmethod
    def from_packed(
        cls,
        bits: NDArray[np.uint8],
        *,
        n_qubits: int,
        counts: NDArray[np.int64] | None = None,
        provenance: Mapping[str, object] | None = None,
    ) -> Shots:
        """Count packed rows that may repeat and come in any order.

        Args:
            bits: Shape ``(n_rows, ceil(n_qubits / 8))``, dtype uint8, packed as :attr:`bits`.
            n_qubits: Number of measured qubits.
            counts: How often each row came; once where not given.
            provenance: Device, settings, seed, times.

        Example:
            >>> shots = Shots.from_packed(np.array([[2], [1], [2]], dtype=np.uint8), n_qubits=2)
            >>> shots.to_counts()
            {'01': 1, '10': 2}
        """
        weights = np.ones(len(bits), dtype=np.int64) if counts is None else counts
        if weights.shape != (len(bits),):
            raise InputError(f"Argument `counts` must have shape ({len(bits)},), but has {weights.shape}.")
        words = _words(bits)
        order = np.lexsort(words.T)
        words, weights = words[order], weights[order]
        first = np.ones(len(words), dtype=np.bool_)
        first[1:] = (words[1:] != words[:-1]).any(axis=1)
        totals = np.add.reduceat(weights, np.flatnonzero(first)) if len(words) else weights
        return cls(
            bits=np.ascontiguousarray(bits[order[first]]),
            counts=totals.astype(np.int64),
            n_qubits=n_qubits,
            provenance=dict(provenance or {}),
        )

    @classmethod
    def from_matrix(
        cls,
        matrix: NDArray[np.bool_],
        *,
        counts: NDArray[np.int64] | None = None,
        provenance: Mapping[str, object] | None = None,
    ) -> Shots:
        """Count the rows of a matrix of measured bits.

        Args:
            matrix: Shape ``(n_shots, n_qubits)``, dtype bool; column ``q`` is qubit ``q``.
            counts: How often each row came; once where not given.
            provenance: Device, settings, seed, times.

        Example:
            >>> shots = Shots.from_matrix(np.array([[True, False], [True, False], [True, True]]))
            >>> shots.n_distinct, shots.counts
            (2, array([2, 1]))
        """
        matrix = np.asarray(matrix, dtype=np.bool_)
        return cls.from_packed(
            np.packbits(matrix, axis=1, bitorder="little"),
            n_qubits=matrix.shape[1],
            counts=counts,
            provenance=provenance,
        )

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], *, provenance: Mapping[str, object] | None = None) -> Shots:
        """Shots from bit strings and their counts, as qiskit's ``get_counts`` gives them.

        Args:
            counts: Bit strings with qubit 0 rightmost, all of one width, and how often each came.
            provenance: Device, settings, seed, times.

        Raises:
            InputError: A key is no bit string, or the widths differ, or there is none.

        Example:
            >>> Shots.from_counts({"10": 3, "01": 1}).to_matrix().astype(int)
            array([[1, 0],
                   [0, 1]])
        """
        return cls.from_matrix(
            parse_strings(list(counts)),
            counts=np.array(list(counts.values()), dtype=np.int64),
            provenance=provenance,
        )

    def to_matrix(self) -> NDArray[np.bool_]:
        """The distinct bit strings, shape ``(n_distinct, n_qubits)``, bool; column ``q`` is qubit ``q``."""
        unpacked = np.unpackbits(self.bits, axis=1, bitorder="little", count=self.n_qubits)
        return unpacked.astype(np.bool_)

    def to_counts(self) -> dict[str, int]:
        """Bit strings, qubit 0 rightmost, and how often each came: the inverse of :meth:`from_counts`."""
        text = np.ascontiguousarray(self.to_matrix()[:, ::-1]).view(np.uint8) + ord("0")
        strings = (row.tobytes().decode("ascii") for row in text)
        return dict(zip(strings, self.counts.tolist(), strict=True))


def parse_strings(strings: Sequence[str]) -> NDArray[np.bool_]:
    """Bit strings of one width as a matrix, shape ``(n, n_qubits)``; column ``q`` is qubit ``q``.

    Raises:
        InputError: A string is no bit string, or the widths differ, or there is none.

    Example:
        >>> parse_strings(["011"]).astype(int)
        array([[1, 1, 0]])
    """
    if not strings or not strings[0]:
        raise InputError("There are no bit strings.")
    width = len(strings[0])
    for string in strings:
        if len(string) != width:
            raise InputError(
                f"All bit strings must have one width, but {string!r} has {len(string)} bits "
                f"and {strings[0]!r} has {width}."
            )
    characters = np.frombuffer("".join(strings).encode("utf-8", "replace"), dtype=np.uint8)
    wrong = ~np.isin(characters, (ord("0"), ord("1")))
    if len(characters) != len(strings) * width or wrong.any():
        fault = next(string for string in strings if set(string) - {"0", "1"})
        raise InputError(f"{fault!r} is no bit string; it must consist of 0 and 1.")
    matrix: NDArray[np.bool_] = characters.reshape(len(strings), width)[:, ::-1] == ord("1")
    return matrix


def _words(bits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Packed rows as 64-bit words, low word first: an eighth of the columns to compare."""
    n_words = -(-bits.shape[1] // 8)
    padded = np.zeros((len(bits), 8 * n_words), dtype=np.uint8)
    padded[:, : bits.shape[1]] = bits
    return padded.view("<u8").astype(np.uint64, copy=False)


def _ascend(bits: NDArray[np.uint8]) -> bool:
    """Whether each row's number is larger than the one before."""
    words = _words(bits)
    larger = np.zeros(max(len(words) - 1, 0), dtype=np.bool_)
    equal = ~larger
    for column in range(words.shape[1] - 1, -1, -1):
        above, below = words[:-1, column], words[1:, column]
        larger |= equal & (below > above)
        equal &= below == above
    return bool(larger.all())


class Device(Protocol):
    """Whatever turns a circuit into shots: a simulator, a twin, a machine, a file of earlier counts."""

    @property
    def name(self) -> str:
        """The name that a user picks it by."""
        ...

    @property
    def reads_circuit(self) -> bool:
        """Whether the shots depend on the circuit; where not, the caller need not prepare a costly one."""
        ...

    def run(self, circuit: Circuit, n_shots: int, *, rng: RngLike = None, progress: Progress = silent) -> Shots:
        """Run ``circuit`` and measure all its qubits ``n_shots`` times.

        Raises:
            InputError: The circuit does not fit the device.
            ResourceError: The simulation needs more memory than there is; said before it starts.
            DeviceError: The device failed.
        """
        ...
