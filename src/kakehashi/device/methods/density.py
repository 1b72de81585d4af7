"""Density matrices: the exact answer for a few qubits, with any noise, measurements in the middle and conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kakehashi.circuit.gates import Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.progress import Reporter
from kakehashi.core.resources import available_memory_bytes, format_bytes
from kakehashi.device.methods.model import Cost, Expectation, Observable, Refusal, Sampled, Verdict
from kakehashi.device.noise.compact import before_measurement, compact, final_measurements, touched_qubits
from kakehashi.device.noise.density import evolve_density, exact_distribution
from kakehashi.device.noise.model import NoisyCircuit
from kakehashi.device.noise.superoperators import apply_matrix

__all__ = ["DensityMatrix"]

MAX_BITS = 24
SECONDS_PER_ELEMENT = 6e-9
"""Time of one step on one element of the matrix: 8 and 10 qubits on one core of an AMD Zen 3 server, rounded up."""

SECONDS_PER_STEP = 2e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityMatrix:
    """Exact outcome probabilities and expectation values.

    Attributes:
        max_qubits: Most touched qubits: each takes four times the time and memory.
        memory_bytes: Memory that may be used; what is free where not given.

    Example:
        >>> coin = (Operation(name="h", qubits=(0,)), Operation(name="measure", qubits=(0,), bits=(0,)))
        >>> circuit = NoisyCircuit(n_qubits=1, n_bits=1, steps=coin)
        >>> drawn = DensityMatrix().sample(circuit, 100, rng=np.random.default_rng(1), reporter=Reporter())
        >>> int(drawn.counts.sum()), drawn.error
        (100, 'exact')
    """

    max_qubits: int = 12
    memory_bytes: int | None = None

    @property
    def name(self) -> str:
        """``"density-matrix"``."""
        return "density-matrix"

    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """Cost or refusal; shots are drawn from the exact distribution, and their number hardly matters."""
        written = {
            bit for step in circuit.steps if isinstance(step, Operation) and step.name == "measure" for bit in step.bits
        }
        if len(written) > MAX_BITS:
            return Refusal(
                method=self.name,
                reason=f"{len(written)} measured bits have 2^{len(written)} outcomes; 2^{MAX_BITS} can be.",
            )
        outcomes = min(n_shots, 2 ** len(written)) * max(circuit.n_bits, 1) + 32 * 2 ** len(written)
        return self._verdict(circuit, (), _branches(circuit), further_bytes=outcomes)

    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """Cost or refusal."""
        return self._verdict(before_measurement(circuit), observable.qubits, _branches(circuit))

    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """Draw shots from the exact distribution, misreading included.

        Raises:
            InputError: There are too many bits for an exact misreading.
        """
        reporter.step("sample", "computing the density matrix", step=0, total=1)
        exact = exact_distribution(circuit)
        counts = rng.multinomial(n_shots, exact.probabilities / exact.probabilities.sum())
        found = np.flatnonzero(counts)
        reporter.step("sample", "drew shots", step=1, total=1)
        return Sampled(bits=exact.pack(found), counts=counts[found].astype(np.int64), error="exact")

    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """The exact expectation value before the final measurements."""
        reporter.step("expect", "computing the density matrix", step=0, total=1)
        small, qubits = compact(before_measurement(circuit), keep=observable.qubits)
        n = small.n_qubits
        value = 0.0
        for rho in evolve_density(small).values():
            turned = rho
            for q, letter in observable.paulis:
                turned = apply_matrix(GATES[letter.lower()].matrix(), turned, [n - 1 - qubits.index(q)])
            value += float(turned.reshape(2**n, 2**n).trace().real)
        reporter.step("expect", "done", step=1, total=1)
        return Expectation(value=value, error_bound=0.0, error="exact")

    def _verdict(
        self, circuit: NoisyCircuit, keep: tuple[int, ...], n_branches: int, *, further_bytes: int = 0
    ) -> Verdict:
        n = len({*touched_qubits(circuit), *keep})
        if n > self.max_qubits:
            return Refusal(
                method=self.name,
                reason=f"{n} qubits need 4^{n} elements; the limit is {self.max_qubits} qubits.",
            )
        memory = 16 * 4**n * (n_branches + 3) + further_bytes
        free = available_memory_bytes() if self.memory_bytes is None else self.memory_bytes
        if memory > free:
            return Refusal(
                method=self.name,
                reason=f"{n} qubits with {n_branches} outcomes of measurements in the middle need "
                f"{format_bytes(memory)}, and {format_bytes(free)} are free.",
            )
        work = len(circuit.steps) * n_branches
        return Cost(
            time_s=work * (SECONDS_PER_STEP + SECONDS_PER_ELEMENT * 4**n),
            memory_bytes=memory,
            error="exact",
            error_bound=0.0,
            reason=f"only {n} qubits, and the whole distribution is exact",
        )


def _branches(circuit: NoisyCircuit) -> int:
    return 1 << sum(_middle(circuit))


def _middle(circuit: NoisyCircuit) -> Iterator[int]:
    """Number of qubits of each measurement that is not final."""
    finals = final_measurements(circuit)
    for k, step in enumerate(circuit.steps):
        if isinstance(step, Operation) and step.name == "measure" and k not in finals:
            yield len(step.qubits)
