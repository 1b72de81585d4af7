import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.qkd.distill.rough import RoughWire

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.distill.wire import Wire


class Post(RoughWire):
    """A rough wire that keeps what arrives."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.arrived = [[], []]

    def deliver(self, towards, datagram):
        self.arrived[towards] += self.ends[towards].receive(datagram, self.now)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.binary(max_size=50), max_size=12),
    st.lists(st.binary(max_size=50), max_size=12),
    st.integers(0, 10**6),
    st.sampled_from([0.0, 0.2, 0.5]),
    st.sampled_from([0.0, 0.5]),
)
def test_messages_arrive_once_and_in_order_whatever_the_wire_does(there, back, seed, loss, double):
    one, other = (Wire(max_payload=7, window=5) for _ in range(2))
    post = Post(one, other, seed=seed, loss=loss, double=double, delay_s=(0.0, 3.0))
    for message in there:
        one.send(message)
    for message in back:
        other.send(message)
    post.run(lambda: post.arrived == [back, there] and not one.n_unsent and not other.n_unsent)
    assert post.arrived == [back, there]


@given(st.binary(max_size=80))
def test_noise_is_dropped_and_counted(noise):
    wire = Wire()
    assert wire.receive(noise, 0.0) == []
    assert wire.n_dropped == 1


def test_a_changed_frame_is_dropped():
    one, other = Wire(), Wire()
    one.send(b"hello")
    (datagram,) = one.outgoing(0.0)
    for i in range(len(datagram)):
        changed = bytearray(datagram)
        changed[i] ^= 1
        assert other.receive(bytes(changed), 0.0) == []
    assert other.receive(datagram, 0.0) == [b"hello"]


def test_an_end_that_began_anew_is_noticed():
    one, other = Wire(), Wire()
    post = Post(one, other)
    one.send(b"a")
    other.send(b"b")
    post.run(lambda: not one.n_unsent and not other.n_unsent)
    again = Wire()
    again.send(b"c")
    assert other.receive(again.outgoing(1.0)[0], 1.0) == []
    assert other.was_restarted


def test_frames_of_an_earlier_connection_restart_nothing():
    one, other = Wire(), Wire()
    one.send(b"a")
    other.send(b"b")
    first = other.outgoing(0.0)[0]
    one.receive(first, 0.0)
    one.send(b"a2")
    old = one.outgoing(0.0)  # addressed to `other`
    late = Wire()
    for datagram in old:
        assert late.receive(datagram, 1.0) in ([], [b"a"])
    assert not late.was_restarted


def test_silence_is_noticed():
    wire = Wire(patience_s=10)
    assert not wire.is_stalled(0.0)
    wire.send(b"anybody there?")
    wire.outgoing(0.0)
    assert not wire.is_stalled(1.0)
    assert not wire.is_stalled(10.0)
    assert wire.is_stalled(12.0)


def test_frames_are_sent_again_later_and_later():
    wire = Wire(first_resend_s=1.0)
    wire.send(b"x")
    sent, now = [], 0.0
    while now < 40:
        sent += [now] * len(wire.outgoing(now))
        now += 0.25
    assert sent[:5] == [0, 1, 3, 7, 15]
    assert sent[5] - sent[4] == 8


def test_an_endless_message_is_a_fault():
    one, other = Wire(max_payload=10), Wire(max_message=100)
    one.send(bytes(200))
    frames = one.outgoing(0.0)
    for datagram in frames[:10]:
        other.receive(datagram, 0.0)
    with pytest.raises(DistillationError, match="longer than any"):
        other.receive(frames[10], 0.0)
