import pytest

from kakehashi.qkd.delivery import skip
from kakehashi.qkd.delivery.etsi014 import RefusalError


@pytest.mark.parametrize(
    "query", ["", "size=256", "remoteSystemID=", "remoteSystemID=a&remoteSystemID=b", "remoteSystemID=a&x=1", "%",
              "remoteSystemID=a&size=-8", "remoteSystemID=%FF"],
)  # fmt: skip
def test_wrong_queries_are_refused(query):
    with pytest.raises(RefusalError) as caught:
        skip.read_key_query(query)
    assert caught.value.status == 400


@pytest.mark.parametrize("query", ["minentropy=0", "minentropy=4097", "minentropy=x", "other=1"])
def test_wrong_entropy_is_refused(query):
    with pytest.raises(RefusalError):
        skip.read_entropy(query)


def test_key_ids_are_hexadecimal():
    assert skip.read_key_id("AB" * 16) == b"\xab" * 16
    for text in ("", "ab", "zz" * 16, "ab" * 17, "+b" * 16):
        assert skip.read_key_id(text) is None
