"""One test per case: the words must follow from the numbers, and claim no more than they show."""

import dataclasses
import math

import pytest

from kakehashi.report.verdict import Case, judge

ENERGY = -109.0459


@pytest.fixture
def with_control(build):
    """A result whose controls end so many millihartree above it."""

    def make(*, random_mhartree=900.0, loop_mhartree=None, n_determinants=4_000_000, **changes):
        energy = changes.pop("energy_hartree", ENERGY)
        control = dataclasses.replace(
            build().control,
            energy_hartree=energy + random_mhartree / 1000,
            n_determinants=n_determinants,
            loop_energy_hartree=None if loop_mhartree is None else energy + loop_mhartree / 1000,
        )
        return build(energy_hartree=energy, control=control, **changes)

    return make


def test_loop_on_random_bits_ends_higher(with_control):
    verdict = judge(with_control(loop_mhartree=2.8))
    assert verdict.case is Case.HELPED
    assert verdict.headline.startswith("The sampler helped by 2.80 mHa")
    assert verdict.sentences[1] == (
        "A subspace of the same size from uniformly random strings (plus the Hartree-Fock one) ends 900 mHa higher."
    )


def test_loop_on_random_bits_ends_as_low(with_control):
    verdict = judge(with_control(loop_mhartree=0.15))
    assert verdict.case is Case.NO_DIFFERENCE
    assert "no measurable difference" in verdict.headline
    assert "within 0.500 mHa" in verdict.headline


def test_loop_on_random_bits_ends_lower(with_control):
    verdict = judge(with_control(loop_mhartree=-3.0))
    assert verdict.case is Case.HARMED
    assert "ends 3.00 mHa lower" in verdict.headline


def test_random_strings_alone_do_not_credit_the_sampler(with_control):
    verdict = judge(with_control(random_mhartree=900.0))
    assert verdict.case is Case.CHAIN_HELPED
    assert "Sampler and loop together beat a subspace of the same size from random strings by 900 mHa" in (
        verdict.headline
    )
    assert "does not tell how much of that is the sampler's" in verdict.headline
    assert len(verdict.sentences) == 1


def test_random_strings_do_as_well(with_control):
    verdict = judge(with_control(random_mhartree=-0.05))
    assert verdict.case is Case.NO_DIFFERENCE
    assert "no better than random ones" in verdict.headline
    assert "plus the Hartree-Fock one" in verdict.headline


def test_random_strings_do_better(with_control):
    verdict = judge(with_control(random_mhartree=-12.0))
    assert verdict.case is Case.HARMED
    assert "worse than random ones" in verdict.headline
    assert "ends 12.0 mHa lower" in verdict.headline


def test_control_of_another_size_says_so(with_control):
    verdict = judge(with_control(n_determinants=250_000))
    assert "of 250,000 determinants" in verdict.headline
    assert "same size" not in verdict.text


def test_spread_of_batches_decides_what_is_equal(with_control, build):
    turn = build(n_iterations=1).iterations[0]
    wide = dataclasses.replace(turn, batch_energies_hartree=(ENERGY, ENERGY + 0.004))
    assert judge(with_control(loop_mhartree=2.8, iterations=(wide,))).case is Case.NO_DIFFERENCE
    none = dataclasses.replace(turn, batch_energies_hartree=())
    assert judge(with_control(loop_mhartree=0.49, iterations=(none,))).case is Case.NO_DIFFERENCE
    assert judge(with_control(loop_mhartree=0.51, iterations=(none,))).case is Case.HELPED


def test_supply_is_counted_in_strings(build):
    verdict = judge(build())
    assert verdict.sentences[0] == (
        "The sampler supplied 48 distinct configurations with the right electron numbers (61.4 % of 100,000 "
        "shots); the subspace has 4,000,000 determinants (2,000 alpha × 2,000 beta strings), so at least 95 % "
        "of its strings came from the classical loop."
    )


