"""Trajectories shot by shot: any channel, measurements and resets anywhere, gates that depend on a measured bit.

Exact, in plain numpy, many shots at a time. It is what circuits get that the native kernels do not understand, and the
slow twin that the tests compare the kernels with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.device.noise.model import KrausChannel, PauliChannel, Step
from kakehashi.device.sampler.measurements import Compact

__all__ = ["MAX_AMPLITUDES", "run_states", "run_trajectories"]

Matrix = NDArray[np.complex128]
Bits = NDArray[np.bool_]

MAX_AMPLITUDES = 1 << 22
"""Amplitudes that are worked on at a time: 64 MiB, and as much again for what is computed from them."""

PROJECTORS = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], dtype=np.complex128)
RESETS = np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]], dtype=np.complex128)


def run_trajectories(
    circuit: Compact,
    n_shots: int,
    rng: np.random.Generator,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Bits:
    """Draw shots.

    Args:
        circuit: Any circuit.
        n_shots: Number of shots.
        rng: Source of randomness.
        progress: Is called with the number of shots that are done, and of all.

    Returns:
        Classical bits, shape ``(n_shots, n_bits)``; without readout errors.

    Example:
        >>> import numpy as np
        >>> from kakehashi.device.noise.model import NoisyCircuit
        >>> from kakehashi.device.sampler.measurements import compact
        >>> flip = (Operation(name="x", qubits=(0,)), Operation(name="measure", qubits=(0,), bits=(0,)))
        >>> again = Operation(name="x", qubits=(0,), condition=(0, 1))
        >>> steps = (*flip, again, Operation(name="measure", qubits=(0,), bits=(1,)))
        >>> run_trajectories(compact(NoisyCircuit(n_qubits=1, n_bits=2, steps=steps)), 2, np.random.default_rng(1))
        array([[ True, False],
               [ True, False]])
    """
    at_once = max(1, MAX_AMPLITUDES >> circuit.n_qubits)
    bits = np.zeros((n_shots, circuit.n_bits), dtype=np.bool_)
    for first in range(0, n_shots, at_once):
        rows = bits[first : first + at_once]
        rows[:] = _Batch(circuit, len(rows), rng).run()
        if progress is not None:
            progress(first + len(rows), n_shots)
    return bits


def run_states(circuit: Compact, n_runs: int, rng: np.random.Generator) -> Iterator[Matrix]:
    """Final states of independent runs; averaged, the projectors on them are the density matrix.

    Args:
        circuit: Any circuit; measurements at its end are not taken.
        n_runs: Number of runs.
        rng: Source of randomness.

    Returns:
        Batches of normalised states, together of shape ``(n_runs, 2**n_qubits)``; qubit 0 is the lowest bit.

    Example:
        >>> import numpy as np
        >>> from kakehashi.device.noise.model import NoisyCircuit
        >>> from kakehashi.device.sampler.measurements import compact
        >>> flip = NoisyCircuit(n_qubits=1, n_bits=0, steps=(Operation(name="x", qubits=(0,)),))
        >>> [batch.real.tolist() for batch in run_states(compact(flip, observed=[0]), 2, np.random.default_rng(1))]
        [[[0.0, 1.0], [0.0, 1.0]]]
    """
    at_once = max(1, MAX_AMPLITUDES >> circuit.n_qubits)
    for first in range(0, n_runs, at_once):
        batch = _Batch(circuit, min(at_once, n_runs - first), rng)
        batch.take_all()
        yield np.broadcast_to(batch.states, (batch.n_shots, batch.states.shape[1]))


class _Batch:
    """Shots that go through the circuit together; one state serves all until chance first has a say."""

    def __init__(self, circuit: Compact, n_shots: int, rng: np.random.Generator) -> None:
        self.circuit, self.n_shots, self.rng = circuit, n_shots, rng
        self.bits = np.zeros((n_shots, circuit.n_bits), dtype=np.bool_)
        self.states = np.zeros((1, 1 << circuit.n_qubits), dtype=np.complex128)
        self.states[0, 0] = 1

    def take_all(self) -> None:
        for step in self.circuit.steps:
            self.take(step)

    def run(self) -> Bits:
        self.take_all()
        if self.circuit.outputs is not None:
            self._measure_all(self.circuit.outputs)
        return self.bits

    def take(self, step: Step) -> None:
        if isinstance(step, PauliChannel):
            chosen = self.rng.choice(len(step.probabilities), self.n_shots, p=_normalised(step.probabilities))
            if chosen.any():
                self._apply_own(_pauli_matrices(len(step.qubits))[chosen], step.qubits)
        elif isinstance(step, KrausChannel):
            self._apply_channel(step.operators, step.qubits)
        elif step.name == "measure":
            for q, b in zip(step.qubits, step.bits, strict=True):
                self._if(step, self._apply_channel(PROJECTORS, (q,), step) == 1, b)
        elif step.name == "reset":
            for q in step.qubits:
                self._apply_channel(RESETS, (q,), step)
        elif step.is_unitary:
            self._apply_gate(step)

    def _holds(self, step: Operation) -> Bits:
        if step.condition is None:
            return np.ones(self.n_shots, dtype=np.bool_)
        bit, value = step.condition
        holds: Bits = self.bits[:, bit] == bool(value)
        return holds

    def _if(self, step: Operation, outcome: Bits, bit: int) -> None:
        holds = self._holds(step)
        self.bits[holds, bit] = outcome[holds]

    def _apply_gate(self, gate: Operation) -> None:
        matrix = gate.unitary()
        if gate.condition is None:
            self.states = _times(matrix[None], self.states, gate.qubits)
            return
        holds = self._holds(gate)
        self._apply_own(np.where(holds[:, None, None], matrix, np.eye(len(matrix))), gate.qubits)

    def _apply_own(self, matrices: Matrix, qubits: tuple[int, ...]) -> None:
        """Apply to each shot its own matrix."""
        self.states = _times(matrices, self._own_states(), qubits)

    def _own_states(self) -> Matrix:
        if len(self.states) != self.n_shots:
            self.states = np.repeat(self.states, self.n_shots, axis=0)
        return self.states

    def _apply_channel(
        self, operators: Matrix, qubits: tuple[int, ...], step: Operation | None = None
    ) -> NDArray[np.int64]:
        """Apply to each shot one of the operators, by its probability there; return which."""
        states = _front(self.states, qubits)
        density = np.einsum("sax,sbx->sab", states, states.conj())
        probabilities = np.einsum("kca,sab,kcb->sk", operators, density, operators.conj()).real.clip(min=0)
        probabilities = np.broadcast_to(probabilities, (self.n_shots, len(operators)))
        cumulative = np.cumsum(probabilities, axis=1)
        target = self.rng.random(self.n_shots)[:, None] * cumulative[:, -1:]
        chosen: NDArray[np.int64] = np.minimum((cumulative <= target).sum(axis=1), len(operators) - 1)
        norms = np.sqrt(np.take_along_axis(probabilities, chosen[:, None], axis=1))
        own = operators[chosen] / norms[:, :, None]
        if step is not None and step.condition is not None:
            own = np.where(self._holds(step)[:, None, None], own, np.eye(operators.shape[1]))
        self._apply_own(own, qubits)
        return chosen

    def _measure_all(self, outputs: dict[int, int]) -> None:
        probabilities = np.abs(self.states) ** 2
        cumulative = np.cumsum(probabilities, axis=1)
        target = self.rng.random(self.n_shots) * (cumulative[:, -1] if len(cumulative) > 1 else cumulative[0, -1])
        if len(cumulative) == 1:
            found = np.searchsorted(cumulative[0], target, side="right")
        else:
            found = np.array([np.searchsorted(row, t, side="right") for row, t in zip(cumulative, target, strict=True)])
        found = np.minimum(found, cumulative.shape[1] - 1)
        for bit, q in outputs.items():
            self.bits[:, bit] = (found >> q) & 1


def _normalised(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = probabilities.clip(min=0)
    result: NDArray[np.float64] = clipped / clipped.sum()
    return result


def _pauli_matrices(n_qubits: int) -> Matrix:
    """All Pauli operators, numbered as channels number them."""
    single = [GATES[name].matrix() for name in ("id", "x", "y", "z")]
    matrices: list[Matrix] = [np.eye(1, dtype=np.complex128)]
    for _ in range(n_qubits):
        matrices = [np.kron(high, low).astype(np.complex128) for high in single for low in matrices]
    return np.array(matrices)


def _front(states: Matrix, qubits: tuple[int, ...]) -> Matrix:
    """Shape ``(n_states, 2**k, the rest)``: the index of the named qubits first, ``qubits[0]`` its lowest bit."""
    n = int(math.log2(states.shape[1]))
    axes = [n - q for q in reversed(qubits)]
    tensor = states.reshape(len(states), *(2,) * n)
    rest = [axis for axis in range(1, n + 1) if axis not in axes]
    return tensor.transpose(0, *axes, *rest).reshape(len(states), 1 << len(qubits), -1)


def _times(matrices: Matrix, states: Matrix, qubits: tuple[int, ...]) -> Matrix:
    n = int(math.log2(states.shape[1]))
    product = np.matmul(matrices, _front(states, qubits))
    axes = [n - q for q in reversed(qubits)]
    order = [0, *axes, *(axis for axis in range(1, n + 1) if axis not in axes)]
    tensor = product.reshape(len(product), *(2,) * n)
    moved: Matrix = np.ascontiguousarray(tensor.transpose(np.argsort(order))).reshape(len(product), -1)
    return moved
