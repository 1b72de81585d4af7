"""What services say."""

import pytest

from kakehashi.core.errors import DeviceError
from kakehashi.device.remote.model import JobLostError, JobStatus


@pytest.mark.parametrize(
    ("state", "final"),
    [("queued", False), ("running", False), ("done", True), ("failed", True), ("cancelled", True)],
)
def test_final_states(state, final):
    assert JobStatus(state=state).is_final is final


def test_a_lost_job_may_be_submitted_again():
    error = JobLostError("It is gone.")
    assert isinstance(error, DeviceError)
    assert error.transient
    assert str(error) == "It is gone."
