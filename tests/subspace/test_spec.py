import pytest

from kakehashi.core.errors import SpecError
from kakehashi.core.spec import parse_spec
from kakehashi.subspace.spec import SubspaceSpec

EVERYTHING = {
    "max_strings": 7,
    "max_iterations": 3,
    "max_wall_s": 1.5,
    "energy_tolerance_hartree": 0.0,
    "carry_over_share": 1.0,
    "same_strings": False,
    "two_s": 2,
    "spin_penalty_hartree": 0.2,
    "n_roots": 4,
    "residual_tolerance_hartree": 1e-6,
    "max_eigensolver_iterations": 9,
    "n_threads": 2,
    "memory_gib": 0.5,
}


def test_nothing_need_be_written():
    assert parse_spec(SubspaceSpec, {}) == SubspaceSpec()


def test_every_key_can_be_written():
    assert parse_spec(SubspaceSpec, EVERYTHING).model_dump() == EVERYTHING
    assert set(EVERYTHING) == set(SubspaceSpec.model_fields)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"max_strings": 0}, "'max_strings'.*greater than or equal to 1"),
        ({"max_strings": 1e3}, "'max_strings'.*integer"),
        ({"max_iterations": 0}, "'max_iterations'.*greater than or equal to 1"),
        ({"max_wall_s": 0}, "'max_wall_s'.*greater than 0"),
        ({"energy_tolerance_hartree": -1e-9}, "'energy_tolerance_hartree'.*greater than or equal to 0"),
        ({"carry_over_share": 1.1}, "'carry_over_share'.*less than or equal to 1"),
        ({"same_strings": 1}, "'same_strings'.*boolean"),
        ({"two_s": -1}, "'two_s'.*greater than or equal to 0"),
        ({"spin_penalty_hartree": -0.1}, "'spin_penalty_hartree'.*greater than or equal to 0"),
        ({"n_roots": 0}, "'n_roots'.*greater than or equal to 1"),
        ({"residual_tolerance_hartree": 0}, "'residual_tolerance_hartree'.*greater than 0"),
        ({"n_threads": 0}, "'n_threads'.*greater than or equal to 1"),
        ({"memory_gib": 0}, "'memory_gib'.*greater than 0"),
        ({"root": 3}, "unknown key 'root'; did you mean 'n_roots'"),
    ],
)
def test_mistakes_are_explained(table, message):
    with pytest.raises(SpecError, match=message):
        parse_spec(SubspaceSpec, table)


def test_the_budget_is_in_whole_bytes():
    assert SubspaceSpec().memory_budget_bytes is None
    assert SubspaceSpec(memory_gib=1.5).memory_budget_bytes == 3 * 2**29
    assert SubspaceSpec(memory_gib=1e-9).memory_budget_bytes == 1
