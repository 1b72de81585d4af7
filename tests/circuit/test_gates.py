"""Circuits of gates: to qiskit and back, what is refused, and what is counted."""

from __future__ import annotations

import numpy as np
import pytest
import qiskit
from qiskit.circuit import Parameter
from qiskit.circuit.library import QFTGate, get_standard_gate_name_mapping
from qiskit.quantum_info import Operator, random_unitary

from kakehashi.circuit.gates import GateCircuit, Operation, from_qiskit, to_qiskit
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError


def every_gate() -> qiskit.QuantumCircuit:
    circuit = qiskit.QuantumCircuit(3, 3)
    classes = get_standard_gate_name_mapping()
    for k, (name, kind) in enumerate(sorted(GATES.items())):
        gate = type(classes[name])(*np.linspace(0.3, 1.1, kind.n_parameters) + 0.1 * k)
        circuit.append(gate, [k % 3, (k + 1) % 3][: kind.n_qubits])
    circuit.append(random_unitary(4, seed=1).to_instruction(), [2, 0])
    return circuit


def test_there_and_back_is_the_same_operator():
    circuit = every_gate()
    again = to_qiskit(from_qiskit(circuit))
    assert Operator(again).equiv(Operator(circuit))
    assert from_qiskit(again).count() == from_qiskit(circuit).count()


def test_matrices_of_the_operations_give_the_operator():
    circuit = from_qiskit(every_gate())
    total = Operator(np.eye(8))
    for operation in circuit:
        total = total.compose(Operator(operation.unitary()), qargs=list(operation.qubits))
    assert total.equiv(Operator(every_gate()))


def test_wider_gates_are_taken_apart():
    circuit = qiskit.QuantumCircuit(4)
    circuit.append(QFTGate(3), [3, 1, 0])
    circuit.ccx(0, 1, 2)
    circuit.x(1)
    circuit.cx(0, 1, ctrl_state=0)
    flat = from_qiskit(circuit)
    assert set(flat.count()) <= set(GATES)
    assert Operator(to_qiskit(flat)).equiv(Operator(circuit))


def test_measurement_reset_delay_and_condition_survive():
    circuit = qiskit.QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 1)
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(1)
    circuit.reset(0)
    circuit.delay(2.5, 1, unit="us")
    circuit.measure([0, 1], [0, 1])
    flat = from_qiskit(circuit)
    assert flat.measured == ((0, 1), (0, 0), (1, 1))
    conditioned = next(operation for operation in flat if operation.condition)
    assert (conditioned.name, conditioned.qubits, conditioned.condition) == ("x", (1,), (1, 1))
    assert next(operation for operation in flat if operation.name == "delay").parameters == (2500.0,)
    again = from_qiskit(to_qiskit(flat))
    assert [(o.name, o.qubits, o.parameters, o.bits, o.condition) for o in again] == [
        (o.name, o.qubits, o.parameters, o.bits, o.condition) for o in flat
    ]


def test_what_is_not_understood_is_said():
    free = qiskit.QuantumCircuit(1)
    free.rx(Parameter("theta"), 0)
    with pytest.raises(InputError, match="free parameters \\(theta\\)"):
        from_qiskit(free)
    branching = qiskit.QuantumCircuit(1, 1)
    with branching.if_test((branching.clbits[0], 1)) as otherwise:
        branching.x(0)
    with otherwise:
        branching.h(0)
    with pytest.raises(InputError, match="without `else`"):
        from_qiskit(branching)
    samples = qiskit.QuantumCircuit(1)
    samples.delay(10, 0, unit="dt")
    with pytest.raises(InputError, match="unit 'dt'"):
        from_qiskit(samples)


def test_numbers_must_be_in_range():
    with pytest.raises(InputError, match="there are 2"):
        GateCircuit(n_qubits=2, operations=(Operation(name="x", qubits=(2,)),))
    with pytest.raises(InputError, match="classical bits"):
        GateCircuit(n_qubits=2, n_bits=1, operations=(Operation(name="measure", qubits=(0,), bits=(1,)),))


def test_depth_counts_two_qubit_gates_alone():
    chain = [Operation(name="cx", qubits=(k, k + 1)) for k in range(3)]
    circuit = GateCircuit(n_qubits=4, operations=(Operation(name="h", qubits=(0,)), *chain))
    assert (circuit.n_two_qubit_gates, circuit.two_qubit_depth(), circuit.used_qubits) == (3, 3, (0, 1, 2, 3))
    moved = circuit.relabel([5, 4, 3, 2], n_qubits=6)
    assert (moved.n_qubits, moved.operations[1].qubits) == (6, (5, 4))


def test_delays_in_steps_of_the_clock_need_the_clock():
    circuit = qiskit.QuantumCircuit(1)
    circuit.delay(50, 0, unit="dt")
    assert from_qiskit(circuit, clock_ns=4.0).operations[0].parameters == (200.0,)
    with pytest.raises(InputError, match="the unit 'dt'"):
        from_qiskit(circuit)
