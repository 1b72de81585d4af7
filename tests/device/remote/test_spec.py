"""Machines by name from TOML, down to an energy."""

import json

import numpy as np
import pytest

import kakehashi
from kakehashi.core.errors import InputError, SpecError
from kakehashi.device.remote.device import RemoteDevice
from kakehashi.device.remote.spec import IbmSpec, LateService, OqtopusSpec, QrmiSpec
from kakehashi.device.spec import parse_device
from kakehashi.problem.model import Hamiltonian, Problem

from .conftest import TOKEN

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.mark.parametrize(
    ("name", "model"), [("ibm:ibm_kobe", IbmSpec), ("oqtopus:anemone", OqtopusSpec), ("qrmi:ibm_kobe", QrmiSpec)]
)
def test_one_name_swaps_the_twin_for_the_machine(name, model):
    twin = {"name": "ibm-kobe", "n_shots": 1000, "effort": "fast"}
    spec = parse_device({**twin, "name": name})
    assert isinstance(spec, model)
    assert spec.machine == name.partition(":")[2]
    device = spec.build()
    assert isinstance(device, RemoteDevice)
    assert device.name == name
    assert device.effort == parse_device(twin).effort


@pytest.mark.parametrize("name", ["ibm", "ibm:", "oqtopus", "qrmi:"])
def test_a_service_alone_is_no_machine(name):
    with pytest.raises(SpecError, match=f"as in '{name.rstrip(':')}:NAME'"):
        parse_device({"name": name})


def test_addresses_and_tokens_have_no_place_in_a_spec():
    for key in ("token", "url", "api_token"):
        with pytest.raises(SpecError, match=f"unknown key '{key}'"):
            parse_device({"name": "oqtopus:anemone", key: "x"})


def test_nothing_is_reached_before_it_is_needed(monkeypatch):
    monkeypatch.delenv("OQTOPUS_URL", raising=False)
    monkeypatch.delenv("OQTOPUS_BASE_URL", raising=False)
    device = parse_device({"name": "oqtopus:anemone"}).build()
    assert isinstance(device.service, LateService)
    with pytest.raises(InputError, match="OQTOPUS_URL must be set"):
        device.describe()


def test_waiting_longer_is_no_other_run():
    one, other = (parse_device({"name": "qrmi:a", "timeout_s": t}).identity() for t in (1.0, 2.0))
    assert one == other


def test_a_problem_that_is_too_wide_is_refused_before_its_circuit(center):
    flat = Problem(
        name="flat", hamiltonian=Hamiltonian(one_body=np.eye(32), two_body=np.zeros((32,) * 4)), n_elec=(2, 2)
    )
    spec = parse_device({"name": "oqtopus:riken_twin"})
    with pytest.raises(InputError, match="flat takes 64 qubits, but oqtopus:riken_twin has 63"):
        spec.reach(flat)
    center.fault("busy", 10)
    spec.reach(flat)  # whoever picks up a job needs no more


def test_a_run_on_a_machine_gives_an_energy_and_says_which_job_it_came_from(center, tmp_path):
    device = {"name": "oqtopus:riken_twin", "n_shots": 2000, "effort": "fast"}
    events = []
    result = kakehashi.solve("hydrogen-chain", device=device, seed=1, folder=tmp_path / "run", progress=events.append)
    record = result.provenance["quantum_machine"]
    (job,) = record["jobs"]
    assert center.states() == {job["id"]: "done"}
    assert any(job["id"] in event.message for event in events)
    assert result.energy_hartree < result.hartree_fock_hartree
    for path in (tmp_path / "run").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()
    assert job["id"] in (tmp_path / "run" / "result.json").read_text()
    json.dumps(record)


@pytest.mark.slow
def test_a_run_whose_shots_are_there_needs_no_machine(center, tmp_path, monkeypatch):
    device = {"name": "oqtopus:riken_twin", "n_shots": 500, "effort": "fast"}
    first = kakehashi.solve("hydrogen-chain", device=device, seed=1, folder=tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()
    monkeypatch.delenv("OQTOPUS_API_TOKEN")
    again = kakehashi.solve("hydrogen-chain", device=device, seed=1, folder=tmp_path / "run")
    assert again.energy_hartree == first.energy_hartree
    assert again.provenance["quantum_machine"] == first.provenance["quantum_machine"]
