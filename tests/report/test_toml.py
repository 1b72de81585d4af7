import tomllib

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kakehashi.core.errors import InputError
from kakehashi.report.toml import write_toml_text

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
LEAVES = (
    st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_what_is_written_reads_back_the_same(table):
    assert tomllib.loads(write_toml_text(table)) == table


def test_null_is_left_out():
    assert tomllib.loads(write_toml_text({"a": None, "b": {"c": None, "d": [{"e": None}]}})) == {"b": {"d": [{}]}}


def test_long_arrays_are_broken_into_lines():
    text = write_toml_text({"geometry": ["N 0.0 0.0 0.0"] * 20})
    assert max(map(len, text.splitlines())) < 100
    assert tomllib.loads(text)["geometry"] == ["N 0.0 0.0 0.0"] * 20


def test_what_toml_lacks_is_refused():
    with pytest.raises(InputError, match="no null"):
        write_toml_text({"a": [1, None]})
    with pytest.raises(InputError, match="TOML cannot hold"):
        write_toml_text({"a": object()})
