"""`kakehashi device`: what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest

from kakehashi.cli.main import app
from kakehashi.core.errors import InputError
from kakehashi.device.twins.library import load_twin
from kakehashi.device.twins.oqtopus import write_oqtopus


@pytest.fixture
def run(here):
    """The command in a terminal of 100 columns: exit code, output, words."""

    def command(*arguments):
        done = here("device", *arguments)
        return done.returncode, done.stdout, done.stderr

    return command


def test_list_names_twins_and_snapshots(run):
    code, out, _ = run("list")
    assert code == 0
    assert "fujitsu-1024  1,024" in out
    assert "fake-fez" in out
    assert max(map(len, out.splitlines())) <= 100
    rows = json.loads(run("list", "--json")[1])
    assert {"name": "fake-fez", "kind": "snapshot", "title": "Heron r2", "n_qubits": 156} in rows
    assert next(row["name"] for row in rows if row["kind"] == "twin") == "ibm-kobe"


def test_show_says_what_is_known_and_how_well(run):
    code, out, _ = run("show", "riken-64", "--seed", 3, "--preset", "target", "--day", 2.5)
    assert code == 0
    assert "square, 64 qubits, 112 couplings" in out
    assert "16 lines shared by 4 qubits each" in out
    assert "Preset 'target', seed 3, day 2.5" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 100


def test_show_as_json_holds_every_value(run):
    table = json.loads(run("show", "fake-kingston", "--json")[1])
    assert table["t1_us"][146] is None
    assert len(table["two_qubit_error"]) == len(table["edges"]) == 176
    assert table["summary"]["n_dead"] == 7


def test_show_writes_a_map(tmp_path, run):
    code, _, err = run("show", "riken-64", "--metric", "t1_us", "--map", tmp_path / "chip.svg")
    assert code == 0
    assert "Map: " in err
    assert "T1 (µs)" in (tmp_path / "chip.svg").read_text()
    assert "two-qubit error" not in (tmp_path / "chip.svg").read_text()


def test_compare_sets_processors_side_by_side(run):
    code, out, _ = run("compare", "ibm-kobe", "riken-64", "fake-boston", "fake-miami")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 100
    lines = {line.split("  ")[0]: line for line in out.splitlines()}
    assert lines["qubits"].split() == ["qubits", "156", "p", "64", "p", "156", "m", "120", "m"]
    five = run("compare", "ibm-kobe", "riken-64", "osaka-144", "fujitsu-256", "fujitsu-1024")[1]
    assert max(map(len, five.splitlines())) <= 100
    found = json.loads(run("compare", "riken-64", "fake-fez", "--preset", "target", "--day", "1", "--json")[1])
    assert found[0]["values"]["readout_error"]["median"] < 0.02
    assert found[1]["taken_utc"].startswith("2025-02-26")


def test_own_files_are_shown(tmp_path, run):
    write_oqtopus(tmp_path / "mine.json", load_twin("riken-64"))
    code, out, _ = run("show", tmp_path / "mine.json")
    assert code == 0
    assert "63 qubits, 107 couplings" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "riken"], "There is no device 'riken'; did you mean 'riken-64'?"),
        (["show", "riken-64", "--preset", "best"], "There is no preset of riken-64 'best'; there are example, target."),
        (["show", "riken-64", "--metric", "t3"], "There is no metric 't3'"),
        (["show", "riken-64", "--metric", "t1_us", "--metric", "t2_us"], "one metric for the qubits and one for the"),
        (["show", "riken-64", "--map", "chip.gif"], "A map is written to a file that ends in .svg, .png, .pdf"),
        (["show", "riken-64", "--seed", "-1"], "A seed must be a whole number of at least 0"),
        (["show", "nowhere.json"], "There is no file nowhere.json."),
        (["compare", "riken-64"], "A comparison takes two processors or more"),
        (["compare", "riken-64", "ibm-kobe", "--preset", "best"], "None of riken-64, ibm-kobe has the preset 'best'."),
    ],
)
def test_wrong_use_is_one_sentence_before_anything_is_printed(arguments, sentence, capsys):
    with pytest.raises(InputError) as caught:
        app(["device", *arguments], exit_on_error=False)
    assert sentence in str(caught.value)
    assert capsys.readouterr().out == ""


def test_wrong_use_ends_with_2(run):
    code, out, err = run("show", "riken")
    assert (code, out) == (2, "")
    assert err == "Error: There is no device 'riken'; did you mean 'riken-64'?\n"
