import pytest

from kakehashi.core.errors import SpecError
from kakehashi.core.spec import parse_spec
from kakehashi.samples import SamplesSpec


def test_defaults():
    assert parse_spec(SamplesSpec, {}) == SamplesSpec()


def test_every_key_can_be_written():
    table = {"n_batches": 5, "recovery": False, "carry_over_threshold": 0.5}
    assert parse_spec(SamplesSpec, table).model_dump() == table


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"n_batches": 0}, "'n_batches'.*greater than or equal to 1"),
        ({"n_batches": 1.5}, "'n_batches'.*integer"),
        ({"recovery": "yes"}, "'recovery'.*boolean"),
        ({"carry_over_threshold": 2}, "'carry_over_threshold'.*less than or equal to 1"),
        ({"n_batch": 3}, "unknown key 'n_batch'; did you mean 'n_batches'"),
    ],
)
def test_mistakes_are_explained(table, message):
    with pytest.raises(SpecError, match=message):
        parse_spec(SamplesSpec, table)
