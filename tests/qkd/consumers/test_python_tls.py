import pytest

from kakehashi.core.errors import MissingDependencyError
from kakehashi.qkd.consumers.psk import has_psk
from kakehashi.qkd.consumers.python_tls import use_python_tls


@pytest.mark.skipif(not has_psk(), reason="needs Python 3.13 or later, whose ssl has external PSKs")
def test_the_server_fetches_the_key_by_its_name_in_the_first_message(sides):
    outcome = use_python_tls(*sides)
    assert outcome.is_right
    assert "by the name in the first message" in outcome.moments[1].step
    outcome = use_python_tls(*sides, wrong_from=0)
    assert outcome.is_right
    assert "BINDER_DOES_NOT_VERIFY" in outcome.refusal


@pytest.mark.skipif(has_psk(), reason="this Python has external PSKs")
def test_an_older_python_says_so_and_spends_no_key(sides):
    with pytest.raises(MissingDependencyError, match=r"3\.13"):
        use_python_tls(*sides)
    assert sides[0].keys == []
