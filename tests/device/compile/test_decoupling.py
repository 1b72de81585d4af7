import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Operator

from kakehashi.circuit.gates import GateCircuit, Operation, to_qiskit
from kakehashi.core.errors import InputError
from kakehashi.device.compile.decoupling import SEQUENCES, add_decoupling, duration_of, schedule_late
from kakehashi.device.compile.example import example_twin

TWIN = example_twin(2)
EDGES = [(0, 1), (0, 2), (1, 3), (2, 3)]


def without_delays(circuit):
    kept = tuple(o for o in circuit.operations if o.name != "delay")
    return Operator(to_qiskit(GateCircuit(n_qubits=circuit.n_qubits, operations=kept)))


circuits = st.lists(
    st.one_of(
        st.sampled_from(EDGES).map(lambda pair: Operation(name="cz", qubits=pair)),
        st.tuples(st.integers(0, 3), st.floats(-3, 3)).map(
            lambda t: Operation(name="rz", qubits=(t[0],), parameters=(t[1],))
        ),
        st.integers(0, 3).map(lambda q: Operation(name="sx", qubits=(q,))),
    ),
    max_size=30,
).map(lambda operations: GateCircuit(n_qubits=4, operations=tuple(operations)))


@settings(max_examples=30)
@given(circuit=circuits, sequence=st.sampled_from(sorted(SEQUENCES)))
def test_the_action_is_unchanged_and_the_schedule_no_longer(circuit, sequence):
    filled = add_decoupling(circuit, TWIN, sequence=sequence, shortest_ns=0.0)
    assert without_delays(filled).equiv(without_delays(circuit))
    end = [max((t.start_ns + t.duration_ns for t in schedule_late(c, TWIN)), default=0.0) for c in (circuit, filled)]
    assert end[1] <= end[0] + 1e-6


def test_pulses_are_evenly_spread():
    gap = [Operation(name="cz", qubits=(0, 1)), Operation(name="delay", qubits=(1,), parameters=(1000.0,))]
    gap += [Operation(name="sx", qubits=(1,)), Operation(name="cz", qubits=(0, 1))]
    filled = add_decoupling(GateCircuit(n_qubits=4, operations=tuple(gap)), TWIN, sequence="XY4")
    mine = [(o.name, o.parameters) for o in filled if o.qubits == (0,)]
    waits = [p[0] for name, p in mine if name == "delay"]
    assert [name for name, _ in mine if name != "delay"] == ["x", "rz", "x", "x", "rz", "x"]
    assert waits[1] == waits[2] == waits[3] == 2 * waits[0] == 2 * waits[-1]
    assert sum(waits) == pytest.approx(1000 + 24 - 4 * 24, abs=8)


@pytest.mark.parametrize("sequence", sorted(SEQUENCES))
def test_a_sequence_undoes_a_steady_detuning(sequence):
    """Each frame gets the same time, so a rotation about z at constant rate cancels; without pulses it does not."""
    gap = [
        Operation(name="cz", qubits=(0, 1)),
        *[Operation(name="sx", qubits=(1,))] * 40,
        Operation(name="cz", qubits=(0, 1)),
    ]
    filled = add_decoupling(GateCircuit(n_qubits=4, operations=tuple(gap)), TWIN, sequence=sequence)
    angle, sign = 0.0, 1
    for o in filled:
        if o.qubits == (0,) and o.name == "delay":
            angle += sign * o.parameters[0]
        elif o.qubits == (0,) and o.name == "x":
            sign = -sign
    assert angle == pytest.approx(0.0, abs=1e-9)
    assert sign == 1


def test_qubits_in_their_ground_state_are_left_alone():
    late = [*[Operation(name="sx", qubits=(1,))] * 40, Operation(name="cz", qubits=(0, 1))]
    circuit = GateCircuit(n_qubits=4, operations=tuple(late))
    assert add_decoupling(circuit, TWIN).count() == circuit.count()


def test_wrong_input():
    with pytest.raises(InputError, match="no decoupling sequence 'CPMG'"):
        add_decoupling(GateCircuit(n_qubits=4), TWIN, sequence="CPMG")
    with pytest.raises(InputError, match="does not join"):
        schedule_late(GateCircuit(n_qubits=4, operations=(Operation(name="cz", qubits=(0, 3)),)), TWIN)


def test_durations():
    assert duration_of(Operation(name="rz", qubits=(0,), parameters=(math.pi,)), TWIN) == 0.0
    assert duration_of(Operation(name="measure", qubits=(0,), bits=(0,)), TWIN) == 1500.0
    assert duration_of(Operation(name="barrier", qubits=(0, 1)), TWIN) == 0.0
    assert np.isclose(duration_of(Operation(name="x", qubits=(0,)), TWIN), 24.0)
