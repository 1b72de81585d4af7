import numpy as np
import pytest
import qiskit
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Operator, Statevector
from qiskit.transpiler import CouplingMap, Target

from kakehashi.circuit.router import MERGING_SETTINGS, MergingEffort, route_merging, start_layouts
from kakehashi.circuit.router_input import read_machine, read_program, write_route
from kakehashi.circuit.weyl import native_counts

GRID = read_machine(Target.from_configuration(["rz", "sx", "cz"], coupling_map=CouplingMap.from_grid(2, 4)))
QUICK = MergingEffort(n_scouts=2, n_layouts=0)
SETTINGS = pytest.mark.parametrize("setting", MERGING_SETTINGS, ids=lambda s: s.name)


def some(n, seed):
    """Gates of all kinds: those that commute in many ways, with others between them."""
    rng = np.random.default_rng(seed)
    circuit = qiskit.QuantumCircuit(n)
    circuit.h(range(n))
    for _ in range(5 * n):
        a, b = (int(q) for q in rng.choice(n, 2, replace=False))
        kind = rng.integers(7)
        if kind == 0:
            circuit.cx(a, b)
        elif kind <= 2:
            circuit.rzz(rng.uniform(0.2, 2), a, b)
        elif kind == 3:
            circuit.rxx(rng.uniform(0.2, 2), a, b)
        elif kind == 4:
            circuit.append(qiskit.circuit.library.XXPlusYYGate(rng.uniform(0.2, 2)), [a, b])
        elif kind == 5:
            circuit.rz(rng.uniform(), a)
        else:
            circuit.ry(rng.uniform(), b)
    return circuit


def recount(routed):
    """Native gates of each run of operations on the same two qubits: from their product, not from their names."""
    index = {q: k for k, q in enumerate(routed.qubits)}
    runs, last = [], {}
    for instruction in routed.data:
        on = [index[q] for q in instruction.qubits]
        if len(on) == 1:
            at = last.get(on[0])
            if at is not None:
                pair, product = runs[at]
                turn = Operator(instruction.operation).data
                whole = np.kron(turn, np.eye(2)) if pair[1] == on[0] else np.kron(np.eye(2), turn)
                runs[at] = (pair, whole @ product)
            continue
        a, b = sorted(on)
        if last.get(a) is None or last.get(a) != last.get(b):
            last[a] = last[b] = len(runs)
            runs.append(((a, b), np.eye(4)))
        circuit = qiskit.QuantumCircuit(2)
        circuit.append(instruction.operation, [0, 1] if on == [a, b] else [1, 0])
        pair, product = runs[last[a]]
        runs[last[a]] = (pair, Operator(circuit).data @ product)
    return int(native_counts(np.array([product for _, product in runs]))[0].sum())


@SETTINGS
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_a_route_does_the_same_and_costs_what_it_says(setting, seed):
    circuit = some(6, seed)
    [route] = route_merging(read_program(circuit), GRID, [setting], effort=QUICK, rng=seed)
    routed, _ = write_route(circuit, {}, route.entries, route.start, route.end)
    index = {q: k for k, q in enumerate(routed.qubits)}
    for instruction in routed.data:
        on = [index[q] for q in instruction.qubits]
        assert len(on) == 1 or GRID.distance[on[0], on[1]] == 1
    assert sorted(route.entries[route.entries[:, 0] >= 0, 0].tolist()) == list(range(len(circuit.data)))
    got = Statevector(routed).data.reshape([2] * 8)
    axes = [7 - q for q in route.end[:6]][::-1]
    rest = [k for k in range(8) if k not in axes]
    got = np.transpose(got, rest + axes).reshape(-1, 64)
    assert abs(np.vdot(Statevector(circuit).data, got[0])) ** 2 == pytest.approx(1)
    exact = recount(routed)
    assert exact <= route.n_native <= 1.3 * exact  # that gates of one block cancel each other is not foreseen


def test_a_swap_beside_a_gate_is_cheap():
    line = read_machine(Target.from_configuration(["rz", "sx", "cz"], coupling_map=CouplingMap.from_line(3)))
    circuit = qiskit.QuantumCircuit(3)
    for a, b in ((0, 1), (1, 2), (0, 2)):
        circuit.rzz(0.3, a, b)
    best = route_merging(read_program(circuit), line, rng=1)[0]
    assert best.n_native == 7  # 2 + 2 + 2, and one for the swap


def test_equal_seeds_give_equal_routes():
    program = read_program(some(7, 3))
    one, other = (route_merging(program, GRID, rng=5) for _ in range(2))
    assert [route.loss for route in one] == [route.loss for route in other]
    np.testing.assert_array_equal(one[0].entries, other[0].entries)


def test_starts_are_layouts():
    for row in start_layouts(5, GRID, 6, rng=2):
        assert sorted(row.tolist()) == list(range(8))


def test_the_kernel_refuses_what_does_not_fit():
    from kakehashi import _native

    program = read_program(some(6, 1))
    rows = np.zeros((1, 8), dtype=np.int32)
    with pytest.raises(ValueError, match="permutation"):
        _native.search_route(program.native, GRID.native, rows, GRID.pull, np.ones(1), 0.5, 0.0, 0.0, False, 1, 0, 1)
