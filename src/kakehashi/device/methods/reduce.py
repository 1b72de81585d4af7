"""Reductions of a noisy circuit that change nothing in its result: less to simulate, exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.device.methods.backward import Letters, keep_what_matters, letters_of
from kakehashi.device.methods.model import Observable
from kakehashi.device.noise.compact import before_measurement, renumber
from kakehashi.device.noise.model import NoisyCircuit, PauliChannel, Readout, Step

__all__ = [
    "Component",
    "Reduced",
    "has_feedback",
    "merge_channels",
    "reduce_for_expectation",
    "reduce_for_shots",
    "signature",
    "split",
]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced:
    """A smaller circuit with the same result.

    Attributes:
        circuit: The circuit, its qubits renumbered from 0; the classical bits keep their numbers. What its fields
            ``coherent`` and ``folded`` said is gone: the steps have other numbers, and the readout holds the waits.
        qubits: Number in the original circuit of each qubit.
        observable: What is asked for, in the new numbers; None where shots are.
        notes: One sentence for each reduction that did something.
    """

    circuit: NoisyCircuit
    qubits: tuple[int, ...]
    observable: Observable | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Component:
    """A part of a circuit that nothing links to the rest.

    Attributes:
        circuit: The part, without readout errors; its bits are renumbered from 0.
        qubits: Number of each qubit in the whole.
        bits: Number of each classical bit in the whole.
    """

    circuit: NoisyCircuit
    qubits: tuple[int, ...]
    bits: tuple[int, ...]


def has_feedback(circuit: NoisyCircuit) -> bool:
    """Whether an operation waits for a measured bit.

    Example:
        >>> has_feedback(NoisyCircuit(n_qubits=1, n_bits=0, steps=()))
        False
    """
    return any(isinstance(step, Operation) and step.condition is not None for step in circuit.steps)


def _product(a: Floats, b: Floats) -> Floats:
    """Probabilities of two Pauli channels in a row; the numbers of letters multiply as their bits add."""
    # In the order I, X, Y, Z the product of letters is the exclusive or of 0, 1, 3, 2 read as I, X, Z, Y.
    n_qubits = int(a.size).bit_length() // 2
    gray = np.array([0, 1, 3, 2])
    digits = (np.arange(a.size)[:, None] // 4 ** np.arange(n_qubits)) % 4
    code = (gray[digits] * 4 ** np.arange(n_qubits)).sum(axis=1)
    back = np.argsort(code)
    table = code[:, None] ^ code[None, :]
    combined = np.zeros(a.size)
    np.add.at(combined, back[table], a[:, None] * b[None, :])
    result: Floats = combined / combined.sum()
    return result


def _embed(channel: PauliChannel, qubits: tuple[int, ...]) -> Floats:
    """Probabilities of a channel as one on more qubits."""
    if channel.qubits == qubits:
        return channel.probabilities
    whole = np.zeros(4 ** len(qubits))
    place = [4 ** qubits.index(q) for q in channel.qubits]
    for number, probability in enumerate(channel.probabilities.tolist()):
        whole[sum((number // 4**j % 4) * place[j] for j in range(len(place)))] += probability
    return whole


def merge_channels(steps: Sequence[Step]) -> list[Step]:
    """Pauli channels that follow one another on the same qubits become one; exact.

    Example:
        >>> flip = PauliChannel(qubits=(0,), probabilities=np.array([0.9, 0.1, 0, 0]))
        >>> [step.probabilities.round(3).tolist() for step in merge_channels([flip, flip])]
        [[0.82, 0.18, 0.0, 0.0]]
    """
    out: list[Step | None] = []
    last: dict[int, int] = {}
    for step in steps:
        new = step
        if isinstance(new, PauliChannel):
            places = {last.get(q, -1) for q in new.qubits}
            for place in places:
                earlier = out[place] if place >= 0 else None
                if not isinstance(earlier, PauliChannel) or any(last[q] != place for q in earlier.qubits):
                    continue
                if set(earlier.qubits) >= set(new.qubits):
                    qubits = earlier.qubits
                elif set(earlier.qubits) < set(new.qubits):
                    qubits = new.qubits
                else:
                    continue
                joined = _product(_embed(earlier, qubits), _embed(new, qubits))
                out[place] = None
                new = PauliChannel(qubits=qubits, probabilities=joined, origin=earlier.origin)
        for q in new.qubits:
            last[q] = len(out)
        out.append(new)
    return [step for step in out if step is not None]


def _absorb_flips(circuit: NoisyCircuit, steps: list[Step]) -> tuple[list[Step], Readout | None]:
    """Errors on a qubit that directly precede its last measurement become errors of its readout; exact."""
    readout = circuit.readout
    if has_feedback(circuit) or (readout is not None and readout.line_crosstalk):
        return steps, readout
    if readout is None:
        up, down, line = np.zeros(circuit.n_bits), np.zeros(circuit.n_bits), None
    else:
        up, down, line = readout.prob_meas1_prep0.copy(), readout.prob_meas0_prep1.copy(), readout.line
    ends: dict[int, int] = {}
    seen: set[int] = set()
    out: list[Step] = []
    absorbed = False
    for step in reversed(steps):
        if isinstance(step, Operation) and step.name == "measure":
            for qubit, bit in zip(reversed(step.qubits), reversed(step.bits), strict=True):
                if qubit not in ends and qubit not in seen:
                    ends[qubit] = bit
                else:
                    ends.pop(qubit, None)
                seen.add(qubit)
        elif isinstance(step, PauliChannel) and len(step.qubits) == 1 and step.qubits[0] in ends:
            flip = float(step.probabilities[1] + step.probabilities[2])
            bit = ends[step.qubits[0]]
            up[bit], down[bit] = (
                up[bit] * (1 - flip) + flip * (1 - down[bit]),
                down[bit] * (1 - flip) + flip * (1 - up[bit]),
            )
            absorbed = True
            continue
        else:
            for qubit in step.qubits:
                ends.pop(qubit, None)
                seen.add(qubit)
        out.append(step)
    out.reverse()
    if not absorbed:
        return steps, readout
    return out, Readout(prob_meas1_prep0=up, prob_meas0_prep1=down, line=line)


def _compact(circuit: NoisyCircuit, steps: list[Step], readout: Readout | None, also: Iterable[int] = ()) -> Reduced:
    """The circuit of these steps on the qubits that they use."""
    used = sorted({q for step in steps for q in step.qubits} | set(also))
    qubit_of = {q: k for k, q in enumerate(used)}
    moved = steps if used == list(range(circuit.n_qubits)) else [renumber(step, qubit_of) for step in steps]
    smaller = dataclasses.replace(
        circuit, n_qubits=len(used), steps=tuple(moved), readout=readout, coherent={}, folded={}
    )
    return Reduced(circuit=smaller, qubits=tuple(used))


def reduce_for_shots(circuit: NoisyCircuit) -> Reduced:
    """Drop what the measured bits do not depend on, merge channels, and move last errors into the readout.

    Args:
        circuit: The circuit.

    Returns:
        A circuit with the same distribution of bits.

    Example:
        >>> steps = tuple(Operation(name=name, qubits=(q,)) for name, q in (("h", 2), ("h", 0), ("t", 2)))
        >>> measure = Operation(name="measure", qubits=(2,), bits=(0,))
        >>> reduced = reduce_for_shots(NoisyCircuit(n_qubits=5, n_bits=1, steps=(*steps, measure)))
        >>> reduced.qubits, [step.name for step in reduced.circuit.steps]
        ((2,), ['h', 'measure'])
    """
    steps = [s for s in circuit.steps if not isinstance(s, Operation) or s.name not in ("barrier", "delay")]
    letters = Letters(masks=[1] * circuit.n_qubits, needed_bits=set(range(circuit.n_bits)))
    kept = keep_what_matters(steps, letters)
    merged = merge_channels(kept)
    final, readout = _absorb_flips(circuit, merged)
    reduced = _compact(circuit, final, readout)
    notes = []
    if len(kept) < len(steps):
        notes.append(f"Dropped {len(steps) - len(kept):,} of {len(steps):,} steps that no measured bit depends on.")
    idle = circuit.n_qubits - len(reduced.qubits)
    if idle:
        notes.append(f"Dropped {idle:,} of {circuit.n_qubits:,} qubits that are idle or never measured.")
    if len(merged) < len(kept):
        notes.append(f"Merged {len(kept) - len(merged):,} Pauli channels into their neighbours.")
    if len(final) < len(merged):
        notes.append(f"Moved {len(merged) - len(final):,} Pauli channels before a measurement into its readout error.")
    return dataclasses.replace(reduced, notes=tuple(notes))


def reduce_for_expectation(circuit: NoisyCircuit, observable: Observable) -> Reduced:
    """The observable's light cone, with commuting gates left out.

    Args:
        circuit: The circuit; measurements at its end are left out, as the value is that of the state before them, with
            the relaxation that had become their misreading.
        observable: The observable.

    Returns:
        The cone, in new numbers, and the observable in them.

    Raises:
        InputError: The observable acts on a qubit that is not there.

    Example:
        >>> steps = (Operation(name="h", qubits=(0,)), Operation(name="cz", qubits=(0, 1)))
        >>> circuit = NoisyCircuit(n_qubits=9, n_bits=0, steps=steps)
        >>> reduce_for_expectation(circuit, Observable(paulis=((0, "Z"),))).qubits
        (0,)
    """
    outside = [q for q in observable.qubits if not 0 <= q < circuit.n_qubits]
    if outside:
        raise InputError(f"The observable acts on qubit {outside[0]}, but there are {circuit.n_qubits} qubits.")
    if any(letter not in "XYZ" for _, letter in observable.paulis):
        raise InputError('An observable is a product of "X", "Y" and "Z".')
    before = before_measurement(circuit)
    steps = before.steps
    kept = merge_channels(keep_what_matters(steps, letters_of(circuit.n_qubits, observable.paulis)))
    reduced = _compact(before, kept, None, also=observable.qubits)
    number = {q: k for k, q in enumerate(reduced.qubits)}
    notes = []
    if len(reduced.qubits) < circuit.n_qubits or len(kept) < len(steps):
        notes.append(
            f"Light cone: {len(reduced.qubits):,} of {circuit.n_qubits:,} qubits and {len(kept):,} of {len(steps):,} "
            "steps matter; the others are outside or commute with the observable."
        )
    moved = Observable(paulis=tuple((number[q], letter) for q, letter in observable.paulis))
    return dataclasses.replace(reduced, observable=moved, notes=tuple(notes))


def split(circuit: NoisyCircuit) -> tuple[Component, ...]:
    """The parts of a circuit that no gate, channel or classical bit links; sampled one by one and joined, exactly.

    Qubits that nothing links to any other make one part together, as there may be hundreds of them.
    Readout errors are left out, as lines may link the parts: apply them to the joined bits.

    Args:
        circuit: The circuit.

    Example:
        >>> pairs = tuple(Operation(name="cx", qubits=(q, q + 1)) for q in (0, 2))
        >>> [part.qubits for part in split(NoisyCircuit(n_qubits=4, n_bits=0, steps=pairs))]
        [(0, 1), (2, 3)]
    """
    parent = list(range(circuit.n_qubits + circuit.n_bits))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    groups: dict[int, list[Step]] = {}
    single: list[Step] = []
    for step in circuit.steps:
        if isinstance(step, Operation) and step.name in ("measure", "reset") and len(step.qubits) > 1:
            bits: tuple[int | None, ...] = step.bits or (None,) * len(step.qubits)
            single.extend(
                Operation(name=step.name, qubits=(q,), bits=() if b is None else (b,), condition=step.condition)
                for q, b in zip(step.qubits, bits, strict=True)
            )
        else:
            single.append(step)
    for step in single:
        items = list(step.qubits)
        if isinstance(step, Operation):
            items += [circuit.n_qubits + b for b in step.bits]
            items += [] if step.condition is None else [circuit.n_qubits + step.condition[0]]
        for item in items[1:]:
            parent[root(item)] = root(items[0])
    for step in single:
        groups.setdefault(root(step.qubits[0]), []).append(step)
    members: dict[int, list[int]] = {}
    for item in range(len(parent)):
        members.setdefault(root(item), []).append(item)
    alone = [key for key in groups if sum(item < circuit.n_qubits for item in members[key]) == 1]
    if len(alone) > 1:
        items = sorted(item for key in alone for item in members.pop(key))
        members[items[0]] = items
        together = [step for key in alone for step in groups.pop(key)]
        groups[items[0]] = together
    return tuple(
        _component(circuit, steps, members[key]) for key, steps in sorted(groups.items(), key=lambda g: members[g[0]])
    )


def _component(circuit: NoisyCircuit, steps: list[Step], items: list[int]) -> Component:
    qubits = tuple(item for item in items if item < circuit.n_qubits)
    bits = tuple(item - circuit.n_qubits for item in items if item >= circuit.n_qubits)
    qubit_of = {q: k for k, q in enumerate(qubits)}
    bit_of = {b: k for k, b in enumerate(bits)}
    part = dataclasses.replace(
        circuit,
        n_qubits=len(qubits),
        n_bits=len(bits),
        steps=tuple(renumber(step, qubit_of, bit_of) for step in steps),
        readout=None,
        coherent={},
        folded={},
    )
    return Component(circuit=part, qubits=qubits, bits=bits)


def signature(circuit: NoisyCircuit, observable: Observable) -> tuple[object, ...]:
    """A key that two cones share only if they differ in the numbers of their qubits alone; so their values are equal.

    Example:
        >>> at = [NoisyCircuit(n_qubits=2, n_bits=0, steps=(Operation(name="h", qubits=(q,)),)) for q in (0, 1)]
        >>> keys = [signature(circuit, Observable(paulis=((q, "X"),))) for q, circuit in enumerate(at)]
        >>> keys[0] == keys[1]
        True
    """
    number: dict[int, int] = {}

    def new(qubits: Sequence[int]) -> tuple[int, ...]:
        return tuple(number.setdefault(q, len(number)) for q in qubits)

    start = tuple((new((q,)), letter) for q, letter in observable.paulis)
    parts: list[object] = [start]
    for step in reversed(circuit.steps):
        if isinstance(step, Operation):
            matrix = None if step.matrix is None else step.matrix.tobytes()
            parts.append((step.name, step.parameters, matrix, new(step.qubits)))
        else:
            content = step.probabilities if isinstance(step, PauliChannel) else step.operators
            parts.append((content.shape, content.tobytes(), new(step.qubits)))
    return tuple(parts)
