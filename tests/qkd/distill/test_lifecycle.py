import pytest

from kakehashi.core.errors import DistillationError
from kakehashi.qkd.distill.lifecycle import RECEIVER, SENDER, Stage, expect
from kakehashi.qkd.distill.messages import Kind


@pytest.mark.parametrize(("table", "never"), [(SENDER, Kind.ANSWER), (RECEIVER, Kind.QUESTION), (SENDER, Kind.SEED)])
def test_an_end_never_takes_what_it_sends(table, never):
    for state in Stage:
        with pytest.raises(DistillationError, match=never.name.lower()):
            expect(table, state, never)


def test_a_tag_counts_only_when_it_is_due():
    for table in (SENDER, RECEIVER):
        expect(table, Stage.CONFIRMING, Kind.TAG)
        for state in set(Stage) - {Stage.CONFIRMING}:
            with pytest.raises(DistillationError):
                expect(table, state, Kind.TAG)


def test_every_message_is_taken_by_exactly_one_end_or_by_both():
    assert set(SENDER) | set(RECEIVER) == set(Kind)
    assert set(SENDER) & set(RECEIVER) == {Kind.HELLO, Kind.TAG, Kind.ABORT}
