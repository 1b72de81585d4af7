from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kakehashi.core.bits import lowest_string
from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.core.ranks import Ranks
from kakehashi.problem.lattice import hubbard
from kakehashi.subspace.checkpoint import previous_path, read_checkpoint, read_heaviest, write_checkpoint
from kakehashi.subspace.distributed import DistributedSpace
from kakehashi.subspace.select import Stage, grow

HAMILTONIAN = hubbard(6, u=4.0, n_elec=(3, 3)).hamiltonian


def fresh() -> DistributedSpace:
    return DistributedSpace(HAMILTONIAN, Ranks(), n_threads=1)


def stages(path: Path, *, n: int = 2) -> list[Stage]:
    """Stages of a growth, each written."""
    space = fresh()
    space.append(lowest_string(3), lowest_string(3))
    found = []
    for stage in grow(space, n_determinants=200, n_roots=2):
        write_checkpoint(path, space, stage)
        found.append(stage)
        if len(found) == n:
            break
    return found


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "space.h5"
    stage = stages(path, n=3)[-1]
    space = fresh()
    kept = read_checkpoint(path, space)
    assert kept.path == path
    assert len(space) == stage.n_determinants
    np.testing.assert_array_equal(kept.coefficients, stage.coefficients)
    assert kept.energies_hartree == stage.energies_hartree
    assert kept.threshold_hartree == stage.threshold_hartree
    assert kept.sha256 == write_checkpoint(tmp_path / "again.h5", space, stage)
    assert kept.sha256 != write_checkpoint(
        tmp_path / "other.h5", space, replace(stage, coefficients=-stage.coefficients)
    )


def test_the_heaviest_come_first(tmp_path: Path) -> None:
    path = tmp_path / "space.h5"
    stages(path, n=3)
    space = fresh()
    weights = np.square(read_checkpoint(path, space).coefficients).sum(axis=0)
    alpha, beta = space.strings()
    order = np.argsort(-weights, kind="stable")[:7]
    found = read_heaviest(path, 7)
    np.testing.assert_array_equal(found[0], alpha[order])
    np.testing.assert_array_equal(found[1], beta[order])
    assert found[2] == {}
    assert len(read_heaviest(path, 10**6)[0]) == len(space)
    with pytest.raises(InputError, match="no such checkpoint"):
        read_heaviest(tmp_path / "nowhere.h5", 1)


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "missing"])
def test_a_damaged_file_gives_way_to_the_one_before(
    harm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "space.h5"
    earlier = stages(path)[0]
    content = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(content[:-40])
    elif harm == "flip":
        content[-9] ^= 1
        path.write_bytes(content)
    elif harm == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    space = fresh()
    with caplog.at_level(logging.WARNING):
        kept = read_checkpoint(path, space)
    assert kept.path == previous_path(path)
    assert len(space) == earlier.n_determinants
    assert "The checkpoint before it" in caplog.text


def test_two_damaged_files_are_an_error_that_names_the_first(tmp_path: Path) -> None:
    path = tmp_path / "space.h5"
    stages(path)
    path.write_bytes(b"nonsense")
    previous_path(path).write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"space\.h5: this checkpoint is damaged or cut off"):
        read_checkpoint(path, fresh())


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "space.h5"
    with pytest.raises(InputError, match="there is no such checkpoint"):
        read_checkpoint(path, fresh())
    stages(path)
    other = DistributedSpace(hubbard(5, u=4.0, n_elec=(3, 3)).hamiltonian, Ranks())
    with pytest.raises(InputError, match="holds 6 orbitals, but the problem has 5"):
        read_checkpoint(path, other)


def test_a_folder_that_cannot_be_written_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "space.h5"
    stage = stages(path)[-1]
    space = fresh()
    read_checkpoint(path, space)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_checkpoint(blocked / "space.h5", space, stage)
    assert len(list(tmp_path.iterdir())) == 3  # two checkpoints and the blocking file