def test_plentiful_supply_is_not_played_down(build, build_sampling):
    sentence = judge(build(sampling=build_sampling(n_in_sector=31_000))).sentences[0]
    assert "31,000 distinct configurations" in sentence
    assert "classical loop" not in sentence


def test_one_configuration_is_singular(build, build_sampling):
    assert "supplied 1 distinct configuration with" in judge(build(sampling=build_sampling(n_in_sector=1))).text


@pytest.fixture
def no_valid_shots(build_sampling):
    return build_sampling(n_in_sector=0, in_sector_fraction=0.0)


def test_no_valid_shots(with_control, no_valid_shots):
    verdict = judge(with_control(sampling=no_valid_shots))
    assert verdict.case is Case.NO_VALID_SHOTS
    assert verdict.headline.startswith("The sampler supplied no configuration")
    assert "None of the 100,000 shots had the right electron numbers" in verdict.text
    assert "ends 900 mHa higher" in verdict.text


def test_no_valid_shots_can_still_help(with_control, no_valid_shots):
    verdict = judge(with_control(sampling=no_valid_shots, loop_mhartree=5.0))
    assert verdict.case is Case.HELPED
    assert "None of the 100,000 shots" in verdict.text


def test_no_shots_at_all(build, build_sampling):
    verdict = judge(build(sampling=build_sampling(n_shots=0, n_in_sector=0, in_sector_fraction=0.0)))
    assert "There were no shots at all" in verdict.text


def test_no_control(build, no_valid_shots):
    verdict = judge(build(control=None))
    assert verdict.case is Case.NO_CONTROL
    assert "unknown" in verdict.headline
    assert judge(build(control=None, sampling=no_valid_shots)).case is Case.NO_VALID_SHOTS


def test_random_device_is_no_quantum_part(with_control, build_sampling):
    verdict = judge(with_control(sampling=build_sampling(device="uniform"), loop_mhartree=2.0))
    assert verdict.case is Case.NO_QUANTUM_PART
    assert "no quantum part" in verdict.headline


def full(n_alpha, n_beta):
    return {"n_alpha_strings": n_alpha, "n_beta_strings": n_beta, "n_determinants": n_alpha * n_beta}


def test_nearly_full_space_hardly_matters(with_control):
    verdict = judge(with_control(random_mhartree=0.02, **full(4300, 4300)))
    assert verdict.case is Case.NEAR_FULL_SPACE
    assert "holds 98.4 % of all strings" in verdict.headline


def test_nearly_full_space_where_the_choice_mattered_all_the_same(with_control):
    verdict = judge(with_control(random_mhartree=40.0, **full(4000, 4000)))
    assert verdict.case is Case.CHAIN_HELPED
    assert verdict.sentences[-1] == "It holds 91.6 % of all strings, so the choice had little room."


def test_one_nearly_full_spin_is_not_enough(with_control):
    assert judge(with_control(random_mhartree=0.0, **full(4368, 300))).case is Case.NO_DIFFERENCE


def test_full_space_is_exact_whatever_was_sampled(with_control):
    strings = math.comb(16, 5)
    verdict = judge(with_control(random_mhartree=0.0, **full(strings, strings)))
    assert verdict.case is Case.NEAR_FULL_SPACE
    assert "is the full space" in verdict.headline


def test_every_case_has_sentences(any_result):
    verdict = judge(any_result)
    assert verdict.text.startswith(verdict.headline)
    assert all(sentence.endswith(".") for sentence in (verdict.headline, *verdict.sentences))


def test_the_ledger_has_the_last_word(with_control, build_ledger):
    without = judge(with_control(loop_mhartree=2.8))
    verdict = judge(with_control(loop_mhartree=2.8, ledger=build_ledger()))
    assert (verdict.case, verdict.headline) == (without.case, without.headline)
    assert verdict.sentences[:-1] == without.sentences
    assert verdict.sentences[-1].startswith(
        "Beside selection without a sampler: the samples make no measurable difference to heat-bath selection: at "
    )
