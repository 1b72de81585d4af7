"""``light-cone``: expectation values from the part of the circuit that they depend on, exactly.

The cone is summed over paths, see :mod:`~kakehashi.device.methods.network`. Where a state vector of the cone is
quicker, the router takes :class:`~kakehashi.device.methods.state_vector.StateVector` for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from typing_extensions import override

from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Reporter
from kakehashi.core.resources import available_memory_bytes, format_bytes
from kakehashi.device.methods.model import Cost, Expectation, Method, Observable, Refusal, Sampled, Verdict
from kakehashi.device.methods.network import Order, build_network, contract, find_order
from kakehashi.device.methods.reduce import has_feedback, reduce_for_expectation, signature
from kakehashi.device.methods.transfer import MOST_QUBITS
from kakehashi.device.noise.model import NoisyCircuit

__all__ = ["LightConeMethod"]

SECONDS_PER_ENTRY = 1.2e-8
SECONDS_PER_VARIABLE = 3e-5
"""Of one table entry and one variable; measured on one core."""

TABLES = 2
"""Memory in tables of 4^width entries: a sum of a quarter of that, a product on its way, and what they come from."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How to compute a cone, with its cost."""

    order: Order
    time_s: float
    memory_bytes: int
    reason: str


class LightConeMethod(Method):
    """Expectation values of the cone alone, exact with noise.

    Args:
        memory_bytes: Memory that may be used; what is free where not given.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> steps = tuple(Operation(name="rx", qubits=(q,), parameters=(0.3,)) for q in range(100))
        >>> circuit = NoisyCircuit(n_qubits=100, n_bits=0, steps=steps)
        >>> asked = [Observable(paulis=((q, "Z"),)) for q in (7, 8)]
        >>> values = LightConeMethod().expect_each(circuit, asked)
        >>> [round(value.value, 6) for value in values]
        [0.955336, 0.955336]
    """

    def __init__(self, *, memory_bytes: int | None = None) -> None:
        self._memory_bytes = memory_bytes

    @property
    def name(self) -> str:
        """``"light-cone"``."""
        return "light-cone"

    @override
    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """Refused: a cone holds one observable, not the counts of the register."""
        return Refusal(
            method=self.name,
            reason=f"A light cone gives expectation values, not counts of {circuit.n_bits} bits.",
        )

    @override
    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """What the expectation value would take."""
        way = self._choose(circuit, observable)
        if isinstance(way, Refusal):
            return way
        return Cost(time_s=way.time_s, memory_bytes=way.memory_bytes, error="exact", error_bound=0.0, reason=way.reason)

    def _choose(self, circuit: NoisyCircuit, observable: Observable) -> _Way | Refusal:
        if has_feedback(circuit):
            return Refusal(
                method=self.name, reason="A gate waits for a measured bit, which a sum over paths cannot do."
            )
        widest = max((len(step.qubits) for step in circuit.steps), default=0)
        if widest > MOST_QUBITS:
            return Refusal(method=self.name, reason=f"A step on {widest} qubits is too wide; at most {MOST_QUBITS}.")
        budget = available_memory_bytes() if self._memory_bytes is None else self._memory_bytes
        n = circuit.n_qubits
        most_width = max(1, (max(budget, 1) // (16 * TABLES)).bit_length() - 1) // 2
        order = find_order(build_network(circuit, observable), most_width=most_width)
        table_bytes = TABLES * 16 * 4**order.width
        if order.variables and table_bytes <= budget:
            time_s = order.entries * SECONDS_PER_ENTRY + len(order.variables) * SECONDS_PER_VARIABLE
            reason = f"the cone has {n} qubits, and its paths are summed with tables of at most 4^{order.width} entries"
            reason += f" in 4^{len(order.sliced)} slices" if order.sliced else ""
            return _Way(order=order, time_s=time_s, memory_bytes=table_bytes, reason=reason)
        return Refusal(
            method=self.name,
            reason=f"The cone has {n} qubits: a sum over paths needs tables of 4^{order.width} or more entries "
            f"({format_bytes(float(table_bytes))}); {format_bytes(budget)} are free.",
        )

    @override
    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """Refused, see :meth:`consider_shots`."""
        raise InputError("The light-cone method gives expectation values, not shots.")

    @override
    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """The expectation value.

        Raises:
            ResourceError: The cone is too large; said before it starts.
        """
        reduced = reduce_for_expectation(circuit, observable)
        inside = reduced.observable if reduced.observable is not None else observable
        way = self._choose(reduced.circuit, inside)
        if isinstance(way, Refusal):
            raise ResourceError(way.reason)
        reporter.step("expect", way.reason, step=0, total=1)
        value = contract(build_network(reduced.circuit, inside), way.order).real
        reporter.step("expect", "done", step=1, total=1)
        return Expectation(value=float(value), error_bound=0.0, error="exact")

    def expect_each(
        self, circuit: NoisyCircuit, observables: Sequence[Observable], *, reporter: Reporter | None = None
    ) -> list[Expectation]:
        """Many expectation values; cones that look alike are computed once.

        Args:
            circuit: The circuit.
            observables: The observables.
            reporter: Receives progress.

        Raises:
            ResourceError: A cone is too large.
        """
        report = Reporter() if reporter is None else reporter
        known: dict[tuple[object, ...], Expectation] = {}
        values: list[Expectation] = []
        for k, observable in enumerate(observables):
            reduced = reduce_for_expectation(circuit, observable)
            inside = reduced.observable if reduced.observable is not None else observable
            key = signature(reduced.circuit, inside)
            if key not in known:
                known[key] = self.expect(reduced.circuit, inside, reporter=Reporter())
            values.append(known[key])
            report.step("expect", f"{len(known)} cones differ", step=k + 1, total=len(observables))
        return values
