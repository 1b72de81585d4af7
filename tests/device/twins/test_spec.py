"""The data file refuses what would make no calibration."""

from __future__ import annotations

from importlib import resources

import pytest

from kakehashi.core.errors import SpecError
from kakehashi.core.spec import parse_spec, read_toml
from kakehashi.device.twins.spec import TwinSpec


@pytest.fixture
def table():
    with resources.as_file(resources.files("kakehashi.device.twins") / "data" / "riken-64.toml") as path:
        return read_toml(path)


def refused(table, words):
    with pytest.raises(SpecError, match=words):
        parse_spec(TwinSpec, table, source="mine.toml")


def test_a_whole_file_is_read(table):
    spec = parse_spec(TwinSpec, table)
    assert spec.lattice.build().n_qubits == 64
    assert spec.presets["example"].correlation.flips == 0.84


def test_a_range_must_ascend(table):
    table["presets"]["example"]["t1_us"]["median"] = 100
    refused(table, "mine.toml: 'presets.example.t1_us': low, median and high must ascend, but are 2.5, 100, 41.")


def test_a_misspelled_key_is_named(table):
    table["presets"]["example"]["t1_u"] = table["presets"]["example"].pop("t1_us")
    refused(table, "unknown key 'presets.example.t1_u'; did you mean 't1_us'\\?")


def test_parts_must_fit_together(table):
    refused(table | {"default_preset": "best"}, "default_preset must be one of example, target, not 'best'")
    refused({**table, "sources": {}}, r"\[sources.calibration\] must say where the calibration comes from")
    del table["target_frequency_ghz"]
    refused(table, "control_frequency_ghz and target_frequency_ghz go together")


def test_leakage_is_of_gates_that_are_there(table):
    table["presets"]["target"]["leakage"] = {"cz": 1e-3}
    refused(table, "presets.target.leakage names the gate 'cz', which the twin does not have")


def test_probabilities_and_kinds_are_checked(table):
    table["presets"]["target"]["qubit_yield"] = 1.2
    table["lattice"]["kind"] = "triangle"
    refused(table, "'lattice.kind' must be one of 'square', 'heavy-hex', but is 'triangle'.*qubit_yield")
