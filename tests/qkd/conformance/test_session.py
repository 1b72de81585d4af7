import pytest
from tests.qkd.conformance.judged import Running

from kakehashi.qkd.conformance.client import Answer
from kakehashi.qkd.conformance.model import VerdictError
from kakehashi.qkd.conformance.session import describe


@pytest.fixture(scope="module")
def running():
    with Running() as running:
        yield running


@pytest.fixture
def session(running):
    session = running.session(max_requests=20, max_keys=40)
    yield session
    session.close()


def test_keys_are_drawn_and_fetched_once(session):
    key = session.draw()[0]
    assert session.is_there(key.key_id)
    assert not session.is_there(key.key_id)
    assert session.sent.startswith("bob: POST /api/v1/keys/alice/dec_keys")
    assert session.came.startswith("400")


def test_bounds_end_a_check(session):
    session.draw(16)
    session.draw(16)
    with pytest.raises(VerdictError, match="bound of 40 keys") as found:
        session.draw(16)
    assert found.value.verdict == "not-tested"
    session.charge(18)
    with pytest.raises(VerdictError, match="bound of 20 requests"):
        session.fetch(["x"])


def test_what_is_noted_holds_no_key(session, running):
    key = session.draw()[0]
    assert session.came == "200, 1 key(s) of 256 bits"
    session.fetch([key.key_id])
    assert key.value.hex() not in session.came
    assert len(describe(Answer(status=400, body=b'{"message": "' + b"ab" * 500 + b'"}'))) < 200


def test_requests_are_made_at_once(session):
    key = session.draw()[0]
    answers = session.at_once([lambda client: session.fetch([key.key_id], client=client)] * 3, [session.slave] * 3)
    assert sorted(answer.status for answer in answers) == [200, 400, 400]


def test_expectations_say_what_came_instead(session):
    with pytest.raises(VerdictError, match="should be 400, but it was 200"):
        session.expect_refusal(Answer(status=200, body=b"{}"))
    with pytest.raises(VerdictError, match="the message should be"):
        session.expect_refusal(Answer(status=400, body=b'{"message": "no"}'), message="size")
    with pytest.raises(VerdictError, match="were asked for"):
        session.new_keys(session.ask(number=2), number=3)
    with pytest.raises(VerdictError, match="gave no key"):
        session.expect_keys(Answer(status=503, body=b'{"message": "empty"}'))
