"""`kakehashi device explain`: what it prints of a run and of a program, and what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "n2.toml"

PROGRAM = """OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
bit[3] c;
h q[0];
cx q[0], q[1];
cx q[1], q[2];
c = measure q;
"""


def explain(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "kakehashi.cli", "device", "explain", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_run_is_explained_on_any_processor(tmp_path):
    code, out, _ = explain(EXAMPLE, "--device", "ibm-kobe", "--shots", 1000, "--map", tmp_path / "place.svg")
    assert code == 0
    words = " ".join(out.split())
    assert "zig-zag ladder" in words
    assert "1,000 shots in about" in words
    assert "two-qubit gates" in words
    assert "state-vector + transport" in words
    assert max(map(len, out.splitlines())) <= 100
    assert (tmp_path / "place.svg").read_text().startswith("<?xml")


def test_a_program_is_explained_as_json(tmp_path):
    (tmp_path / "ghz.qasm").write_text(PROGRAM)
    code, out, _ = explain(tmp_path / "ghz.qasm", "--device", "fake-fez", "--json")
    assert code == 0
    document = json.loads(out)
    assert document["plan"]["method"] == "stabilizer"
    assert document["compiled"]["n_two_qubit_gates"] == 2
    assert 0 < document["success_probability"] < 1


def test_what_cannot_be_explained_is_said(tmp_path):
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
