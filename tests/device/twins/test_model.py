"""A twin refuses what no processor can have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.device.twins.model import Calibration, Source, Twin


def line(**changes) -> Twin:
    values = {
        "taken_utc": "2026-01-01",
        "t1_us": np.full(3, 100.0),
        "t2_us": np.full(3, 120.0),
        "prob_meas1_prep0": np.full(3, 0.01),
        "prob_meas0_prep1": np.full(3, 0.02),
        "readout_ns": np.full(3, 1000.0),
        "gate_error": {"sx": np.full(3, 1e-4), "cz": np.array([1e-3, 1.0])},
        "gate_ns": {"sx": np.full(3, 24.0), "cz": np.full(2, 68.0)},
    }
    return Twin(
        name="line",
        title="three in a row",
        lattice="line",
        n_qubits=3,
        positions=np.array([[0.0, 0], [1, 0], [2, 0]]),
        edges=np.array([[0, 1], [1, 2]]),
        directed=False,
        two_qubit_gate="cz",
        one_qubit_gates=("rz", "sx"),
        present=np.ones(3, dtype=bool),
        calibration=Calibration(**(values | changes)),
        sources={"calibration": Source(grade="assumed", text="a test")},
    )


def test_dead_edges_and_absent_qubits_are_not_usable():
    twin = line()
    assert twin.usable_edges.tolist() == [True, False]
    assert replace(twin, present=np.array([False, True, True])).usable_edges.tolist() == [False, False]
    assert twin.is_assumed
    assert twin.shot_s(2000.0) == pytest.approx(252e-6)


@pytest.mark.parametrize("name", ["readout_line", "physical_ids"])
def test_numbers_of_qubits_are_for_all_of_them(name):
    assert getattr(replace(line(), **{name: np.arange(3)}), name).tolist() == [0, 1, 2]
    with pytest.raises(InputError, match=f"one `{name}` for each qubit"):
        replace(line(), **{name: np.arange(2)})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"t1_us": np.array([-1.0, 1, 1])}, "`t1_us` of qubit 0 must be 0 or more, but is -1"),
        ({"prob_meas0_prep1": np.array([0, 0, 1.5])}, "of qubit 2 must be in \\[0, 1\\], but is 1.5"),
        ({"t2_us": np.array([120, 250.0, 120])}, "qubit 1 has T2 = 250 us, more than twice"),
        ({"gate_error": {"cz": np.array([0.1, -0.1])}}, "`gate_error.cz` of edge \\[1, 2\\]"),
        ({"gate_ns": {"sx": np.zeros(2)}}, "`gate_ns.sx` has the shape"),
        ({"readout_ns": np.zeros(4)}, "one value for each of 3 qubits"),
    ],
)
def test_impossible_values_name_their_place(changes, words):
    with pytest.raises(InputError, match=words):
        line(**changes)
