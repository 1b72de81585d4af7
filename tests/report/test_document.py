import contextlib
import copy
import json
import math
from pathlib import Path

import hypothesis.strategies as st
import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.report.document import (
    read_json,
    result_from_json,
    result_to_json,
    solution_from_json,
    solution_to_json,
    write_json,
)

ASKED_FOR = {
    "energy_hartree",
    "reference_hartree",
    "error_mhartree",
    "n_determinants",
    "seed",
    "spin_squared",
    "wall_s",
    "peak_memory_bytes",
    "control",
    "provenance",
}


def test_document_follows_the_schema(any_result):
    from kakehashi.report.schema import read_schema

    jsonschema.Draft202012Validator(read_schema()).validate(json.loads(json.dumps(result_to_json(any_result))))


def test_round_trip_loses_nothing(any_result):
    text = json.dumps(result_to_json(any_result), allow_nan=False)
    assert result_from_json(json.loads(text)) == any_result


def test_round_trip_through_a_file(any_result, tmp_path):
    write_json(any_result, tmp_path / "result.json")
    assert read_json(tmp_path / "result.json") == any_result


@given(energy=st.floats(-1e4, 1e4), occupation=st.floats(0, 1), spin=st.floats(-1e-9, 30))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_digit_survives(build, energy, occupation, spin):
    result = build(energy_hartree=energy, occupancies=np.full((2, 16), occupation), spin_squared=spin)
    assert result_from_json(json.loads(json.dumps(result_to_json(result)))) == result


def test_all_keys_are_always_there(build):
    known, bare = result_to_json(build()), result_to_json(build(reference=None, control=None))
    assert known.keys() == bare.keys()
    assert known.keys() >= ASKED_FOR
    assert known["schema"] == "kakehashi.result/1"
    assert known["error_mhartree"] == pytest.approx(0.771778)
    assert (bare["reference_hartree"], bare["error_mhartree"], bare["control"]) == (None, None, None)


def test_numpy_numbers_become_plain_ones(build):
    result = build(seed=np.int64(7), energy_hartree=np.float64(-109.0), converged=np.bool_(True))
    table = result_to_json(result)
    assert type(table["seed"]) is int
    assert type(table["energy_hartree"]) is float
    assert table["converged"] is True
    json.dumps(table)


def test_values_that_json_lacks_are_refused(build):
    with pytest.raises(InputError, match=r"plain JSON values, but .* is a PosixPath"):
        result_to_json(build(spec={"file": Path("a")}))


def test_files_of_earlier_versions_are_read(build):
    table = result_to_json(build())
    assert [table.pop(key) for key in ("estimate", "selected", "ledger", "processor")] == [None] * 4
    assert table.pop("classical") == []
    assert result_from_json(table) == build()


def test_solutions_go_to_json_and_back_without_loss(solutions):
    for solution in solutions:
        assert solution_from_json(json.loads(json.dumps(solution_to_json(solution)))) == solution
    for wrong in ({}, [], None, solution_to_json(solutions[0]) | {"wall_s": -1.0}):
        with pytest.raises(InputError):
            solution_from_json(wrong)


def test_the_estimate_is_that_of_the_lowest_state(build, build_selected, build_ledger):
    table = result_to_json(build(selected=build_selected(), ledger=build_ledger()))
    assert table["estimate"] == {
        key: value for key, value in table["selected"]["estimates"][0].items() if key != "n_rungs"
    }
    assert table["energy_hartree"] == -109.0459  # the samples' own is kept apart
    assert table["ledger"]["verdict"].startswith("The samples make no measurable difference")


