import json

import pytest

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.report.scan import Scan, read_scan, summarize_point


def test_a_scan_survives_the_way_to_a_file_and_back(build_scan, tmp_path):
    scan = build_scan(failed=True, waiting=True)
    path = tmp_path / "scan.json"
    path.write_text(json.dumps(scan.to_json(), allow_nan=False), encoding="utf-8")
    assert read_scan(path) == scan
    assert json.loads(path.read_text())["schema"] == "kakehashi.scan/1"


@pytest.mark.parametrize("value", [2, 2.0, True, "natural"])
def test_values_keep_their_kind(build_scan, tmp_path, value):
    path = tmp_path / "scan.json"
    scan = build_scan()
    points = tuple(point.model_copy(update={"value": value}) for point in scan.points)
    path.write_text(json.dumps(scan.model_copy(update={"points": points}).to_json()), encoding="utf-8")
    found = read_scan(path).points[0].value
    assert (type(found), found) == (type(value), value)


def test_what_is_no_scan_is_told(build_scan, tmp_path):
    path = tmp_path / "scan.json"
    with pytest.raises(InputError, match="there is no such file"):
        read_scan(path)
    for text, message in (
        ("{", "not valid JSON"),
        ("[]", r"this is no kakehashi\.scan/1: 'the document'"),
        (json.dumps(build_scan().to_json() | {"points": 3}), "'points'"),
        (json.dumps(build_scan().to_json() | {"schema": "kakehashi.result/1"}), "'schema'"),
    ):
        path.write_text(text)
        with pytest.raises(FileFormatError, match=message):
            read_scan(path)


def test_the_best_energy_is_the_estimate_only_where_it_is_trusted(build_scan):
    first, _, third, _ = build_scan().points
    assert first.best_hartree == first.states[0].estimate.energy_hartree
    assert third.best_hartree == third.states[0].energy_hartree
    assert not third.states[0].estimate.trusted


def test_without_selection_the_states_are_those_of_the_samples(build):
    result = build(root_energies_hartree=(-109.0459, -108.7))
    point = summarize_point("exact", result, chain=0, folder="1", carried_from=None)
    assert [state.energy_hartree for state in point.states] == [-109.0459, -108.7]
    assert (point.orbitals, point.states[0].estimate, point.states[1].spin_squared) == (None, None, None)
    assert point.reference.method == "FCI"
    assert point.best_hartree == -109.0459


def test_the_exit_code_says_the_worst(build_scan, build, build_selected):
    assert build_scan().exit_code == 0
    halted = [build(selected=build_selected(converged=False)) for _ in range(4)]
    assert build_scan(results=halted).exit_code == 3
    assert build_scan(results=halted, failed=True).exit_code == 1


def test_points_are_counted(build_scan):
    scan: Scan = build_scan(failed=True, waiting=True)
    assert [scan.count(state) for state in ("done", "failed", "waiting")] == [4, 1, 1]
    assert len(scan.finished) == 4
    assert scan.points[-1].best_hartree is None
