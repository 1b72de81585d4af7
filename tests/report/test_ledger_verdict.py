"""The sentence must follow from the numbers, and claim no more than they show."""

import dataclasses
import re

import pytest

from kakehashi.report.ledger_verdict import judge_ledger


def ending(above, *, n=20_000, cpu_s=0.4):
    """An arm that ends so many millihartree above FCI."""
    return ((1000, 200.0, 0.02), (n, above, cpu_s))


@pytest.fixture
def sentence(build_ledger):
    def make(both, alone, seeded, **changes):
        ledger = build_ledger(samples_heat_bath=ending(both), heat_bath=ending(alone), random_heat_bath=ending(seeded))
        return judge_ledger(dataclasses.replace(ledger, **changes))

    return make


@pytest.mark.parametrize(
    ("energies", "claim"),
    [
        ((2.0, 5.0, 4.0), "The samples help heat-bath selection: "),
        ((2.0, 5.0, 2.1), "The samples help heat-bath selection no more than random determinants do: "),
        ((2.0, 5.0, 1.0), "The samples help heat-bath selection no more than random determinants do: "),
        ((2.0, 2.3, 4.0), "The samples make no measurable difference to heat-bath selection: "),
        ((5.0, 2.0, 5.1), "The samples harm heat-bath selection no more than random determinants do: "),
        ((5.0, 2.0, 2.0), "The samples harm heat-bath selection: "),
    ],
)
def test_the_claim_needs_both_comparisons(sentence, energies, claim):
    assert sentence(*energies).startswith(claim)


def test_gains_are_told_at_equal_size(sentence):
    text = sentence(2.0, 5.0, 4.0)
    assert (
        "at 20,000 determinants, selection that starts from the 500 heaviest sampled determinants ends 3.00 mHa lower "
        "than selection alone, and 2.00 mHa lower than selection from as many random ones"
    ) in text
    assert len(re.findall(r"\.(?!\d)", text)) == 1  # one sentence


def test_equal_energies_are_said_once(sentence):
    text = sentence(2.0, 2.1, 1.9)
    assert "ends at the same energy as selection alone and as selection from as many random ones; it does so" in text


def test_scatter_of_the_draws_decides_what_a_difference_is(build_ledger):
    ledger = build_ledger(samples_heat_bath=ending(2.0), heat_bath=ending(9.0), random_heat_bath=ending(5.0))
    arm = ledger.arm("random + heat-bath")
    low = tuple(dataclasses.replace(point, energy_hartree=point.energy_hartree - 0.004) for point in arm.points)
    scattered = (*ledger.arms[:4], dataclasses.replace(arm, repeats=(low,)))
    assert judge_ledger(ledger).startswith("The samples help heat-bath selection: ")
    assert judge_ledger(dataclasses.replace(ledger, arms=scattered)).startswith(
        "The samples help heat-bath selection no more than random determinants do"
    )


def test_a_slow_start_counts_at_equal_time(build_ledger):
    flat = ((1000, 20.0, 0.02), (10_000, 2.0, 0.3), (20_000, 1.9, 3.0))
    late = ((1000, 20.0, 0.5), (10_000, 20.0, 2.5), (20_000, 1.9, 30.0))
    text = judge_ledger(build_ledger(samples_heat_bath=late, heat_bath=flat, random_heat_bath=flat))
    assert re.search(r"at equal processor time it ends 1[67]\.\d mHa higher than selection alone", text)


def test_times_too_short_are_not_compared(build_ledger):
    arms = {name: ending(2.0, cpu_s=0.04) for name in ("samples_heat_bath", "heat_bath", "random_heat_bath")}
    assert "processor time" not in judge_ledger(build_ledger(**arms))


def test_samples_without_selection_are_compared_with_random_ones(build_ledger):
    text = judge_ledger(build_ledger())
    assert text.endswith(
        "without selection, 2,027 determinants from the samples (98 % of which recovery made from shots with wrong "
        "electron numbers) end 43.9 mHa lower than as many random ones."
    )
    valid = judge_ledger(dataclasses.replace(build_ledger(), n_in_sector=1022))
    assert "2,027 determinants from the samples end" in valid


def test_a_device_that_gave_nothing_is_said_to_have(build_ledger):
    nothing = build_ledger(samples=((1, 211.4, 0.01),))
    text = judge_ledger(dataclasses.replace(nothing, n_seeds=0))
    assert "starts from the Hartree-Fock determinant, for want of samples, ends" in text
    assert text.endswith("the samples hold nothing but the Hartree-Fock determinant.")


def test_arms_that_share_no_size_are_not_compared(build_ledger):
    text = judge_ledger(build_ledger(heat_bath=((1, 211.4, 0.001), (2, 200.0, 0.002))))
    assert text.startswith("The ledger has no size at which selection from the samples can be compared")
