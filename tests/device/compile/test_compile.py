import itertools

import numpy as np
import pytest
import qiskit
from qiskit.circuit.library import QFTGate

from kakehashi.circuit.gates import GateCircuit, Operation, to_qiskit
from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.device.compile.compile import compile_circuit
from kakehashi.device.compile.example import example_twin, twin_of_graph
from kakehashi.device.compile.score import score


def ghz(n):
    chain = [Operation(name="cx", qubits=(q, q + 1)) for q in range(n - 1)]
    reads = [Operation(name="measure", qubits=(q,), bits=(q,)) for q in range(n)]
    return GateCircuit(n_qubits=n, n_bits=n, operations=(Operation(name="h", qubits=(0,)), *chain, *reads))


def mixed(n, seed=0):
    rng = np.random.default_rng(seed)
    circuit = qiskit.QuantumCircuit(n)
    for _ in range(3 * n):
        a, b = (int(q) for q in rng.choice(n, 2, replace=False))
        circuit.ry(rng.uniform(), a)
        circuit.cx(a, b)
        circuit.rz(rng.uniform(), b)
    return circuit


def chain(n):
    circuit = qiskit.QuantumCircuit(n)
    for q in range(n):
        circuit.ry(0.2 * q + 0.1, q)
    for q in range(n - 1):
        circuit.rzz(0.3, q, q + 1)
    return circuit


def lucj(n_orb, n_elec):
    import ffsim

    pairs = ([(p, p + 1) for p in range(n_orb - 1)], [(p, p) for p in range(0, n_orb, 4)])
    operator = ffsim.random.random_ucj_op_spin_balanced(n_orb, interaction_pairs=pairs, seed=5)
    return Circuit(n_orb=n_orb, n_elec=n_elec, operator=operator)


def native(compiled, twin):
    """Whether every operation is one that the twin has where it has it."""
    assert np.isfinite(score(compiled.circuit, twin).log_esp)
    allowed = {*twin.one_qubit_gates, twin.two_qubit_gate, "measure", "barrier", "delay", "reset"}
    assert set(compiled.circuit.count()) <= allowed
    assert twin.present[list(compiled.circuit.used_qubits)].all()
    return True


@pytest.mark.parametrize("directed", [False, True], ids=["both ways", "directed"])
@pytest.mark.parametrize("effort", ["fast", "normal", "thorough"])
@pytest.mark.parametrize("make", [mixed, chain, lambda n: to_qiskit(ghz(n))], ids=["mixed", "chain", "ghz"])
def test_what_is_compiled_does_the_same(make, effort, directed, overlap):
    twin = example_twin(4, directed=directed, spread=0.6)
    circuit = make(6)
    compiled = compile_circuit(circuit, twin, effort=effort, seed=2)
    assert native(compiled, twin)
    assert overlap(circuit, compiled) == pytest.approx(1)


@pytest.mark.parametrize("layout", [(0, 1, 2, 3, 4), (15, 2, 8, 5, 11)])
def test_a_given_layout_is_kept(layout, overlap):
    circuit = mixed(5, seed=4)
    compiled = compile_circuit(circuit, example_twin(4), initial_layout=layout)
    assert compiled.initial_layout == layout
    assert overlap(circuit, compiled) == pytest.approx(1)


def test_dead_edges_and_absent_qubits_are_never_used(overlap):
    whole = example_twin(4)
    dead = [(0, 1), (5, 6), (9, 13)]
    twin = twin_of_graph(whole.edges.tolist(), 16, dead=dead, absent=[10], spread=0.5)
    for circuit in (mixed(7), chain(9), to_qiskit(ghz(11))):
        compiled = compile_circuit(circuit, twin)
        assert native(compiled, twin)
        used = {frozenset(o.qubits) for o in compiled.circuit if len(o.qubits) == 2 and o.name != "barrier"}
        assert not used & {frozenset(pair) for pair in dead}
        assert 10 not in {q for pair in used for q in pair}
    assert overlap(chain(9), compile_circuit(chain(9), twin)) == pytest.approx(1)


def test_ghz_becomes_a_tree(heavy_hex):
    from kakehashi.circuit.gates import from_qiskit

    twin = twin_of_graph(heavy_hex, 156)
    compiled = compile_circuit(ghz(100), twin)
    assert compiled.chosen.name.startswith("broadcast tree")
    assert compiled.n_two_qubit_gates == 99
    assert compiled.two_qubit_depth <= 14
    assert native(compiled, twin)
    # As a stabilizer state: the inverse of the ideal preparation must give |0...0> back.
    import stim

    simulator = stim.TableauSimulator()
    simulator.set_num_qubits(156)
    for operation in compiled.circuit:
        if operation.is_unitary:
            _stim(simulator, operation)
    members = list(compiled.final_layout)
    everywhere = stim.PauliString(156)
    for q in members:
        everywhere[q] = "X"
    assert simulator.peek_observable_expectation(everywhere) == 1
    for a, b in itertools.pairwise(members):
        pair = stim.PauliString(156)
        pair[a] = pair[b] = "Z"
        assert simulator.peek_observable_expectation(pair) == 1
    assert dict(compiled.circuit.measured) == {q: k for k, q in enumerate(members)}
    assert from_qiskit(to_qiskit(compiled.circuit)).count() == compiled.circuit.count()


