"""Exact quantum trajectories: one pure state per shot, with any noise, measurements in the middle and conditions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.unitaries import GATES
from kakehashi.core.progress import Reporter
from kakehashi.core.resources import available_memory_bytes, format_bytes
from kakehashi.device.methods.model import Cost, Expectation, Observable, Refusal, Sampled, Verdict
from kakehashi.device.noise.compact import before_measurement, touched_qubits
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Step
from kakehashi.device.noise.readout import misread, readout_of
from kakehashi.device.noise.superoperators import apply_matrix
from kakehashi.device.sampler.measurements import compact
from kakehashi.device.sampler.trajectories import MAX_AMPLITUDES, run_states, run_trajectories

__all__ = ["Trajectories"]

SECONDS_PER_AMPLITUDE = 5e-9
SECONDS_PER_RUN = 5e-7
"""Time of one matrix on one run, for each amplitude and beside; 4 to 16 qubits on one core of an AMD Zen 3 server."""

SECONDS_PER_STEP = 5e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectories:
    """Shots from the noise itself, without twirling.

    Attributes:
        max_qubits: Most touched qubits.
        n_averaged: Number of runs that an expectation value is the mean of.
        seed: Of the runs behind expectation values.
        memory_bytes: Memory that may be used; what is free where not given.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> coin = (Operation(name="h", qubits=(0,)), Operation(name="measure", qubits=(0,), bits=(0,)))
        >>> circuit = NoisyCircuit(n_qubits=1, n_bits=1, steps=coin)
        >>> drawn = Trajectories().sample(circuit, 100, rng=np.random.default_rng(1), reporter=Reporter())
        >>> len(drawn.bits), drawn.error
        (100, 'exact: each shot is an independent run of the noise model')
    """

    max_qubits: int = 24
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
        return self._verdict(before_measurement(circuit), observable.qubits, self.n_averaged, error, None)

    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """One run per shot, misreading included.

        Raises:
            InputError: The circuit measures nothing.
        """

        def tell(done: int, total: int) -> None:
            reporter.step("sample", "followed errors", step=done, total=total)

        bits = run_trajectories(compact(circuit), n_shots, rng, progress=tell)
        true = np.packbits(bits, axis=1, bitorder="little")
        read: NDArray[np.uint8] = misread(true, readout_of(circuit), rng=rng)
        return Sampled(
            bits=read,
            counts=np.ones(len(read), dtype=np.int64),
            error="exact: each shot is an independent run of the noise model",
        )

    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """Mean over runs before the final measurements, with its standard error."""
        small = compact(circuit, observed=observable.qubits)
        values: list[NDArray[np.float64]] = []
        for states in run_states(small, self.n_averaged, np.random.default_rng(self.seed)):
            tensor = states.reshape(len(states), *(2,) * small.n_qubits)
            turned = tensor
            for q, letter in observable.paulis:
                turned = apply_matrix(GATES[letter.lower()].matrix(), turned, [small.n_qubits - small.number[q]])
            values.append(np.sum((tensor.conj() * turned).reshape(len(states), -1), axis=1).real)
            done = sum(map(len, values))
            reporter.step("expect", "followed errors", step=done, total=self.n_averaged)
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
        # States, what is computed from them, and bits before and after they are packed.
        memory = 48 * max(MAX_AMPLITUDES, 2**n) + 2 * n_runs * max(circuit.n_bits, 1)
        free = available_memory_bytes() if self.memory_bytes is None else self.memory_bytes
        if memory > free:
            return Refusal(
                method=self.name,
                reason=f"{n_runs} runs of {n} qubits need {format_bytes(memory)}, and {format_bytes(free)} are free.",
            )
        at_once = min(max(1, MAX_AMPLITUDES >> n), max(n_runs, 1))
        n_matrices = sum(_matrices(step, at_once) for step in circuit.steps)
        each_s = n_matrices * (SECONDS_PER_AMPLITUDE * 2**n + SECONDS_PER_RUN)
        return Cost(
            time_s=n_runs * each_s + -(-n_runs // at_once) * len(circuit.steps) * SECONDS_PER_STEP,
            memory_bytes=memory,
            error=error,
            error_bound=bound,
            reason=f"any noise on {n} qubits, without twirling",
        )


def _matrices(step: Step, at_once: int) -> float:
    """How many matrices a step applies to each state of a batch, about."""
    if isinstance(step, KrausChannel):
        return 2.5  # for the weights, and for the one that is chosen
    return min(1.0, at_once * step.error_probability) if isinstance(step, PauliChannel) else 1.0
