from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.core.parts import Parts, parts_path
from kakehashi.energy.solver import Solution
from kakehashi.subspace.loop import Turn
from kakehashi.subspace.model import State
from kakehashi.workflow.folder import RunFolder, load_solutions, load_turn, read_run_id, save_turn


def make_turn() -> Turn:
    state = State(
        energy_hartree=-1.25,
        coefficients=np.array([[0.6, 0.8]]),
        alpha=np.array([[3, 0]], dtype=np.uint64),
        beta=np.array([[3, 0], [5, 1 << 63]], dtype=np.uint64),
        n_orb=128,
        spin_squared=0.5,
        residual_norm=1e-6,
        converged=True,
        n_iterations=9,
        root_energies_hartree=(-1.25, -1.0),
    )
    return Turn(
        index=2,
        best=state,
        energy_hartree=-1.2,
        batch_energies_hartree=(-1.2, -1.1),
        shape=(1, 2),
        spin_squared=0.4,
        occupancies=np.full((2, 128), 0.25),
        n_configurations=17,
        n_small_steps=1,
        elapsed_s=3.5,
        finished=False,
    )


def test_turn_round_trip(tmp_path: Path) -> None:
    turn, path = make_turn(), tmp_path / "loop.h5"
    save_turn(turn, ({"index": 1}, {"index": 2}), path)
    read, history = load_turn(path)
    assert history == ({"index": 1}, {"index": 2})
    for name in Turn.__dataclass_fields__:
        if name not in ("best", "occupancies"):
            assert getattr(read, name) == getattr(turn, name)
            assert type(getattr(read, name)) is type(getattr(turn, name))
    for name in State.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(read.best, name), getattr(turn.best, name))
    np.testing.assert_array_equal(read.occupancies, turn.occupancies)
    assert read.best.alpha.dtype == np.uint64


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + b"\0" * 100])
def test_damaged_turns_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "loop.h5"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"loop\.h5"):
        load_turn(path)


def test_folder_of_another_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(FileFormatError, match=r"run\.json"):
        RunFolder(tmp_path, run_id="a", spec={})


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(InputError, match="is a file"):
        RunFolder(tmp_path / "x", run_id="a", spec={})


def test_results_of_an_unknown_run_are_not_adopted(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(InputError, match=r"without run\.json"):
        RunFolder(tmp_path, run_id="a", spec={}, fresh=True)
    assert (tmp_path / "result.json").exists()


def test_a_folder_without_results_belongs_to_nobody(tmp_path: Path) -> None:
    RunFolder(tmp_path, run_id="a", spec={})
    folder = RunFolder(tmp_path, run_id="b", spec={})
    folder.keep_turn("loop", make_turn(), ())
    with pytest.raises(InputError, match="holds another run"):
        RunFolder(tmp_path, run_id="a", spec={})


def test_fresh_forgets(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, run_id="a", spec={})
    folder.keep_turn("loop", make_turn(), ())
    for path in (folder.ledger_parts_path, parts_path(folder.selected_path), tmp_path / "selected-spin.parts.json"):
        Parts(path).finish("one", dict)
    assert RunFolder(tmp_path, run_id="a", spec={}).turn("loop")[0] is not None
    assert RunFolder(tmp_path, run_id="a", spec={}, fresh=True).turn("loop") == (None, ())
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_parts_belong_to_one_run(tmp_path: Path) -> None:
    Parts(RunFolder(tmp_path, run_id="a", spec={}).ledger_parts_path).finish("one", dict)
    with pytest.raises(InputError, match="holds another run"):
        RunFolder(tmp_path, run_id="b", spec={})


FCI = Solution(
    solver="fci",
    energy_hartree=-1.25,
    interval_hartree=(-1.3, -1.2),
    converged=True,
    wall_s=0.1,
    cpu_s=0.2,
    details={"n_determinants": 36, "reason": "none", "weight": 0.5},
)


def test_solutions_are_kept_and_forgotten(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, run_id="a", spec={})
    assert folder.solutions() == ()
    folder.keep_solutions((FCI,))
    assert folder.solutions() == load_solutions(tmp_path / "classical.json") == (FCI,)
    with pytest.raises(InputError, match="holds another run"):
        RunFolder(tmp_path, run_id="b", spec={})
    assert RunFolder(tmp_path, run_id="a", spec={}, fresh=True).solutions() == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read"),
        ("[]", "expected a JSON object with schema kakehashi.classical/1"),
        ('{"schema": "kakehashi.classical/1"}', "cannot be read"),
        ('{"schema": "kakehashi.classical/1", "solutions": 3}', "cannot be read"),
        ('{"schema": "kakehashi.classical/1", "solutions": [{"solver": "fci"}]}', "remove it to compute that part"),
    ],
)
def test_damaged_solutions_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "classical.json"
    path.write_text(content)
    with pytest.raises(FileFormatError, match=rf"classical\.json: .*{message}"):
        load_solutions(path)


def test_the_id_of_a_folder_can_be_read(tmp_path: Path) -> None:
    RunFolder(tmp_path, run_id="abc", spec={})
    assert read_run_id(tmp_path) == "abc"
    with pytest.raises(InputError, match="there is no such file"):
        read_run_id(tmp_path / "nowhere")
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(FileFormatError, match=r"run\.json"):
        read_run_id(tmp_path)
