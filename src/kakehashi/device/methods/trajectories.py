"""Exact quantum trajectories: one pure state per shot, with any noise, measurements in the middle and conditions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.progress import Reporter
from kakehashi.core.resources import available_memory_bytes, format_bytes
from kakehashi.device.methods.model import Cost, Expectation, Observable, Refusal, Sampled, Verdict
from kakehashi.device.noise.compact import before_measurement, compact, final_measurements, touched_qubits
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Step
from kakehashi.device.noise.readout import misread, readout_of
from kakehashi.device.noise.superoperators import apply_matrix
from kakehashi.device.noise.trajectories import draw_trajectories, measure_states

__all__ = ["Trajectories"]

BATCH_BYTES = 1 << 25
SECONDS_PER_AMPLITUDE = 5e-9
"""Time of one matrix on one amplitude: 8 to 12 qubits on one core of an AMD Zen 3 server, rounded up."""

SECONDS_PER_STEP = 5e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectories:
    """Shots from the noise itself, without twirling; a reference that is right, not one that is fast.

    Attributes:
        max_qubits: Most touched qubits.
        n_averaged: Number of runs that an expectation value is the mean of.
        seed: Of the runs behind expectation values.
        memory_bytes: Memory that may be used; what is free where not given.

    Example:
        >>> coin = (Operation(name="h", qubits=(0,)), Operation(name="measure", qubits=(0,), bits=(0,)))
        >>> circuit = NoisyCircuit(n_qubits=1, n_bits=1, steps=coin)
        >>> drawn = Trajectories().sample(circuit, 100, rng=np.random.default_rng(1), reporter=Reporter())
        >>> len(drawn.bits), drawn.error
        (100, 'exact: each shot is an independent run of the noise model')
    """

    max_qubits: int = 16
    n_averaged: int = 4000
    seed: int = 0
    memory_bytes: int | None = None

    @property
    def name(self) -> str:
        """``"trajectories"``."""
        return "trajectories"

    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """Cost or refusal; the time grows with the number of shots."""
        return self._verdict(circuit, (), n_shots, "exact: each shot is an independent run of the noise model", 0.0)

    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """Cost or refusal; the error is statistical."""
        error = f"statistical: a standard error of {self.n_averaged**-0.5:.1g} at most from {self.n_averaged} runs"
        return self._verdict(circuit, observable.qubits, self.n_averaged, error, None)

    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """One run per shot, misreading included."""
        small, _ = compact(circuit)
        finals = [small.steps[k] for k in sorted(final_measurements(small))]
        rows = []
        for first, size in _batches(small.n_qubits, n_shots):
            states, bits = draw_trajectories(small, size, rng=rng)
            outcomes = measure_states(states, rng)
            for step in finals:
                assert isinstance(step, Operation)
                for q, bit in zip(step.qubits, step.bits, strict=True):
                    bits[:, bit] = (outcomes >> q) & 1
            rows.append(np.packbits(bits, axis=1, bitorder="little"))
            reporter.step("sample", "followed errors", step=first + size, total=n_shots)
        true = np.concatenate(rows) if rows else np.zeros((0, -(-circuit.n_bits // 8)), dtype=np.uint8)
        read: NDArray[np.uint8] = misread(true, readout_of(circuit), rng=rng)
        return Sampled(
            bits=read,
            counts=np.ones(len(read), dtype=np.int64),
            error="exact: each shot is an independent run of the noise model",
        )

    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """Mean over runs before the final measurements, with its standard error."""
        small, qubits = compact(before_measurement(circuit), keep=observable.qubits)
        rng = np.random.default_rng(self.seed)
        values = []
        for first, size in _batches(small.n_qubits, self.n_averaged):
            states, _ = draw_trajectories(small, size, rng=rng)
            turned = states
            for q, letter in observable.paulis:
                axis = small.n_qubits - qubits.index(q)
                turned = apply_matrix(GATES[letter.lower()].matrix(), turned, [axis])
            values.append(np.sum((states.conj() * turned).reshape(size, -1), axis=1).real)
            reporter.step("expect", "followed errors", step=first + size, total=self.n_averaged)
        every = np.concatenate(values)
        deviation = float(every.std(ddof=1) / np.sqrt(len(every))) if len(every) > 1 else 1.0
        return Expectation(
            value=float(every.mean()),
            error_bound=None,
            error=f"statistical: standard error {deviation:.1e} from {len(every)} runs",
        )

    def _verdict(
        self, circuit: NoisyCircuit, keep: tuple[int, ...], n_runs: int, error: str, bound: float | None
    ) -> Verdict:
        n = len({*touched_qubits(circuit), *keep})
        if n > self.max_qubits:
            return Refusal(
                method=self.name,
                reason=f"{n} qubits need 2^{n} amplitudes a shot; the limit is {self.max_qubits}.",
            )
        memory = 4 * max(BATCH_BYTES, 16 * 2**n) + 2 * n_runs * max(circuit.n_bits, 1)
        free = available_memory_bytes() if self.memory_bytes is None else self.memory_bytes
        if memory > free:
            return Refusal(
                method=self.name,
                reason=f"{n_runs} runs of {n} qubits need {format_bytes(memory)}, and {format_bytes(free)} are free.",
            )
        n_batches = len(_batches(n, n_runs))
        work = sum(_matrices(step) for step in circuit.steps) * n_runs * 2**n
        return Cost(
            time_s=work * SECONDS_PER_AMPLITUDE + n_batches * len(circuit.steps) * SECONDS_PER_STEP,
            memory_bytes=memory,
            error=error,
            error_bound=bound,
            reason=f"any noise on {n} qubits, without twirling",
        )


def _matrices(step: Step) -> float:
    """How many matrices a step applies to each state, about."""
    if isinstance(step, KrausChannel):
        return 2 * len(step.operators)  # once for the weights, once for the one that is chosen
    return step.error_probability if isinstance(step, PauliChannel) else 1.0


def _batches(n_qubits: int, n_runs: int) -> list[tuple[int, int]]:
    """First run and number of runs of each batch."""
    size = max(1, BATCH_BYTES // (16 * 2**n_qubits))
    return [(first, min(size, n_runs - first)) for first in range(0, n_runs, size)]
