from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError, SpecError
from kakehashi.core.spec import parse_spec
from kakehashi.workflow.points import ScanSpec, cut_chains, describe_value, place_value


def scan(**table: Any) -> ScanSpec:
    return parse_spec(ScanSpec, {"key": "problem.bond_angstrom", **table}, source="scan.toml")


def test_even_values_have_no_rounding_in_them() -> None:
    assert scan(start=0.8, stop=2.7, n_points=20).points == tuple(round(0.8 + 0.1 * k, 1) for k in range(20))
    assert scan(start=3.0, stop=1.0, n_points=3).points == (3.0, 2.0, 1.0)


def test_whole_ends_and_steps_stay_whole() -> None:
    points = scan(start=2, stop=10, n_points=5).points
    assert points == (2, 4, 6, 8, 10)
    assert all(isinstance(value, int) for value in points)
    assert scan(start=1, stop=2, n_points=3).points == (1.0, 1.5, 2.0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "give either values, or start, stop and n_points"),
        ({"start": 1.0, "stop": 2.0}, "give either values, or start, stop and n_points"),
        ({"values": [1.0], "n_points": 3}, "but not both"),
        ({"values": []}, "values is empty"),
        ({"values": [1.0, 1.0]}, "each value may be there only once"),
        ({"start": 1.0, "stop": 1.0, "n_points": 3}, "each value may be there only once"),
        ({"start": 1.0, "stop": 2.0, "n_points": 1}, "greater than or equal to 2"),
        ({"values": [1.0], "n_chains": 0}, "greater than or equal to 1"),
        ({"values": [1.0], "key": "scan.n_chains"}, "key must be another key of the file"),
        ({"values": [1.0], "key": "problem."}, "key must be another key of the file"),
        ({"values": [1.0], "step": 3}, "unknown key 'step'; did you mean 'stop'"),
    ],
)
def test_mistakes_are_explained(table: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        scan(**table)


def test_a_key_is_named_with_its_unit() -> None:
    assert scan(values=[1]).name == "bond (angstrom)"
    assert scan(values=[1], key="energy.two_s").name == "two_s"
    assert scan(values=[1], label="N-N").name == "N-N"


def test_values_are_placed_in_a_copy() -> None:
    table: dict[str, Any] = {"problem": {"molecule": {"geometry": "H 0 0 {}; H 0 0 -{}"}}, "seed": 1}
    placed = place_value(table, "problem.molecule.geometry", 0.37)
    assert placed["problem"]["molecule"]["geometry"] == "H 0 0 0.37; H 0 0 -0.37"
    assert "{}" in table["problem"]["molecule"]["geometry"]
    assert place_value(table, "energy.two_s", 2)["energy"] == {"two_s": 2}
    assert place_value(table, "seed", 2)["seed"] == 2


@pytest.mark.parametrize(("key", "message"), [("seed.x", "'seed' is a value"), ("problem.molecule", "is a table")])
def test_keys_that_lead_nowhere_are_told(key: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        place_value({"seed": 1, "problem": {"molecule": {}}}, key, 2)


def test_values_are_described_as_they_are_written() -> None:
    assert [describe_value(value) for value in (1.0, 0.1 + 0.2, False, "a")] == ["1", "0.3", "false", "a"]


@given(st.integers(1, 200), st.integers(1, 30))
def test_chains_hold_every_point_once_and_are_alike(n_points: int, n_chains: int) -> None:
    chains = cut_chains(n_points, n_chains)
    assert [index for chain in chains for index in chain] == list(range(n_points))
    lengths = [len(chain) for chain in chains]
    assert max(lengths) - min(lengths) <= 1
    assert len(chains) == min(n_chains, n_points)
