"""qiskit Targets: units, directions, dead edges, and back."""

from __future__ import annotations

import numpy as np
import pytest

qiskit = pytest.importorskip("qiskit")

from qiskit.circuit.library import CXGate, RZGate, SXGate  # noqa: E402
from qiskit.transpiler import InstructionProperties, QubitProperties, Target  # noqa: E402

from kakehashi.core.errors import InputError  # noqa: E402
from kakehashi.device.twins.library import load_twin  # noqa: E402
from kakehashi.device.twins.target import from_target, to_target  # noqa: E402


def test_a_target_is_in_seconds_and_hertz():
    twin = load_twin("riken-64", seed=1)
    target, q = to_target(twin), 7
    given = twin.calibration
    assert target.qubit_properties[q].t1 == pytest.approx(1e-6 * given.t1_us[q])
    assert target.qubit_properties[q].frequency == pytest.approx(1e9 * given.frequency_ghz[q])
    assert target["sx"][q,].duration == pytest.approx(16e-9)
    assert target["rz"][q,].duration == 0.0
    assert target["measure"][q,].error == pytest.approx((given.prob_meas1_prep0[q] + given.prob_meas0_prep1[q]) / 2)
    assert target["measure"][q,].duration == pytest.approx(384e-9)
    assert target.dt == pytest.approx(2e-9)


def test_only_what_can_be_used_is_there():
    twin = load_twin("osaka-144", seed=1, qubit_yield=0.9)
    target = to_target(twin)
    assert set(target["cx"]) == set(map(tuple, twin.edges[twin.usable_edges].tolist()))
    assert {q for (q,) in target["measure"]} == set(np.flatnonzero(twin.present).tolist())
    absent = int(np.flatnonzero(~twin.present)[0])
    assert target.qubit_properties[absent].t1 is None
    heron = to_target(load_twin("fake-fez"))
    assert len(heron["cz"]) == 2 * (176 - 7)


def test_a_circuit_is_compiled_around_what_is_dead():
    twin = load_twin("ibm-kobe")
    circuit = qiskit.QuantumCircuit(20)
    circuit.h(0)
    for q in range(19):
        circuit.cx(q, q + 1)
    circuit.measure_all()
    made = qiskit.transpile(circuit, target=to_target(twin), optimization_level=1, seed_transpiler=1)
    usable = {frozenset(edge) for edge in twin.edges[twin.usable_edges].tolist()}
    used = [
        frozenset(made.find_bit(q).index for q in instruction.qubits)
        for instruction in made.data
        if instruction.operation.name == "cz"
    ]
    assert used
    assert set(used) <= usable


@pytest.mark.parametrize("name", ["ibm-kobe", "riken-64", "fake-kawasaki", "fake-armonk"])
def test_targets_come_back(name):
    twin = load_twin(name)
    back = from_target(to_target(twin), name=name, positions=twin.positions)
    one, other, live = twin.calibration, back.calibration, twin.usable_edges
    order = np.lexsort(twin.edges[live].T[::-1])
    np.testing.assert_array_equal(back.edges, twin.edges[live][order])
    np.testing.assert_array_equal(back.present, twin.present)
    assert (back.directed, back.one_qubit_gates) == (twin.directed, twin.one_qubit_gates)
    np.testing.assert_allclose(other.t1_us, one.t1_us)
    np.testing.assert_allclose(other.gate_error["sx"], one.gate_error["sx"])
    np.testing.assert_allclose(back.edge_error, twin.edge_error[live][order])
    np.testing.assert_allclose(
        other.prob_meas0_prep1, (one.prob_meas1_prep0 + one.prob_meas0_prep1) / 2, equal_nan=True
    )
    if one.frequency_ghz is not None:
        np.testing.assert_allclose(other.frequency_ghz, one.frequency_ghz)


def test_a_target_by_hand():
    target = Target(num_qubits=2, qubit_properties=[QubitProperties(t1=50e-6, t2=120e-6), QubitProperties()])
    zero = InstructionProperties(duration=0.0, error=0.0)
    from qiskit.circuit import Parameter

    target.add_instruction(RZGate(Parameter("angle")), {(q,): zero for q in range(2)})
    target.add_instruction(SXGate(), {(q,): InstructionProperties(duration=20e-9, error=1e-3) for q in range(2)})
    target.add_instruction(CXGate(), {(1, 0): InstructionProperties(duration=200e-9, error=1e-2)})
    twin = from_target(target, title="two")
    assert (twin.directed, twin.edges.tolist(), twin.one_qubit_gates) == (True, [[1, 0]], ("rz", "sx"))
    assert twin.calibration.t2_us[0] == pytest.approx(100.0)
    assert "cut to twice T1 at qubits [0]" in twin.sources["calibration"].text
    assert np.isnan(twin.calibration.prob_meas1_prep0).all()
    assert "rz" not in twin.calibration.gate_error


def test_a_target_without_qubits_is_refused():
    with pytest.raises(InputError, match="must say how many qubits there are"):
        from_target(Target())
