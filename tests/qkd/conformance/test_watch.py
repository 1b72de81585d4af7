import secrets
import uuid

import pytest

from kakehashi.qkd.conformance.client import Answer
from kakehashi.qkd.conformance.reading import ReadKey
from kakehashi.qkd.conformance.watch import Watch


def key(value, key_id=None):
    return ReadKey(key_id=key_id or str(uuid.uuid4()), value=value)


@pytest.mark.parametrize("offset", range(12))
def test_fifteen_bytes_that_come_again_are_found_wherever_they_begin(offset):
    watch = Watch()
    old = secrets.token_bytes(64)
    watch.see_new([key(old)])
    watch.see_new([key(secrets.token_bytes(offset) + old[20 + offset % 8 : 35 + offset % 8] + secrets.token_bytes(5))])
    assert watch.repeated_bits == 1


def test_fresh_keys_do_not_look_repeated():
    watch = Watch()
    watch.see_new([key(secrets.token_bytes(32)) for _ in range(500)])
    assert (watch.repeated_bits, watch.repeated_ids, watch.odd_ids) == (0, 0, 0)
    watch.see_new([key(bytes(32))])
    assert watch.repeated_bits == 1


def test_bits_and_changes_are_counted():
    watch = Watch()
    watch.see_new([key(b"\x0f"), key(b"\x55\x00")])
    assert (watch.n_bits, watch.n_ones, watch.n_changes, watch.n_pairs) == (24, 8, 1 + 8, 22)


def test_a_slaves_key_is_compared_without_keeping_the_masters():
    watch = Watch()
    one = key(b"0123456789abcdef")
    watch.see_new([one])
    assert watch.agrees(one) is True
    assert watch.agrees(key(b"another", one.key_id.upper())) is False
    assert watch.agrees(key(b"0123456789abcdef")) is None
    assert b"0123456789abcdef" not in str(vars(watch)).encode()


def test_errors_and_types_are_judged():
    watch = Watch()
    json_ = {"content-type": "application/json; charset=utf-8"}
    watch.see(Answer(status=400, headers=json_, body=b'{"message": "x"}'), is_regular=True)
    watch.see(Answer(status=400, headers=json_, body=b"{}"), is_regular=True)
    watch.see(Answer(status=401, headers=json_, body=b""), is_regular=True)
    watch.see(Answer(status=404, headers={}, body=b"<html>"), is_regular=False)
    watch.see(Answer(fault="gone"), is_regular=True)
    assert watch.statuses == {400: 2, 401: 1}
    assert watch.odd_errors.total() == 1
    assert watch.bare_401 == 1
    assert not watch.odd_types
    watch.see(Answer(status=200, headers={"content-type": "text/html"}, body=b"{}"), is_regular=True)
    assert watch.odd_types == {"text/html": 1}
