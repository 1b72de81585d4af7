"""What follows a gate: the right channels on the right qubits, one object per place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kakehashi.circuit.gates import Operation
from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.gates import GateErrors
from kakehashi.device.noise.model import KrausChannel, PauliChannel
from kakehashi.device.noise.options import NoiseOptions


def errors_of(twin, **options):
    return GateErrors.of(twin, twin.calibration, NoiseOptions(**options))


def gate(name, *qubits):
    return Operation(name=name, qubits=qubits)


def test_virtual_gates_and_measurements_are_followed_by_nothing():
    errors = errors_of(line_twin(2))
    assert errors.after(gate("rz", 0)) == ()
    assert errors.after(Operation(name="measure", qubits=(0,), bits=(0,))) == ()


def test_the_same_gate_on_the_same_qubits_gives_the_same_object():
    errors = errors_of(line_twin(3))
    assert errors.after(gate("cz", 0, 1))[0][0] is errors.after(gate("cz", 0, 1))[0][0]


def test_each_qubit_has_its_own_error(uneven_twin):
    twin = uneven_twin(3)
    errors = errors_of(twin)
    for q in range(3):
        ((channel, coherent),) = errors.after(gate("sx", q))
        assert coherent == ""
        assert channel.qubits == (q,)
        assert channel.error_probability == pytest.approx(1.5 * twin.calibration.gate_error["sx"][q])


def test_exact_noise_is_what_remains_and_the_relaxation_of_each_qubit(uneven_twin):
    rest, *decays = [step for step, _ in errors_of(uneven_twin(3), twirl=False).after(gate("cz", 2, 1))]
    assert isinstance(rest, PauliChannel)
    assert [decay.qubits for decay in decays] == [(1,), (2,)]
    assert all(isinstance(decay, KrausChannel) and decay.origin == "two-qubit gates" for decay in decays)


def test_signs_of_turns_depend_on_the_seed_alone():
    twin = line_twin(40)
    angles = [[errors_of(twin, coherent_share=0.5, seed=seed).noise["cz"].angle for _ in range(2)] for seed in (0, 1)]
    assert np.array_equal(*angles[0])
    assert not np.array_equal(angles[0][0], angles[1][0])
    assert np.ptp(np.abs(angles[0][0])) == 0
    turn, origin = errors_of(twin, coherent_share=0.5).after(gate("cz", 3, 4))[0]
    assert (turn.name, turn.qubits, origin) == ("rzz", (3, 4), "two-qubit gates")


def test_a_cross_resonance_gate_turns_about_zx_from_its_control():
    twin = line_twin(2)
    error, ns = dict(twin.calibration.gate_error), dict(twin.calibration.gate_ns)
    error["cx"], ns["cx"] = error.pop("cz"), ns.pop("cz")
    calibration = replace(twin.calibration, gate_error=error, gate_ns=ns)
    crossed = replace(twin, directed=True, two_qubit_gate="cx", calibration=calibration)
    assert errors_of(crossed, coherent_share=1.0).after(gate("cx", 0, 1))[0][0].name == "rzx"


def test_leakage_depolarizes_each_qubit_of_the_gate():
    *_, first, second = [step for step, _ in errors_of(line_twin(2), leakage=True).after(gate("cz", 0, 1))]
    assert (first.qubits, second.qubits, first.origin) == ((0,), (1,), "leakage")
    assert first.probabilities[1:] == pytest.approx(np.full(3, 1e-4 / 4))


def test_a_reset_errs_as_the_readout_does():
    ((channel, _),) = errors_of(line_twin(1)).after(gate("reset", 0))
    assert channel.probabilities == pytest.approx([0.9925, 0.0075, 0, 0])
    assert channel.origin == "reset"
