from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.workflow.test_folder import make_turn

from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem
from kakehashi.report.example import example_selected
from kakehashi.report.model import Iteration
from kakehashi.subspace.spec import SubspaceSpec
from kakehashi.workflow.result import find_selection_warnings, find_warnings, record_turn


@pytest.fixture(scope="module")
def problem() -> Problem:
    return load_problem("hydrogen-chain", n_atoms=2)


def iterations(*energies: float) -> tuple[Iteration, ...]:
    return tuple(
        Iteration(
            index=index,
            energy_hartree=energy,
            batch_energies_hartree=(energy,),
            n_alpha_strings=1,
            n_beta_strings=2,
            n_determinants=2,
            spin_squared=0.0,
            n_configurations=1,
            elapsed_s=1.0,
        )
        for index, energy in enumerate(energies, 1)
    )


def warnings_of(problem: Problem, energies: tuple[float, ...], *, spec: SubspaceSpec, **state: Any) -> tuple[str, ...]:
    turn = make_turn()
    best = dataclasses.replace(turn.best, **{"spin_squared": 0.0, **state})
    turn = dataclasses.replace(turn, best=best, index=len(energies), n_small_steps=0)
    return find_warnings(problem, turn, iterations(*energies), spec)


def test_a_settled_singlet_needs_no_warning(problem: Problem) -> None:
    assert warnings_of(problem, (-1.25, -1.25), spec=SubspaceSpec()) == ()


def test_a_loop_that_was_cut_short_says_by_which_limit(problem: Problem) -> None:
    (by_turns,) = warnings_of(problem, (-1.2, -1.25), spec=SubspaceSpec(max_iterations=2))
    assert "limit of 2 turns" in by_turns
    assert "by 50 mHa" in by_turns
    assert "subspace.max_iterations" in by_turns
    (by_time,) = warnings_of(problem, (-1.2, -1.25), spec=SubspaceSpec(max_wall_s=30.0))
    assert "limit of 30 s" in by_time
    assert "subspace.max_wall_s" in by_time


def test_a_wrong_spin_is_named(problem: Problem) -> None:
    (warning,) = warnings_of(problem, (-1.25,), spec=SubspaceSpec(), spin_squared=1.9)
    assert "<S^2> is 1.900, but 0 is expected" in warning
    assert warnings_of(problem, (-1.25,), spec=SubspaceSpec(two_s=2), spin_squared=2.0) == ()


def test_an_eigensolver_that_stopped_is_named(problem: Problem) -> None:
    (warning,) = warnings_of(problem, (-1.25,), spec=SubspaceSpec(), converged=False, residual_norm=1e-3)
    assert "residual of 1.0e-03 hartree" in warning


def test_a_selection_that_did_not_converge_is_named() -> None:
    assert find_selection_warnings(None) == find_selection_warnings(example_selected()) == ()
    (warning,) = find_selection_warnings(dataclasses.replace(example_selected(), converged=False))
    assert "selected CI did not reach its tolerance" in warning


def test_a_record_counts_from_the_beginning_of_the_run() -> None:
    turn = make_turn()
    record = record_turn(turn, 10.0)
    assert record.elapsed_s == 10.0 + turn.elapsed_s
    assert record.n_determinants == turn.shape[0] * turn.shape[1]
