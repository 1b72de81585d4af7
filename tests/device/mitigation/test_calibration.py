"""Measured rates, on a runner whose rates are known."""

import numpy as np
import pytest
from tests.device.interfaces.density_runner import DensityRunner, make_twin

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.device.mitigation.calibration import measure_readout
from kakehashi.device.mitigation.readout import mitigate_parity
from kakehashi.device.twin_device import TwinDevice
from kakehashi.device.twins.library import load_twin


def test_rates_are_those_of_the_device_and_bring_back_a_known_state():
    runner = DensityRunner(make_twin(4, misread=(0.03, 0.12)))
    readout = measure_readout(runner, [2, 0, 3], n_shots=40_000, rng=1)
    assert readout.prob_meas1_prep0 == pytest.approx(np.full(3, 0.03), abs=0.008)
    assert readout.prob_meas0_prep1 == pytest.approx(np.full(3, 0.12), abs=0.015)
    steps = [Operation(name="h", qubits=(2,)), Operation(name="cx", qubits=(2, 0)), Operation(name="cx", qubits=(2, 3))]
    steps += [Operation(name="measure", qubits=(q,), bits=(b,)) for b, q in enumerate((2, 0, 3))]
    circuit = GateCircuit(n_qubits=4, n_bits=3, operations=tuple(steps))
    found = mitigate_parity(runner.run_gates(circuit, 20_000, rng=2), readout, [0, 2])
    assert found.value == pytest.approx(1.0, abs=0.04)
    assert found.unmitigated < 0.8


def test_the_qubits_that_were_asked_for_are_measured_on_a_device_that_compiles():
    twin = load_twin("ibm-kobe")
    qubits = [4, 100]  # among them one of the worst
    readout = measure_readout(TwinDevice(twin), qubits, n_shots=100_000, rng=1)
    assert twin.calibration.prob_meas1_prep0[4] > 0.03
    assert readout.prob_meas1_prep0 == pytest.approx(twin.calibration.prob_meas1_prep0[qubits], abs=0.003)


@pytest.mark.parametrize(
    ("qubits", "options"),
    [
        ([], {}),
        ([1, 1], {}),
        ([5], {}),
        ([-1], {}),
        ([0], {"n_patterns": 3}),
        ([0], {"n_shots": 1}),
        ([0], {"n_patterns": 0}),
    ],
)
def test_what_is_wrong_is_said(qubits, options):
    with pytest.raises(InputError, match=r"must hold distinct|qubits 0 to 4|come in pairs"):
        measure_readout(DensityRunner(make_twin()), qubits, **options)
