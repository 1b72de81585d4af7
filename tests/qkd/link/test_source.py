"""The simulator as a process of its own: two ends, backpressure, live events, and what a kill looks like."""

import socket
import time
from pathlib import Path

import numpy as np
import pytest

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.link.ends import ANY_SLOT, REQUEST
from kakehashi.qkd.link.frames import HEADER, payload_bytes
from kakehashi.qkd.link.library import load_link
from kakehashi.qkd.link.simulation import Simulation
from kakehashi.qkd.link.source import LinkServer, SourceProcess, addresses_in, run_source

LINK = "tokyo-koganei-otemachi-toshiba"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    with SourceProcess(LINK, tmp_path_factory.mktemp("l"), seed=1, exposure_s=0.01) as process:
        yield process


def qber(sent, seen):
    assert np.array_equal(sent.slot, seen.slot)
    sifted = sent.basis == seen.basis
    return (sent.bit != seen.bit)[sifted].mean()


def test_both_ends_have_halves_of_the_same_exposures(source):
    with source.sender() as sender, source.receiver() as receiver:
        for _ in range(5):
            sent, seen = sender.prepare(), receiver.detect()
            assert (sent.first_slot, sent.n_slots) == (seen.first_slot, seen.n_slots)
            assert qber(sent, seen) < 0.06
    assert sent.n_slots == 10_000_000


def test_an_eavesdropper_is_switched_on_and_off(source):
    control = source.control()
    with source.sender() as sender, source.receiver() as receiver:
        assert control.switch_on("intercept-resend", fraction=1.0)["at_s"] >= 0
        assert control.status()["conditions"]["intercepted"] == 1.0
        worst = max(qber(sender.prepare(), receiver.detect()) for _ in range(10))
        assert 0.24 < worst < 0.30
        assert control.switch_off("intercept-resend") == 1
        assert min(qber(sender.prepare(), receiver.detect()) for _ in range(10)) < 0.06
    assert control.status()["conditions"]["intercepted"] == 0.0
    assert control.switch_off("intercept-resend") == 0


def test_control_refuses_what_it_does_not_know(source):
    control = source.control()
    with pytest.raises(InputError, match="no event"):
        control.switch_on("magic")
    with pytest.raises(InputError, match="fraction"):
        control.switch_on("intercept-resend", fraction=1.5)
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(source.addresses["control"].removeprefix("unix:")))
        raw.sendall(b'{"do": "dance"}\n')
        assert b"was asked to 'dance'" in raw.recv(1000)
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(source.addresses["control"].removeprefix("unix:")))
        raw.sendall(b"nonsense\n")
        assert b"no request" in raw.recv(1000)


def test_only_a_few_exposures_are_ahead(source):
    with source.sender() as sender:
        sender.prepare()
        status = source.control().status()
        limit = time.monotonic() + 30
        while status["waiting"]["receiver"] < 4 and time.monotonic() < limit:
            time.sleep(0.05)
            status = source.control().status()
    assert status["waiting"]["receiver"] == 4
    time.sleep(0.3)
    after = source.control().status()
    assert after["waiting"]["receiver"] == 4
    assert after["made"] <= status["made"] + 2  # one in the making, one that waits to wait


def test_an_answer_that_was_lost_is_given_again(source):
    path = source.addresses["receiver"].removeprefix("unix:")
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(path)
        raw.sendall(REQUEST.pack(ANY_SLOT))
        header = raw.recv(32, socket.MSG_WAITALL)
    first = int.from_bytes(header[8:16], "little")
    time.sleep(0.05)
    receiver = source.receiver()
    receiver._wanted = first
    assert receiver.detect().first_slot == first
    receiver.close()


def test_an_end_has_one_user_and_its_own_address(source):
    with source.receiver() as receiver:
        receiver.detect()
        with pytest.raises(DeviceError, match="stopped answering"), source.receiver() as second:
            second.detect()
    other = source.sender()
    other._address = source.receiver()._address
    with pytest.raises(DeviceError, match="not that of its sender"):
        other.prepare()


