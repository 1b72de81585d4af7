"""Each simplification is said where it concerns the circuit, and only there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.options import NoiseOptions


def said(twin, *operations, **options):
    circuit = GateCircuit(n_qubits=twin.n_qubits, n_bits=2, operations=operations)
    return " ".join(attach_noise(circuit, twin, options=NoiseOptions(**options)).approximations)


SX = Operation(name="sx", qubits=(0,))
CZ = Operation(name="cz", qubits=(0, 1))
MEASURE = Operation(name="measure", qubits=(0,), bits=(0,))


def test_twirling_is_said_with_its_measured_bias():
    assert "up to 11 % of the noise's own effect" in said(line_twin(2), SX)
    assert "up to 47 % of the noise's own effect" in said(line_twin(2), SX, fold=False)
    assert "is not twirled but misreading" not in said(line_twin(2), SX, readout=False)
    assert "twirling" not in said(line_twin(2), SX, twirl=False)


def test_gates_that_relaxation_makes_too_bad_are_counted():
    twin = line_twin(2)
    short = replace(twin, calibration=replace(twin.calibration, t1_us=np.full(2, 5.0), t2_us=np.full(2, 5.0)))
    capped = said(short, SX, CZ)
    assert "On 1 of 1 places of 'sx', relaxation over its duration exceeds the calibrated error, up to " in capped
    assert "shortened until the error is the calibrated one" in capped
    assert "worse than calibrated" in said(short, SX, CZ, excess="keep")
    assert "exceeds" not in said(twin, SX, CZ)


@pytest.mark.parametrize(
    ("zz_khz", "crosstalk", "sentence"),
    [(None, "twirled", "is not known for 'line-2'"), (20.0, "twirled", "by chance instead of as a turn")],
)
def test_crosstalk(zz_khz, crosstalk, sentence):
    assert sentence in said(line_twin(2, zz_khz=zz_khz), CZ, crosstalk=crosstalk)


def test_crosstalk_as_a_turn_needs_no_word():
    assert "ZZ coupling" not in said(line_twin(2, zz_khz=20.0), CZ, crosstalk="coherent")


def test_over_rotations_are_0_unless_asked_for():
    assert "over-rotations are 0" in said(line_twin(2), CZ)
    assert "over-rotations" not in said(line_twin(2), CZ, coherent_share=0.2)


def test_leakage_is_said_where_it_is_simulated():
    assert "Leakage (0.0001 for 'cz' at each use and qubit)" in said(line_twin(2), CZ, leakage=True)
    assert "Leakage" not in said(line_twin(2), CZ)


def test_resets_conditions_and_middles():
    told = Operation(name="x", qubits=(1,), condition=(0, 1))
    words = said(line_twin(2), SX, MEASURE, told, Operation(name="reset", qubits=(0,)))
    assert "A reset takes as long as a readout" in words
    assert "Conditions read the true bit" in words
    assert "whether or not they are carried out" in words
    assert "Conditions" not in said(line_twin(2), SX, MEASURE)


def test_unknown_numbers_are_said():
    twin = line_twin(2)
    unknown = replace(twin, calibration=replace(twin.calibration, t1_us=np.array([np.nan, 100.0])))
    assert "T1 in us is not known for 1 used qubits" in said(unknown, CZ)


def test_gates_that_the_calibration_does_not_mention_are_said():
    twin = line_twin(2)
    error = {name: values for name, values in twin.calibration.gate_error.items() if name != "x"}
    silent = replace(twin, calibration=replace(twin.calibration, gate_error=error))
    words = said(silent, Operation(name="x", qubits=(0,)), Operation(name="rz", qubits=(0,), parameters=(1.0,)))
    assert "The calibration holds no error of 'x', taken as 0, which comes 1 times." in words
    assert "'rz'" not in words
