"""One state in ffsim, qiskit and OpenQASM 3, with the same qubit order."""

import ffsim
import ffsim.qiskit
import numpy as np
import pytest
import qiskit.qasm3
from qiskit.quantum_info import Statevector

from kakehashi.circuit.model import STANDARD_GATES, Circuit
from kakehashi.core.errors import InputError

CASES = [(3, (2, 1)), (4, (2, 2)), (2, (1, 1)), (1, (1, 0)), (3, (3, 3)), (3, (0, 2))]


def random_circuit(n_orb, n_elec, *, balanced=True, seed=5):
    name = "random_ucj_op_spin_balanced" if balanced else "random_ucj_op_spin_unbalanced"
    operator = getattr(ffsim.random, name)(n_orb, n_reps=2, with_final_orbital_rotation=True, seed=seed)
    return Circuit(n_orb=n_orb, n_elec=n_elec, operator=operator)


def expected_state(circuit):
    """ffsim's state on all qubits, placed by hand: index = beta string * 2^n_orb + alpha string."""
    state = ffsim.hartree_fock_state(circuit.n_orb, circuit.n_elec)
    state = ffsim.apply_unitary(state, circuit.operator, norb=circuit.n_orb, nelec=circuit.n_elec)
    full = np.zeros(4**circuit.n_orb, dtype=complex)
    addresses = range(len(state))
    full[ffsim.addresses_to_strings(addresses, circuit.n_orb, circuit.n_elec)] = state
    return full


def fidelity(first, second):
    return abs(np.vdot(first, second)) ** 2


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize(("n_orb", "n_elec"), CASES)
def test_qiskit_gives_ffsims_state(n_orb, n_elec, balanced):
    circuit = random_circuit(n_orb, n_elec, balanced=balanced)
    expected = expected_state(circuit)
    for decompose in (False, True):
        found = Statevector(circuit.to_qiskit(measure=False, decompose=decompose)).data
        assert fidelity(expected, found) == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize(("n_orb", "n_elec"), CASES)
def test_openqasm_can_be_read_back(n_orb, n_elec, balanced):
    circuit = random_circuit(n_orb, n_elec, balanced=balanced)
    program = circuit.to_qasm3(measure=False)
    assert program.startswith("OPENQASM 3.0;")
    found = Statevector(qiskit.qasm3.loads(program)).data
    assert fidelity(expected_state(circuit), found) == pytest.approx(1, abs=1e-10)


def test_openqasm_uses_standard_gates_alone_and_measures_in_order():
    program = random_circuit(3, (2, 1)).to_qasm3()
    lines = [line for line in program.splitlines() if line and not line.startswith(("OPENQASM", "include"))]
    words = {line.split("(")[0].split()[0] for line in lines if "measure" not in line}
    assert words <= {*STANDARD_GATES, "qubit[6]", "bit[6]", "barrier"}
    for qubit in range(6):
        assert f"meas[{qubit}] = measure q[{qubit}];" in program
    assert qiskit.qasm3.loads(program).num_clbits == 6


@pytest.mark.parametrize(("n_orb", "n_elec"), CASES)
def test_hartree_fock_sets_the_lowest_bits_of_each_half(n_orb, n_elec):
    circuit = Circuit(n_orb=n_orb, n_elec=n_elec)
    (bits,) = Statevector(circuit.to_qiskit(measure=False, decompose=True)).probabilities_dict()
    beta, alpha = bits[:n_orb], bits[n_orb:]
    assert alpha == ("1" * n_elec[0]).rjust(n_orb, "0")
    assert beta == ("1" * n_elec[1]).rjust(n_orb, "0")


def test_measured_register():
    circuit = random_circuit(2, (1, 1)).to_qiskit()
    assert [(register.name, register.size) for register in circuit.cregs] == [("meas", 4)]


def test_two_qubit_gates_are_counted():
    circuit = random_circuit(3, (2, 1))
    counted = circuit.count_two_qubit_gates()
    assert counted == circuit.to_qasm3().count("\ncx ")
    assert counted > 0
    assert Circuit(n_orb=3, n_elec=(2, 1)).count_two_qubit_gates() == 0


@pytest.mark.parametrize("n_elec", [(3, 0), (0, -1)])
def test_impossible_electrons(n_elec):
    with pytest.raises(InputError, match="do not fit into 2 orbitals"):
        Circuit(n_orb=2, n_elec=n_elec)


def test_wrong_size_of_operator():
    operator = ffsim.random.random_ucj_op_spin_balanced(3, n_reps=1, seed=1)
    with pytest.raises(InputError, match="acts on 3 orbitals"):
        Circuit(n_orb=2, n_elec=(1, 1), operator=operator)
    with pytest.raises(InputError, match="must be positive"):
        Circuit(n_orb=0, n_elec=(0, 0))
