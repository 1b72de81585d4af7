"""qiskit-ibm-runtime's own client, and the adapter on it."""

import pytest

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.device.remote.device import RemoteDevice
from kakehashi.device.remote.runtime import IbmService, runtime_errors, sampler_class

from .conftest import MACHINES, connect, skewed

pytest.importorskip("qiskit_ibm_runtime", exc_type=ImportError)

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def test_the_target_becomes_a_twin(center):
    machine = connect("ibm").describe()
    assert machine.n_qubits == 133
    assert machine.max_shots == 20_000
    assert machine.twin.two_qubit_gate == "cz"
    assert machine.twin.calibration.taken_utc.startswith("2025-02-26")


def test_jobs_have_their_tag_and_the_user_s_options(center):
    service = IbmService(
        backend=connect("ibm").backend,
        options={"dynamical_decoupling": {"enable": True}, "environment": {"job_tags": ["mine"]}},
    )
    program = RemoteDevice(service=service, effort="fast").compile(skewed())
    job_id = service.submit(program.gates, 10, compiled=True, tag="kakehashi-a-0")
    assert service.find("kakehashi-a-0") == job_id
    assert service.find("mine") == job_id
    assert service.find("other") is None
    while not service.status(job_id).is_final:
        pass
    service.cancel(job_id)  # it has ended: no complaint


def test_a_machine_that_is_not_in_the_account(center):
    with pytest.raises(InputError, match="ibm:ibm_atlantis: there is no such machine"):
        IbmService.from_environment("ibm_atlantis")


@pytest.mark.slow
def test_a_token_that_is_not_accepted(center, monkeypatch):
    """The client tries for a minute, and then says that there is no machine."""
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "wrong-token")
    with pytest.raises(InputError, match="token"):
        IbmService.from_environment(MACHINES["ibm"])


def test_errors_of_the_service_say_whether_to_try_again():
    from qiskit_ibm_runtime.exceptions import IBMApiError, IBMNotAuthorizedError

    for error, transient in ((IBMApiError("busy."), True), (IBMNotAuthorizedError("no"), False), (OSError("x"), True)):
        with pytest.raises(DeviceError, match=r"^it failed with \w+: ") as caught, runtime_errors("it"):
            raise error
        assert caught.value.transient is transient
    with pytest.raises(InputError, match="it refuses the job: too wide"), runtime_errors("it"):
        raise ValueError("too wide. And so on.")


def test_the_sampler_is_the_runtime_s():
    assert sampler_class().__name__ == "SamplerV2"
