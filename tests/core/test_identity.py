import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.identity import canonical_json, identify

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(values)
def test_canonical_json_goes_round(value):
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), values, max_size=6))
def test_the_order_of_keys_does_not_matter(table):
    assert identify(table) == identify(dict(reversed(table.items())))


def test_different_values_have_different_identities():
    assert len({identify(v) for v in ({"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"}, {"a": [1]}, {"a": None})}) == 6


def test_the_identity_is_the_same_in_another_process():
    code = "from kakehashi.core.identity import identify; print(identify({'z': 1.5, 'a': ['å', None]}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == identify({"a": ["å", None], "z": 1.5})


def test_values_that_json_does_not_have_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))
