"""Programs that are written read back as the same circuit, and qiskit reads the same in them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit, qasm3, transpile
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator, random_unitary

from kakehashi.circuit.gates import GateCircuit, Operation, from_qiskit, to_qiskit
from kakehashi.circuit.qasm3 import read_qasm3, write_qasm3
from kakehashi.circuit.unitaries import GATES

N_QUBITS, N_BITS = 4, 3
ANGLES = st.floats(-7, 7, allow_nan=False)


@st.composite
def operations(draw):
    name = draw(st.sampled_from([*GATES, "measure", "reset", "delay", "barrier"]))
    condition = draw(st.none() | st.tuples(st.integers(0, N_BITS - 1), st.integers(0, 1)))
    if name == "barrier":
        size = draw(st.integers(1, N_QUBITS))
        return Operation(name=name, qubits=tuple(draw(st.permutations(range(N_QUBITS)))[:size]))
    if name in ("measure", "reset", "delay"):
        bits = (draw(st.integers(0, N_BITS - 1)),) if name == "measure" else ()
        parameters = (draw(st.floats(0, 1e6)),) if name == "delay" else ()
        qubit = draw(st.integers(0, N_QUBITS - 1))
        return Operation(name=name, qubits=(qubit,), bits=bits, parameters=parameters, condition=condition)
    qubits = tuple(draw(st.permutations(range(N_QUBITS)))[: GATES[name].n_qubits])
    angles = tuple(draw(ANGLES) for _ in range(GATES[name].n_parameters))
    return Operation(name=name, qubits=qubits, parameters=angles, condition=condition)


def fields(circuit):
    return [(o.name, o.qubits, o.parameters, o.bits, o.condition) for o in circuit]


@given(st.lists(operations(), max_size=8), st.booleans())
def test_a_circuit_comes_back_as_it_was(steps, physical):
    circuit = GateCircuit(n_qubits=N_QUBITS, n_bits=N_BITS, operations=tuple(steps))
    again = read_qasm3(write_qasm3(circuit, physical=physical), n_qubits=N_QUBITS)
    assert (again.n_qubits, again.n_bits) == (N_QUBITS, N_BITS)
    assert fields(again) == fields(circuit)


@pytest.mark.parametrize("name", GATES)
def test_qiskit_reads_the_same_gate(name):
    kind = GATES[name]
    # qiskit's importer gives the angles of a defined gate in the order of their names: equal ones hide that.
    angles = (0.7,) * kind.n_parameters
    circuit = GateCircuit(
        n_qubits=2,
        operations=(Operation(name=name, qubits=(1, 0)[: kind.n_qubits], parameters=angles),),
    )
    assert Operator(qasm3.loads(write_qasm3(circuit))).equiv(Operator(to_qiskit(circuit)))


def test_what_qiskit_writes_is_read_as_the_same_circuit():
    circuit = QuantumCircuit(3, 2)
    circuit.h(0), circuit.ccx(0, 1, 2), circuit.rzx(0.3, 1, 2), circuit.ecr(0, 2), circuit.iswap(1, 0)
    circuit.cu(0.1, 0.2, 0.3, 0.4, 0, 1), circuit.cswap(2, 1, 0), circuit.r(0.4, 0.6, 1), circuit.sxdg(2)
    circuit.crx(0.2, 0, 1), circuit.u(0.1, 0.2, 0.3, 2), circuit.rccx(0, 1, 2)
    read = read_qasm3(qasm3.dumps(circuit))
    assert Operator(to_qiskit(read)).equiv(Operator(circuit.remove_final_measurements(inplace=False)))
    assert {"ecr", "iswap", "rzx"} <= set(read.count())


def test_conditions_and_physical_qubits_of_qiskit_are_read():
    circuit = QuantumCircuit(3, 2)
    circuit.measure(0, 1)
    with circuit.if_test((circuit.clbits[1], 0)):
        circuit.x(2)
    circuit.delay(100, 1, unit="ns")
    circuit.reset(1)
    assert fields(read_qasm3(qasm3.dumps(circuit))) == fields(from_qiskit(circuit))


def test_what_the_transpiler_made_for_a_device_keeps_its_qubits():
    backend = GenericBackendV2(6, basis_gates=["rz", "sx", "x", "cz"], seed=1)
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.ccx(0, 1, 2)
    circuit.delay(100, 1, unit="dt")
    circuit.measure_all()
    isa = transpile(circuit, backend, initial_layout=[4, 2, 1], seed_transpiler=1)
    read = read_qasm3(qasm3.dumps(isa), n_qubits=6, clock_ns=0.2)
    assert read.n_qubits == 6
    made = from_qiskit(isa, clock_ns=0.2)
    assert [(o.name, o.qubits, o.bits) for o in read] == [(o.name, o.qubits, o.bits) for o in made]
    assert [o.parameters for o in read] == [pytest.approx(o.parameters, abs=1e-12) for o in made]


def test_matrices_are_written_as_gates():
    wide = random_unitary(8, seed=1).data
    circuit = GateCircuit(
        n_qubits=4,
        operations=(
            Operation(name="unitary", qubits=(3, 1), matrix=random_unitary(4, seed=2).data),
            Operation(name="unitary", qubits=(2,), matrix=random_unitary(2, seed=3).data),
            Operation(name="unitary", qubits=(0, 2, 3), matrix=wide),
        ),
    )
    read = read_qasm3(write_qasm3(circuit))
    assert Operator(to_qiskit(read)).equiv(Operator(to_qiskit(circuit)))


def test_a_condition_on_a_matrix_is_kept():
    step = Operation(name="unitary", qubits=(0,), matrix=random_unitary(2, seed=1).data, condition=(0, 1))
    read = read_qasm3(write_qasm3(GateCircuit(n_qubits=1, n_bits=1, operations=(step,))))
    assert [operation.condition for operation in read] == [(0, 1)]


def test_the_circuits_of_the_chain_are_read():
    from kakehashi.circuit.model import Circuit

    read = read_qasm3(Circuit(n_orb=2, n_elec=(1, 1)).to_qasm3())
    assert read.count() == {"x": 2, "barrier": 1, "measure": 4}
    assert np.array_equal(read.measured, [(q, q) for q in range(4)])
