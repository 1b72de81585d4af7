import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.agreement import Agreement
from kakehashi.qkd.distill.correction import CORRECTIONS, choose_correction, method_of


@pytest.mark.parametrize("name", sorted(CORRECTIONS))
def test_every_method_corrects_within_its_round_trips(name):
    rng = np.random.default_rng(4)
    right = rng.integers(0, 2, 50_000, dtype=np.uint8)
    wrong = right ^ (rng.random(len(right)) < 0.03)
    method = CORRECTIONS[name]
    assert method.name == name
    reference, corrector = method.reference(Bits.pack(right)), method.corrector(Bits.pack(wrong), qber=0.03)
    n_rounds = 0
    while not corrector.is_done:
        corrector.take(reference.answer(corrector.question()))
        n_rounds += 1
    assert corrector.corrected() == Bits.pack(right)
    assert corrector.leaked_bits == reference.leaked_bits > 0
    assert n_rounds <= 2 * method.typical_round_trips


def test_a_long_way_asks_for_few_messages():
    fast = {"block_bits": 10**8, "sifted_bit_per_s": 5e7}
    assert choose_correction(round_trip_s=0.0005, **fast) == "cascade"
    assert choose_correction(round_trip_s=0.12, **fast) == "ldpc"
    assert choose_correction(round_trip_s=0.12, block_bits=10**8, sifted_bit_per_s=1e5) == "cascade"


def test_arguments_out_of_range_are_refused():
    with pytest.raises(InputError):
        choose_correction(round_trip_s=0.1, block_bits=1, sifted_bit_per_s=0)


@pytest.mark.parametrize("name", sorted(CORRECTIONS))
def test_charged_positions_cost_every_bit_that_the_corrector_says(name):
    """What the receiver says is counted on the wire: all questions but the plan, and the word that nothing is left."""
    rng = np.random.default_rng(4)
    right = rng.integers(0, 2, 300_000, dtype=np.uint8)
    wrong = right ^ (rng.random(len(right)) < 0.03)
    leaked = {}
    for positions in ("public", "charged"):
        method = method_of(Agreement(link="a", correction=name, error_positions=positions))
        reference, corrector = method.reference(Bits.pack(right)), method.corrector(Bits.pack(wrong), qber=0.03)
        questions = []
        while not corrector.is_done:
            questions.append(corrector.question())
            corrector.take(reference.answer(questions[-1]))
        assert corrector.corrected() == Bits.pack(right)
        assert corrector.leaked_bits == reference.leaked_bits
        leaked[positions] = corrector.leaked_bits
        n_bytes = sum(len(question) - 4 for question in questions[1:])  # without their numbers
    charged = leaked["charged"] - leaked["public"]
    assert charged >= 8 * n_bytes - 7 * len(questions)  # of which up to seven bits fill the last byte
    assert charged >= len(questions)
    assert name == "ldpc" or charged == pytest.approx(leaked["public"], rel=0.01)
