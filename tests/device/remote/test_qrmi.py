"""QRMI's own client, type ``ibm-quantum-system``, and the adapter on it."""

import pytest

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.device.remote.model import JobLostError
from kakehashi.device.remote.qrmi import QrmiService

from .conftest import MACHINES, connect, skewed

pytest.importorskip("qrmi", exc_type=ImportError)


@pytest.fixture
def service(center):
    return connect("qrmi")


def test_what_is_missing_in_the_environment_is_named(center, monkeypatch):
    monkeypatch.delenv(f"{MACHINES['qrmi']}_QRMI_IBM_QS_ENDPOINT")
    with pytest.raises(InputError, match=r"qrmi:torino_twin cannot be reached: .*QRMI_IBM_QS_ENDPOINT"):
        QrmiService.from_environment(MACHINES["qrmi"])


def test_configuration_and_properties_become_a_twin(service):
    machine = service.describe()
    assert machine.n_qubits == 133
    assert machine.max_shots == 20_000
    assert machine.twin.two_qubit_gate == "cz"
    assert machine.twin.calibration.taken_utc.startswith("20")


def test_a_machine_that_is_not_there(service):
    with pytest.raises(DeviceError, match="torino_twins"):
        QrmiService(name="torino_twins", resource=_other(service)).describe()


def _other(service):
    import os

    import qrmi

    for key, value in list(os.environ.items()):
        if key.startswith("torino_twin_QRMI"):
            os.environ[key.replace("torino_twin_", "torino_twins_")] = value
    try:
        return qrmi.QuantumResource("torino_twins", qrmi.ResourceType.IBMQuantumSystem)
    finally:
        for key in [key for key in os.environ if key.startswith("torino_twins_")]:
            del os.environ[key]


def test_programs_go_out_on_physical_qubits(service, room):
    from kakehashi.device.remote.device import RemoteDevice

    program = RemoteDevice(service=service, effort="fast").compile(skewed())
    job_id = service.submit(program.gates, 50, compiled=True, tag="x")
    while not service.status(job_id).is_final:
        pass
    assert service.status(job_id).state == "done"
    assert service.fetch(job_id, n_bits=5).shots.n_shots == 50
    assert service.find("x") is None
    service.cancel(job_id)
    with pytest.raises(JobLostError, match=f"does not know job {job_id}"):
        service.status(job_id)


def test_the_log_says_why_a_job_failed(service, center):
    from kakehashi.device.remote.device import RemoteDevice

    center.fault("fail", 1)
    with pytest.raises(DeviceError, match="failed: ERROR The dilution refrigerator warmed up"):
        RemoteDevice(service=service, effort="fast").run(skewed(), 10, rng=1)