def test_an_end_that_dies_while_it_waits_leaves_its_place(tmp_path):
    with SourceProcess(LINK, tmp_path, exposure_s=0.001, seed=3, ahead=1) as source:
        path = source.addresses["sender"].removeprefix("unix:")
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(path)
            raw.settimeout(0.3)

            def ask():
                for _ in range(10):
                    raw.sendall(REQUEST.pack(ANY_SLOT))
                    header = raw.recv(HEADER.size, socket.MSG_WAITALL)
                    raw.recv(payload_bytes(header, "sender"), socket.MSG_WAITALL)

            with pytest.raises(TimeoutError):  # nobody receives, so that it soon has to wait
                ask()
        time.sleep(0.1)
        with source.sender(timeout_s=60.0) as sender, source.receiver(timeout_s=60.0) as receiver:
            receiver.detect()
            assert sender.prepare().n_slots == 1_000_000


def test_sockets_are_this_users_alone(source):
    for address in source.addresses.values():
        assert Path(address.removeprefix("unix:")).stat().st_mode & 0o077 == 0


def test_a_killed_simulator_is_a_transient_fault(tmp_path):
    source = SourceProcess(LINK, tmp_path, exposure_s=0.001, pace=1.0, seed=2)
    sender = source.sender(timeout_s=60.0)
    first = sender.prepare()
    assert sender.prepare().first_slot == first.first_slot + first.n_slots
    source.kill()
    for _ in range(2):
        with pytest.raises(DeviceError) as caught:
            [sender.prepare() for _ in range(20)]
        assert caught.value.transient
    with SourceProcess(LINK, tmp_path, exposure_s=0.001, seed=2):
        assert sender.prepare().n_slots == 1_000_000
    sender.close()


def test_a_folder_has_one_server_and_one_that_was_killed_leaves_it(tmp_path):
    options = {"exposure_s": 0.001, "seed": 2}
    first = SourceProcess(LINK, tmp_path, **options)
    with pytest.raises(DeviceError, match="did not start"):
        SourceProcess(LINK, tmp_path, **options)
    with pytest.raises(DeviceError, match=r"A link is served in .* by another program\."):
        run_source(LINK, addresses_in(tmp_path))
    with first.sender() as sender:  # it has kept its sockets
        assert sender.prepare().n_slots == 1_000_000
    assert first.control().status()["pid"] == first.pid
    first.kill()
    assert (tmp_path / "control.sock").exists()
    with SourceProcess(LINK, tmp_path, **options) as second:
        assert second.control().status()["pid"] == second.pid


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(DeviceError, match=r"No sockets can be opened in .*: No such file or directory"):
        run_source(LINK, addresses_in(tmp_path / "nowhere"))


def test_it_keeps_pace(tmp_path):
    with SourceProcess(LINK, tmp_path, exposure_s=0.05, pace=1.0) as source, source.sender() as sender:
        with source.receiver() as receiver:
            sender.prepare(), receiver.detect()
            began = time.monotonic()
            for _ in range(4):
                sender.prepare(), receiver.detect()
        assert time.monotonic() - began > 0.1


def test_the_pace_falls_where_the_ends_cannot_follow_and_rises_again(tmp_path):
    options = {"exposure_s": 0.01, "pace": 0.5, "seed": 1}  # an exposure in 20 ms
    source = SourceProcess("tokyo-koganei-loop-ntt", tmp_path, **options)
    with source, source.sender() as sender, source.receiver() as receiver:
        for _ in range(8):
            sender.prepare(), receiver.detect(), time.sleep(0.2)
        slow = source.control().status()["pace"]
        for _ in range(30):
            sender.prepare(), receiver.detect()
        assert slow < 0.3
        assert source.control().status()["pace"] > 1.5 * slow


def test_a_link_that_does_not_exist_does_not_start(tmp_path):
    with pytest.raises(DeviceError, match="did not start"):
        SourceProcess("no-such-link", tmp_path)


def test_impossible_options():
    with pytest.raises(InputError, match="pace above 0"):
        LinkServer(Simulation(load_link(LINK)), addresses_in("/tmp"), pace=0.0)
