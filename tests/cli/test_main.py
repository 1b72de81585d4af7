"""The command line as a user meets it: its output and its exit code, in a separate process where that matters."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

MPIRUN = shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

SPEC = """
seed = 3
[problem]
name = "hydrogen-chain"
n_atoms = 4
[device]
name = "uniform"
n_shots = 400
[subspace]
max_strings = 6
max_iterations = 2
"""


Here: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


def kakehashi(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "kakehashi.cli", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "h4.toml"
    path.write_text(SPEC)
    return path


def test_run_show_and_json(spec: Path, tmp_path: Path) -> None:
    done = kakehashi("run", spec, "--out", "run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert abs(result["error_mhartree"]) < 1e-3
    assert result["seed"] == 3
    assert "run/report.html" in done.stderr
    shown = kakehashi("show", "run", "--json", cwd=tmp_path)
    assert json.loads(shown.stdout) == result
    words = kakehashi("show", "run", cwd=tmp_path)
    assert f"{result['energy_hartree']:.8f}" in words.stdout


@pytest.mark.slow
def test_ranks_share_a_run_and_one_of_them_speaks(spec: Path, tmp_path: Path) -> None:
    pytest.importorskip("mpi4py", reason="the extra hpc is not installed")
    if MPIRUN is None:
        pytest.skip("there is no mpirun; pip install mpich")
    alone = json.loads(kakehashi("run", spec, "--out", "alone", "--json", cwd=tmp_path).stdout)

    def over_ranks(*arguments: str) -> subprocess.CompletedProcess[str]:
        quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
        command = [str(MPIRUN), "-n", "2", sys.executable, "-m", "kakehashi.cli", "run", str(spec), *arguments]
        environment = {**os.environ, **quiet}
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, env=environment)

    done = over_ranks("--out", "shared", "--json")
    assert done.returncode == 0, done.stderr
    together = json.loads(done.stdout)  # one object: the other rank is silent
    assert together["run_id"] == alone["run_id"]
    for ours, theirs in zip(together["selected"]["rungs"], alone["selected"]["rungs"], strict=True):
        energies = [[rung["energy_hartree"] for rung in rungs] for rungs in (ours, theirs)]
        assert energies[0] == pytest.approx(energies[1], abs=1e-9)
    again = over_ranks("--out", "shared", "--json")
    assert json.loads(again.stdout) == together
    wrong = over_ranks("--set", "subspace.max_string=3")
    assert wrong.returncode == 2
    assert wrong.stderr.count("did you mean 'max_strings'") == 1
    assert "Traceback" not in wrong.stderr


SCAN = """
[scan]
key = "problem.spacing_angstrom"
values = [0.9, 1.2, 1.6]
[control]
random_strings = false
uniform_loop = false
[ledger]
max_determinants = 0
"""


@pytest.mark.slow
def test_scan_shows_every_point_and_goes_on(spec: Path, tmp_path: Path, here: Here) -> None:
    path = tmp_path / "scan.toml"
    path.write_text(SPEC + SCAN)
    done = kakehashi("scan", path, "--out", "scan", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["schema"] == "kakehashi.scan/1"
    assert [point["state"] for point in found["points"]] == ["done"] * 3
    assert json.loads((tmp_path / "scan" / "scan.json").read_text()) == found
    assert "3 of 3: " in done.stderr
    assert "scan/scan.html" in done.stderr
    words = here("scan", path, "--out", "scan", cwd=tmp_path)
    assert words.stderr.count("already there") == 3
    assert f"{found['points'][1]['states'][0]['energy_hartree']:.6f}" in words.stdout
    assert max(len(line.rstrip()) for line in words.stdout.splitlines()) <= 100
    for command in ("run", "compare"):
        wrong = here(command, path, cwd=tmp_path)
        assert wrong.returncode == 2
        assert "has a table [scan] over 'problem.spacing_angstrom': use `kakehashi scan`" in wrong.stderr
    failed = here("scan", path, "--set", "scan.values=[0.0, 0.9]", "--out", "other", cwd=tmp_path)
    assert failed.returncode == 1
    assert "Failed at 0.0: " in failed.stderr
    assert "0.9" in failed.stdout
    nothing = here("scan", spec, cwd=tmp_path)
    assert nothing.returncode == 2
    assert "has no table [scan]" in nothing.stderr


def test_scan_that_is_not_converged_is_code_3(tmp_path: Path, here: Here) -> None:
    path = tmp_path / "scan.toml"
    path.write_text(SPEC + SCAN)
    changes = ["problem.n_atoms=8", "subspace.max_strings=60", "subspace.max_eigensolver_iterations=1"]
    changes += ["scan.values=[1.0]", "energy.max_determinants=0"]
    arguments = [part for change in changes for part in ("--set", change)]
    assert here("scan", path, *arguments, cwd=tmp_path).returncode == 3


def test_compare_writes_the_ledger_and_says_one_sentence(spec: Path, tmp_path: Path, here: Here) -> None:
    done = here("compare", spec, "--out", "run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["schema"] == "kakehashi.ledger/1"
    assert json.loads((tmp_path / "run" / "ledger.json").read_text()) == found
    assert "run/ledger.html" in done.stderr
    words = here("compare", spec, "--out", "run", cwd=tmp_path)
    assert "the shots of the earlier call are there" in words.stderr
    assert "samples + heat-bath" in words.stdout
    assert " ".join(words.stdout.split()).endswith("random ones.")
    assert max(len(line.rstrip()) for line in words.stdout.splitlines()) <= 100
    assert here("compare", "missing.toml", cwd=tmp_path).returncode == 2


def test_default_folder_is_named_after_file_and_spec(spec: Path, tmp_path: Path, here: Here) -> None:
    here("run", spec, cwd=tmp_path)
    here("run", spec, "--set", "seed=4", cwd=tmp_path)
    folders = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert len(folders) == 2
    assert all(name.startswith("h4-") for name in folders)


def test_set_changes_one_value(spec: Path, tmp_path: Path, here: Here) -> None:
    done = here("run", spec, "--set", "problem.spacing_angstrom=1.2", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["spec"]["problem"]["spacing_angstrom"] == 1.2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("run", "missing.toml"), 2, "missing.toml: there is no such file"),
        (("run", "broken.toml"), 2, "broken.toml: this is not valid TOML"),
        (("run", "unknown.toml"), 2, "did you mean 'subspace'"),
        (("run", "h4.toml", "--set", "subspace.max_strings=none"), 2, "subspace.max_strings"),
        (("run", "h4.toml", "--set", "problem.name=n3"), 2, "There is no problem 'n3'"),
        (("run", "h4.toml", "--set", "device.name=heron"), 2, "There is no device 'heron'"),
        (("run", "h4.toml", "--set", "nonsense"), 2, "--set takes KEY=VALUE"),
        (("run", "h4.toml", "--set", "subspace.memory_gib=1e-9"), 1, "is available; ask for fewer strings"),
        (("run", "h4.toml", "--out", "h4.toml"), 2, "is a file"),
        (("show", "nowhere"), 2, "there is no such file"),
        (("show", "."), 2, "holds no result.json"),
        (("dance",), 2, ""),
        (("run",), 2, ""),
        (("run", "h4.toml", "--frobnicate"), 2, ""),
    ],
)
def test_wrong_input_is_one_sentence_and_a_code(
    spec: Path, tmp_path: Path, here: Here, arguments: tuple[str, ...], code: int, message: str
) -> None:
    (tmp_path / "broken.toml").write_text("[problem\n")
    (tmp_path / "unknown.toml").write_text(SPEC.replace("[subspace]", "[subspaces]"))
    done = here(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert message in " ".join(done.stderr.split())
    assert done.stdout == ""


def test_not_converged_is_code_3(spec: Path, tmp_path: Path, here: Here) -> None:
    done = here(
        "run",
        spec,
        "--set",
        "subspace.max_eigensolver_iterations=1",
        "--set",
        "problem.n_atoms=8",
        "--set",
        "subspace.max_strings=60",
        cwd=tmp_path,
    )
    assert done.returncode == 3
    assert "stopped at a residual" in done.stderr


def test_interrupt_keeps_what_was_computed(spec: Path, tmp_path: Path) -> None:
    slow = [
        "--set",
        "problem.n_atoms=10",
        "--set",
        "subspace.max_strings=200",
        "--set",
        "subspace.max_iterations=500",
    ]
    slow += ["--set", "subspace.energy_tolerance_hartree=0"]
    command = [sys.executable, "-m", "kakehashi.cli", "run", str(spec), "--out", "run", *slow]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 100
    while not (tmp_path / "run" / "loop.h5").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 130, words
    assert "goes on from there" in words
    assert "Traceback" not in words
    assert not list((tmp_path / "run").glob(".*.part"))


@pytest.mark.slow
def test_a_kill_loses_nothing(spec: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kakehashi.cli", "run", str(spec), "--out", "run"]
    slow = [
        "--set",
        "problem.n_atoms=10",
        "--set",
        "subspace.max_strings=150",
        "--set",
        "subspace.max_iterations=6",
    ]
    slow += ["--set", "subspace.energy_tolerance_hartree=0", "--set", "control.uniform_loop=false"]
    process = subprocess.Popen([*command, *slow], cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 100
    while not (tmp_path / "run" / "loop.h5").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait(timeout=30)
    done = kakehashi("run", spec, "--out", "run", *slow, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["iterations"]) == 6
    assert "circuit" not in done.stderr


def test_a_full_disk_is_one_sentence(spec: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the system refuses the write in the same way."""
    limited = ["bash", "-c", 'ulimit -f 2; trap "" XFSZ; exec "$@"', "--"]
    command = [sys.executable, "-m", "kakehashi.cli", "run", str(spec), "--out", "run"]
    done = subprocess.run([*limited, *command], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 1, done.stderr
    assert "no space left" in " ".join(done.stderr.split())
    again = kakehashi("run", spec, "--out", "run", cwd=tmp_path)
    assert again.returncode == 0, again.stderr


def test_lists(tmp_path: Path, here: Here) -> None:
    rows = json.loads(here("problems", "--json", cwd=tmp_path).stdout)
    assert {"n2-6-31g", "n2-cc-pvdz", "fe2s2", "hubbard-4x4"} <= {row["name"] for row in rows}
    assert "n2-6-31g" in here("problems", cwd=tmp_path).stdout
    findings = json.loads(here("doctor", "--json", cwd=tmp_path).stdout)
    assert {"kernels", "memory", "numpy"} <= {finding["subject"] for finding in findings}
    assert all(finding["state"] != "bad" for finding in findings)


def test_a_mistake_is_one_sentence_in_a_process_too(tmp_path: Path) -> None:
    done = kakehashi("run", "missing.toml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "missing.toml: there is no such file" in done.stderr


def test_help_teaches(tmp_path: Path, here: Here) -> None:
    assert "kakehashi problems" in here("--help", cwd=tmp_path).stdout
    words = " ".join(here("run", "--help", cwd=tmp_path).stdout.split())
    assert "--set" in words
    assert "subspace.max_strings=500" in words


def test_output_into_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    command = f"{sys.executable} -m kakehashi.cli problems --json | head -n 1"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("[")
