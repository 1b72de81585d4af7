import pytest

from kakehashi.qkd.distill.agreement import agree_on
from kakehashi.qkd.distill.forecast import BLOCKS, forecast, smallest_block
from kakehashi.qkd.link.library import load_link


def test_blocks_grow_from_a_hundred_thousand_bits_to_a_hundred_million():
    assert BLOCKS[0] == 100_000
    assert BLOCKS[-1] == 100_000_000
    assert list(BLOCKS) == sorted(BLOCKS)


def test_longer_blocks_give_more_of_each_bit():
    link = load_link("laboratory-50km")
    lengths = [forecast(link, agree_on("a", link, block_bits=n)).length.bits / n for n in BLOCKS]
    assert lengths == sorted(lengths)
    assert lengths[0] == 0 < lengths[-1]


def test_a_short_block_is_chosen_where_it_does():
    link = load_link("tokyo-koganei-loop-ntt")
    agreement = smallest_block("a", link)
    assert agreement.block_bits == 100_000
    assert forecast(link, agreement).secret_bit_per_s == pytest.approx(2_000, rel=0.5)


def test_a_link_that_gives_no_key_gets_the_longest_block():
    link = load_link("laboratory-50km")
    dark = link.model_copy(update={"fibre": link.fibre.model_copy(update={"misalignment": 0.2})})
    assert smallest_block("a", dark).block_bits == BLOCKS[-1]
    assert forecast(dark, smallest_block("a", dark)).length.bits == 0


def test_what_the_receiver_says_is_foreseen_where_it_is_charged():
    link = load_link("laboratory-50km")
    leak = {
        (correction, positions): forecast(
            link,
            agree_on("a", link, block_bits=10**7).model_copy(
                update={"correction": correction, "error_positions": positions}
            ),
        ).length.terms["leak"]
        for correction in ("cascade", "ldpc")
        for positions in ("public", "charged")
    }
    assert leak["cascade", "charged"] == pytest.approx(2 * leak["cascade", "public"])
    assert leak["ldpc", "charged"] == leak["ldpc", "public"]
