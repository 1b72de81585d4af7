"""The adapter on qiskit-ibm-runtime's local testing mode, and on a service on loopback."""

import numpy as np
import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.device.model import Device
from kakehashi.device.remote.ibm import IbmDevice

from .conftest import connect
from .conftest import skewed as ghz

pytest.importorskip("qiskit_ibm_runtime", exc_type=ImportError)
pytest.importorskip("qiskit_aer", exc_type=ImportError)

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def device():
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    return IbmDevice(backend=FakeManilaV2(), optimization_level=1)


def skewed():
    """Bit 0 is 1, bit 1 is 0, bit 2 is 1 half of the time: an order that cannot be mistaken."""
    steps = [Operation(name="x", qubits=(0,)), Operation(name="h", qubits=(2,))]
    steps += [Operation(name="measure", qubits=(q,), bits=(q,)) for q in range(3)]
    return GateCircuit(n_qubits=3, n_bits=3, operations=tuple(steps))


def test_bits_come_in_the_order_of_the_circuit(device):
    shots = device.run(skewed(), 2000, rng=1)
    share = shots.counts @ shots.to_matrix() / shots.n_shots
    assert share == pytest.approx(np.array([1, 0, 0.5]), abs=0.12)
    assert shots.provenance["device"] == "fake_manila"
    assert shots.provenance["local"] is True


def test_equal_seeds_give_equal_shots(device):
    one, same, other = (device.run(skewed(), 200, rng=seed).to_counts() for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_it_is_a_device_of_the_chain(device):
    protocol: Device = device
    shots = protocol.run(Circuit(n_orb=2, n_elec=(1, 1)), 300, rng=1)
    assert shots.n_qubits == 4
    assert shots.to_counts()["0101"] > 200


def test_native_circuits_run_as_they_are_and_others_are_refused(device):
    steps = (Operation(name="x", qubits=(4,)), Operation(name="measure", qubits=(4,), bits=(0,)))
    shots = device.run_gates(GateCircuit(n_qubits=5, n_bits=1, operations=steps), 300, rng=1)
    assert shots.to_counts()["1"] > 240
    wrong = GateCircuit(
        n_qubits=5,
        n_bits=1,
        operations=(Operation(name="cx", qubits=(0, 4)), Operation(name="measure", qubits=(4,), bits=(0,))),
    )
    with pytest.raises(InputError, match="fake_manila refuses the job"):
        device.run_gates(wrong, 10)


def test_what_is_wrong_is_said_before_anything_is_sent(device):
    with pytest.raises(InputError, match="has 6 qubits, but fake_manila has 5"):
        device.run(Circuit(n_orb=3, n_elec=(1, 1)), 10)
    with pytest.raises(InputError, match="without classical bits"):
        device.run_gates(GateCircuit(n_qubits=1), 10)
    with pytest.raises(InputError, match="at least 1"):
        device.run_gates(skewed(), 0)


def test_a_real_backend_goes_through_the_service(center):
    machine = IbmDevice(backend=connect("ibm").backend, optimization_level=1)
    shots = machine.run(ghz(), 400, rng=1)
    record = shots.provenance["machine"]
    assert center.states() == {record["jobs"][0]["id"]: "done"}
    assert record["compiled"] == {"method": "qiskit"}
    assert (shots.counts @ shots.to_matrix() / 400)[0] > 0.8
    with pytest.raises(InputError, match="refuses the job"):
        machine.run_gates(_not_native(), 10)


def _not_native():
    steps = (Operation(name="cx", qubits=(0, 100)), Operation(name="measure", qubits=(0,), bits=(0,)))
    return GateCircuit(n_qubits=133, n_bits=1, operations=steps)


@pytest.mark.slow
def test_a_heron_of_156_qubits_is_sampled():
    from qiskit_ibm_runtime.fake_provider import FakeFez

    shots = IbmDevice(backend=FakeFez()).run(skewed(), 500, rng=1)
    share = shots.counts @ shots.to_matrix() / shots.n_shots
    assert share == pytest.approx(np.array([1, 0, 0.5]), abs=0.12)
