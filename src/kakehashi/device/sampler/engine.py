"""A circuit made ready for the native kernels, and shots and expectation values from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kakehashi import _native
from kakehashi.core.errors import InputError
from kakehashi.core.resources import available_memory_bytes, require_memory
from kakehashi.device.noise.model import Step
from kakehashi.device.sampler.patterns import Trajectories, draw_events, find_effects, group_trajectories
from kakehashi.device.sampler.rotations import RotationCircuit, to_rotations
from kakehashi.device.sampler.schedule import Schedule, plan_schedule, relevant_rotations

__all__ = ["Engine", "Precision", "state_bytes"]

Precision = Literal["double", "single"]

N_LOCAL = {"double": 16, "single": 17}
"""Qubits whose amplitudes, 1 MiB, stay in the second cache while a pass works on them."""

MAX_SHARING_QUBITS = 20
"""Up to so many qubits passes are kept short, for more to be shared; beyond, each costs a way through the memory."""

MAX_STATES = 40
"""States that a branch may keep alive: where the trajectories part. More are never needed."""

MAX_SIGN_BYTES = 1 << 27
"""Signs of shots that are drawn together."""

AMPLITUDES_AND_TURNS_PER_CALL = 2e10
"""Work of one call of the kernels, for one thread: about a second."""

MAX_BRANCH_QUBITS = 21
"""Beyond this, threads share a state instead of each having its own: together they would leave the cache."""


def state_bytes(n_qubits: int, precision: Precision = "double") -> int:
    """Memory of one state.

    Example:
        >>> state_bytes(20), state_bytes(20, "single")
        (16777216, 8388608)
    """
    return (16 if precision == "double" else 8) << max(n_qubits, 5)


@dataclass(slots=True, eq=False)
class Engine:
    """Gates and Pauli channels on the way to the kernels.

    Attributes:
        circuit: As rotations.
        schedule: Passes.
        precision: Of the amplitudes.
        n_threads: Threads; no result depends on them.
        memory_bytes: Memory that states may take.
    """

    circuit: RotationCircuit
    schedule: Schedule
    precision: Precision
    n_threads: int
    memory_bytes: int

    @classmethod
    def prepare(
        cls,
        steps: Sequence[Step],
        *,
        n_qubits: int,
        measured: Collection[int],
        precision: Precision = "double",
        n_threads: int = 1,
        memory_bytes: int | None = None,
        n_local: int | None = None,
    ) -> Engine:
        """Take the gates apart, leave out what the measured qubits do not depend on, and plan the passes.

        Args:
            steps: Gates on one or two qubits and Pauli channels.
            n_qubits: Number of qubits.
            measured: Qubits that matter in the end.
            precision: Of the amplitudes.
            n_threads: Threads.
            memory_bytes: Memory that states may take; what is free where not given.
            n_local: Qubits that a pass works on, at least 5.

        Raises:
            InputError: A step is something else.
            ResourceError: Not even one state fits into the memory.

        Example:
            >>> from kakehashi.circuit.gates import Operation
            >>> bell = [Operation(name="h", qubits=(0,)), Operation(name="cx", qubits=(0, 1))]
            >>> Engine.prepare(bell, n_qubits=2, measured=[0, 1]).parity(0b11)
            1.0
        """
        if precision not in N_LOCAL:
            raise InputError(f"Argument `precision` must be 'double' or 'single', but is {precision!r}.")
        if n_threads < 1:
            raise InputError(f"Argument `n_threads` must be positive, but is {n_threads}.")
        available = available_memory_bytes() if memory_bytes is None else memory_bytes
        require_memory(
            state_bytes(n_qubits, precision),
            f"A state of {n_qubits} qubits in {precision} precision",
            remedy="single precision takes half" if precision == "double" else "use fewer qubits",
            budget_bytes=memory_bytes,
        )
        circuit = to_rotations(steps, n_qubits=n_qubits)
        positions = {circuit.position[q] for q in measured}
        schedule = plan_schedule(
            circuit.rotations,
            n_qubits=n_qubits,
            relevant=relevant_rotations(circuit.rotations, measured=positions, n_qubits=n_qubits),
            n_local=N_LOCAL[precision] if n_local is None else n_local,
            max_turns=n_qubits if n_qubits <= MAX_SHARING_QUBITS else None,
        )
        return cls(circuit, schedule, precision, n_threads, available)

    @property
    def max_states(self) -> int:
        """States that fit into the memory together."""
        return int(max(1, min(MAX_STATES, self.memory_bytes // state_bytes(self.circuit.n_qubits, self.precision))))

    def draw_trajectories(self, n_shots: int, rng: np.random.Generator) -> Trajectories:
        """Draw the errors of all shots."""
        events = draw_events([place.channel for place in self.circuit.places], n_shots, rng)
        effects = find_effects(self.circuit, self.schedule.bit, self.schedule.n_words)
        return group_trajectories(effects, events, n_shots)

    def sample(
        self, n_shots: int, rng: np.random.Generator, *, progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.uint64]:
        """Draw shots.

        Args:
            n_shots: Number of shots.
            rng: Source of randomness; what it gives depends on neither threads nor memory.
            progress: Is called with the number of trajectories that are done, and of all, about once a second.

        Returns:
            The qubits' values of each shot, qubit ``q`` of the circuit being bit ``q``; shape ``(n_shots,)``, uint64.
        """
        at_once = max(1, MAX_SIGN_BYTES // (8 * self.schedule.n_words + 8))
        parts = [self._sample(min(at_once, n_shots - k), rng, progress) for k in range(0, n_shots, at_once)]
        return self._to_circuit_order(np.concatenate(parts))

    def _sample(
        self, n_shots: int, rng: np.random.Generator, progress: Callable[[int, int], None] | None
    ) -> NDArray[np.uint64]:
        """Draw shots whose signs fit into the memory together; qubits where the rotations have them."""
        trajectories = self.draw_trajectories(n_shots, rng)
        uniforms = rng.random(n_shots)
        order = np.lexsort((uniforms, trajectories.number))
        ordered = np.ascontiguousarray(uniforms[order])
        n = len(trajectories.signs)
        first = np.zeros(n + 1, dtype=np.int64)
        np.cumsum(np.bincount(trajectories.number, minlength=n), out=first[1:])
        drawn = np.empty(n_shots, dtype=np.int64)
        kernels = self._kernels()
        at_once = self._trajectories_per_call()
        for a in range(0, n, at_once):
            b = min(a + at_once, n)
            own = slice(first[a], first[b])
            rows, begins = trajectories.signs[a:b], first[a : b + 1] - first[a]
            kernels.sample(rows, begins, ordered[own], drawn[own], *self._threads(b - a))
            if progress is not None:
                progress(b, n)
        found = np.empty(n_shots, dtype=np.uint64)
        found[order] = drawn.view(np.uint64)
        return found ^ trajectories.flips ^ np.uint64(self.circuit.flips)

    def _trajectories_per_call(self) -> int:
        """As many as take a second or so: kernels cannot be interrupted, and each call begins anew."""
        amplitudes_and_turns = max(self.schedule.n_turns, 1) * 2.0**self.schedule.n_qubits
        return max(4 * self.n_threads, int(AMPLITUDES_AND_TURNS_PER_CALL * self.n_threads / amplitudes_and_turns))

    def _to_circuit_order(self, found: NDArray[np.uint64]) -> NDArray[np.uint64]:
        position = self.circuit.position
        if position == list(range(len(position))):
            return found
        moved = np.zeros_like(found)
        for q, at in enumerate(position):
            moved |= ((found >> np.uint64(at)) & np.uint64(1)) << np.uint64(q)
        return moved

    def parity(self, mask: int) -> float:
        """``<Z...Z>`` on the circuit's qubits whose bits are set in ``mask``, without errors."""
        signs = np.zeros((1, self.schedule.n_words), dtype=np.uint64)
        return float(self.parities(mask, signs, np.zeros(1, dtype=np.uint64))[0])

    def parities(self, mask: int, signs: NDArray[np.uint64], flips: NDArray[np.uint64]) -> NDArray[np.float64]:
        """``<Z...Z>`` of each trajectory.

        Args:
            mask: Bits of the circuit's qubits.
            signs: Distinct rows, ascending, shape ``(n, n_words)``.
            flips: Qubits that end flipped, shape ``(n,)``.
        """
        there = sum(1 << self.circuit.position[q] for q in range(self.circuit.n_qubits) if mask >> q & 1)
        out = np.empty(len(signs))
        self._kernels().fill_parities(signs, there, out, *self._threads(len(signs)))
        flipped = np.bitwise_count((flips ^ np.uint64(self.circuit.flips)) & np.uint64(there)) & 1
        result: NDArray[np.float64] = np.where(flipped == 1, -out, out)
        return result

    def _kernels(self) -> _native.TrajectorySampler:
        schedule = self.schedule
        return _native.make_trajectories(
            schedule.n_qubits, schedule.code, schedule.angles, schedule.scales, self.precision == "single"
        )

    def _threads(self, n_trajectories: int) -> tuple[int, int, int]:
        """Branches, threads of each, and states of each."""
        each = self.max_states // self.n_threads
        apart = self.circuit.n_qubits <= MAX_BRANCH_QUBITS and n_trajectories >= 2 * self.n_threads and each >= 2
        if apart:
            return self.n_threads, 1, each
        # Threads cost more than they bring where a state is a single piece.
        pieces = 1 << max(0, self.schedule.n_qubits - N_LOCAL[self.precision])
        return 1, min(self.n_threads, pieces), self.max_states
