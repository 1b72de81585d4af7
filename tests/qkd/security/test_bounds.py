import pytest
from tests.qkd.security.cases import SETTINGS, expected_counts, modelled_leak

from kakehashi.core.errors import InputError
from kakehashi.qkd.security.bounds import BOUNDS, is_composable, weakest
from kakehashi.qkd.security.model import Failure


def test_proofs_go_by_name():
    assert list(BOUNDS) == ["differential", "entangled", "lim", "rusca", "wiesemann"]
    with pytest.raises(InputError, match="did you mean 'rusca'"):
        BOUNDS["ruska"]


@pytest.mark.parametrize("name", ["lim", "rusca", "wiesemann"])
def test_a_leak_of_one_bit_costs_one_bit_and_more_certainty_costs_more(name):
    counts, _ = expected_counts(name, SETTINGS[name], key_sifted=1e9, loss=20)
    leak = modelled_leak(counts)
    lengths = [
        BOUNDS[name](counts, SETTINGS[name], leak_bits=leak + extra, failure=Failure(secrecy=secrecy)).exact
        for extra, secrecy in ((0, 1e-9), (1, 1e-9), (0, 1e-15))
    ]
    assert lengths[0] - lengths[1] == pytest.approx(1)
    assert 0 < lengths[2] < lengths[0]


def test_a_bound_that_is_not_known_is_the_weakest():
    assert [name for name in BOUNDS if not is_composable(name)] == ["differential"]
    assert weakest(["wiesemann", "", "differential"]) == ""
    assert weakest([]) == ""


def test_what_is_unknown_is_weaker_than_all_that_is_known():
    assert weakest(["trial", "differential", "wiesemann"]) == "trial"
