from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from kakehashi.core.bits import lowest_string
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Event
from kakehashi.core.ranks import Ranks
from kakehashi.problem.lattice import hubbard
from kakehashi.subspace.checkpoint import previous_path
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.over_ranks import solve_over_ranks
from kakehashi.subspace.select import grow

_spec = importlib.util.spec_from_file_location("mpirun", Path(__file__).parents[1] / "mpirun.py")
assert _spec is not None
assert _spec.loader is not None
mpirun = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mpirun)

START = lowest_string(3), lowest_string(3)
HAMILTONIAN = hubbard(6, u=4.0, n_elec=(3, 3)).hamiltonian


def test_it_is_growth_and_perturbation_theory() -> None:
    events: list[Event] = []
    result = solve_over_ranks(HAMILTONIAN, START, ranks=Ranks(), n_determinants=100, progress=events.append)
    space = DeterminantSpace(HAMILTONIAN)
    space.append(*START)
    *_, stage = grow(space, n_determinants=100)
    outside = space.look_outside(stage.coefficients[0], stage.penalized_hartree[0], threshold_hartree=1e-8)
    assert result.stage.energies_hartree[0] == pytest.approx(stage.energies_hartree[0], abs=1e-12)
    assert result.perturbation_hartree[0] == pytest.approx(outside.energy_hartree, abs=1e-12)
    assert result.n_outside == (outside.n_determinants,)
    assert len(events) == result.n_stages


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="n_batches"):
        solve_over_ranks(HAMILTONIAN, START, ranks=Ranks(), n_determinants=10, n_batches=0)
    empty = np.empty((0, 2), dtype=np.uint64)
    with pytest.raises(InputError, match="no determinant to start from"):
        solve_over_ranks(HAMILTONIAN, (empty, empty), ranks=Ranks(), n_determinants=10)


def test_a_run_goes_on_on_another_number_of_ranks(tmp_path: Path) -> None:
    def options(n_determinants: int, name: str) -> dict[str, object]:
        solve = {"n_determinants": n_determinants, "checkpoint": str(tmp_path / name)}
        return {"problem": "random", "solve": solve}

    whole = mpirun.run(1, "solve", options(800, "whole.h5"))
    first = mpirun.run(2, "solve", options(120, "parts.h5"))
    second = mpirun.run(3, "solve", options(300, "parts.h5"))
    last = mpirun.run(1, "solve", options(800, "parts.h5"))
    assert [answer["resumed"] for answer in (whole, first, second, last)] == [False, False, True, True]
    assert first["n_determinants"] < second["n_determinants"] < last["n_determinants"]
    # a finished run costs one diagonalisation and gives the same
    again = mpirun.run(2, "solve", options(800, "whole.h5"))
    assert again["n_stages"] == 1
    for name in ("energies", "pt2", "spin_squared"):
        np.testing.assert_allclose(again[name], whole[name], rtol=0, atol=1e-9)


def test_a_rank_that_dies_loses_nothing(tmp_path: Path) -> None:
    def options(name: str) -> dict[str, object]:
        return {"problem": "random", "after": 3, "solve": {"n_determinants": 600, "checkpoint": str(tmp_path / name)}}

    undisturbed = mpirun.run(2, "solve", options("whole.h5"))
    path = tmp_path / "space.h5"
    died = mpirun.start(2, "die_after", options("space.h5"))
    assert died.returncode != 0
    assert died.stderr.count("One of the 2 ranks ended before its work was done") == 1, died.stderr
    assert f"The last finished stage is in {path}; start again, on any number of ranks" in died.stderr
    assert path.exists()
    assert previous_path(path).exists()
    resumed = mpirun.run(3, "solve", options("space.h5"))
    assert resumed["resumed"]
    assert resumed["n_stages"] == undisturbed["n_stages"] - 2
    for name in ("energies", "pt2", "spin_squared"):
        np.testing.assert_allclose(resumed[name], undisturbed[name], rtol=0, atol=1e-9)
