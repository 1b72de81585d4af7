"""What is wrong in a topology, with its place, and what was never measured."""

from __future__ import annotations

import copy

import pytest

from kakehashi.core.spec import parse_spec
from kakehashi.device.twins.topology import Topology, find_faults, find_placeholders


def parsed(table):
    return parse_spec(Topology, table)


def changed(table, path, value):
    table = copy.deepcopy(table)
    place = table
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return parsed(table)


def test_the_public_files_have_no_fault(public):
    assert find_faults(parsed(public)) == []
    assert find_placeholders(parsed(public)) == ()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["qubits", 1, "id"], 0, "qubits: the id 0 occurs twice."),
        (["qubits", 1, "id"], 2, "qubits: ids must run from 0 to 1, but the greatest is 2."),
        (["qubits", 1, "physical_id"], 5, "qubits: the physical_id 5 occurs twice."),
        (["qubits", 0, "physical_id"], -1, "qubits: the physical_id -1 is negative."),
        (["qubits", 1, "fidelity"], 1.2, "qubits[1].fidelity: must be in [0, 1], but is 1.2."),
        (
            ["qubits", 0, "meas_error", "prob_meas0_prep1"],
            -0.1,
            "qubits[0].meas_error.prob_meas0_prep1: must be in [0, 1], but is -0.1.",
        ),
        (["qubits", 1, "qubit_lifetime", "t1"], 0, "qubits[1].qubit_lifetime.t1: must be positive, but is 0 us."),
        (
            ["qubits", 1, "qubit_lifetime", "t1"],
            26458.9,
            "qubits[1].qubit_lifetime.t1: 26458.9 us looks like nanoseconds; the format has microseconds.",
        ),
        (["qubits", 0, "gate_duration", "sx"], -1, "qubits[0].gate_duration.sx: must be 0 or more, but is -1 ns."),
        (["couplings", 0, "target"], 7, "couplings[0].target: there is no qubit with the id 7."),
        (["couplings", 0, "target"], 0, "couplings[0]: control and target are both 0."),
        (["couplings", 0, "fidelity"], -1, "couplings[0].fidelity: must be in [0, 1], but is -1."),
        (
            ["couplings", 0, "gate_duration", "rzx90"],
            -4,
            "couplings[0].gate_duration.rzx90: must be 0 or more, but is -4 ns.",
        ),
    ],
)
def test_faults_are_named_with_their_place(pair, path, value, words):
    assert words in find_faults(changed(pair, path, value))


def test_a_pair_occurs_once(pair):
    pair["couplings"] *= 2
    assert find_faults(parsed(pair)) == ["couplings[1]: the pair 0, 1 occurs twice."]


@pytest.mark.parametrize(
    ("path", "value", "fields"),
    [
        (["qubits", 1, "fidelity"], 0.25, ["qubits[1].fidelity"]),
        (["couplings", 0, "fidelity"], 0.9, ["couplings[0].fidelity"]),
        (["couplings", 0, "gate_duration"], {"rzx90": 20}, ["couplings[0].gate_duration.rzx90"]),
        (
            ["qubits", 0, "qubit_lifetime"],
            {"t1": 100.0, "t2": 100.0},
            ["qubits[0].qubit_lifetime.t1", "qubits[0].qubit_lifetime.t2"],
        ),
        (
            ["qubits", 0, "meas_error"],
            {"prob_meas1_prep0": 0.5, "prob_meas0_prep1": 0.5},
            ["qubits[0].meas_error.prob_meas1_prep0", "qubits[0].meas_error.prob_meas0_prep1"],
        ),
        (["qubits", 0, "qubit_lifetime"], {"t1": 100.0, "t2": 80.0}, []),
    ],
)
def test_what_was_never_measured_is_found(pair, path, value, fields):
    assert list(find_placeholders(changed(pair, path, value))) == fields


def test_newer_and_older_names_are_read(pair):
    pair["qubits"][0]["qubit_lifetime"] = {"t1": 30.0, "t2_echo": 21.0, "t2_star": 9.0}
    pair["timestamp"] = pair.pop("calibrated_at")
    topology = parsed(pair | {"later": 1})
    assert topology.qubits[0].value("qubit_lifetime.t2") == 21.0
    assert topology.taken == "2026-01-01T00:00:00Z"