def _stim(simulator, operation):
    if operation.name == "rz":
        for _ in range(round(operation.parameters[0] / (np.pi / 2)) % 4):
            simulator.s(*operation.qubits)
    else:
        getattr(simulator, {"sx": "sqrt_x"}.get(operation.name, operation.name))(*operation.qubits)


def test_lucj_lies_on_a_ladder_with_bridges(heavy_hex):
    twin = twin_of_graph(heavy_hex, 156)
    circuit = lucj(16, (4, 4))
    compiled = compile_circuit(circuit, twin)
    assert compiled.chosen.name.startswith("zig-zag ladder")
    # Each of four rungs costs two CX more than where all qubits are joined, and nothing is swapped.
    assert compiled.n_two_qubit_gates <= circuit.count_two_qubit_gates() + 2 * 4
    assert compiled.initial_layout == compiled.final_layout
    assert native(compiled, twin)


def test_a_small_lucj_circuit_does_the_same(heavy_hex, overlap):
    import ffsim.qiskit

    twin = twin_of_graph(heavy_hex, 156, spread=0.4)
    circuit = lucj(6, (2, 2))
    compiled = compile_circuit(circuit, twin)
    assert any("rungs" in note for note in compiled.notes)
    wanted = ffsim.qiskit.PRE_INIT.run(circuit.to_qiskit(measure=False))
    assert overlap(wanted, compiled) == pytest.approx(1)


def test_no_search_where_a_proof_says_there_is_nothing_to_find():
    ring = qiskit.QuantumCircuit(3)
    for q in range(3):
        ring.rzz(0.2, q, (q + 1) % 3)
    compiled = compile_circuit(ring, example_twin(3))
    assert "odd cycle" in compiled.notes[0]


def test_thorough_is_never_worse_than_qiskit_s_levels():
    compiled = compile_circuit(mixed(8), example_twin(5, spread=0.5), effort="thorough")
    levels = [tried for tried in compiled.candidates if tried.name.startswith("qiskit level")]
    assert len(levels) == 6
    assert all(compiled.chosen.log10_esp >= tried.log10_esp for tried in levels)


def test_the_same_seed_gives_the_same_circuit():
    first, second = (compile_circuit(mixed(6), example_twin(4, spread=0.3), seed=3) for _ in range(2))
    assert first.circuit.operations == second.circuit.operations or [
        (o.name, o.qubits, o.parameters) for o in first.circuit
    ] == [(o.name, o.qubits, o.parameters) for o in second.circuit]


def test_measured_bits_stay_where_they_were():
    circuit = qiskit.QuantumCircuit(3, 2)
    circuit.x(2)
    circuit.measure(2, 0)
    circuit.measure(0, 1)
    compiled = compile_circuit(circuit, example_twin(3))
    assert {bit: compiled.final_layout.index(q) for q, bit in compiled.circuit.measured} == {0: 2, 1: 0}


def test_classical_control_is_compiled():
    circuit = qiskit.QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    compiled = compile_circuit(circuit, example_twin(3))
    assert any(operation.condition == (0, 1) for operation in compiled.circuit)


def test_high_level_gates_are_taken_apart(overlap):
    circuit = qiskit.QuantumCircuit(4)
    circuit.x(1)
    circuit.append(QFTGate(4), range(4))
    compiled = compile_circuit(circuit, example_twin(3))
    assert overlap(circuit, compiled) == pytest.approx(1)


@pytest.mark.parametrize(
    ("circuit", "options", "sentence"),
    [
        (ghz(17), {}, "The circuit has 17 qubits, but 'example' has 16"),
        (ghz(3), {"initial_layout": (0, 1)}, "must name 3 different qubits"),
        (ghz(3), {"initial_layout": (0, 1, 1)}, "must name 3 different qubits"),
        (ghz(3), {"initial_layout": (0, 1, 99)}, r"asks for qubits \[99\]"),
        (ghz(3), {"effort": "heroic"}, "There is no effort 'heroic'"),
    ],
)
def test_wrong_input_is_refused_at_once(circuit, options, sentence):
    with pytest.raises(InputError, match=sentence):
        compile_circuit(circuit, example_twin(4), **options)


def test_dead_qubits_asked_for():
    twin = twin_of_graph(example_twin(3).edges.tolist(), 9, absent=[4])
    with pytest.raises(InputError, match=r"asks for qubits \[4\] of 'example', which are absent or cut off"):
        compile_circuit(ghz(2), twin, initial_layout=(3, 4))
    with pytest.raises(InputError, match="has 9 qubits, but 'example' has 8"):
        compile_circuit(ghz(9), twin)
