from __future__ import annotations

from pathlib import Path

import pytest

from kakehashi.core.errors import InputError, SpecError
from kakehashi.workflow.spec import ControlSpec, RunSpec, read_spec, refuse_scan

SMALLEST = '[problem]\nname = "n2-6-31g"\n[device]\nname = "exact"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(text)
    return path


def test_a_problem_and_a_device_are_enough(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, SMALLEST))
    assert spec.problem.name == "n2-6-31g"
    assert spec.device.name == "exact"
    assert spec.seed == 0
    assert spec.control == ControlSpec(random_strings=True, uniform_loop=True)


def test_every_table_reaches_its_room(tmp_path: Path) -> None:
    tables = {
        "circuit": "n_layers = 2",
        "samples": "n_batches = 3",
        "subspace": "max_strings = 9",
        "control": "uniform_loop = false",
        "classical": 'solvers = ["CCSD(T)", "fci"]',
    }
    text = "seed = 5\n" + SMALLEST + "".join(f"[{name}]\n{line}\n" for name, line in tables.items())
    spec = read_spec(write(tmp_path, text))
    assert spec.circuit.model_fields_set == {"n_layers"}
    assert (spec.samples.n_batches, spec.subspace.max_strings, spec.control.uniform_loop) == (3, 9, False)
    assert spec.classical.solvers == ("ccsd(t)", "fci")
    assert spec.seed == 5


def test_assignments_are_applied_in_order_and_may_make_tables(tmp_path: Path) -> None:
    path = write(tmp_path, SMALLEST + "[subspace]\nmax_strings = 9\n")
    changes = ("subspace.max_strings=50", "device.n_shots=10", "subspace.max_strings=60", "samples.recovery=false")
    spec = read_spec(path, assignments=changes)
    assert (spec.subspace.max_strings, spec.device.n_shots, spec.samples.recovery) == (60, 10, False)
    assert read_spec(str(path)).subspace.max_strings == 9


def test_assignments_alone_may_make_a_run(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, ""), assignments=("problem.name=n2-6-31g", "device.name=uniform"))
    assert spec.device.name == "uniform"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"run\.toml: a run needs a table \[problem\] and a table \[device\]\."),
        ("seed = 3\n", r"run\.toml: a run needs a table \[problem\] and a table \[device\]\."),
        ('[problem]\nname = "n2-6-31g"\n', r"run\.toml: 'device' is missing\."),
        ('[device]\nname = "exact"\n', r"run\.toml: 'problem' is missing\."),
        ("seed = -1\n" + SMALLEST, r"run\.toml: 'seed': .*greater than or equal to 0"),
        ("sed = 1\n" + SMALLEST, r"run\.toml: unknown key 'sed'; did you mean 'seed'"),
        (SMALLEST + '[classical]\nsolvers = ["dmgr"]\n', r"'classical\.solvers': There is no solver 'dmgr'; did you"),
        (SMALLEST + "[control]\nuniform = true\n", r"unknown key 'control\.uniform'; did you mean"),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_spec(write(tmp_path, text))


def test_a_missing_file_and_a_malformed_assignment_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml: there is no such file"):
        read_spec(tmp_path / "nowhere.toml")
    with pytest.raises(InputError, match="--set takes KEY=VALUE"):
        read_spec(write(tmp_path, SMALLEST), assignments=("seed",))


def test_what_was_read_can_be_written_and_read_again(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, SMALLEST))
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec


def test_a_scan_is_no_run(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, SMALLEST))
    refuse_scan(spec)
    scan = read_spec(write(tmp_path, SMALLEST + '[scan]\nkey = "seed"\nvalues = [1, 2]\n'))
    with pytest.raises(InputError, match=r"has a table \[scan\] over 'seed': use `kakehashi scan`"):
        refuse_scan(scan)
