import pytest
from tests.qkd.conformance.judged import assert_seen, failures_of

from kakehashi.qkd.conformance.once import CHECKS


@pytest.mark.parametrize(("kind", "seen"), failures_of(CHECKS), ids=lambda value: getattr(value, "__name__", ""))
def test_a_failure_is_seen(kind, seen):
    assert_seen(kind, seen)
