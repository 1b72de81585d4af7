import dataclasses

from tests.qkd.distill.link import AGREEMENT, Link, exposure

from kakehashi.qkd.distill.events import Restarted
from kakehashi.qkd.distill.sender_session import SenderSession


class Greedy(SenderSession):
    """Wants more key than the counts allow."""

    def _length(self, counts, leaked_bits):
        length = super()._length(counts, leaked_bits)
        return dataclasses.replace(length, exact=length.exact + 10_000)


def test_a_sender_that_wants_more_than_may_be_had_is_refused():
    link = Link()
    link.sender = Greedy(AGREEMENT, link.sender.stock)
    link.wire.replace(0, link.sender)
    for _ in range(3):
        link.shine()
        link.wire.run(link.is_quiet)
    assert link.made() == [{}, {}]
    reasons = [event.reason for event in link.events[1] if isinstance(event, Restarted)]
    assert any("The sender wants a key of" in reason for reason in reasons)


def test_the_receiver_waits_for_answers_before_it_detects_more():
    link = Link()
    while link.receiver.wants_exposure:
        link.receiver.detected(exposure(link.slot, link.rng, n_slots=10)[1])
        link.slot += 10
    assert link.slot == 80


def test_correction_begins_with_the_error_rate_of_the_test_basis():
    link = Link()
    link.run_until_made(1, qber=0.03)
    assert 0.02 < link.receiver._guess < 0.04