def broken(change):
    def apply(table):
        table = copy.deepcopy(table)
        change(table)
        return table

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("energy_hartree"), "The key 'energy_hartree' of the schema .* is missing"),
        (lambda t: t.pop("schema"), "there is no key 'schema'"),
        (lambda t: t.update(schema="kakehashi.result/2"), "but the schema is 'kakehashi.result/2'"),
        (lambda t: t.update(extra=1), "The key 'extra' is not in the schema"),
        (lambda t: t.update(energy_hartree="low"), "'energy_hartree' is wrong: .* but got 'low'"),
        (lambda t: t.update(seed=1.5), "'seed' is wrong"),
        (lambda t: t.update(converged="yes"), "'converged' is wrong"),
        (lambda t: t.update(n_elec=[5]), "'n_elec' is wrong"),
        (lambda t: t.update(n_elec=[5, 17]), "there are 16 orbitals"),
        (lambda t: t["iterations"][2].pop("index"), r"'iterations.2.index' of the schema"),
        (lambda t: t.update(iterations=[]), "'iterations' is wrong"),
        (lambda t: t["occupancies"][1].pop(), "'occupancies' must hold 2 lists of 16 numbers each"),
        (lambda t: t["sampling"]["state_histogram"].pop(), "`state_histogram` must have shape"),
        (
            lambda t: t["sampling"]["state_histogram"].__setitem__(0, 10**30),
            "`state_histogram` must hold numbers",
        ),
        (lambda t: t.update(reference_hartree=-1.0), "'reference_hartree' differs"),
        (lambda t: t.update(error_mhartree=0.1), "'error_mhartree' differs"),
        (lambda t: t.update(error_mhartree=None), "'error_mhartree' differs"),
        (lambda t: [t.pop("seed"), t.pop("spec")], "1 more faults"),
        (lambda t: t.update(estimate=None), "'estimate' differs from the first of 'selected.estimates'"),
        (lambda t: t["estimate"].update(low_hartree=-110.0), "'estimate' differs"),
        (lambda t: t["selected"].update(estimates=[]), "'selected.estimates' is wrong"),
        (lambda t: t["selected"]["rungs"][0][3].pop("cpu_s"), "'selected.rungs.0.3.cpu_s' of the schema"),
        (
            lambda t: t["selected"]["properties"].append(t["selected"]["properties"][0]),
            "one entry or more for each state",
        ),
        (lambda t: t["selected"]["properties"][0]["dipole_debye"].pop(), "`dipole_debye` must hold 3 numbers"),
        (lambda t: t["selected"]["properties"][0].pop("atoms"), "'selected.properties.0.atoms' of the schema"),
        (lambda t: t["classical"][1]["interval_hartree"].pop(), "'interval_hartree' must hold 2 numbers"),
        (lambda t: t["classical"][1]["interval_hartree"].reverse(), "`interval_hartree` must ascend"),
        (lambda t: t["classical"][0]["details"].update(x=[1]), "'classical.0.details.x"),
        (lambda t: t["ledger"]["arms"].pop(), "A ledger has the arms"),
        (lambda t: t["ledger"]["arms"][0]["points"].clear(), "'ledger.arms.0.points' is wrong"),
        (lambda t: t["ledger"]["arms"][0]["points"].reverse(), "arm 'samples' must grow"),
    ],
)
def test_broken_file_is_explained(build, build_selected, build_ledger, solutions, tmp_path, change, message):
    path = tmp_path / "result.json"
    whole = result_to_json(build(selected=build_selected(), ledger=build_ledger(), classical=solutions))
    path.write_text(json.dumps(broken(change)(whole)))
    with pytest.raises(FileFormatError, match=message) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "this is not JSON", 1),
        ('{\n "schema": \n', "this is not JSON", 3),
        ("[1, 2]", "A JSON object of the schema kakehashi.result/1 was expected", None),
        ("null", "A JSON object", None),
        ('{"energy_hartree": NaN}', "A finite number was expected, but NaN was found", None),
        ('{"energy_hartree": 1e999}', "A finite number was expected, but 1e999 was found", None),
        ('{"seed": ' + "9" * 5000 + "}", "a number is too long", None),
        ("[" * 200_000, "nested too deeply", None),
    ],
)
def test_file_that_is_no_result_is_explained(tmp_path, text, message, line):
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_json(path)
    assert caught.value.line == line


def test_missing_and_binary_files_are_explained(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_json(tmp_path / "nothing.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file"):
        read_json(tmp_path / "binary.json")


def paths(table, prefix=()):
    items = table.items() if isinstance(table, dict) else enumerate(table)
    for key, value in items:
        yield (*prefix, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*prefix, key))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_change_gives_a_result_or_one_sentence(build, data):
    table = result_to_json(build())
    path = data.draw(st.sampled_from(list(paths(table))))
    owner = table
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = data.draw(ANYTHING)
    # Any other error is a traceback that a user would see.
    with contextlib.suppress(InputError):
        assert math.isfinite(result_from_json(table).energy_hartree)
