"""Which qubits of a circuit are used, and whether it measures at its end alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.compact import before_measurement, renumber
from kakehashi.device.noise.model import NoisyCircuit, PauliChannel, Step

__all__ = ["Compact", "compact"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compact:
    """A circuit on the qubits that it uses, renumbered.

    Attributes:
        n_qubits: Number of used qubits, at least 1.
        n_bits: Number of classical bits.
        steps: Steps. Where the circuit measures at its end alone, without the measurements and whatever comes after.
        outputs: ``{bit: qubit}`` of measurements at the end; None where there are others, or something depends on one.
        number: ``{qubit of the circuit: its number here}``.
    """

    n_qubits: int
    n_bits: int
    steps: tuple[Step, ...]
    outputs: dict[int, int] | None
    number: dict[int, int]

    @property
    def is_rotational(self) -> bool:
        """Whether it is made of gates on one or two qubits and Pauli channels, and measures at its end alone."""
        if self.outputs is None:
            return False
        return all(
            isinstance(step, PauliChannel)
            or (isinstance(step, Operation) and step.is_unitary and len(step.qubits) <= 2)
            for step in self.steps
        )


def compact(circuit: NoisyCircuit, *, observed: Collection[int] | None = None) -> Compact:
    """Renumber the qubits that gates, measurements and resets act on, and take final measurements out.

    Errors of qubits that nothing else acts on cannot be seen, and are left out with them.

    Args:
        circuit: The circuit.
        observed: Qubits that count as used though nothing may act on them. Where given, the circuit ends before its
            last measurements, see :func:`~kakehashi.device.noise.compact.before_measurement`, and need not measure.

    Raises:
        InputError: Nothing is measured, or an observed qubit is none of the circuit's.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> steps = (Operation(name="h", qubits=(7,)), Operation(name="measure", qubits=(7,), bits=(0,)))
        >>> small = compact(NoisyCircuit(n_qubits=100, n_bits=1, steps=steps))
        >>> small.n_qubits, small.outputs, len(small.steps)
        (1, {0: 0}, 1)
    """
    given = circuit if observed is None else before_measurement(circuit)
    steps = [step for step in given.steps if not _is_idle(step)]
    if observed is None and not any(isinstance(step, Operation) and step.name == "measure" for step in steps):
        raise InputError("The circuit measures nothing.")
    if observed is not None and any(not 0 <= q < circuit.n_qubits for q in observed):
        raise InputError(f"Qubits {sorted(observed)} are observed, but there are {circuit.n_qubits}.")
    acted_on = {q for step in steps if isinstance(step, Operation) for q in step.qubits}
    used = sorted(acted_on.union(observed or ()))
    number = {q: k for k, q in enumerate(used)}
    seen = [step for step in steps if any(q in number for q in step.qubits)]
    for step in seen:
        # A channel that also acts on a qubit which nothing else touches: that one gets a number too.
        for q in step.qubits:
            number.setdefault(q, len(number))
    kept = tuple(renumber(step, number) for step in seen)
    outputs, before = _final_measurements(kept)
    if observed is not None and outputs:
        outputs = None  # what comes after these measurements is observed
    return Compact(
        n_qubits=max(len(number), 1),
        n_bits=circuit.n_bits,
        steps=before if outputs is not None else kept,
        outputs=outputs,
        number=number,
    )


def _is_idle(step: Step) -> bool:
    return isinstance(step, Operation) and step.name in ("barrier", "delay", "id")


def _final_measurements(steps: tuple[Step, ...]) -> tuple[dict[int, int] | None, tuple[Step, ...]]:
    outputs: dict[int, int] = {}
    measured: set[int] = set()
    changed: set[int] = set()  # measured, and something happened after
    touched: set[int] = set()
    before: list[Step] = []
    for step in steps:
        qubits = set(step.qubits)
        if isinstance(step, Operation) and step.condition is not None:
            return None, ()
        if isinstance(step, Operation) and step.name == "measure":
            if qubits & changed:
                return None, ()
            outputs.update(zip(step.bits, step.qubits, strict=True))
            measured |= qubits
        elif qubits <= measured:
            changed |= qubits
        elif qubits & measured:
            return None, ()
        elif isinstance(step, Operation) and step.name == "reset":
            if qubits & touched:
                return None, ()
        else:
            touched |= qubits
            before.append(step)
    return outputs, tuple(before)
