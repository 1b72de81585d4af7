import pytest
import qiskit

from kakehashi.circuit.sabre import SETTINGS
from kakehashi.device.compile.coupling import build_region
from kakehashi.device.compile.example import example_twin
from kakehashi.device.compile.flow import Flow, native_operations, on_twin
from kakehashi.device.compile.score import Scorer

TWIN = example_twin(3)


def ring(n):
    circuit = qiskit.QuantumCircuit(n, n)
    for q in range(n):
        circuit.cx(q, (q + 1) % n)
    circuit.measure(range(n), range(n))
    return circuit


@pytest.fixture(scope="module")
def flow():
    return Flow(build_region(TWIN), 0)


def test_the_stages_give_native_circuits(flow):
    prepared, properties = flow.prepare(ring(5))
    routed, known, swaps = flow.route(prepared, properties, SETTINGS[0])
    assert swaps >= 1
    assert flow.estimate(routed, Scorer(TWIN)) < 0
    done = flow.finish(routed, known, name="x", n_qubits=5)
    assert {name for name, _, _ in native_operations(done)} <= {"rz", "sx", "x", "cz", "measure", "barrier"}
    assert on_twin(done, 9).n_two_qubit_gates == sum(len(on) == 2 for name, on, _ in native_operations(done))


def test_swap_free_layouts_are_found_where_there_are_any(flow):
    for n, found in ((4, True), (5, False)):
        prepared, properties = flow.prepare(ring(n))
        layout = flow.place_perfectly(prepared, properties, call_limit=(50_000, 1_000))
        assert (layout is not None) == found


@pytest.mark.parametrize("aware", [True, False])
@pytest.mark.parametrize("level", [1, 2, 3])
def test_qiskit_s_levels_run(flow, level, aware):
    done = flow.run_level(ring(5), level, name="level", aware=aware)
    assert sorted(done.start) == sorted(set(done.start))
    assert Scorer(TWIN)(native_operations(done)).esp > 0


def test_delays_are_kept(flow):
    circuit = qiskit.QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(200, 0, unit="ns")
    circuit.x(0)
    prepared, properties = flow.prepare(circuit)
    placed, known = flow.place_at(prepared, properties, [4])
    done = flow.finish(placed, known, name="wait", n_qubits=1)
    assert ("delay", (4,), 200.0) in list(native_operations(done))
    assert on_twin(done, 9).count()["delay"] == 1
