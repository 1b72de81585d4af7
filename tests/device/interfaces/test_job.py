"""Jobs of the backend."""

import threading

import pytest
from qiskit.providers import JobError, JobStatus

from kakehashi.core.errors import DeviceError
from kakehashi.device.interfaces.job import TwinJob


def test_a_job_runs_beside_its_caller():
    gate = threading.Event()
    job = TwinJob(None, lambda _: gate.wait(30))
    with pytest.raises(JobError, match="not been submitted"):
        job.result()
    job.submit()
    assert job.status() in (JobStatus.RUNNING, JobStatus.QUEUED)
    with pytest.raises(TimeoutError):
        job.result(timeout=0.01)
    gate.set()
    assert job.result() is True
    assert (job.status(), job.done(), job.cancel()) == (JobStatus.DONE, True, False)
    with pytest.raises(JobError, match="already"):
        job.submit()


def test_what_goes_wrong_is_raised_with_the_result():
    def fail(_):
        raise DeviceError("It is cold no more.", transient=True)

    job = TwinJob(None, fail)
    job.submit()
    with pytest.raises(DeviceError, match="cold") as caught:
        job.result()
    assert caught.value.transient
    assert job.status() == JobStatus.ERROR
