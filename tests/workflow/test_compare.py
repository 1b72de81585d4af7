from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.core.parts import parts_path
from kakehashi.core.progress import Event
from kakehashi.core.spec import parse_spec
from kakehashi.workflow.compare import SHOTS_NAME, trace_comparison
from kakehashi.workflow.run import execute
from kakehashi.workflow.spec import RunSpec

TABLE: dict[str, Any] = {
    "seed": 3,
    "problem": {"name": "hydrogen-chain", "n_atoms": 4},
    "device": {"name": "uniform", "n_shots": 300},
    "subspace": {"max_strings": 6, "max_iterations": 1},
}


def spec(**changes: Any) -> RunSpec:
    return parse_spec(RunSpec, TABLE | changes, source="test")


def messages(run_spec: RunSpec, folder: Path) -> list[str]:
    events: list[Event] = []
    trace_comparison(run_spec, folder=folder, progress=events.append)
    own = [event.message for event in events if event.stage == "sample"]
    return [message for message in own if not message.startswith("drawing")]  # which the device says of itself


def energies(table: dict[str, Any]) -> list[float]:
    return [point["energy_hartree"] for arm in table["arms"] for point in arm["points"]]


def test_everything_is_written_and_shots_are_taken_once(tmp_path: Path) -> None:
    assert messages(spec(), tmp_path) == ["taking shots from the device 'uniform'"]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {SHOTS_NAME, "ledger.html", "ledger.json", "ledger.svg"}
    first = json.loads((tmp_path / "ledger.json").read_text())
    assert messages(spec(), tmp_path) == ["the shots of the earlier call are there"]
    again = json.loads((tmp_path / "ledger.json").read_text())
    assert energies(again["ledger"]) == pytest.approx(energies(first["ledger"]), abs=1e-8)
    assert first["spec"]["problem"] == TABLE["problem"]
    assert first["seed"] == 3


def test_options_of_other_stages_do_not_take_shots_again(tmp_path: Path) -> None:
    messages(spec(), tmp_path)
    assert messages(spec(subspace={"max_strings": 4}), tmp_path) == ["the shots of the earlier call are there"]
    assert messages(spec(seed=4), tmp_path) == ["taking shots from the device 'uniform'"]


def test_the_table_ledger_says_how_far_to_go(tmp_path: Path) -> None:
    table = {"max_determinants": 10, "n_draws": 1}
    found = trace_comparison(spec(ledger=table), folder=tmp_path).ledger
    assert 10 <= found.arm("random").last.n_determinants <= 11
    assert found.arm("random").repeats == ()
    assert messages(spec(ledger={"n_seeds": 2}), tmp_path) == ["the shots of the earlier call are there"]


def test_the_shots_of_a_run_are_used(tmp_path: Path) -> None:
    execute(spec(), folder=tmp_path)
    assert messages(spec(), tmp_path) == ["the shots of the earlier call are there"]
    assert not (tmp_path / SHOTS_NAME).exists()
    other = spec(device={"name": "uniform", "n_shots": 200})
    assert messages(other, tmp_path) == ["taking shots from the device 'uniform'"]
    assert messages(other, tmp_path) == ["the shots of the earlier call are there"]


def test_a_run_with_the_same_seed_takes_the_same_shots(tmp_path: Path) -> None:
    alone = trace_comparison(spec()).ledger
    execute(spec(), folder=tmp_path)
    from_run = trace_comparison(spec(), folder=tmp_path).ledger
    assert (alone.n_in_sector, alone.n_configurations) == (from_run.n_in_sector, from_run.n_configurations)


def test_a_damaged_marker_is_told(tmp_path: Path) -> None:
    execute(spec(), folder=tmp_path)
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(FileFormatError, match=r"run\.json: expected a JSON object with the key 'spec'"):
        trace_comparison(spec(), folder=tmp_path)


def test_nothing_is_written_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert trace_comparison(spec()).problem == "hydrogen-chain"
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_was_left_out_is_refused_before_the_work() -> None:
    events: list[Event] = []
    with pytest.raises(InputError, match="must be 2 or more to compare anything, but is 0"):
        trace_comparison(spec(ledger={"max_determinants": 0}), progress=events.append)
    assert events == []


class Interrupted(BaseException):
    """Stands for Ctrl-C, which may come anywhere."""


def test_a_comparison_that_was_stopped_goes_on_behind_the_last_arm(tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if event.message == "heat-bath":
            raise Interrupted

    with pytest.raises(Interrupted):
        trace_comparison(spec(), folder=tmp_path, progress=interrupt)
    assert parts_path(tmp_path / SHOTS_NAME).exists()
    events: list[Event] = []
    resumed = trace_comparison(spec(), folder=tmp_path, progress=events.append)
    assert "samples of the earlier call" in [event.message for event in events]
    assert "samples" not in [event.message for event in events]
    whole = trace_comparison(spec())
    for name in ("samples", "heat-bath", "random"):
        assert [point.energy_hartree for point in resumed.ledger.arm(name).points] == pytest.approx(
            [point.energy_hartree for point in whole.ledger.arm(name).points], abs=1e-10
        )
    # what is asked for again after it was finished is traced again
    assert not parts_path(tmp_path / SHOTS_NAME).exists()
