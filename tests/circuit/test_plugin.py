import networkx as nx
import pytest
import qiskit
from qiskit import transpile
from qiskit.transpiler import CouplingMap
from qiskit.transpiler.preset_passmanagers.plugin import list_stage_plugins

NAMES = ["kakehashi", "kakehashi_parity", "kakehashi_zigzag"]
GRID = CouplingMap.from_grid(6, 6)
BASIS = ["rz", "sx", "x", "cz"]


def cubic(n):
    graph = nx.random_regular_graph(3, n, seed=1)
    circuit = qiskit.QuantumCircuit(n)
    circuit.h(range(n))
    for a, b in sorted(tuple(sorted(edge)) for edge in graph.edges):
        circuit.rzz(0.7, a, b)
    return circuit


def run(circuit, method, level=3, coupling=GRID):
    return transpile(
        circuit,
        coupling_map=coupling,
        basis_gates=BASIS,
        layout_method=method,
        optimization_level=level,
        seed_transpiler=0,
    )


def test_qiskit_finds_the_plugins():
    assert set(NAMES) <= set(list_stage_plugins("layout"))


@pytest.mark.parametrize("level", [1, 2, 3])
def test_parity_changes_nothing_but_the_time(level):
    ours, theirs = (run(cubic(16), method, level) for method in ("kakehashi_parity", "sabre"))
    assert ours.count_ops() == theirs.count_ops()
    assert ours.layout.initial_index_layout() == theirs.layout.initial_index_layout()


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_every_stage_gives_a_circuit_that_runs(method, level):
    done = run(cubic(8), method, level)
    joined = set(GRID.get_edges())
    place = {bit: k for k, bit in enumerate(done.qubits)}
    assert all(tuple(place[q] for q in i.qubits) in joined for i in done.data if len(i.qubits) == 2)


def test_swap_free_circuits_stay_so():
    chain = qiskit.QuantumCircuit(20)
    for q in range(19):
        chain.cz(q, q + 1)
    for method in NAMES:
        assert run(chain, method).count_ops()["cz"] == 19


def test_ladders_are_laid_without_swaps():
    ladder = qiskit.QuantumCircuit(12)
    for q in range(5):
        ladder.rzz(0.1, q, q + 1)
        ladder.rzz(0.2, 6 + q, 7 + q)
    for q in (0, 2, 4):
        ladder.rzz(0.3, q, 6 + q)
    assert run(ladder, "kakehashi_zigzag", 1).count_ops()["cz"] == 2 * 13
