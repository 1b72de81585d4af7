"""`kakehashi device explain`: what it prints of a run and of a program, and what it refuses."""

import json
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "n2.toml"

RUN = """seed = 7
[problem]
name = "n2-6-31g"
bond_angstrom = 1.0
[device]
name = "exact"
n_shots = 1000
"""

PROGRAM = """OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
bit[3] c;
h q[0];
cx q[0], q[1];
cx q[1], q[2];
c = measure q;
"""


@pytest.fixture
def explain(here):
    """The command in a terminal of 100 columns: exit code, output, words."""

    def command(*arguments):
        done = here("device", "explain", *arguments)
        return done.returncode, done.stdout, done.stderr

    return command


def test_a_run_is_explained_on_any_processor(tmp_path, explain):
    (tmp_path / "n2.toml").write_text(RUN)
    code, out, _ = explain(
        tmp_path / "n2.toml", "--device", "ibm-kobe", "--shots", 1000, "--map", tmp_path / "place.svg"
    )
    assert code == 0
    words = " ".join(out.split())
    assert "zig-zag ladder" in words
    assert "1,000 shots in about" in words
    assert "two-qubit gates" in words
    assert "state-vector + transport" in words
    assert max(map(len, out.splitlines())) <= 100
    assert (tmp_path / "place.svg").read_text().startswith("<?xml")


def test_a_program_is_explained_as_json(tmp_path, explain):
    (tmp_path / "ghz.qasm").write_text(PROGRAM)
    code, out, _ = explain(tmp_path / "ghz.qasm", "--device", "fake-fez", "--json")
    assert code == 0
    document = json.loads(out)
    assert document["plan"]["method"] == "stabilizer"
    assert document["compiled"]["n_two_qubit_gates"] == 2
    assert 0 < document["success_probability"] < 1


def test_what_cannot_be_explained_is_said(tmp_path, explain):
    code, _, err = explain(EXAMPLE)
    assert code == 2
    assert "has no processor to explain; give one, such as --device ibm-kobe" in " ".join(err.split())
    (tmp_path / "ghz.qasm").write_text(PROGRAM)
    code, _, err = explain(tmp_path / "ghz.qasm")
    assert code == 2
    assert "--device ibm-kobe" in err
    code, _, err = explain(EXAMPLE, "--device", "ibm-koba")
    assert code == 2
    assert "did you mean 'ibm-kobe'" in err
