import fcntl
import resource
import socket
import threading
import time

import numpy as np
import pytest
from tests.qkd.distill.link import AGREEMENT, exposure

from kakehashi.core.errors import DeviceError, DistillationError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill import drive
from kakehashi.qkd.distill.drive import LENGTH, Channel, _Shutter, drive_receiver, drive_sender
from kakehashi.qkd.distill.events import Made
from kakehashi.qkd.distill.receiver_session import ReceiverSession
from kakehashi.qkd.distill.sender_session import SenderSession
from kakehashi.qkd.distill.stock import Stock


class Half:
    """One end's half of exposures that both ends can compute."""

    def __init__(self, which, *, n_exposures=1000):
        self.which, self.slot, self.n_left = which, 0, n_exposures
        self.rng = np.random.default_rng(5)

    def take(self):
        if self.n_left == 0:
            raise DeviceError("The fibre was cut.", transient=True)
        self.n_left -= 1
        both = exposure(self.slot, self.rng)
        self.slot += both[0].n_slots
        return both[self.which]

    prepare = detect = take


def stock(is_sender):
    return Stock.from_secret(
        Bits.from_bytes(bytes(range(256))), is_sender=is_sender, forgery=AGREEMENT.forgery, max_failure=1e-3
    )


@pytest.fixture
def channels():
    with Channel((pair := socket.socketpair())[0]) as one, Channel(pair[1]) as other:
        yield one, other


def test_two_ends_make_the_same_keys_over_a_socket(channels):
    one, other = channels
    made, over = [], threading.Event()

    def receive():
        session = ReceiverSession(AGREEMENT, stock(is_sender=False))
        for event in drive_receiver(session, Half(1), other, should_stop=over.is_set):
            assert isinstance(event, Made)
            made.append(event)

    thread = threading.Thread(target=receive)
    thread.start()
    session = SenderSession(AGREEMENT, stock(is_sender=True))
    here = []
    for event in drive_sender(session, Half(0), one, should_stop=lambda: len(here) >= 2 and len(made) >= 2):
        here.append(event)
    over.set()
    thread.join()
    there = {event.block_id: event.key for event in made}
    for event in here[:2]:
        assert there[event.block_id] == event.key


def test_a_link_that_fails_ends_the_drive_with_its_error(channels):
    one, _ = channels
    session = SenderSession(AGREEMENT, stock(is_sender=True))
    with pytest.raises(DeviceError, match="cut") as error:
        list(drive_sender(session, Half(0, n_exposures=2), one, should_stop=lambda: False))
    assert error.value.transient


def test_a_session_that_cannot_go_on_ends_the_drive(channels):
    one, _ = channels
    session = SenderSession(AGREEMENT, stock(is_sender=True))
    session.failure = "The stock of key for tags is used up."
    with pytest.raises(DistillationError, match="used up"):
        list(drive_sender(session, Half(0), one, should_stop=lambda: False))


def test_a_closed_channel_is_transient(channels):
    one, other = channels
    other.close()
    with pytest.raises(DeviceError, match="gone") as error:
        one.receive(1.0)
    assert error.value.transient


def test_what_is_no_datagram_is_refused():
    connection, other = socket.socketpair()
    with Channel(connection) as channel, other:
        other.sendall(LENGTH.pack(2**31))
        with pytest.raises(DeviceError, match="no datagram"):
            channel.receive(1.0)


def test_more_is_queued_than_a_socket_takes(channels):
    one, other = channels
    sent = [bytes([i]) * 500_000 for i in range(8)]
    one.send(sent)
    assert one.is_busy
    received = []
    while len(received) < len(sent):
        received += other.receive(0.0)
        one.receive(0.0)
    assert received == sent
    assert one.n_sent == other.n_received


def test_one_that_reads_nothing_is_not_sent_more_and_more_and_in_the_end_is_left(channels, monkeypatch):
    """What is sent again and again would else pile up here for as long as the other end holds the channel open."""
    one, other = channels
    greeting, theirs = SenderSession(AGREEMENT, stock(is_sender=True)), []
    other.send(greeting.outgoing(0.0))
    monkeypatch.setattr(drive, "STUCK_S", 1.0)
    session = ReceiverSession(AGREEMENT, stock(is_sender=False))
    session.wire._first_resend_s = session.wire._resend_s = 0.01

    def should_stop():
        theirs.append(len(one._outgoing))
        return False

    with pytest.raises(DeviceError, match="reads nothing") as error:
        list(drive_receiver(session, Half(1, n_exposures=10**6), one, should_stop=should_stop))
    assert error.value.transient
    assert max(theirs) < 2**21
    assert len(theirs) < 200  # and it is waited for, not looked at again and again


def test_one_that_reads_slowly_is_not_left(monkeypatch):
    monkeypatch.setattr(drive, "STUCK_S", 0.3)
    connection, other = socket.socketpair()
    with Channel(connection) as channel, other:
        channel.send([bytes(500_000) for _ in range(8)])
        for _ in range(8):
            assert other.recv(100_000)
            channel.receive(0.1)
            time.sleep(0.05)
        assert channel.is_busy
        time.sleep(0.3)
        with pytest.raises(DeviceError, match="reads nothing"):
            channel.receive(0.0)


def test_a_channel_may_be_a_file_of_any_number():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 2048:
        pytest.skip("this machine allows no more than 1024 files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 2048), before[1]))
    pair = socket.socketpair()
    try:
        high = socket.socket(fileno=fcntl.fcntl(pair[0], fcntl.F_DUPFD, 1500))
        with Channel(high) as one, Channel(pair[1]) as other:
            other.send([b"far away"])
            assert one.receive(5.0) == [b"far away"]
    finally:
        pair[0].close()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("is_there", [True, False])
def test_light_and_its_end_wake_whoever_waits_for_the_wire(channels, is_there):
    shutter, began = _Shutter(Half(0, n_exposures=int(is_there)).take), time.monotonic()
    shutter.ask()
    assert channels[0].receive(30.0, shutter.bell) == []
    assert time.monotonic() - began < 10
    assert isinstance(shutter.taken.get_nowait(), DeviceError) != is_there
    shutter.end()
    shutter.join(10)
    assert not shutter.is_alive()
