import pytest

from kakehashi.core.errors import SpecError
from kakehashi.core.spec import parse_spec
from kakehashi.qkd.distill.agreement import Agreement, agree_on
from kakehashi.qkd.link.library import list_links, load_link


def test_a_difference_shows():
    one = Agreement(link="a")
    assert one.digest() == Agreement(link="a").digest()
    assert one.digest() != Agreement(link="a", max_qber=0.05).digest()
    assert len(one.digest()) == 32


def test_a_block_carries_the_failure_of_its_tags_too():
    agreement = Agreement(link="a", secrecy=1e-10, correctness=1e-12, forgery=1e-11)
    assert agreement.block_failure == pytest.approx(1e-10 + 1e-12 + 2e-11)
    assert agreement.failure.total < agreement.block_failure


def test_impossible_options_are_refused():
    with pytest.raises(SpecError, match="max_qber"):
        parse_spec(Agreement, {"link": "a", "max_qber": 0.2})


@pytest.mark.parametrize("name", list_links())
def test_every_link_has_a_proof_that_covers_it(name):
    agreement = agree_on(name, load_link(name))
    expected = {"dps": {"differential"}, "bbm92": {"entangled"}, "decoy-bb84": {"wiesemann", "lim"}}
    assert agreement.bound in expected[load_link(name).protocol]
    assert agreement.settings.intensities == agreement.intensities
