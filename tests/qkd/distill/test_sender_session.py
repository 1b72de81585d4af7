import numpy as np
from tests.qkd.distill.link import AGREEMENT, Link, exposure

from kakehashi.qkd.distill.events import Restarted
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
