"""Shots by a front: a state of those qubits alone that a sweep over the circuit has reached and not yet measured.

A qubit joins the state with its first gate on two qubits, and leaves it when it is measured. Errors are signs: where
one is set, a step's inverse is done (docs/decisions/0009).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi import _native

__all__ = ["KNOWN", "MEASURE", "PARITY", "SINGLE", "FrontProgram", "Precision"]

Complex: TypeAlias = NDArray[np.complex128]
Precision: TypeAlias = Literal["double", "single"]

SINGLE, PARITY, KNOWN, MEASURE = range(4)
"""Kinds of steps: a gate on one qubit; a phase where two qubits differ; the same where the second was measured before;
a measurement."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrontProgram:
    """Gates and measurements in the order of a sweep.

    Attributes:
        n_qubits: Number of qubits.
        code: Kind, first qubit, second qubit and number of the matrix of each step, shape ``(n_steps, 4)``, int32.
        matrices: A gate's matrix by rows, or a phase in the first of the four numbers, shape ``(n_matrices, 4)``,
            complex128.

    Example:
        >>> matrices = np.array([[1, 1, 1, -1], [1j, 0, 0, 0]], dtype=np.complex128)
        >>> matrices[0] /= np.sqrt(2)
        >>> code = [(SINGLE, q, q, 0) for q in (0, 1)] + [(PARITY, 0, 1, 1)] + [(SINGLE, 0, 0, 0)]
        >>> code += [(MEASURE, q, q, 0) for q in (0, 1)]
        >>> program = FrontProgram(n_qubits=2, code=np.array(code, dtype=np.int32), matrices=matrices)
        >>> uniforms = np.array([[0.1, 0.9], [0.6, 0.4]])
        >>> program.width, program.sample(np.zeros((6, 2), dtype=np.uint8), uniforms).T.tolist()
        (2, [[1, 0], [0, 1]])
    """

    n_qubits: int
    code: NDArray[np.int32]
    matrices: Complex

    @property
    def width(self) -> int:
        """The most qubits that the state holds at once."""
        return _native.make_front(self.n_qubits, self.code, self.matrices).width

    def sample(
        self,
        signs: NDArray[np.uint8],
        uniforms: NDArray[np.float64],
        *,
        precision: Precision = "double",
        n_threads: int = 1,
    ) -> NDArray[np.uint8]:
        """Measure every qubit in every shot.

        Args:
            signs: 1 where a step's inverse is done, shape ``(n_steps, n_shots)``.
            uniforms: A qubit is found in 1 where its number is below the probability of 1, shape
                ``(n_qubits, n_shots)``.
            precision: Of the state.
            n_threads: Threads; no result depends on it.

        Returns:
            What was found, shape ``(n_qubits, n_shots)``.
        """
        bits = np.zeros(uniforms.shape, dtype=np.uint8)
        program = _native.make_front(self.n_qubits, self.code, self.matrices)
        program.sample(signs, uniforms, bits, n_threads, precision == "single")
        return bits

    def sample_slowly(self, signs: NDArray[np.uint8], uniforms: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The same shot by shot in numpy, with a state of all qubits: what the kernel is tested against."""
        bits = np.zeros(uniforms.shape, dtype=np.uint8)
        for shot in range(uniforms.shape[1]):
            state = np.zeros((2,) * self.n_qubits, dtype=np.complex128)  # axis k is qubit k
            state[(0,) * self.n_qubits] = 1
            for (kind, first, second, number), sign in zip(self.code.tolist(), signs[:, shot].tolist(), strict=True):
                numbers = self.matrices[number]
                halves = np.moveaxis(state, first, 0)
                if kind == MEASURE:
                    weights = [float(np.vdot(half, half).real) for half in halves]
                    bits[first, shot] = uniforms[first, shot] * sum(weights) < weights[1]
                    halves[1 - bits[first, shot]] = 0
                elif kind == SINGLE:
                    matrix = numbers.reshape(2, 2)
                    halves[:] = np.tensordot(matrix.conj().T if sign else matrix, halves, axes=1)
                else:
                    quarters = np.moveaxis(state, (first, second), (0, 1))
                    phase = numbers[0].conj() if sign else numbers[0]
                    quarters[0, 1] *= phase
                    quarters[1, 0] *= phase
        return bits
