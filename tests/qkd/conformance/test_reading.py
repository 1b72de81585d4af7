import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.qkd.conformance.client import Answer
from kakehashi.qkd.conformance.reading import (
    MisreadError,
    read_container,
    read_error,
    read_object,
    read_status,
    without_keys,
)

STATUS = {
    "source_KME_ID": "a",
    "target_KME_ID": "b",
    "master_SAE_ID": "c",
    "slave_SAE_ID": "d",
    "key_size": 352,
    "stored_key_count": 25000,
    "max_key_count": 100000,
    "max_key_per_request": 128,
    "max_key_size": 1024,
    "min_key_size": 64,
    "max_SAE_ID_count": 0,
}
ID = "bc490419-7d60-487f-adc1-4ddcc177c139"


def answer(value):
    return Answer(status=200, body=value if isinstance(value, bytes) else json.dumps(value).encode())


def test_the_standards_own_example_of_limits_is_read():
    assert read_status(answer(STATUS))["key_size"] == 352


@pytest.mark.parametrize(
    "change",
    [{"key_size": "352"}, {"key_size": True}, {"source_KME_ID": 1}, {"status_extension": []}, {"key_size": None}],
)
def test_a_status_of_other_types_is_misread(change):
    with pytest.raises(MisreadError):
        read_status(answer(STATUS | change))


def test_what_is_no_status_at_all_is_not_read_as_one_that_lacks_its_fields():
    with pytest.raises(MisreadError, match="came with 401"):
        read_status(Answer(status=401, body=b'{"message": "no"}'))
    with pytest.raises(MisreadError, match=r"lacks source_KME_ID, target_KME_ID, master_SAE_ID and 8 more fields$"):
        read_status(answer({}))


def test_a_container_is_read():
    found = read_container(answer({"keys": [{"key_ID": ID, "key": "AAEC", "key_extension": {}}]}))
    assert (found[0].key_id, found[0].value) == (ID, b"\x00\x01\x02")
    assert "value" not in repr(found[0])


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"Keys": []},
        {"keys": {}},
        {"keys": [7]},
        {"keys": [{"key_ID": ID}]},
        {"keys": [{"key_ID": ID, "key": "AA"}]},
        {"keys": [{"key_ID": ID, "key": "not base64!"}]},
        {"keys": [{"key_ID": ID, "key": "AAEC", "key_extension": 7}]},
        {"keys": [], "key_container_extension": 7},
        [],
        b"\xff",
        b"<html>",
    ],
)
def test_other_containers_are_misread(value):
    with pytest.raises(MisreadError):
        read_container(answer(value))


@pytest.mark.parametrize(
    "value", [{}, {"message": 7}, {"message": "x", "details": {}}, {"message": "x", "details": [1]}]
)
def test_other_errors_are_misread(value):
    with pytest.raises(MisreadError):
        read_error(answer(value))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_misread(body):
    for read in (read_object, read_status, read_container, read_error):
        with contextlib.suppress(MisreadError):
            read(answer(body))


@given(st.binary(min_size=8, max_size=64))
def test_nothing_that_could_be_a_key_is_repeated(key):
    import base64

    for text in (base64.b64encode(key).decode(), key.hex(), base64.urlsafe_b64encode(key).decode().replace("-", "_")):
        assert text.rstrip("=") not in without_keys(f"key {text} is bad")
