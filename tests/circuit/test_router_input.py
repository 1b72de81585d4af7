import numpy as np
import pytest
import qiskit
from qiskit.circuit import Measure
from qiskit.circuit.library import CZGate, RXXGate, SXGate
from qiskit.transpiler import CouplingMap, InstructionProperties, QubitProperties, Target

from kakehashi.circuit.router_input import read_machine, read_program, write_route


def line(n, gate=None):
    target = Target(num_qubits=n, qubit_properties=[QubitProperties(t1=1e-4, t2=1e-4) for _ in range(n)])
    about = InstructionProperties(error=0.01, duration=1e-7)
    target.add_instruction(gate or CZGate(), {(q, q + 1): about for q in range(n - 1)})
    target.add_instruction(SXGate(), {(q,): InstructionProperties(error=1e-3, duration=2e-8) for q in range(n)})
    target.add_instruction(Measure(), {(q,): InstructionProperties(error=0.02) for q in range(n)})
    return target


def test_a_target_gives_distances_and_losses():
    machine = read_machine(line(4))
    assert machine.distance.tolist() == [[abs(a - b) for b in range(4)] for a in range(4)]
    assert machine.pull.tolist() == [0, 0, 1, 2, 3]
    # 0.01 of the gate and three turns of 0.001, three gates for each readout
    np.testing.assert_allclose(machine.badness, 3 * (-np.log1p(-0.01) + 3e-3) - np.log1p(-0.02), rtol=1e-3)


def test_what_the_router_cannot_read():
    assert read_machine(line(4, RXXGate(0.3))) is None
    apart = Target.from_configuration(["rz", "sx", "cz"], coupling_map=CouplingMap([(0, 1), (2, 3)]))
    assert read_machine(apart) is None
    wide = qiskit.QuantumCircuit(3)
    wide.ccx(0, 1, 2)
    assert read_program(wide) is None
    branch = qiskit.QuantumCircuit(1, 1)
    branch.measure(0, 0)
    with branch.if_test((branch.clbits[0], 1)):
        branch.x(0)
    assert read_program(branch) is None


def test_a_target_without_errors_is_read():
    bare = Target.from_configuration(["rz", "sx", "cz"], coupling_map=CouplingMap.from_grid(2, 2))
    assert read_machine(bare).badness.tolist() == [0, 0, 0, 0]


def test_a_route_is_written_with_its_layout():
    circuit = qiskit.QuantumCircuit(2, 2)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [1, 0])
    entries = np.array([[-1, 1, 2], [0, 0, 1], [1, 0, -1], [2, 1, -1]], dtype=np.int32)
    routed, known = write_route(circuit, {}, entries, (0, 2, 1), (0, 1, 2))
    names = [(i.name, [routed.find_bit(q).index for q in i.qubits]) for i in routed.data]
    assert names == [("swap", [1, 2]), ("cx", [0, 1]), ("measure", [0]), ("measure", [1])]
    assert [known["layout"][q] for q in circuit.qubits] == [0, 2]
    assert known["final_layout"][routed.qubits[2]] == 1


@pytest.mark.parametrize("n", [1, 3])
def test_programs_keep_their_width(n):
    assert read_program(qiskit.QuantumCircuit(n)).n_qubits == n
