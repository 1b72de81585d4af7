"""The bias of twirling, on cases with a closed form, and the numbers that results quote."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from qiskit.quantum_info import Chi, Kraus

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.approximations import REFERENCE_BIAS, UNFOLDED_BIAS
from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit
from kakehashi.device.noise.options import NoiseOptions
from kakehashi.device.noise.twirl import TwirlingBias, twirl_channels, twirling_bias

STORED = Path(__file__).resolve().parents[3] / "verification/results/twirling.json"


def test_the_twirl_is_the_diagonal_of_chi():
    rng = np.random.default_rng(4)
    matrix, _ = np.linalg.qr(rng.normal(size=(12, 4)) + 1j * rng.normal(size=(12, 4)))
    operators = matrix.reshape(3, 4, 4)
    channel = KrausChannel(qubits=(0, 1), operators=operators)
    (twirled,) = twirl_channels(NoisyCircuit(n_qubits=2, n_bits=0, steps=(channel,))).steps
    chi = Chi(Kraus(list(operators))).data.diagonal().real / 4
    assert twirled.probabilities == pytest.approx(chi)


def gate(name, q, **more):
    return Operation(name=name, qubits=(q,), **more)


def waiting(*before):
    """A qubit that waits for 5 us before its measurement."""
    operations = (*before, gate("delay", 0, parameters=(5000.0,)), gate("measure", 0, bits=(0,)))
    return GateCircuit(n_qubits=1, n_bits=1, operations=operations)


def test_decay_from_one_has_its_closed_form_and_folded_no_bias():
    decay = 1 - np.exp(-5.0 / 145.0)
    found = twirling_bias(waiting(gate("x", 0)), line_twin(1), options=NoiseOptions(gates=False, fold=False))
    assert (found.bias, found.effect) == (pytest.approx(decay / 2), pytest.approx(decay))
    folded = twirling_bias(waiting(gate("x", 0)), line_twin(1), options=NoiseOptions(gates=False))
    assert (folded.bias, folded.effect) == (pytest.approx(0, abs=1e-15), pytest.approx(decay))


def test_misreading_is_left_out():
    found = twirling_bias(waiting(), line_twin(1), options=NoiseOptions(gates=False))
    assert (found.bias, found.effect, found.share) == (0, 0, 0)


def test_a_share_of_nothing_is_nothing():
    assert TwirlingBias(bias=0.0, effect=0.0).share == 0


def test_wide_circuits_are_refused():
    wide = GateCircuit(n_qubits=11, operations=tuple(gate("x", q) for q in range(11)))
    with pytest.raises(InputError, match="on 10 qubits at most, not on 11"):
        twirling_bias(wide, line_twin(11))


def test_the_numbers_that_results_quote_are_those_of_the_stored_verification():
    rows = {row["circuit"]: row for row in json.loads(STORED.read_text())["rows"]}
    for setting, quoted in (("default", REFERENCE_BIAS), ("all twirled", UNFOLDED_BIAS)):
        assert quoted == {name: round(row[setting]["share"], 2) for name, row in rows.items()}
