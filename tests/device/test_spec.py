"""``[device]`` as a user writes it, and the registry behind it."""

import json
from typing import ClassVar, Literal

import numpy as np
import pytest

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError, ResourceError, SpecError
from kakehashi.core.spec import Spec, parse_spec
from kakehashi.device.noisy import NoisyDevice
from kakehashi.device.spec import (
    DEVICES,
    AnyDeviceSpec,
    DeviceSpec,
    ExactSpec,
    FileSpec,
    NoisySpec,
    TwinDeviceSpec,
    UniformSpec,
    parse_device,
)
from kakehashi.device.twins.library import load_twin
from kakehashi.device.twins.oqtopus import write_oqtopus
from kakehashi.problem.model import Hamiltonian, Problem


class Run(Spec):
    """A run's spec, as far as the device goes."""

    device: AnyDeviceSpec = ExactSpec()


def flat_problem(n_orb, n_elec):
    hamiltonian = Hamiltonian(one_body=np.eye(n_orb), two_body=np.zeros((n_orb,) * 4))
    return Problem(name="flat", hamiltonian=hamiltonian, n_elec=n_elec)


def test_names_and_descriptions():
    assert list(DEVICES) == ["exact", "file", "ibm", "noisy", "oqtopus", "qrmi", "twin", "uniform"]
    for name in DEVICES:
        assert DEVICES[name].description
        assert DEVICES[name].model_fields["name"].default == name


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, ExactSpec()),
        ({"name": "exact", "n_shots": 7}, ExactSpec(n_shots=7)),
        ({"name": "uniform"}, UniformSpec()),
        ({"name": "noisy", "depolarizing": 0.1}, NoisySpec(depolarizing=0.1)),
        ({"name": "file", "path": "a.txt"}, FileSpec(path="a.txt", n_shots=0)),
        ({"name": "ibm-kobe", "day": 3.0}, TwinDeviceSpec(name="ibm-kobe", day=3.0)),
        ({"name": "fake-fez"}, TwinDeviceSpec(name="fake-fez")),
        ({"name": "twin", "path": "chip.json"}, TwinDeviceSpec(path="chip.json")),
    ],
)
def test_a_table_becomes_the_devices_spec(table, expected):
    assert parse_device(table) == expected
    run = parse_spec(Run, {"device": table})
    assert run.device == expected
    assert parse_spec(Run, json.loads(run.model_dump_json())) == run


def test_devices_are_built(tmp_path):
    circuit = Circuit(n_orb=2, n_elec=(1, 1))
    (tmp_path / "shots.txt").write_text("0101 4\n")
    for table, n_shots in (
        ({"name": "exact"}, 4),
        ({"name": "uniform"}, 4),
        ({"name": "noisy", "depolarizing": 0.5}, 4),
        ({"name": "file", "path": "shots.txt"}, 0),
    ):
        spec = parse_device(table)
        device = spec.build(tmp_path)
        assert device.name == table["name"]
        assert device.run(circuit, n_shots, rng=1).n_shots == 4
        spec.check(flat_problem(2, (1, 1)), tmp_path)


def test_rates_reach_the_device():
    rates = {"depolarizing": 0.1, "two_qubit_error": 0.2, "prob_meas1_prep0": 0.3, "prob_meas0_prep1": 0.4}
    assert parse_device({"name": "noisy", **rates}).build() == NoisyDevice(**rates)


def test_a_whole_number_is_a_rate():
    assert parse_device({"name": "noisy", "depolarizing": 1}).build() == NoisyDevice(depolarizing=1.0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "exakt"}, "no device 'exakt'; did you mean 'exact'"),
        ({"name": 3}, "must be a string"),
        ({"name": "exact", "shots": 3}, "unknown key 'shots'; did you mean 'n_shots'"),
        ({"name": "exact", "depolarizing": 0.1}, "unknown key 'depolarizing'"),
        ({"name": "exact", "n_shots": 0}, "n_shots"),
        ({"name": "exact", "n_shots": "many"}, "n_shots"),
        ({"name": "noisy"}, "all rates are zero"),
        ({"name": "noisy", "depolarizing": 1.5}, "depolarizing"),
        ({"name": "file"}, "'path' is missing"),
        ({"name": "file", "path": "a", "format": "xml"}, "format"),
        ("exact", "a device is a table"),
    ],
)
def test_faults_are_named(table, message):
    with pytest.raises(SpecError, match=message) as caught:
        parse_spec(Run, {"device": table}, source="run.toml")
    assert str(caught.value).startswith("run.toml: ")
    with pytest.raises(InputError, match=message):
        parse_device(table)


def test_misfits_are_said_before_anything_is_computed(tmp_path):
    with pytest.raises(ResourceError, match="needs about"):
        ExactSpec().check(flat_problem(34, (17, 17)))
    with pytest.raises(ResourceError, match="needs about"):
        NoisySpec(depolarizing=0.1).check(flat_problem(34, (17, 17)))
    UniformSpec().check(flat_problem(34, (17, 17)))
    with pytest.raises(InputError, match="no such file"):
        FileSpec(path="none.txt").check(flat_problem(2, (1, 1)), tmp_path)


def test_a_twin_needs_a_name_or_a_file(tmp_path):
    with pytest.raises(SpecError, match="needs one"):
        parse_device({"name": "twin"})
    with pytest.raises(SpecError, match="a path belongs to the device 'twin'"):
        parse_device({"name": "ibm-kobe", "path": "chip.json"})
    with pytest.raises(InputError, match="no device 'ibm-koba'; did you mean 'ibm-kobe'"):
        parse_device({"name": "ibm-koba"})
    with pytest.raises(InputError, match="flat takes 80 qubits, but riken-64 has 6"):
        TwinDeviceSpec(name="riken-64").check(flat_problem(40, (2, 2)))
    write_oqtopus(tmp_path / "chip.json", load_twin("riken-64"))
    device = TwinDeviceSpec(path="chip.json").build(tmp_path)
    assert device.twin.n_qubits >= 50
    one, other = (TwinDeviceSpec(path="chip.json", day=day).identity(tmp_path) for day in (0.0, 1.0))
    assert len(one["sha256"]) == 64
    assert one != other


def test_noise_can_be_switched_off():
    spec = parse_device({"name": "ibm-kobe", "noise": {"readout": False, "crosstalk": False}})
    assert not spec.build().noise.readout
    assert spec.build().noise.crosstalk == "off"


def test_a_new_device_is_a_subclass_and_a_line():
    class TwinSpec(DeviceSpec):
        description: ClassVar[str] = "a twin"
        name: Literal["twin"] = "twin"
        temperature_mk: float = 10.0

    registry = type(DEVICES)("device")
    registry.add("twin", TwinSpec)
    assert registry["twin"].model_validate({"temperature_mk": 12.0}).temperature_mk == 12.0
    with pytest.raises(ValueError, match="registered already"):
        DEVICES.add("exact", ExactSpec)
