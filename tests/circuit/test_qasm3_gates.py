"""Definitions and modifiers, against qiskit's matrices."""

import numpy as np
import pytest
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import Operator, random_unitary

from kakehashi.circuit.gates import GateCircuit, to_qiskit
from kakehashi.circuit.qasm3_gates import DEFINITIONS, apply, expand, same_up_to_phase, take_apart
from kakehashi.circuit.qasm3_program import Program
from kakehashi.circuit.unitaries import GATES

ANGLES = (0.3, 1.1, -0.7, 0.45)


def read(text):
    return Program('include "stdgates.inc";' + text, path="a").read()


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_is_the_gate(name):
    """Read under another name, so that nothing is taken for known."""
    definition = DEFINITIONS[name].replace(f"gate {name}", "gate mine", 1)
    gate = get_standard_gate_name_mapping().get(name)
    if name == "u2":
        from qiskit.circuit.library import U2Gate as kind
    else:
        kind = type(gate)
    if name == "u2":
        made, n_angles, n_qubits = kind(*ANGLES[:2]), 2, 1
    else:
        n_angles, n_qubits = len(gate.params), gate.num_qubits
        made = kind(*ANGLES[:n_angles])
    angles = f"({', '.join(map(str, ANGLES[:n_angles]))})" if n_angles else ""
    qubits = ", ".join(f"q[{k}]" for k in range(n_qubits))
    text = f"{definition} qubit[{n_qubits}] q; mine{angles} {qubits};"
    assert Operator(to_qiskit(read(text))).equiv(Operator(made))
    if name in ("ccx", "cswap", "cu", "u2"):
        assert Operator(to_qiskit(read(f"qubit[{n_qubits}] q; {name}{angles} {qubits};"))).equiv(Operator(made))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("ctrl @ x q[0], q[1];", "cx q[0], q[1];"),
        ("negctrl @ x q[0], q[1];", "x q[0]; cx q[0], q[1]; x q[0];"),
        ("ctrl(2) @ x q[0], q[1], q[2];", "ccx q[0], q[1], q[2];"),
        ("ctrl @ ctrl @ x q[0], q[1], q[2];", "ccx q[0], q[1], q[2];"),
        ("ctrl @ swap q[2], q[0], q[1];", "cswap q[2], q[0], q[1];"),
        ("inv @ s q[0];", "sdg q[0];"),
        ("inv @ rx(0.3) q[1];", "rx(-0.3) q[1];"),
        ("pow(2) @ t q[1];", "s q[1];"),
        ("pow(0.5) @ x q[1];", "sx q[1];"),
        ("pow(-1) @ rzz2(0.4) q[0], q[1];", "rzz2(-0.4) q[0], q[1];"),
        ("ctrl @ rz(0.3) q[0], q[2];", "crz(0.3) q[0], q[2];"),
        ("ctrl @ gphase(0.3) q[1];", "p(0.3) q[1];"),
        ("ctrl @ phased q[0], q[1];", "p(0.7) q[0]; cx q[0], q[1];"),
    ],
)
def test_modifiers(text, same):
    head = "gate rzz2(t) a, b { cx a, b; rz(t) b; cx a, b; } gate phased a { gphase(0.7); x a; } qubit[3] q; "
    assert Operator(to_qiskit(read(head + text))).equiv(Operator(to_qiskit(read(head + same))))


def test_a_modified_gate_with_a_name_gets_it():
    assert [o.name for o in read("qubit[2] q; ctrl @ z q[0], q[1]; inv @ sx q[0];")] == ["cz", "sxdg"]


def test_fractional_powers_of_degenerate_gates_are_unitary():
    power = apply([("pow", 1 / 3)], GATES["swap"].matrix())
    assert power @ power @ power == pytest.approx(GATES["swap"].matrix())
    assert power @ power.conj().T == pytest.approx(np.eye(4))


def test_wide_matrices_are_taken_apart():
    matrix = random_unitary(8, seed=1).data
    parts = take_apart(matrix, (2, 0, 1))
    whole = Operator(to_qiskit(GateCircuit(n_qubits=3, operations=tuple(parts))))
    circuit = to_qiskit(GateCircuit(n_qubits=3))
    circuit.unitary(matrix, [2, 0, 1])
    assert whole.equiv(Operator(circuit))
    assert same_up_to_phase(np.exp(0.3j) * matrix, matrix)
    assert expand("gphase", [1.0], (), (), {}) == []
