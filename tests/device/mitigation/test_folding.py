"""Folded circuits do the same, and more of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import Operator

from kakehashi.circuit.gates import GateCircuit, Operation, to_qiskit
from kakehashi.circuit.unitaries import GATES
from kakehashi.core.errors import InputError
from kakehashi.device.mitigation.folding import fold, invert


@pytest.mark.parametrize("name", GATES)
def test_what_undoes_a_gate_undoes_it(name):
    kind = GATES[name]
    step = Operation(name=name, qubits=(1, 0)[: kind.n_qubits], parameters=(0.3, 1.1, -0.7)[: kind.n_parameters])
    circuit = GateCircuit(n_qubits=2, operations=(step, *invert(step)))
    assert Operator(to_qiskit(circuit)).equiv(Operator.from_label("II"))


STEPS = [
    Operation(name="sx", qubits=(0,)),
    Operation(name="rz", qubits=(1,), parameters=(0.3,)),
    Operation(name="cz", qubits=(0, 1)),
    Operation(name="ecr", qubits=(1, 0)),
]


@given(st.lists(st.sampled_from(STEPS), max_size=8), st.floats(1, 7))
def test_the_circuit_stays_and_its_length_grows(steps, scale):
    circuit = GateCircuit(n_qubits=2, operations=tuple(steps))
    folded = fold(circuit, scale)
    assert Operator(to_qiskit(folded)).equiv(Operator(to_qiskit(circuit)))
    names = ("cz", "ecr", "sx")
    n_gates, n_folded = (sum(o.name in names for o in c) for c in (circuit, folded))
    assert abs(n_folded - scale * n_gates) <= len(steps) + 1
    assert set(folded.count()) <= {*circuit.count(), "rz"}


def test_final_measurements_are_kept_and_others_refused():
    read = Operation(name="measure", qubits=(0,), bits=(0,))
    last = GateCircuit(n_qubits=2, n_bits=1, operations=(*STEPS, read))
    assert [o.name for o in fold(last, 3)].count("measure") == 1
    middle = GateCircuit(n_qubits=2, n_bits=1, operations=(read, *STEPS))
    with pytest.raises(InputError, match="'measure' within the circuit cannot be undone"):
        fold(middle, 3)
    with pytest.raises(InputError, match=r"at least 1, but is 0\.5"):
        fold(last, 0.5)
