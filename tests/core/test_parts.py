"""Parts come back as they were, or not at all."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kakehashi.core.errors import InputError
from kakehashi.core.parts import Parts, parts_path

KEY = {"problem": "chain", "seed": 3}


def never() -> Mapping[str, Any]:
    raise AssertionError("what is kept is not computed again")


def make(path: Path, *, stage: str = "sums", key: Any = KEY) -> Parts:
    return Parts(path, stage=stage, key=key)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with two parts of one stage and one of another."""
    path = tmp_path / "a.parts.json"
    make(path).finish("one", lambda: {"sum": 0.1 + 0.2, "rows": np.arange(6.0).reshape(2, 3) / 7})
    make(path).finish("two", lambda: {"sum": -0.0})
    make(path, stage="other").finish("one", lambda: {"sum": 1})
    return path


def test_parts_lie_beside_their_file() -> None:
    assert parts_path("run/selected-spin.h5") == Path("run/selected-spin.parts.json")


def test_a_part_is_computed_once(path: Path) -> None:
    first, second = (make(path).finish(name, never) for name in ("one", "two"))
    assert first.kept
    assert first.values["sum"] == 0.1 + 0.2
    np.testing.assert_array_equal(first.values["rows"], np.arange(6.0).reshape(2, 3) / 7)
    assert str(second.values["sum"]) == "-0.0"
    assert make(path, stage="other").finish("one", never).values == {"sum": 1}


@given(
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False)),
    strings=arrays.arrays(np.uint64, st.tuples(st.integers(0, 4), st.just(2))),
    words=st.dictionaries(st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.text())),
)
def test_every_bit_comes_back(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float], strings: Any, words: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("parts") / "a.parts.json"
    make(path).finish("one", lambda: {"numbers": numbers, "strings": strings, "words": words})
    found = make(path).finish("one", never).values
    assert np.array(found["numbers"]).tobytes() == np.array(numbers).tobytes()
    assert (found["strings"].dtype, found["strings"].shape) == (strings.dtype, strings.shape)
    np.testing.assert_array_equal(found["strings"], strings)
    assert found["words"] == words


def test_parts_of_something_else_are_not_taken_and_give_way(path: Path) -> None:
    other = make(path, key={**KEY, "seed": 4})
    assert not other.has("one")
    assert other.finish("one", lambda: {"sum": 5.0}).values == {"sum": 5.0}
    assert not make(path).has("one")
    assert not make(path).has("two")
    assert make(path, stage="other").has("one")
    assert make(path, key={**KEY, "seed": 4}).finish("one", never).values == {"sum": 5.0}


def test_time_of_earlier_calls_is_counted(path: Path) -> None:
    parts = make(path)
    assert (parts.earlier_wall_s, parts.earlier_cpu_s) == (0.0, 0.0)
    one = parts.finish("one", never)
    parts.finish("three", lambda: {"sum": sum(range(100_000))})  # this call's own
    assert (parts.earlier_wall_s, parts.earlier_cpu_s) == (one.wall_s, one.cpu_s)
    assert one.wall_s > 0


def test_nothing_is_kept_without_a_file() -> None:
    parts = Parts()
    assert [parts.finish("one", lambda: {"sum": 1}).kept for _ in range(2)] == [False, False]
    assert not parts.has("one")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "\0" * len(text),
        lambda text: "[" * 100_000,
        lambda text: "[]",
        lambda text: '{"schema": "kakehashi.parts/1", "parts": 3}',
        lambda text: text.replace("kakehashi.parts/1", "kakehashi.parts/2"),
    ],
)
def test_a_damaged_file_is_computed_again(path: Path, caplog: pytest.LogCaptureFixture, damage: Any) -> None:
    path.write_text(damage(path.read_text()))
    with caplog.at_level(logging.WARNING):
        found = make(path).finish("one", lambda: {"sum": 9.0})
    assert not found.kept
    (sentence,) = caplog.messages
    assert str(path) in sentence
    assert "parts are computed again" in sentence
    caplog.clear()
    assert make(path).finish("one", never).values == {"sum": 9.0}
    assert caplog.messages == []


def test_a_damaged_part_alone_is_computed_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_text(path.read_text().replace("0.30000000000000004", "0.30000000000000014"))
    parts = make(path)
    assert not parts.finish("one", lambda: {"sum": 9.0}).kept
    assert parts.finish("two", never).kept
    (sentence,) = caplog.messages
    assert "part 1 of 3 is damaged" in sentence


@pytest.mark.parametrize("entry", [3, None, [], {}, {"sha256": "a"}, {"sha256": float("nan"), "stage": float("nan")}])
def test_what_is_no_part_is_passed_over(path: Path, entry: Any) -> None:
    table = json.loads(path.read_text())
    path.write_text(json.dumps({**table, "parts": [entry, *table["parts"]]}))
    assert make(path).finish("two", never).kept


def test_a_failure_leaves_what_was_kept(path: Path) -> None:
    parts = make(path)
    with pytest.raises(AssertionError):
        parts.finish("three", never)
    with pytest.raises(InputError, match="holds a number that is not finite"):
        parts.finish("three", lambda: {"sum": float("nan")})
    assert make(path).finish("one", never).kept
    assert not make(path).has("three")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        make(tmp_path / "file" / "a.parts.json").finish("one", lambda: {"sum": 1})
