"""Starts and waits: by hand, and against Qiskit's own analysis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.transpiler import InstructionDurations, PassManager
from qiskit.transpiler.passes import ALAPScheduleAnalysis, ASAPScheduleAnalysis

from kakehashi.circuit.gates import GateCircuit, Operation, to_qiskit
from kakehashi.core.errors import InputError
from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.schedule import schedule_circuit


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


def windows(plan):
    rows = zip(plan.idle_qubit, plan.idle_start_ns, plan.idle_ns, plan.idle_before, strict=True)
    return [(int(q), float(start), float(length), int(k)) for q, start, length, k in rows]


LADDER = GateCircuit(
    n_qubits=3,
    n_bits=3,
    operations=(
        gate("sx", 0),
        gate("cz", 0, 1),
        gate("cz", 1, 2),
        gate("rz", 0, parameters=(1.0,)),
        *(gate("measure", q, bits=(q,)) for q in range(3)),
    ),
)


def test_as_late_as_possible_aligns_the_measurements():
    plan = schedule_circuit(LADDER, line_twin(3))
    assert plan.start_ns.tolist() == [0, 24, 108, 192, 192, 192, 192]
    assert plan.total_ns == 192 + 1560
    assert windows(plan) == [(0, 108, 84, 4)]


def test_as_soon_as_possible_measures_early_and_does_not_wait_after():
    plan = schedule_circuit(LADDER, line_twin(3), policy="asap")
    assert plan.start_ns.tolist() == [0, 24, 108, 108, 108, 192, 192]
    assert windows(plan) == []


def test_durations_are_rounded_up_to_the_clock():
    twin = replace(line_twin(1), clock_ns=10.0)
    operations = (gate("sx", 0), gate("delay", 0, parameters=(20.0,)), gate("delay", 0, parameters=(20.1,)))
    assert schedule_circuit(GateCircuit(n_qubits=1, operations=operations), twin).length_ns.tolist() == [30, 20, 30]


def test_delays_and_barriers_lie_inside_a_window():
    operations = (
        gate("sx", 0),
        gate("delay", 0, parameters=(400.0,)),
        gate("rz", 0, parameters=(1.0,)),
        gate("barrier", 0, 1),
        gate("sx", 1),
        gate("sx", 0),
    )
    plan = schedule_circuit(GateCircuit(n_qubits=2, operations=operations), line_twin(2), policy="asap")
    assert windows(plan) == [(0, 24, 400, 5)]
    assert plan.start_ns[4] == 424  # the barrier holds qubit 1, which is still in its ground state


def test_a_wait_that_nothing_ends_is_a_window_unless_the_qubit_was_measured():
    operations = (gate("sx", 0), gate("sx", 1), gate("delay", 1, parameters=(100.0,)))
    plan = schedule_circuit(GateCircuit(n_qubits=2, operations=operations), line_twin(2), policy="asap")
    assert windows(plan) == [(0, 24, 100, 3), (1, 24, 100, 3)]


def test_nothing_waits_around_a_reset():
    operations = (
        gate("sx", 0),
        gate("delay", 0, parameters=(100.0,)),
        gate("reset", 0),
        gate("delay", 0, parameters=(100.0,)),
        gate("sx", 0),
    )
    assert windows(schedule_circuit(GateCircuit(n_qubits=1, operations=operations), line_twin(1))) == []


@pytest.mark.parametrize("policy", ["asap", "alap"])
def test_a_condition_waits_for_its_measurement(policy):
    operations = (
        gate("sx", 0),
        gate("sx", 1),
        gate("measure", 0, bits=(0,)),
        gate("x", 1, condition=(0, 1)),
    )
    plan = schedule_circuit(GateCircuit(n_qubits=2, n_bits=1, operations=operations), line_twin(2), policy=policy)
    assert plan.start_ns[3] == 24 + 1560
    expected = (1, 24.0, 1560.0, 3) if policy == "asap" else None
    assert windows(plan) == ([expected] if expected else [])


def test_it_refuses_what_the_twin_cannot_run():
    with pytest.raises(InputError, match="does not couple"):
        schedule_circuit(GateCircuit(n_qubits=3, operations=(gate("cz", 0, 2),)), line_twin(3))


@pytest.mark.parametrize("policy", ["asap", "alap"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_starts_are_those_of_qiskit(uneven_twin, random_circuit, policy, seed):
    twin = uneven_twin(5)
    circuit = random_circuit(twin, 60, seed=seed)
    plan = schedule_circuit(circuit, twin, policy=policy)
    durations = InstructionDurations(dt=1e-9)
    ns = twin.calibration.gate_ns
    rows = [(name, [q], int(ns[name][q]), "dt") for name in ("sx", "x", "rz") for q in range(5)]
    for k, (a, b) in enumerate(twin.edges.tolist()):
        rows += [("cz", pair, int(ns["cz"][k]), "dt") for pair in ([a, b], [b, a])]
    rows += [("measure", [q], 1560, "dt") for q in range(5)]
    durations.update(rows, dt=1e-9)
    analysis = (ASAPScheduleAnalysis if policy == "asap" else ALAPScheduleAnalysis)(durations)
    theirs = to_qiskit(circuit)
    for instruction in theirs.data:
        if instruction.operation.name == "delay":
            instruction.operation.unit = "dt"
            instruction.operation.duration = int(instruction.operation.duration)
    passes = PassManager([analysis])
    passes.run(theirs)
    found = sorted(
        (node.op.name, tuple(theirs.find_bit(q).index for q in node.qargs), start)
        for node, start in passes.property_set["node_start_time"].items()
        if node.op.name in ("sx", "x", "cz", "measure")
    )
    ours = sorted(
        (operation.name, operation.qubits, int(start))
        for operation, start in zip(circuit.operations, plan.start_ns, strict=True)
        if operation.name in ("sx", "x", "cz", "measure")
    )
    assert ours == found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), policy=st.sampled_from(["asap", "alap"]))
def test_operations_of_a_qubit_and_its_waits_fill_its_time(random_circuit, uneven_twin, seed, policy):
    twin = uneven_twin(4)
    circuit = random_circuit(twin, 40, seed=seed)
    plan = schedule_circuit(circuit, twin, policy=policy)
    place = np.argsort(plan.order)
    for q in range(4):
        mine = [k for k, operation in enumerate(circuit.operations) if q in operation.qubits]
        assert all(a < b for a, b in zip(place[mine], place[mine][1:], strict=False))
        busy = [k for k in mine if circuit.operations[k].name in ("sx", "x", "cz", "measure")]
        spent = plan.length_ns[busy].sum() + plan.idle_ns[plan.idle_qubit == q].sum()
        whole = plan.start_ns[busy[-1]] + plan.length_ns[busy[-1]] - plan.start_ns[busy[0]]
        assert spent == pytest.approx(whole)
