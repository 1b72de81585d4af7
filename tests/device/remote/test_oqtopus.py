"""OQTOPUS's dialect: the adapter and its makers' own client see the same room."""

import importlib.util

import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.qasm3 import write_qasm3
from kakehashi.core.errors import DeviceError, InputError
from kakehashi.device.remote.model import JobLostError, Machine
from kakehashi.device.remote.oqtopus import OqtopusService

from .conftest import TOKEN, connect, skewed


@pytest.fixture
def service(center):
    return connect("oqtopus")


def test_the_environment_says_where(monkeypatch):
    monkeypatch.delenv("OQTOPUS_BASE_URL", raising=False)
    monkeypatch.setenv("OQTOPUS_API_TOKEN", "t")
    monkeypatch.delenv("OQTOPUS_URL", raising=False)
    with pytest.raises(InputError, match="OQTOPUS_URL must be set"):
        OqtopusService.from_environment("a")
    monkeypatch.setenv("OQTOPUS_URL", "http://x/")
    assert OqtopusService.from_environment("a").url == "http://x"
    monkeypatch.delenv("OQTOPUS_API_TOKEN")
    with pytest.raises(InputError, match="OQTOPUS_API_TOKEN must be set"):
        OqtopusService.from_environment("a")


def test_the_token_is_never_shown(service):
    assert TOKEN not in repr(service)


def test_the_topology_becomes_a_twin(service):
    machine = service.describe()
    assert machine.twin.n_qubits == machine.n_qubits == 63
    assert machine.twin.directed
    assert machine.is_available


def test_a_program_may_be_left_to_the_service_to_compile(service, center, tmp_path):
    """As it is for machines that publish no topology."""
    far = GateCircuit(
        n_qubits=3,
        n_bits=2,
        operations=(
            Operation(name="x", qubits=(2,)),
            Operation(name="cx", qubits=(2, 0)),
            Operation(name="measure", qubits=(0, 1), bits=(0, 1)),
        ),
    )
    job_id = service.submit(far, 300, compiled=False, tag="a")
    while not service.status(job_id).is_final:
        pass
    assert service.fetch(job_id, n_bits=2).shots.to_counts()["01"] > 200
    refused = service.submit(far, 300, compiled=True, tag="b")
    while not service.status(refused).is_final:
        pass
    assert service.status(refused).state == "failed"
    assert "cx" in service.status(refused).message


def test_jobs_are_found_by_name_and_lost_ones_are_said(service):
    program = GateCircuit(n_qubits=1, n_bits=1, operations=(Operation(name="measure", qubits=(0,), bits=(0,)),))
    job_id = service.submit(program, 1, compiled=False, tag="kakehashi-x-0")
    assert service.find("kakehashi-x-0") == job_id
    assert service.find("kakehashi-x") is None
    with pytest.raises(JobLostError):
        service.status("00000000-0000-0000-0000-000000000000")


def test_a_job_that_has_ended_is_cancelled_without_complaint(service, center):
    program = GateCircuit(n_qubits=1, n_bits=1, operations=(Operation(name="measure", qubits=(0,), bits=(0,)),))
    job_id = service.submit(program, 1, compiled=False, tag="x")
    while not service.status(job_id).is_final:
        pass
    service.cancel(job_id)
    assert center.states() == {job_id: "done"}


def test_another_address_is_no_oqtopus(service, room):
    other = OqtopusService(name="x", url=f"{room.base}/elsewhere", token=TOKEN)
    with pytest.raises((DeviceError, InputError), match="does not know"):
        other.describe()


def test_a_machine_without_topology_has_no_twin():
    assert Machine(n_qubits=4, max_shots=1).twin is None


@pytest.mark.skipif(importlib.util.find_spec("oqtopus_client") is None, reason="it cannot be installed beside IBM's")
def test_its_makers_client_sees_the_same_room(center):
    from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec

    client = OqtopusClient(OqtopusConfig(url=center.base, api_token=TOKEN))
    assert [device.device_id for device in client.list_devices()] == ["riken_twin"]
    job = client.run_job(
        OqtopusJobSpec.sampling(device_id="riken_twin", program=write_qasm3(skewed()), shots=400), interval=0.1
    )
    assert sum(job.get_counts().values()) == 400
    assert sum(count for key, count in job.get_counts().items() if key.endswith("1")) > 300
    assert connect("oqtopus").fetch(job.job_id, n_bits=5).shots.to_counts() == job.get_counts()
