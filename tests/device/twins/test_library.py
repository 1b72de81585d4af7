"""Twins by name and from files."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from importlib import resources

import numpy as np
import pytest

from kakehashi.core.errors import InputError, MissingDependencyError, SpecError
from kakehashi.device.twins import snapshot
from kakehashi.device.twins.library import list_twins, load_twin, read_twin_spec
from kakehashi.device.twins.oqtopus import write_oqtopus

TWINS = [entry for entry in list_twins() if entry.kind == "twin"]


@pytest.mark.parametrize("entry", TWINS, ids=lambda entry: entry.name)
def test_every_preset_of_every_twin_loads(entry):
    for preset in entry.presets:
        twin = load_twin(entry.name, preset=preset, seed=2)
        assert (twin.name, twin.title) == (entry.name, entry.title)
        assert twin.is_assumed
        assert twin.sources["edges"].grade == "published"


@pytest.mark.parametrize("name", [entry.name for entry in TWINS])
def test_every_field_of_a_data_file_has_a_source(name):
    spec = read_twin_spec(name)
    asked = {"edges", "calibration", "one_qubit_ns", "two_qubit_ns", "readout_ns", "shot_interval_us", "clock_ns"}
    asked |= {"zz_khz", "leakage", "drift"}
    if spec.control_frequency_ghz is not None:
        asked |= {"frequency_ghz", "readout_line", "line_crosstalk", "present"}
    assert asked <= set(spec.sources)


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(InputError, match="There is no device 'riken64'; did you mean 'riken-64'"):
        load_twin("riken64")
    with pytest.raises(InputError, match=r"There is no device 'sycamore'; there are .*ibm-kobe"):
        load_twin("sycamore")


def test_a_snapshot_is_one_day():
    with pytest.raises(InputError, match="fake-fez is one calibration of one day: `day` cannot be chosen"):
        load_twin("fake-fez", day=1.0)
    with pytest.raises(InputError, match="`preset` cannot be chosen"):
        load_twin("fake-fez", preset="example")
    assert load_twin("fake-fez", seed=9).n_qubits == 156


def test_without_the_package_a_snapshot_says_what_to_install(monkeypatch, tmp_path):
    """A path on which the package is not."""
    numpy = importlib.util.find_spec("numpy")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "qiskit_ibm_runtime", raising=False)
    snapshot._folders.cache_clear()
    try:
        with pytest.raises(MissingDependencyError, match="pip install 'kakehashi\\[ibm\\]'"):
            load_twin("fake-fez")
        assert all(entry.kind == "twin" for entry in list_twins())
        assert numpy is not None
    finally:
        snapshot._folders.cache_clear()


def test_own_data_files_and_own_topologies(tmp_path):
    with resources.as_file(resources.files("kakehashi.device.twins") / "data" / "riken-64.toml") as path:
        text = path.read_text().replace('name = "riken-64"', 'name = "mine"', 1)
    own = tmp_path / "mine.toml"
    own.write_text(text)
    twin = load_twin(path=own, seed=1, day=2)
    assert twin.name == "mine"
    write_oqtopus(tmp_path / "mine.json", twin)
    read = load_twin(path=tmp_path / "mine.json")
    np.testing.assert_array_equal(read.calibration.t1_us, twin.calibration.t1_us[twin.present])
    with pytest.raises(InputError, match="`preset` cannot be chosen"):
        load_twin(path=tmp_path / "mine.json", preset="target")
    own.write_text(text.replace("side = 8", "side = 7"))
    with pytest.raises(InputError, match="must be even and at least 2, but is 7"):
        load_twin(path=own)
    own.write_text(text.replace("side = 8", "sides = 8"))
    with pytest.raises(SpecError, match=r"mine.toml: .*unknown key"):
        load_twin(path=own)
    shutil.rmtree(tmp_path)
    with pytest.raises(InputError, match=r"mine\.toml"):
        load_twin(path=own)


def test_name_or_file_but_one_of_them():
    for options in ({}, {"name": "riken-64", "path": "x.json"}):
        with pytest.raises(InputError, match="give one of `name` and `path`"):
            load_twin(**options)
