import math

import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.device.compile.example import example_twin, twin_of_graph
from kakehashi.device.compile.score import Scorer, score, scorer_of


def circuit_of(n, *operations):
    return GateCircuit(
        n_qubits=n,
        n_bits=n,
        operations=tuple(
            Operation(name=name, qubits=qubits, parameters=angles, bits=qubits if name == "measure" else ())
            for name, qubits, *angles in [(a, b, *c) for a, b, *c in operations]
            for angles in [tuple(angles)]
        ),
    )


TWIN = example_twin(3)


def test_errors_multiply():
    got = score(circuit_of(9, ("sx", (0,)), ("cz", (0, 1)), ("rz", (0,), 0.3), ("measure", (0,))), TWIN)
    assert got.esp == pytest.approx((1 - 2.5e-4) * (1 - 3e-3) * (1 - 7.5e-3))
    assert got.duration_ns == 24 + 68 + 1500
    assert (got.n_two_qubit_gates, got.two_qubit_depth) == (1, 1)


def test_waiting_costs_what_relaxation_costs():
    waits = circuit_of(9, ("x", (0,)), ("delay", (0,), 20_000.0), ("x", (0,)))
    got = score(waits, TWIN)
    # T1 = 200 us, T2 = 150 us, 20 us: average fidelity of the channel, Nielsen, Phys. Lett. A 303, 249 (2002).
    wanted = 0.5 + math.exp(-20 / 200) / 6 + math.exp(-20 / 150) / 3
    assert got.log_idle == pytest.approx(math.log(wanted))


def test_a_qubit_in_its_ground_state_waits_for_nothing():
    late = circuit_of(9, ("x", (0,)), ("x", (0,)), ("x", (0,)), ("cz", (0, 1)))
    assert score(late, TWIN).log_idle == 0.0
    after = circuit_of(9, ("cz", (0, 1)), ("x", (0,)), ("x", (0,)), ("cz", (0, 1)))
    assert score(after, TWIN).log_idle < 0.0


@pytest.mark.parametrize("gate", [("cz", (0, 4)), ("cx", (0, 1)), ("cz", (3, 4))])
def test_what_cannot_run_has_no_chance(gate):
    twin = twin_of_graph(TWIN.edges.tolist(), 9, dead=[(3, 4)])
    assert score(circuit_of(9, gate), twin).esp == 0.0


def test_an_absent_qubit_has_no_chance():
    twin = twin_of_graph(TWIN.edges.tolist(), 9, absent=[4])
    assert score(circuit_of(9, ("x", (4,))), twin).esp == 0.0


def test_a_directed_gate_runs_one_way():
    twin = example_twin(2, directed=True)
    assert score(circuit_of(4, ("cx", (0, 1))), twin).esp > 0.9
    assert score(circuit_of(4, ("cx", (1, 0))), twin).esp == 0.0


def test_scorers_are_kept():
    assert scorer_of(TWIN) is scorer_of(TWIN)
    assert isinstance(scorer_of(TWIN), Scorer)


def test_nothing_costs_nothing():
    assert score(circuit_of(9), TWIN).esp == 1.0
