"""The whole: what a twin's noise makes of a circuit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.channels import relaxation_twirl
from kakehashi.device.noise.compact import before_measurement
from kakehashi.device.noise.density import evolve_density, exact_distribution
from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel
from kakehashi.device.noise.options import ORIGINS, NoiseOptions
from kakehashi.device.noise.twirl import twirl_channels

NOTHING = NoiseOptions(gates=False, idle=False, readout=False, crosstalk="off")


def gate(name, *qubits, **more):
    return Operation(name=name, qubits=qubits, **more)


def names(noisy):
    return [step.name if isinstance(step, Operation) else step.origin for step in noisy.steps]


def test_without_noise_it_is_the_circuit_in_the_order_of_time(uneven_twin, random_circuit):
    twin = uneven_twin(4)
    circuit = random_circuit(twin, 40, seed=1)
    bare = attach_noise(circuit, twin, options=NOTHING)
    kept = [operation for operation in circuit if operation.name not in ("barrier", "delay")]
    assert sorted(map(id, bare.steps)) == sorted(map(id, kept))
    assert bare.readout is None
    given = NoisyCircuit(n_qubits=4, n_bits=4, steps=tuple(kept))
    assert exact_distribution(bare).probabilities == pytest.approx(exact_distribution(given).probabilities)


def test_waiting_qubits_relax_before_what_ends_the_wait():
    operations = (gate("sx", 0), gate("delay", 0, parameters=(5000.0,)), gate("sx", 0), gate("measure", 0, bits=(0,)))
    twin = line_twin(1)
    noisy = attach_noise(GateCircuit(n_qubits=1, n_bits=1, operations=operations), twin)
    assert names(noisy) == ["sx", "one-qubit gates", "idling", "sx", "one-qubit gates", "measure"]
    assert noisy.steps[2].probabilities == pytest.approx(relaxation_twirl(145.0, 88.0, 5000.0))
    exact = attach_noise(
        GateCircuit(n_qubits=1, n_bits=1, operations=operations), twin, options=NoiseOptions(twirl=False)
    )
    assert isinstance(exact.steps[3], KrausChannel)
    assert not exact.is_pauli
    assert noisy.is_pauli


def test_twirled_noise_is_the_twirl_of_exact_noise(uneven_twin, random_circuit):
    twin = uneven_twin(4, zz_khz=40.0)
    circuit = random_circuit(twin, 40, seed=6)
    exact = twirl_channels(attach_noise(circuit, twin, options=NoiseOptions(twirl=False)))
    twirled = attach_noise(circuit, twin, options=NoiseOptions(fold=False))
    expected = exact_distribution(exact).probabilities
    assert exact_distribution(twirled).probabilities == pytest.approx(expected, abs=1e-12)


def ladder():
    """The first qubit is done early and waits for the measurement, in a superposition."""
    gates = (gate("sx", 0), gate("cz", 0, 1), gate("sx", 1), gate("cz", 1, 2), gate("sx", 2), gate("x", 2))
    measures = tuple(gate("measure", q, bits=(q,)) for q in range(3))
    return GateCircuit(n_qubits=3, n_bits=3, operations=(*gates, gate("barrier", 0, 1, 2), *measures))


def test_relaxation_before_a_measurement_is_misreading_and_exact():
    twin = line_twin(3)
    # Errors of gates aside, so that nothing is left to twirl but the folded waits.
    options = NoiseOptions(gates=False)
    folded = attach_noise(ladder(), twin, options=options)
    assert sorted(folded.folded) == [0, 1]
    assert names(folded).count("idling") == 0
    exact = attach_noise(ladder(), twin, options=replace(options, twirl=False))
    assert names(exact).count("idling") == 2
    assert exact_distribution(folded).probabilities == pytest.approx(exact_distribution(exact).probabilities, abs=1e-15)


def test_expectation_values_see_relaxation_that_was_folded():
    twin = line_twin(3)
    folded = before_measurement(attach_noise(ladder(), twin, options=NoiseOptions(gates=False)))
    exact = before_measurement(attach_noise(ladder(), twin, options=NoiseOptions(gates=False, twirl=False)))
    assert folded.readout is None
    (one,), (two,) = (evolve_density(noisy).values() for noisy in (folded, exact))
    assert np.abs(one - two).max() < 1e-15


def test_what_feeds_forward_is_not_folded():
    told = Operation(name="x", qubits=(1,), condition=(0, 1))
    operations = (
        gate("sx", 0),
        gate("sx", 1),
        gate("delay", 0, parameters=(999.0,)),
        gate("measure", 0, bits=(0,)),
        told,
    )
    noisy = attach_noise(GateCircuit(n_qubits=2, n_bits=1, operations=operations), line_twin(2))
    assert not noisy.folded
    assert names(noisy)[:4] == ["sx", "one-qubit gates", "idling", "measure"]


def test_crosstalk_by_chance_and_as_a_turn_have_one_fidelity():
    operations = (
        gate("sx", 0),
        gate("sx", 1),
        gate("delay", 0, parameters=(2000.0,)),
        gate("delay", 1, parameters=(2000.0,)),
        gate("sx", 0),
        gate("sx", 1),
    )
    circuit = GateCircuit(n_qubits=2, operations=operations)
    twin = line_twin(2, zz_khz=40.0)
    by_chance = [step for step in attach_noise(circuit, twin).steps if getattr(step, "origin", "") == "crosstalk"]
    noisy = attach_noise(circuit, twin, options=NoiseOptions(crosstalk="coherent"))
    turns = [noisy.steps[k] for k, origin in noisy.coherent.items() if origin == "crosstalk"]
    assert len(turns) == len(by_chance) == 2
    for turn, channel in zip(turns, by_chance, strict=True):
        assert turn.name == "rzz"
        trace = np.trace(turn.unitary())
        assert 1 - abs(trace / 4) ** 2 == pytest.approx(channel.error_probability)
        assert np.flatnonzero(channel.probabilities).tolist() == [0, 15]


def test_bits_are_misread_as_the_qubit_that_they_were_last_read_of():
    twin = line_twin(6, line_crosstalk=0.002)
    calibration = replace(twin.calibration, prob_meas1_prep0=np.arange(6) / 100, prob_meas0_prep1=np.arange(6) / 50)
    twin = replace(twin, calibration=calibration)
    operations = (gate("measure", 1, 5, bits=(2, 0)), gate("sx", 3), gate("measure", 3, bits=(2,)))
    readout = attach_noise(GateCircuit(n_qubits=6, n_bits=4, operations=operations), twin).readout
    assert readout.prob_meas1_prep0.tolist() == [0.05, 0, 0.03, 0]
    assert readout.prob_meas0_prep1.tolist() == [0.10, 0, 0.06, 0]
    assert readout.line.tolist() == [1, -1, 0, -1]
    assert readout.line_crosstalk == 0.002


def test_a_qubit_that_leaked_reads_as_one():
    operations = (gate("cz", 0, 1), gate("cz", 0, 1), gate("measure", 0, bits=(0,)))
    twin = line_twin(2)
    noisy = attach_noise(
        GateCircuit(n_qubits=2, n_bits=1, operations=operations), twin, options=NoiseOptions(leakage=True)
    )
    stays = (1 - 1e-4) ** 2
    assert noisy.readout.prob_meas1_prep0[0] == pytest.approx(1 - stays * (1 - 0.005))
    assert noisy.readout.prob_meas0_prep1[0] == pytest.approx(stays * 0.010)
    assert names(noisy).count("leakage") == 4


def test_turns_of_gates_are_marked_as_errors():
    circuit = GateCircuit(n_qubits=2, operations=(gate("cz", 0, 1),))
    noisy = attach_noise(circuit, line_twin(2), options=NoiseOptions(coherent_share=0.3))
    assert names(noisy) == ["cz", "rzz", "two-qubit gates"]
    assert noisy.coherent == {1: "two-qubit gates"}


def test_channels_of_one_gate_on_one_place_are_one_object():
    circuit = GateCircuit(n_qubits=2, operations=(gate("cz", 0, 1), gate("sx", 0), gate("cz", 0, 1), gate("sx", 0)))
    channels = [step for step in attach_noise(circuit, line_twin(2)).steps if isinstance(step, PauliChannel)]
    assert len({id(channel) for channel in channels if channel.origin.endswith("gates")}) == 2


def test_every_origin_is_one_that_the_budget_knows(uneven_twin, random_circuit):
    twin = uneven_twin(3, zz_khz=20.0)
    options = NoiseOptions(twirl=False, coherent_share=0.2, leakage=True, crosstalk="coherent")
    noisy = attach_noise(random_circuit(twin, 40, seed=3), twin, options=options)
    found = {step.origin for step in noisy.steps if not isinstance(step, Operation)} | set(noisy.coherent.values())
    assert found == {"one-qubit gates", "two-qubit gates", "idling", "crosstalk", "leakage"}
    assert found <= set(ORIGINS)


def test_the_duration_is_that_of_the_schedule_with_its_readout():
    circuit = GateCircuit(n_qubits=1, n_bits=1, operations=(gate("sx", 0), gate("measure", 0, bits=(0,))))
    assert attach_noise(circuit, line_twin(1)).duration_ns == 24 + 1560


def test_the_same_seed_gives_the_same_steps(uneven_twin, random_circuit):
    twin = uneven_twin(4)
    circuit = random_circuit(twin, 40, seed=8)
    options = NoiseOptions(coherent_share=0.5, seed=11)
    one, two = (attach_noise(circuit, twin, options=options) for _ in range(2))
    angles = [[step.parameters for k, step in enumerate(noisy.steps) if k in noisy.coherent] for noisy in (one, two)]
    assert angles[0] == angles[1]
    assert len({np.sign(angle[0]) for angle in angles[0]}) == 2


def test_what_the_twin_cannot_run_is_refused():
    with pytest.raises(InputError, match="has no gate 'h'"):
        attach_noise(GateCircuit(n_qubits=1, operations=(gate("h", 0),)), line_twin(1))


def test_a_circuit_without_operations_is_one():
    noisy = attach_noise(GateCircuit(n_qubits=2), line_twin(2))
    assert (noisy.steps, noisy.readout, noisy.duration_ns) == ((), None, 0.0)
