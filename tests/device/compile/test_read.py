import pytest
import qiskit
from qiskit.circuit import Gate, Parameter

from kakehashi.circuit.gates import GateCircuit, Operation, from_qiskit
from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.device.compile.read import read_circuit


def test_every_kind_of_circuit_is_read():
    assert read_circuit(GateCircuit(n_qubits=2, operations=(Operation(name="cx", qubits=(0, 1)),))).num_qubits == 2
    assert read_circuit(qiskit.QuantumCircuit(3)).num_qubits == 3
    read = read_circuit(Circuit(n_orb=2, n_elec=(1, 1)))
    assert read.count_ops()["measure"] == 4
    assert "hartree_fock_jw" not in read.count_ops()  # ffsim's passes have made a Slater determinant of it


def test_steps_of_the_clock_become_nanoseconds_inside_of_conditions_too():
    circuit = qiskit.QuantumCircuit(1, 1)
    circuit.delay(10, 0, unit="dt")
    circuit.delay(1, 0, unit="us")
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.delay(5, 0, unit="dt")
    durations = [o.parameters[0] for o in from_qiskit(read_circuit(circuit, clock_ns=4.0)) if o.name == "delay"]
    assert durations == [40, 1000, 20]


def with_parameter():
    circuit = qiskit.QuantumCircuit(1)
    circuit.rx(Parameter("theta"), 0)
    return circuit


def with_opaque():
    circuit = qiskit.QuantumCircuit(1)
    circuit.append(Gate("mystery", 1, []), [0])
    return circuit


@pytest.mark.parametrize(
    ("circuit", "sentence"),
    [
        ("H 0", "must be a GateCircuit, a Circuit or a qiskit.QuantumCircuit, not str"),
        (with_parameter(), r"free parameters \(theta\)"),
        (with_opaque(), "a gate that is not known: 'mystery'"),
        (GateCircuit(n_qubits=1, operations=(Operation(name="mystery", qubits=(0,)),)), "not known: 'mystery'"),
    ],
)
def test_what_is_no_circuit_is_refused(circuit, sentence):
    with pytest.raises(InputError, match=sentence):
        read_circuit(circuit)
