"""Turns of neighbours, against the evolution under the coupling, integrated piece by piece."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.unitaries import GATES
from kakehashi.device.noise.crosstalk import crosstalk_turns
from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.schedule import schedule_circuit
from kakehashi.device.noise.superoperators import apply_matrix


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


def turns(twin, *operations, policy="asap", n_bits=0):
    circuit = GateCircuit(n_qubits=twin.n_qubits, n_bits=n_bits, operations=operations)
    return crosstalk_turns(circuit, twin, schedule_circuit(circuit, twin, policy=policy))


def delay(q, ns):
    return gate("delay", q, parameters=(float(ns),))


def test_the_angle_is_that_of_the_coupling():
    zz_khz, t_ns = 50.0, 1000.0
    found = turns(line_twin(2, zz_khz=zz_khz), gate("sx", 0), gate("sx", 1), delay(0, t_ns), delay(1, t_ns))
    ((_, a, b, angle),) = found
    assert (a, b) == (0, 1)
    zz = np.diag([1.0, -1, -1, 1])
    hamiltonian = 2 * np.pi * 1e3 * zz_khz / 4 * zz
    exact = expm(-1j * hamiltonian * 1e-9 * (t_ns + 12))
    assert np.diag(np.exp(-0.5j * angle * zz.diagonal())) == pytest.approx(exact)


def integrate_slowly(circuit, twin, plan):
    """The unitary with the coupling in every slice of time, gates acting at the middle of their pulses."""
    n = circuit.n_qubits
    middles = plan.start_ns + plan.length_ns / 2
    order = np.argsort(middles, kind="stable")
    first = {q: min(middles[k] for k in order if q in circuit.operations[k].qubits) for q in range(n)}
    bounds = np.unique(np.concatenate([plan.start_ns, middles, plan.start_ns + plan.length_ns]))
    whole = np.eye(2**n, dtype=complex)

    def act(matrix, qubits):
        nonlocal whole
        tensor = whole.reshape((2,) * n + (2**n,))
        whole = apply_matrix(matrix, tensor, [n - 1 - q for q in qubits]).reshape(2**n, 2**n)

    for begin, end in zip(bounds, [*bounds[1:], plan.total_ns], strict=True):
        for k in order:
            if middles[k] == begin:
                act(circuit.operations[k].unitary(), circuit.operations[k].qubits)
        for edge, (a, b) in enumerate(twin.edges.tolist()):
            own = [
                k
                for k in order
                if {a, b} == {*circuit.operations[k].qubits}
                and plan.start_ns[k] <= begin < plan.start_ns[k] + plan.length_ns[k]
            ]
            if not own and begin >= max(first[a], first[b]):
                angle = np.pi * 1e-6 * twin.calibration.zz_khz[edge] * (end - begin)
                act(GATES["rzz"].matrix(angle), (a, b))
    return whole


@pytest.mark.parametrize("policy", ["asap", "alap"])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_turns_are_the_coupling_in_every_slice_of_time(uneven_twin, random_circuit, policy, seed):
    twin = uneven_twin(4, zz_khz=300.0)
    drawn = random_circuit(twin, 50, seed=seed, measure=False)
    # Every qubit wakes up with a pulse: before that its state is known and turns are left out.
    sx = tuple(gate("sx", q) for q in range(4))
    waits = tuple(operation for operation in drawn if operation.name not in ("barrier", "delay"))
    circuit = GateCircuit(n_qubits=4, operations=(*sx, *waits))
    plan = schedule_circuit(circuit, twin, policy=policy)
    before = {}
    for k, a, b, angle in crosstalk_turns(circuit, twin, plan):
        before.setdefault(k, []).append((GATES["rzz"].matrix(angle), (a, b)))
    found = np.eye(16, dtype=complex)
    for k in [*plan.order.tolist(), len(circuit)]:
        own = [(circuit.operations[k].unitary(), circuit.operations[k].qubits)] if k < len(circuit) else []
        for matrix, qubits in before.get(k, []) + own:
            tensor = found.reshape(2, 2, 2, 2, 16)
            found = apply_matrix(matrix, tensor, [3 - q for q in qubits]).reshape(16, 16)
    assert found == pytest.approx(integrate_slowly(circuit, twin, plan), abs=1e-12)


def test_nothing_is_known_nothing_turns():
    assert turns(line_twin(2), gate("sx", 0), gate("sx", 1), delay(0, 500)) == []


def test_an_echo_in_the_middle_leaves_equal_turns_on_both_sides():
    twin = line_twin(2, zz_khz=50.0)
    start, end = (gate("sx", 0), gate("sx", 1)), (gate("barrier", 0, 1), gate("sx", 0), gate("sx", 1))
    found = turns(twin, *start, delay(0, 400), gate("x", 0), delay(0, 400), *end)
    by_operation = {k: angle for k, _, _, angle in found}
    assert by_operation[3] == pytest.approx(by_operation[6])


def test_a_qubit_in_its_ground_state_turns_nobody():
    twin = line_twin(3, zz_khz=50.0)
    assert turns(twin, gate("sx", 0), delay(0, 1000), gate("sx", 0)) == []
    assert turns(twin, gate("sx", 0), delay(0, 1000), gate("barrier", 0, 1), gate("sx", 1), gate("sx", 0)) == [
        (5, 0, 1, pytest.approx(np.pi * 50e3 * 12e-9))
    ]


def test_a_pair_is_not_disturbed_during_its_own_gate():
    twin = line_twin(2, zz_khz=50.0)
    found = turns(twin, gate("sx", 0), gate("sx", 1), gate("cz", 0, 1), gate("sx", 0), gate("sx", 1))
    assert sum(angle for *_, angle in found) == pytest.approx(np.pi * 50e3 * 36e-9)  # half of each sx, and no cz


def test_final_measurements_end_it_and_those_in_the_middle_do_not():
    twin = line_twin(2, zz_khz=50.0)
    start = (gate("sx", 0), gate("sx", 1), gate("measure", 0, bits=(0,)))
    final = turns(twin, *start, delay(1, 1560), n_bits=1)
    assert sum(angle for *_, angle in final) == pytest.approx(np.pi * 50e3 * 12e-9)
    middle = turns(twin, *start, delay(1, 1560), gate("sx", 0), n_bits=1)
    assert sum(angle for *_, angle in middle) == pytest.approx(np.pi * 50e3 * (12 + 1560 + 24) * 1e-9)


def test_the_order_of_time_counts_and_not_that_of_the_list():
    twin = line_twin(2, zz_khz=50.0)
    sx = [gate("sx", q) for q in (0, 1)]
    found = turns(twin, *sx, delay(0, 976), gate("sx", 0), gate("sx", 1))
    assert [k for k, *_ in found] == [4, 3, 5]
