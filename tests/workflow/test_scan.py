"""Scans of four hydrogen atoms: carried along, resumed, and with points that fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kakehashi.core.errors import InputError, SpecError
from kakehashi.core.progress import Event
from kakehashi.core.spec import parse_spec
from kakehashi.report.scan import Scan, read_scan
from kakehashi.workflow.scan import execute_scan, plan_scan
from kakehashi.workflow.spec import RunSpec

TABLE: dict[str, Any] = {
    "seed": 3,
    "problem": {"name": "hydrogen-chain", "n_atoms": 4},
    "device": {"name": "uniform", "n_shots": 300},
    "subspace": {"max_strings": 6, "max_iterations": 1},
    "control": {"random_strings": False, "uniform_loop": False},
    "ledger": {"max_determinants": 0},
    "energy": {"orbital_determinants": 12, "max_orbital_turns": 2, "n_threads": 1},
    "scan": {"key": "problem.spacing_angstrom", "values": [1.0, 1.4, 1.8], "n_chains": 1},
}


def spec(**changes: Any) -> RunSpec:
    return parse_spec(RunSpec, {**TABLE, **changes}, source="test")


def scan_of(folder: Path, **changes: Any) -> tuple[Scan, list[str]]:
    events: list[Event] = []
    options = {name: changes.pop(name) for name in ("n_jobs", "fresh") if name in changes}
    found = execute_scan(spec(**changes), folder=folder, progress=events.append, **options)
    return found, [event.message for event in events]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scan, list[str], Path]:
    folder = tmp_path_factory.mktemp("scan")
    return *scan_of(folder), folder


def test_every_point_is_a_run_in_its_own_folder(done: tuple[Scan, list[str], Path]) -> None:
    found, messages, folder = done
    assert found.count("done") == 3
    assert found.exit_code == 0
    assert [point.value for point in found.points] == [1.0, 1.4, 1.8]
    assert all((folder / str(point.folder) / "report.html").exists() for point in found.points)
    assert {path.name for path in folder.iterdir() if path.is_file()} == {"scan.json", "scan.svg", "scan.html"}
    assert read_scan(folder / "scan.json") == found
    assert messages.count("spacing 1.4: point done") == 1
    assert any(message.startswith("spacing 1.8: select") for message in messages)


def test_orbitals_and_determinants_are_carried_along_the_chain(done: tuple[Scan, list[str], Path]) -> None:
    found, messages, _ = done
    assert [point.carried_from for point in found.points] == [None, 1.0, 1.4]
    assert [f"spacing {value}: orbitals: carried orbitals" in messages for value in ("1", "1.4", "1.8")] == [
        False,
        True,
        True,
    ]


def test_what_was_done_is_read(done: tuple[Scan, list[str], Path]) -> None:
    found, _, folder = done
    again, messages = scan_of(folder)
    assert messages == [f"spacing {value}: already there" for value in ("1", "1.4", "1.8")]
    assert again.points == found.points


@pytest.mark.slow
def test_results_do_not_depend_on_how_many_run_at_once(tmp_path: Path) -> None:
    table = {"key": "problem.spacing_angstrom", "values": [1.0, 1.4, 1.8, 2.2], "n_chains": 2}
    one, two = (scan_of(tmp_path / str(n), scan=table, n_jobs=n)[0] for n in (1, 2))
    assert one.scan_id == two.scan_id
    assert [point.run_id for point in one.points] == [point.run_id for point in two.points]
    assert [point.carried_from for point in one.points] == [None, 1.0, None, 1.8]
    for left, right in zip(one.points, two.points, strict=True):
        assert left.best_hartree == pytest.approx(right.best_hartree, abs=1e-9)


def test_a_stopped_scan_goes_on(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.message == "spacing 1.4: point done":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute_scan(spec(), folder=tmp_path, progress=stop)
    assert read_scan(tmp_path / "scan.json").count("waiting") == 1
    found, messages = scan_of(tmp_path)
    assert found.count("done") == 3
    assert [message for message in messages if "already there" in message] == [
        "spacing 1: already there",
        "spacing 1.4: already there",
    ]


def test_a_point_that_fails_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    """With the middle atoms in one place there is no molecule."""
    found, messages = scan_of(tmp_path, scan={**TABLE["scan"], "values": [1.0, 0.0, 1.2]})
    assert [point.state for point in found.points] == ["done", "failed", "done"]
    assert found.points[1].error
    assert any(message.startswith("spacing 0: point failed: ") for message in messages)
    assert found.points[2].carried_from == 1.0
    assert found.exit_code == 1
    assert "Points that failed" in (tmp_path / "scan.html").read_text()


@pytest.mark.slow
def test_words_can_be_scanned(tmp_path: Path) -> None:
    found, _ = scan_of(tmp_path, scan={"key": "energy.orbitals", "values": ["given", "natural"]})
    assert [point.value for point in found.points] == ["given", "natural"]
    assert found.count("done") == 2


def test_a_value_goes_into_a_geometry() -> None:
    molecule = {"geometry": "H 0 0 0; H 0 0 {}", "basis": "sto-3g"}
    table = {"key": "problem.molecule.geometry", "values": [0.7, 0.8], "label": "distance (angstrom)"}
    plan = plan_scan(spec(problem={"molecule": molecule}, scan=table))
    geometries = [point.problem.molecule.geometry for point in plan.points if point.problem.molecule is not None]
    assert geometries == ["H 0 0 0; H 0 0 0.7", "H 0 0 0; H 0 0 0.8"]
    assert plan.scan.name == "distance (angstrom)"


def test_identities_tell_what_matters_and_nothing_else() -> None:
    first = plan_scan(spec())
    assert plan_scan(spec(energy={**TABLE["energy"], "n_threads": 2})).scan_id == first.scan_id
    assert plan_scan(spec(scan={**TABLE["scan"], "label": "r"})).scan_id == first.scan_id
    for other in (spec(seed=4), spec(scan={**TABLE["scan"], "n_chains": 2})):
        assert plan_scan(other).scan_id != first.scan_id
    assert first.point_id(1, None) != first.point_id(1, "0") != first.point_id(2, "0")


def test_evenly_spaced_values_are_the_same_scan_as_the_same_values() -> None:
    even = {"key": "problem.spacing_angstrom", "start": 1.0, "stop": 1.8, "n_points": 3, "n_chains": 1}
    assert plan_scan(spec(scan=even)).scan_id == plan_scan(spec()).scan_id


def test_a_file_that_a_point_reads_is_part_of_its_identity(tmp_path: Path) -> None:
    path = tmp_path / "h2.xyz"
    problem = {"molecule": {"xyz": "h2.xyz", "basis": "sto-3g"}}
    scanned = spec(problem=problem, scan={"key": "seed", "values": [1, 2]})
    with pytest.raises(InputError, match=r"h2\.xyz: there is no such file"):
        plan_scan(scanned, base=tmp_path)
    found = []
    for bond in (0.7, 0.8):
        path.write_text(f"2\n\nH 0 0 0\nH 0 0 {bond}\n")
        found.append(plan_scan(scanned, base=tmp_path))
    assert found[0].scan_id != found[1].scan_id
    assert found[0].point_id(0, None) != found[1].point_id(0, None)


@pytest.mark.parametrize(
    ("scan", "message"),
    [
        ({"key": "problem.spacing", "values": [1.0]}, r"At problem\.spacing = 1: .*unknown key 'problem\.spacing'"),
        ({"key": "seed", "values": [1, "two"]}, r"At seed = two: .*'seed'"),
        ({"key": "seed.x", "values": [1]}, "'seed' is a value, not a table"),
    ],
)
def test_values_that_do_not_suit_are_told_before_anything_is_done(scan: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_scan(spec(scan=scan))


def test_a_spec_without_the_table_is_refused() -> None:
    with pytest.raises(InputError, match=r"run\.toml has no table \[scan\]"):
        plan_scan(spec(scan=None), source="run.toml")
    with pytest.raises(SpecError):
        plan_scan(spec(scan={"key": "device.name", "values": ["heron"]}))


def test_a_folder_belongs_to_one_scan(done: tuple[Scan, list[str], Path], tmp_path: Path) -> None:
    _, _, folder = done
    with pytest.raises(InputError, match="holds another scan"):
        scan_of(folder, seed=4)
    with pytest.raises(InputError, match="holds a run"):
        scan_of(folder / str(json.loads((folder / "scan.json").read_text())["points"][0]["folder"]))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        scan_of(tmp_path / "file")
