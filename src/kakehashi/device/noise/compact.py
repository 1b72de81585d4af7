"""A noisy circuit on the qubits that it touches alone, and which of its measurements are final."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kakehashi.circuit.gates import Operation
from kakehashi.device.noise.model import NoisyCircuit, Step

__all__ = ["before_measurement", "compact", "final_measurements", "renumber", "touched_qubits"]


def touched_qubits(circuit: NoisyCircuit) -> tuple[int, ...]:
    """Qubits that any step but a barrier or a delay acts on, ascending."""
    return tuple(
        sorted(
            {
                q
                for step in circuit.steps
                if not (isinstance(step, Operation) and step.name in ("barrier", "delay"))
                for q in step.qubits
            }
        )
    )


def compact(circuit: NoisyCircuit, *, keep: Sequence[int] = ()) -> tuple[NoisyCircuit, tuple[int, ...]]:
    """The same circuit with only the qubits that it touches, renumbered in their order.

    Args:
        circuit: A noisy circuit.
        keep: Further qubits that stay.

    Returns:
        The circuit, and the old number of each of its qubits. Barriers and delays are gone, and so is what the fields
        ``coherent`` and ``folded`` say.

    Example:
        >>> wide = NoisyCircuit(n_qubits=100, n_bits=0, steps=(Operation(name="x", qubits=(70,)),))
        >>> small, qubits = compact(wide, keep=(3,))
        >>> small.n_qubits, qubits, small.steps[0].qubits
        (2, (3, 70), (1,))
    """
    qubits = tuple(sorted({*touched_qubits(circuit), *keep}))
    number = {q: k for k, q in enumerate(qubits)}
    # Steps that are one object stay one object, so that what is computed per step is computed once.
    made: dict[int, Step] = {}
    steps = []
    for step in circuit.steps:
        if isinstance(step, Operation) and step.name in ("barrier", "delay"):
            continue
        if id(step) not in made:
            made[id(step)] = renumber(step, number)
        steps.append(made[id(step)])
    return replace(circuit, n_qubits=len(qubits), steps=tuple(steps), coherent={}, folded={}), qubits


def renumber(step: Step, qubit_of: Mapping[int, int], bit_of: Mapping[int, int] | None = None) -> Step:
    """A step on other qubits.

    Args:
        step: The step.
        qubit_of: New number of each of its qubits.
        bit_of: New number of each of its classical bits; the same as before where not given.

    Example:
        >>> renumber(Operation(name="measure", qubits=(7,), bits=(3,)), {7: 0}, {3: 1}).bits
        (1,)
    """
    new: dict[str, object] = {"qubits": tuple(qubit_of[q] for q in step.qubits)}
    if bit_of is not None and isinstance(step, Operation):
        new["bits"] = tuple(bit_of[b] for b in step.bits)
        if step.condition is not None:
            new["condition"] = (bit_of[step.condition[0]], step.condition[1])
    if all(getattr(step, name) == value for name, value in new.items()):
        return step
    # What was checked once is not checked again for each of thousands of steps.
    kind = type(step)
    moved = object.__new__(kind)
    for name in kind.__slots__:
        object.__setattr__(moved, name, new[name] if name in new else getattr(step, name))
    return moved


def final_measurements(circuit: NoisyCircuit) -> frozenset[int]:
    """Numbers of the measurements that may be taken at the end, all at once.

    These are measurements after which nothing happens to the qubit, whose bit no condition reads and no later
    measurement writes.

    Example:
        >>> measure = Operation(name="measure", qubits=(0,), bits=(0,))
        >>> steps = (measure, Operation(name="x", qubits=(0,)), measure)
        >>> final_measurements(NoisyCircuit(n_qubits=1, n_bits=1, steps=steps))
        frozenset({2})
    """
    later_qubits: set[int] = set()
    later_bits: set[int] = set()
    finals = []
    for k in range(len(circuit.steps) - 1, -1, -1):
        step = circuit.steps[k]
        if isinstance(step, Operation):
            if step.name in ("barrier", "delay"):
                continue
            if step.name == "measure":
                if step.condition is None and not later_qubits & {*step.qubits} and not later_bits & {*step.bits}:
                    finals.append(k)
                later_bits.update(step.bits)
            if step.condition is not None:
                later_bits.add(step.condition[0])
        later_qubits.update(step.qubits)
    return frozenset(finals)


def before_measurement(circuit: NoisyCircuit) -> NoisyCircuit:
    """The circuit up to its last measurements: what expectation values are taken of.

    Left out are measurements after which nothing but measurements happens to their qubits, and whose bits no later
    condition reads. Relaxation that had become misreading is a step again. Applied twice, the second changes nothing.

    Example:
        >>> steps = (Operation(name="x", qubits=(0,)), Operation(name="measure", qubits=(0,), bits=(0,)))
        >>> [step.name for step in before_measurement(NoisyCircuit(n_qubits=1, n_bits=1, steps=steps)).steps]
        ['x']
    """
    touched: set[int] = set()
    read: set[int] = set()
    kept: list[Step] = []
    for step in reversed(circuit.steps):
        if isinstance(step, Operation):
            if step.name in ("barrier", "delay"):
                continue
            if step.condition is not None:
                read.add(step.condition[0])
            elif step.name == "measure" and not touched.intersection(step.qubits) and not read.intersection(step.bits):
                continue
        touched.update(step.qubits)
        kept.append(step)
    kept.reverse()
    return replace(circuit, steps=(*kept, *circuit.folded.values()), coherent={}, folded={}, readout=None)
