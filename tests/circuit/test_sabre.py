import numpy as np
import pytest
import qiskit
from qiskit.quantum_info import Statevector
from qiskit.transpiler import CouplingMap, PassManager, Target

from kakehashi.circuit.sabre import OWN_SETTING, SETTINGS, Setting, route_with

LINE = Target.from_configuration(["rz", "sx", "cz", "swap"], coupling_map=CouplingMap.from_line(6))


def ring(n):
    circuit = qiskit.QuantumCircuit(n)
    for q in range(n):
        circuit.ry(0.3 * (q + 1), q)
    for q in range(n):
        circuit.cz(q, (q + 2) % n)
        circuit.ry(0.1, q)
    return circuit


@pytest.mark.parametrize("setting", [*SETTINGS, OWN_SETTING, Setting(name="none")], ids=lambda s: s.name)
def test_a_routed_circuit_does_the_same(setting):
    steps = PassManager([route_with(setting, LINE, seed=3)])
    routed = steps.run(ring(5))
    joined = set(LINE.build_coupling_map().get_edges())
    place = {bit: k for k, bit in enumerate(routed.qubits)}
    assert all(
        tuple(place[q] for q in i.qubits) in joined or tuple(place[q] for q in i.qubits)[::-1] in joined
        for i in routed.data
        if len(i.qubits) == 2
    )
    end = routed.layout.final_index_layout(filter_ancillas=True)
    wanted = Statevector(ring(5)).data
    got = Statevector(routed).data.reshape([2] * 6)
    axes = [5 - q for q in end][::-1]
    rest = [k for k in range(6) if k not in axes]
    got = np.transpose(got, rest + axes).reshape(-1, 32)
    assert abs(np.vdot(wanted, got[0])) ** 2 == pytest.approx(1)


def test_the_same_seed_gives_the_same_route():
    first, second = (PassManager([route_with(SETTINGS[0], LINE, seed=5)]).run(ring(6)) for _ in range(2))
    assert first == second
