"""Counts and expectation values of noisy circuits by state vectors: exact for the noise model, up to about 28 qubits.

Gates and Pauli errors go through the native kernels (:mod:`kakehashi.device.sampler.engine`). Kraus channels,
measurements within the circuit, resets, and gates on three qubits or more are for
:mod:`kakehashi.device.methods.trajectories`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Reporter
from kakehashi.core.resources import available_memory_bytes, default_n_threads, format_bytes
from kakehashi.core.rng import RngLike, as_generator, named_stream
from kakehashi.device.methods.model import Cost, Expectation, Method, Observable, Refusal, Sampled, Verdict
from kakehashi.device.methods.trajectories import Trajectories
from kakehashi.device.noise.model import NoisyCircuit, PauliChannel, Step
from kakehashi.device.noise.readout import misread, readout_of
from kakehashi.device.sampler.engine import Engine, Precision, state_bytes
from kakehashi.device.sampler.measurements import Compact, compact

__all__ = ["StateVector", "sample_noisy"]

NS_PER_TURN = {"double": 0.12, "single": 0.06}
"""Nanoseconds per amplitude and gate on one qubit, measured on one core (``benchmarks/noisy_sampling.py``)."""

ROUNDING = {"double": 1e-12, "single": 1e-5}
"""Absolute error of an expectation value by rounding."""

MAX_QUBITS = 48
"""Of the kernels; memory ends before."""

SHOT_S = 5e-7
"""Seconds per shot: its errors are drawn, and it is sorted to those with the same."""

PREPARATION_S = 1.5e-5
"""Seconds per step to get a circuit ready."""

EXACT = "exact: every shot is drawn from the noise model's own distribution"
SINGLE = "exact up to the rounding of single precision, a total variation distance of about 1e-7 per hundred gates"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateVector:
    """State vectors, one for each distinct pattern of errors.

    Attributes:
        precision: ``"double"``, or ``"single"`` for half the time and memory.
        n_threads: Threads; all processors, or ``OMP_NUM_THREADS``, where not given. No result depends on it.
        memory_bytes: Memory that states may take; what is free where not given.
        n_trajectories: Patterns of errors that the expectation value of a noisy circuit is averaged over.
        seed: What these are drawn with.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> steps = (Operation(name="h", qubits=(0,)), Operation(name="cx", qubits=(0, 1)),
        ...          Operation(name="measure", qubits=(0, 1), bits=(0, 1)))
        >>> bell = NoisyCircuit(n_qubits=2, n_bits=2, steps=steps)
        >>> sampled = StateVector().sample(bell, 1000, rng=np.random.default_rng(1), reporter=Reporter())
        >>> set(sampled.bits.ravel().tolist()), sampled.error
        ({0, 3}, "exact: every shot is drawn from the noise model's own distribution")
    """

    precision: Precision = "double"
    n_threads: int | None = None
    memory_bytes: int | None = None
    n_trajectories: int = 1000
    seed: int = 0

    @property
    def name(self) -> str:
        """``"state-vector"``."""
        return "state-vector"

    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """Time and memory of shots, or the memory that is missing."""
        try:
            small = compact(circuit)
        except InputError as error:
            return Refusal(method=self.name, reason=str(error))
        refusal = self._refusal(small)
        if refusal is not None:
            return refusal
        memory = self._memory(small) + n_shots * (32 + 2 * circuit.n_bits)
        n_patterns = _expected_patterns(small, n_shots)
        time_s = self._seconds(small, 1 + n_patterns / 2) + SHOT_S * n_shots
        reason = f"{small.n_qubits} qubits, about {n_patterns + 1:,.0f} distinct patterns of errors"
        return self._cost(time_s, memory, reason)

    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """Likewise for an expectation value."""
        try:
            small = compact(circuit, observed=observable.qubits)
        except InputError as error:
            return Refusal(method=self.name, reason=str(error))
        refusal = self._refusal(small)
        if refusal is not None:
            return refusal
        if not any(isinstance(step, PauliChannel) for step in small.steps):
            return self._cost(self._seconds(small, 1), self._memory(small), f"{small.n_qubits} qubits, without errors")
        n_patterns = _expected_patterns(small, self.n_trajectories)
        return Cost(
            time_s=self._seconds(small, 1 + n_patterns / 2),
            memory_bytes=self._memory(small),
            error=f"statistical: at most {1 / np.sqrt(self.n_trajectories):.2g} (one standard error)",
            error_bound=float(3 / np.sqrt(self.n_trajectories)),
            reason=f"{small.n_qubits} qubits, averaged over {self.n_trajectories} patterns of errors",
        )

    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """Draw shots, readout errors included."""
        if n_shots < 1:
            raise InputError(f"Argument `n_shots` must be positive, but is {n_shots}.")
        small = compact(circuit)
        refusal = self._refusal(small)
        if refusal is not None:
            raise (ResourceError if small.is_rotational else InputError)(refusal.reason)
        reporter.step("sample", f"{n_shots} shots of {small.n_qubits} qubits by state vectors")
        bits = self._sample_patterns(small, n_shots, rng, reporter)
        packed = misread(np.packbits(bits, axis=1, bitorder="little"), readout_of(circuit), rng=rng)
        error = SINGLE if self.precision == "single" else EXACT
        return Sampled(bits=packed, counts=np.ones(n_shots, dtype=np.int64), error=error)

    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """The expectation value before readout; with errors, an average over trajectories."""
        verdict = self.consider_expectation(circuit, observable)
        if isinstance(verdict, Refusal):
            raise InputError(verdict.reason)
        reporter.step("expect", verdict.reason)
        small = compact(circuit, observed=observable.qubits)
        steps = [*small.steps, *(gate for q, pauli in observable.paulis for gate in _to_z(small.number[q], pauli))]
        mask = sum(1 << small.number[q] for q in observable.qubits)
        engine = self._engine(small, steps, [small.number[q] for q in observable.qubits])
        if not engine.circuit.places:
            return Expectation(
                value=engine.parity(mask), error_bound=ROUNDING[self.precision], error="exact up to rounding"
            )
        return _average(engine, mask, self.n_trajectories, named_stream(self.seed, "state_vector", "expect"))

    def _sample_patterns(
        self, small: Compact, n_shots: int, rng: np.random.Generator, reporter: Reporter
    ) -> NDArray[np.bool_]:
        outputs = small.outputs or {}
        engine = self._engine(small, small.steps, set(outputs.values()))

        def tell(done: int, total: int) -> None:
            reporter.step("sample", f"{done} of {total} distinct patterns of errors", step=done, total=total)

        found = engine.sample(n_shots, rng, progress=tell)
        octets = found.astype("<u8").view(np.uint8).reshape(n_shots, 8)
        qubits = np.unpackbits(octets, axis=1, bitorder="little", count=small.n_qubits)
        bits = np.zeros((n_shots, small.n_bits), dtype=np.bool_)
        bits[:, list(outputs)] = qubits[:, list(outputs.values())]
        return bits

    def _engine(self, small: Compact, steps: list[Step] | tuple[Step, ...], measured: set[int] | list[int]) -> Engine:
        return Engine.prepare(
            steps,
            n_qubits=small.n_qubits,
            measured=measured,
            precision=self.precision,
            n_threads=default_n_threads() if self.n_threads is None else self.n_threads,
            memory_bytes=self.memory_bytes,
        )

    def _refusal(self, small: Compact) -> Refusal | None:
        if not small.is_rotational:
            reason = (
                f"Only gates on one or two qubits and Pauli errors are taken, but there is {_what_is_general(small)}."
            )
            return Refusal(method=self.name, reason=reason)
        free = available_memory_bytes() if self.memory_bytes is None else self.memory_bytes
        n, needed = small.n_qubits, self._memory(small, states=1)
        if needed <= free and n <= MAX_QUBITS:
            return None
        size = format_bytes(needed) if n <= MAX_QUBITS else f"2^{n} amplitudes"
        nearest = max(int(np.log2(max(free, 1) / (needed >> n))), 0) if needed > free else MAX_QUBITS
        reason = (
            f"A state of {n} qubits takes {size}, but {format_bytes(free)} is free, "
            f"which is enough for {nearest} qubits."
        )
        return Refusal(method=self.name, reason=reason)

    def _memory(self, small: Compact, states: int = 2) -> int:
        return states * state_bytes(small.n_qubits, self.precision)

    def _seconds(self, small: Compact, n_circuits: float) -> float:
        turns = sum(_n_turns(step) for step in small.steps if isinstance(step, Operation))
        threads = default_n_threads() if self.n_threads is None else self.n_threads
        own = NS_PER_TURN[self.precision] * 1e-9 * turns * 2.0**small.n_qubits * n_circuits / threads
        return float(own + PREPARATION_S * len(small.steps) + 0.01)

    def _cost(self, time_s: float, memory: int, reason: str) -> Cost:
        if self.precision == "double":
            return Cost(time_s=time_s, memory_bytes=memory, error=EXACT, error_bound=0.0, reason=reason)
        return Cost(time_s=time_s, memory_bytes=memory, error=SINGLE, error_bound=1e-5, reason=reason)


def sample_noisy(
    circuit: NoisyCircuit,
    n_shots: int,
    rng: RngLike = None,
    *,
    precision: Precision = "double",
    n_threads: int | None = None,
) -> Sampled:
    """Shots of a noisy circuit by state vectors; run by run where it holds more than gates and Pauli errors.

    Args:
        circuit: Gates, channels, measurements; qubits that it does not use cost nothing.
        n_shots: Number of shots.
        rng: Generator, seed, or None.
        precision: ``"double"`` or ``"single"``.
        n_threads: Threads; all processors, or ``OMP_NUM_THREADS``, where not given. The shots do not depend on it.

    Raises:
        InputError: The circuit measures nothing.
        ResourceError: The state does not fit into the memory.

    Example:
        >>> steps = (Operation(name="x", qubits=(0,)), Operation(name="measure", qubits=(0,), bits=(0,)))
        >>> sample_noisy(NoisyCircuit(n_qubits=1, n_bits=1, steps=steps), 3, 1).bits.ravel()
        array([1, 1, 1], dtype=uint8)
    """
    method: Method = StateVector(precision=precision, n_threads=n_threads)
    if not compact(circuit).is_rotational:
        method = Trajectories()
    return method.sample(circuit, n_shots, rng=as_generator(rng), reporter=Reporter())


def _average(engine: Engine, mask: int, n_trajectories: int, rng: np.random.Generator) -> Expectation:
    """Mean over trajectories and its standard error."""
    trajectories = engine.draw_trajectories(n_trajectories, rng)
    n = len(trajectories.signs)
    values = engine.parities(mask, trajectories.signs, np.zeros(n, dtype=np.uint64))
    there = np.uint64(sum(1 << engine.circuit.position[q] for q in range(engine.circuit.n_qubits) if mask >> q & 1))
    flipped = np.bitwise_count(trajectories.flips & there) & 1
    each = values[trajectories.number] * np.where(flipped == 1, -1.0, 1.0)
    changed = np.bitwise_or.reduce(trajectories.signs, axis=1)[trajectories.number]
    deviation = float(each.std() / np.sqrt(n_trajectories))
    if not changed.any() and not flipped.any():  # what did not come in so many draws has about this probability at most
        deviation = 1 / n_trajectories
    return Expectation(
        value=float(each.mean()),
        error_bound=3 * deviation + ROUNDING[engine.precision],
        error=f"statistical, {deviation:.1g} (one standard error of {n_trajectories} trajectories)",
    )


def _to_z(q: int, pauli: str) -> list[Operation]:
    if pauli == "X":
        return [Operation(name="h", qubits=(q,))]
    if pauli == "Y":
        return [Operation(name="sdg", qubits=(q,)), Operation(name="h", qubits=(q,))]
    return []


def _n_turns(gate: Operation) -> float:
    kind = GATES.get(gate.name)
    if gate.name in ("measure", "reset", "swap") or (kind is not None and kind.diagonal):
        return 0.2
    if len(gate.qubits) == 1:
        return 1.0
    return 2.0 if gate.name.startswith("c") else 8.0


def _expected_patterns(small: Compact, n_shots: int) -> float:
    """Patterns of errors that will come beside none, at most."""
    errors = [step.error_probability for step in small.steps if isinstance(step, PauliChannel)]
    erring = n_shots * (1 - float(np.prod(1 - np.array(errors)))) if errors else 0.0
    kinds = sum(4.0 ** len(step.qubits) - 1 for step in small.steps if isinstance(step, PauliChannel))
    single = n_shots * float(np.sum(errors)) if errors else 0.0
    # Of patterns with one error there are so many and no more; several errors hardly come twice.
    repeated = max(0.0, min(single, erring) - kinds)
    return max(0.0, erring - repeated)


def _what_is_general(small: Compact) -> str:
    if small.outputs is None:
        return "a measurement, reset or condition within the circuit"
    wide = [step for step in small.steps if isinstance(step, Operation) and len(step.qubits) > 2]
    if wide:
        return f"a gate on {len(wide[0].qubits)} qubits"
    return "a channel of Kraus operators"
