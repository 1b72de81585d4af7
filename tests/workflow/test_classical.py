from __future__ import annotations

import math
from pathlib import Path

import pytest

from kakehashi.core.errors import MissingDependencyError, SpecError
from kakehashi.core.progress import Event, Reporter
from kakehashi.core.spec import parse_spec
from kakehashi.energy.dmrg import has_block2
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem
from kakehashi.problem.molecule import molecule_problem
from kakehashi.workflow.classical import ClassicalSpec, References, _finite, require_solvers, solve_references
from kakehashi.workflow.clock import Clock
from kakehashi.workflow.folder import RunFolder

ONE_THREAD = EnergySpec(n_threads=1)


def wanted(*names: str) -> ClassicalSpec:
    return ClassicalSpec(solvers=names)


@pytest.fixture(scope="module")
def chain() -> Problem:
    return load_problem("hydrogen-chain", n_atoms=4)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path, run_id="a", spec={})


def test_names_are_those_of_the_solvers_each_once() -> None:
    assert wanted("CCSD(T)", "fci").solvers == ("ccsd(t)", "fci")
    assert wanted().solvers == ()
    for names, message in ((["fcii"], "did you mean 'fci'\\?$"), (["fci", "FCI"], "'fci' is named twice")):
        with pytest.raises(SpecError, match=message):
            parse_spec(ClassicalSpec, {"solvers": names})


def test_the_exact_energy_is_the_lowest(chain: Problem) -> None:
    found = solve_references(chain, wanted("ccsd", "fci"), energy=ONE_THREAD)
    ccsd, fci = found.solutions
    assert (ccsd.solver, fci.solver, found.warnings) == ("ccsd", "fci", ())
    assert fci.energy_hartree == pytest.approx(chain.reference.energy_hartree if chain.reference else 0, abs=1e-8)
    assert ccsd.energy_hartree == pytest.approx(fci.energy_hartree, abs=5e-3)
    assert solve_references(chain, wanted()) == References()


@pytest.mark.skipif(not has_block2(), reason="block2 is not installed")
def test_dmrg_agrees(chain: Problem) -> None:
    fci, dmrg = solve_references(chain, wanted("fci", "dmrg"), energy=ONE_THREAD).solutions
    assert dmrg.energy_hartree == pytest.approx(fci.energy_hartree, abs=1e-6)


def test_a_solver_that_fails_costs_a_warning(chain: Problem) -> None:
    little = EnergySpec(n_threads=1, memory_gib=1e-6)
    found = solve_references(chain, wanted("ccsd(t)", "fci"), energy=little)
    assert found.solutions == ()
    assert [text.split(":")[0] for text in found.warnings] == [
        "The classical reference 'ccsd(t)' could not be had",
        "The classical reference 'fci' could not be had",
    ]
    assert "memory" in found.warnings[1]
    lone = molecule_problem("H 0 0 0", basis="sto-3g", two_s=1)
    mixed = solve_references(lone, wanted("ccsd(t)", "fci"), energy=ONE_THREAD)
    assert [solution.solver for solution in mixed.solutions] == ["fci"]
    assert len(mixed.warnings) == 1


def test_the_wanted_spin_is_asked_for_where_that_is_possible(chain: Problem) -> None:
    found = solve_references(chain, wanted("fci", "ccsd"), energy=EnergySpec(n_threads=1, two_s=2))
    assert found.solutions[0].spin_squared == pytest.approx(2.0, abs=1e-6)
    (warning,) = found.warnings
    assert warning.startswith("The classical reference 'ccsd' cannot be asked for a spin")
    plain = solve_references(chain, wanted("ccsd"), energy=EnergySpec(n_threads=1, two_s=0))
    assert plain.warnings == ()


def test_what_is_kept_is_not_solved_again(chain: Problem, folder: RunFolder) -> None:
    first = solve_references(chain, wanted("fci"), energy=ONE_THREAD, folder=folder)
    assert folder.solutions() == first.solutions
    events: list[Event] = []
    clock = Clock()
    again = solve_references(
        chain, wanted("ccsd", "fci"), energy=ONE_THREAD, folder=folder, clock=clock, reporter=Reporter(events.append)
    )
    assert again.solutions[1] == first.solutions[0]
    assert clock.stage_s["classical"] >= sum(solution.wall_s for solution in again.solutions)
    assert {solution.solver for solution in folder.solutions()} == {"fci", "ccsd"}
    assert {event.stage for event in events} == {"classical"}
    messages = [event.message for event in events]
    assert messages[0] == "ccsd"
    assert "ccsd, hartree-fock" in messages
    assert messages[-2:] == ["ccsd done", "fci of the earlier call is there"]


def test_solvers_that_are_missing_are_refused(
    folder: RunFolder, chain: Problem, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="solver 'dice' cannot be used here"):
        require_solvers(wanted("fci", "dice"))
    require_solvers(wanted())
    (fci,) = solve_references(chain, wanted("fci"), energy=ONE_THREAD).solutions
    object.__setattr__(fci, "solver", "dice")  # as if it had been there in an earlier call
    folder.keep_solutions((fci,))
    require_solvers(wanted("fci", "dice"), folder)


def test_details_that_json_lacks_are_left_out() -> None:
    assert _finite({"a": math.nan, "b": -math.inf, "c": 1, "d": "x", "e": 0.5}) == {"c": 1, "d": "x", "e": 0.5}
