import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.qkd.delivery.etsi014 import (
    MESSAGES,
    KeyRequest,
    RefusalError,
    Sizes,
    Status,
    check_request,
    read_key_ids,
    read_key_ids_query,
    read_key_request,
    read_key_request_query,
    write_container,
    write_error,
    write_status,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
NAMES = ["number", "size", "additional_slave_SAE_IDs", "extension_mandatory", "extension_optional", "key_IDs", "x"]


def attempt(read, *arguments):
    """What is read, or the refusal."""
    try:
        return read(*arguments)
    except RefusalError as refusal:
        return refusal


@given(st.dictionaries(st.sampled_from(NAMES), JSON).map(json.dumps).map(str.encode) | st.binary(max_size=40))
def test_any_body_is_read_or_refused(body):
    for read in (read_key_request, lambda body: read_key_ids(body, at_most=3)):
        assert getattr(attempt(read, body), "status", 400) == 400


@given(st.text(max_size=30))
def test_any_query_is_read_or_refused(query):
    for read in (read_key_request_query, read_key_ids_query):
        assert getattr(attempt(read, query), "status", 400) == 400


def test_the_standards_messages_are_to_the_letter():
    assert set(MESSAGES.values()) == {
        "size shall be a multiple of 8",
        "not all extension_mandatory parameters are supported",
        "not all extension_mandatory request options could be met",
        "not all extension_optional request options handled",
        "one or more keys specified are not found on KME",
    }


@given(number=st.integers(-5, 200), size=st.integers(0, 5000))
def test_limits_are_where_they_are_said_to_be(number, size):
    sizes = Sizes()
    is_good = 1 <= number <= 128 and 64 <= size <= 4096 and size % 8 == 0
    found = attempt(check_request, KeyRequest(number=number, size=size), sizes)
    if is_good:
        assert found == (number, size)
    else:
        assert (found.message == MESSAGES["size"]) == (size % 8 != 0)


def test_an_unknown_mandatory_extension_comes_first():
    request = KeyRequest(size=7, mandatory={"abc_x": 1})
    with pytest.raises(RefusalError, match="are supported"):
        check_request(request, Sizes())


@pytest.mark.parametrize("limit", [10**400, 1e999, 1, 1.0])
def test_keys_that_may_fail_always_are_no_condition(limit):
    request = KeyRequest(mandatory={"kakehashi_max_failure": limit})
    assert check_request(request, Sizes()) == (1, 256)
    assert request.max_failure is None


def test_a_number_beyond_reading_is_refused_without_advice_for_programmers():
    with pytest.raises(RefusalError, match="a number is too long"):
        read_key_request(b'{"number": 1' + b"0" * 5000 + b"}")


def test_a_body_is_never_repeated_in_what_is_said_of_it():
    for body in (b'{"number": "Zm9vYmFy"}', b'{"Zm9vYmFy', b'"Zm9vYmFy"', b'{"a": 1, "a": "Zm9vYmFy"}'):
        with pytest.raises(RefusalError) as caught:
            read_key_request(body)
        assert "Zm9v" not in caught.value.message


def test_objects_have_the_standards_names():
    status = Status(source_kme="a", target_kme="b", master="m", slave="s", stored=200_000, sizes=Sizes())
    assert json.loads(write_status(status))["stored_key_count"] == 100_000
    refusal = RefusalError(503, "later", retry_after_s=3)
    assert json.loads(write_error(refusal)) == {"message": "later", "details": [{"retry_after_s": "3"}]}
    keys = [memoryview(b"a"), memoryview(b"bc")]
    assert json.loads(write_container(bytes(32), keys, failure=1e-10, bound='"')) == {
        "keys": [
            {"key_ID": "00000000-0000-0000-0000-000000000000", "key": "YQ=="},
            {"key_ID": "00000000-0000-0000-0000-000000000000", "key": "YmM="},
        ],
        "key_container_extension": {
            "kakehashi_failure": 1e-10,
            "kakehashi_bound": '"',
            "kakehashi_composable": False,
        },
    }
