"""The rules of waiting, on the machine room; those of whole runs are tested in ``test_device.py``."""

from dataclasses import replace

import pytest

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.core.progress import Reporter
from kakehashi.device.remote.device import RemoteDevice
from kakehashi.device.remote.follow import Program, follow_jobs, title_of
from kakehashi.device.remote.journal import open_entry

from .conftest import QUICK, connect, skewed


@pytest.fixture
def service(center):
    return connect("oqtopus")


@pytest.fixture
def program(service):
    return RemoteDevice(service=service, effort="fast").compile(skewed())


def follow(service, entry, program, *, pace=QUICK, listen=lambda event: None):
    return follow_jobs(service, entry, lambda: program, n_bits=5, pace=pace, reporter=Reporter(listen))


def test_parts_come_back_in_order(service, program, tmp_path):
    events = []
    with open_entry("key", tmp_path) as entry:
        entry.begin({}, [100, 50, 70])
        fetched = follow(service, entry, program, listen=events.append)
        assert all(part.job_id for part in entry.parts)
    assert [got.shots.n_shots for got in fetched] == [100, 50, 70]
    assert events[-1].total == 220
    assert title_of(service) == "oqtopus:riken_twin"


def test_only_what_is_missing_is_submitted(service, program, center, tmp_path):
    with open_entry("key", tmp_path) as entry:
        entry.begin({}, [100, 50])
        entry.sent(0, service.submit(program.gates, 100, compiled=True, tag=entry.parts[0].tag))
    with open_entry("key", tmp_path) as entry:
        assert [got.shots.n_shots for got in follow(service, entry, program)] == [100, 50]
    assert len(center.states()) == 2


def test_a_job_between_submission_and_its_id_is_found(service, program, center, tmp_path):
    with open_entry("key", tmp_path) as entry:
        entry.begin({}, [100])
        entry.sending(0)
        job_id = service.submit(program.gates, 100, compiled=True, tag=entry.parts[0].tag)
    with open_entry("key", tmp_path) as entry:
        follow(service, entry, program)
        assert entry.parts[0].job_id == job_id
    assert list(center.states()) == [job_id]


def test_one_part_that_fails_stops_the_others(service, program, center, tmp_path):
    center.fault("fail", 1)
    with open_entry("key", tmp_path) as entry:
        entry.begin({}, [100, 3_000_000])
        with pytest.raises(DeviceError, match="failed"):
            follow(service, entry, program)
        assert not entry.path.exists()


def test_patience_ends(service, program, center, tmp_path):
    center.fault("hold", 1)

    def leave(event):
        if "is queued" in event.message:
            center.fault("gone", 10_000)

    with open_entry("key", tmp_path) as entry:
        entry.begin({}, [10])
        with pytest.raises(DeviceError, match=r"does not answer.*picks it up again") as caught:
            follow(service, entry, program, pace=replace(QUICK, patience_s=0.3), listen=leave)
        assert caught.value.transient
        assert entry.path.exists()


def test_a_program_that_is_not_understood_there_is_refused(service, program, center, tmp_path):
    """A wrong program fails as a job; a wrong machine is refused at once."""
    gates = replace(program.gates, n_qubits=program.gates.n_qubits + 1)
    with open_entry("key", tmp_path) as entry:
        entry.begin({}, [10])
        with pytest.raises(DeviceError, match=r"failed: .*qubits"):
            follow(service, entry, Program(gates=gates, compiled=True, about={}))
    with open_entry("key", tmp_path) as entry:
        entry.begin({}, [10])
        with pytest.raises(DeviceError, match="there is no device riken_twins"):
            follow(replace(service, name="riken_twins"), entry, program)
        assert not entry.path.exists()
    with pytest.raises(InputError, match="no device 'riken_twins'; there are riken_twin"):
        replace(service, name="riken_twins").describe()
