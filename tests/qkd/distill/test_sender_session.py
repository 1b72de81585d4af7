import numpy as np
import pytest
from tests.qkd.distill.link import AGREEMENT, Link, exposure

from kakehashi.core.errors import ResourceError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.events import Restarted
from kakehashi.qkd.distill.lifecycle import Stage
from kakehashi.qkd.distill.messages import Abort, Reported, encode
from kakehashi.qkd.distill.receiver_session import ReceiverSession


def test_an_exposure_that_the_receiver_lost_counts_for_neither():
    link = Link()
    prepared, _ = exposure(0, link.rng)
    link.sender.prepared(prepared)
    link.slot = prepared.n_slots
    link.run_until_made(1)
    assert len(link.made()[0]) == 1


def test_an_exposure_that_the_sender_lost_counts_for_neither():
    link = Link()
    _, detected = exposure(0, link.rng)
    link.receiver.detected(detected)
    link.slot = detected.n_slots
    link.shine()
    link.wire.run(link.is_quiet)
    assert link.sender.n_sifted == link.receiver.n_sifted > 0
    link.run_until_made(1)


def test_reports_that_come_before_the_photons_ask_for_them():
    link = Link()
    prepared, detected = exposure(0, link.rng)
    link.receiver.detected(detected)
    link.wire.run(link.is_quiet)
    assert link.sender.n_sifted == 0
    assert link.sender.wants_exposure
    link.sender.prepared(prepared)
    assert link.sender.n_sifted > 0


def forge_report(link, first_slot, n_slots):
    """Somebody on the wire reports, in the name of the receiver and with right numbers of frames."""
    nothing = np.zeros(0, np.uint8)
    report = Reported(first_slot=first_slot, n_slots=n_slots, gap_bytes=1, gaps=nothing, basis=Bits(nothing, 0))
    link.receiver.wire.send(encode(report))
    link.wire.run(link.is_quiet)


def alarms(link):
    link.gather()
    return [event.reason for event in link.events[0] if isinstance(event, Restarted) and event.is_alarm]


def test_a_forged_report_of_a_coming_exposure_is_an_alarm_and_not_the_end():
    link = Link()
    forge_report(link, 0, 7)
    link.shine()
    link.wire.run(link.is_quiet)
    assert "were reported for" in alarms(link)[0]
    link.run_until_made(1)


def test_a_forged_report_of_an_exposure_that_never_comes_is_an_alarm_and_not_the_end():
    link = Link()
    forge_report(link, 1 << 50, 7)
    for _ in range(9):
        link.shine(n_slots=1000)
        link.wire.run(link.is_quiet)
    assert "of no exposure" in alarms(link)[0]
    link.run_until_made(1)


class Liar(ReceiverSession):
    """Says that there were fewer errors than there were leaks: counts that the sender can check."""

    def _say(self, message):
        if hasattr(message, "leaked_bits"):
            object.__setattr__(message, "leaked_bits", message.leaked_bits - 1)
        super()._say(message)


def test_counts_that_the_sender_knows_better_are_a_fault():
    link = Link()
    link.receiver = Liar(AGREEMENT, link.receiver.stock)
    link.wire.replace(1, link.receiver)
    for _ in range(3):
        link.shine()
        link.wire.run(link.is_quiet)
    assert link.made()[0] == {}
    reasons = [event.reason for event in link.events[0] if isinstance(event, Restarted)]
    assert "The two ends counted different numbers of disclosed bits." in reasons


def test_the_sender_waits_for_reports_before_it_prepares_more():
    link = Link()
    while link.sender.wants_exposure:
        link.sender.prepared(exposure(link.slot, np.random.default_rng(1), n_slots=10)[0])
        link.slot += 10
    assert link.slot == 80


def confirming():
    """A link whose sender has drawn the seed and waits for the receiver's tag."""
    link = Link()
    for _ in range(4):
        link.shine()
        link.wire.run(lambda: link.sender.state is Stage.CONFIRMING or link.is_quiet())
        if link.sender.state is Stage.CONFIRMING:
            return link
    raise AssertionError


def test_the_key_is_made_after_the_seed_has_left():
    link = confirming()
    assert link.sender._secret is None
    assert any(datagram for datagram in link.sender.outgoing(link.wire.now)) or link.wire.flying
    link.sender.work()
    assert link.sender._secret is not None
    link.wire.run(lambda: bool(link.made()[0]))
    here, there = link.made()
    assert [made.key for made in here.values()] == [made.key for made in there.values()]


def test_a_block_that_is_given_up_while_its_key_waits_to_be_made_is_forgotten():
    link = confirming()
    link.sender._hear(encode(Abort(reason="for no reason")))
    link.sender.work()
    assert link.sender._secret is None
    assert link.sender.state is Stage.COLLECTING


def test_a_key_that_cannot_be_made_costs_its_block_and_not_the_link():
    link = confirming()

    def fail():
        raise ResourceError("there is no memory for it.")

    link.sender._put_off = fail
    with pytest.raises(ResourceError):
        link.sender.work()
    assert link.sender.state is Stage.COLLECTING
    link.run_until_made(1)
    assert not link.sender.failure
