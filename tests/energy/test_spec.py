import pytest

from kakehashi.core.errors import SpecError
from kakehashi.core.spec import parse_spec
from kakehashi.energy.spec import EnergySpec

EVERYTHING = {
    "max_determinants": 0,
    "max_wall_s": 1.5,
    "growth": 1.5,
    "orbitals": "broken-symmetry",
    "orbital_determinants": 100,
    "max_orbital_turns": 0,
    "n_seeds": 0,
    "n_starts": 2,
    "n_roots": 3,
    "two_s": 2,
    "spin_penalty_hartree": 0.2,
    "perturbation_threshold_hartree": 1e-5,
    "fine_threshold_hartree": 1e-5,
    "n_samples": 2,
    "residual_tolerance_hartree": 1e-6,
    "n_threads": 2,
    "memory_gib": 0.5,
}


def test_nothing_need_be_written():
    assert parse_spec(EnergySpec, {}) == EnergySpec()


def test_every_key_can_be_written():
    assert parse_spec(EnergySpec, EVERYTHING).model_dump() == EVERYTHING
    assert set(EVERYTHING) == set(EnergySpec.model_fields)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"max_determinants": -1}, "'max_determinants'.*greater than or equal to 0"),
        ({"max_wall_s": 0.0}, "'max_wall_s'.*greater than 0"),
        ({"growth": 1.0}, "'growth'.*greater than 1"),
        ({"orbitals": "naturals"}, "'orbitals'.*natural"),
        ({"orbital_determinants": 0}, "'orbital_determinants'.*greater than or equal to 1"),
        ({"n_roots": 0}, "'n_roots'.*greater than or equal to 1"),
        ({"two_s": -1}, "'two_s'.*greater than or equal to 0"),
        ({"perturbation_threshold_hartree": 0.0}, "'perturbation_threshold_hartree'.*greater than 0"),
        ({"n_samples": 1}, "one share has no spread"),
        ({"n_samples": 257}, "'n_samples'.*less than or equal to 256"),
        ({"fine_threshold_hartree": 1e-3}, "must not be above perturbation_threshold_hartree"),
        ({"max_determinant": 5}, "did you mean 'max_determinants'"),
    ],
)
def test_wrong_values_in_words(table, message):
    with pytest.raises(SpecError, match=message):
        parse_spec(EnergySpec, table)
