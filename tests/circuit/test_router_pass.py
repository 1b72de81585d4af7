import numpy as np
import pytest
import qiskit
from qiskit.quantum_info import Statevector
from qiskit.transpiler import CouplingMap, PassManager, Target

from kakehashi.circuit.router_pass import merging_pass

GRID = CouplingMap.from_grid(2, 4)


def ring(n):
    circuit = qiskit.QuantumCircuit(n)
    for q in range(n):
        circuit.ry(0.3 * (q + 1), q)
    for q in range(n):
        circuit.rzz(0.4, q, (q + 2) % n)
        circuit.ry(0.1, q)
    return circuit


# With another native gate, Sabre takes its place.
@pytest.mark.parametrize("native", ["cz", "cx", "ecr", "rzz"])
def test_a_routed_circuit_does_the_same(native):
    target = Target.from_configuration(["rz", "sx", native], coupling_map=GRID)
    routed = PassManager([merging_pass(target, seed=3)]).run(ring(5))
    index = {bit: k for k, bit in enumerate(routed.qubits)}
    joined = set(GRID.get_edges())
    pairs = [tuple(index[q] for q in i.qubits) for i in routed.data if len(i.qubits) == 2]
    assert all(pair in joined or pair[::-1] in joined for pair in pairs)
    end = routed.layout.final_index_layout(filter_ancillas=True)
    got = Statevector(routed).data.reshape([2] * 8)
    axes = [7 - q for q in end][::-1]
    rest = [k for k in range(8) if k not in axes]
    got = np.transpose(got, rest + axes).reshape(-1, 32)
    assert abs(np.vdot(Statevector(ring(5)).data, got[0])) ** 2 == pytest.approx(1)
