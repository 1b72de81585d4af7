from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests import mpirun

from kakehashi.core.errors import InputError
from kakehashi.core.ranks import Ranks


def test_a_process_alone_needs_no_mpi() -> None:
    alone = Ranks()
    rows = np.arange(6, dtype=np.uint64).reshape(3, 2)
    assert alone.exchange_rows(rows, np.zeros(3, dtype=np.int64)) is rows
    assert alone.gather("a") == ["a"]
    assert [part.tolist() for part in alone.in_order(np.ones(2), [2])] == [[1.0, 1.0]]
    assert alone.n_on_this_machine() == 1


def test_an_error_of_one_is_raised_by_all() -> None:
    def fail() -> None:
        raise InputError("The spoon is bent.")

    with pytest.raises(InputError, match="The spoon is bent"):
        Ranks().attempt(fail)


def test_memory_that_runs_out_is_a_sentence() -> None:
    def fail() -> None:
        raise MemoryError

    with pytest.raises(Exception, match="Rank 0 of 1 has not enough memory"):
        Ranks().attempt(fail)


@pytest.mark.parametrize("who", [0, 1])
def test_a_killed_rank_is_one_sentence(who: int, tmp_path: Path) -> None:
    done = mpirun.start(2, "fail", {"who": who, "how": "kill", "folder": str(tmp_path)})
    assert done.returncode != 0
    assert done.stderr.count("ended before its work was done") == 1
    assert "One of the 2 ranks ended before its work was done: rank " in done.stderr
    assert " is missing. Start again." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("who", [1, "all"])
def test_an_error_is_one_sentence_and_its_exit_code(who: int | str, tmp_path: Path) -> None:
    done = mpirun.start(3, "fail", {"who": who, "how": "error", "folder": str(tmp_path)})
    assert done.returncode == 2
    assert done.stderr.count("The spoon is bent.") == 1
    assert "ended before" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    done = mpirun.start(2, "fail", {"who": 1, "how": "bug", "folder": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr.count("ZeroDivisionError: a bug") == 1
