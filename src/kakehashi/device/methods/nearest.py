"""What can be done where nothing does what was asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from kakehashi.circuit.gates import Operation
from kakehashi.device.methods.choose import Limits, choose, within
from kakehashi.device.methods.explain import format_seconds
from kakehashi.device.methods.model import Cost, Method, Observable
from kakehashi.device.methods.mps import MatrixProductMethod
from kakehashi.device.methods.reduce import reduce_for_expectation, reduce_for_shots
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit

__all__ = ["nearest_to_shots", "nearest_to_value"]


def nearest_to_shots(circuit: NoisyCircuit, n_shots: int, methods: Sequence[Method], limits: Limits) -> str:
    """What can be done instead of shots that no method can draw.

    Args:
        circuit: The reduced circuit.
        n_shots: Number of shots.
        methods: The methods.
        limits: What an answer may cost.

    Example:
        >>> steps = (Operation(name="h", qubits=(0,)), Operation(name="measure", qubits=(0,), bits=(0,)),
        ...          Operation(name="h", qubits=(0,)))
        >>> nearest_to_shots(NoisyCircuit(n_qubits=1, n_bits=1, steps=steps), 10, [], Limits())
        'fewer qubits or fewer layers of gates'
    """
    ways: list[str] = []
    if not circuit.is_pauli:
        pauli = tuple(step for step in circuit.steps if not isinstance(step, KrausChannel))
        twirled = dataclasses.replace(circuit, steps=pauli, coherent={})
        choice = choose(methods, limits, lambda method: method.consider_shots(twirled, n_shots))
        if choice.method is not None and choice.cost is not None:
            took = format_seconds(choice.cost.time_s)
            ways.append(f"with its noise twirled to Pauli channels, {choice.method.name} draws them in about {took}")
    middle = Observable(paulis=((circuit.n_qubits // 2, "Z"),))
    cone = reduce_for_expectation(circuit, middle)
    asked = cone.observable if cone.observable is not None else middle
    choice = choose(methods, limits, lambda method: method.consider_expectation(cone.circuit, asked))
    if choice.method is not None and choice.cost is not None:
        took = format_seconds(choice.cost.time_s)
        ways.append(f"expectation values, such as one <Z> by {choice.method.name} in about {took}")
    cut = within(limits, "mps", MatrixProductMethod(truncate=True).consider_shots(circuit, n_shots))
    if isinstance(cut, Cost):
        took = format_seconds(cut.time_s)
        ways.append(
            f"shots of a matrix product state that is cut short (`MatrixProductMethod(truncate=True)`), in {took}"
        )
    return "; ".join(ways) or "fewer qubits or fewer layers of gates"


def nearest_to_value(circuit: NoisyCircuit, observable: Observable, methods: Sequence[Method], limits: Limits) -> str:
    """What can be done instead of an expectation value that no method can compute.

    Args:
        circuit: The reduced circuit.
        observable: What was asked for.
        methods: The methods.
        limits: What an answer may cost.

    Example:
        >>> steps = (Operation(name="measure", qubits=(0,), bits=(0,)),
        ...          Operation(name="h", qubits=(0,), condition=(0, 1)))
        >>> circuit = NoisyCircuit(n_qubits=1, n_bits=1, steps=steps)
        >>> nearest_to_value(circuit, Observable(paulis=((0, "Z"),)), [], Limits())
        'fewer layers of gates, or more memory'
    """
    ways: list[str] = []
    turn = {"X": ("h",), "Y": ("sdg", "h"), "Z": ()}
    steps = [Operation(name=name, qubits=(q,)) for q, letter in observable.paulis for name in turn[letter]]
    n = circuit.n_bits
    steps += [Operation(name="measure", qubits=(q,), bits=(n + k,)) for k, q in enumerate(observable.qubits)]
    measured = dataclasses.replace(
        circuit, n_bits=n + len(observable.paulis), steps=(*circuit.steps, *steps), readout=None, coherent={}
    )
    n_shots = 10_000
    inside = reduce_for_shots(measured).circuit
    choice = choose(methods, limits, lambda method: method.consider_shots(inside, n_shots))
    if choice.method is not None and choice.cost is not None:
        took = format_seconds(choice.cost.time_s)
        ways.append(f"the mean of {n_shots:,} shots by {choice.method.name}, good to 0.01, in about {took}")
    cut = within(limits, "mps", MatrixProductMethod(truncate=True).consider_expectation(circuit, observable))
    if isinstance(cut, Cost):
        took = format_seconds(cut.time_s)
        ways.append(
            "a matrix product state that is cut short (`MatrixProductMethod(truncate=True)`), "
            f"in about {took}, with a fidelity as its error"
        )
    return "; ".join(ways) or "fewer layers of gates, or more memory"
