import pytest

from kakehashi.core.errors import InputError, MissingDependencyError
from kakehashi.energy.dmrg import has_block2
from kakehashi.energy.solvers import SOLVERS, make_solver, require_solver, usable_solvers
from kakehashi.problem.library import load_problem


def test_every_solver_knows_its_own_name():
    assert set(SOLVERS) == {"fci", "ccsd", "ccsd(t)", "dmrg", "dice", "sbd"}
    for name in SOLVERS:
        assert make_solver(name).name == name


def test_a_wrong_name_gets_a_hint():
    with pytest.raises(InputError, match=r"There is no solver 'ccsdt'; did you mean 'ccsd"):
        make_solver("ccsdt")


def test_capitals_and_options():
    assert make_solver("CCSD(T)", max_cycles=7).max_cycles == 7
    assert make_solver("ccsd", max_cycles=7).triples is False


def test_what_is_usable_here_can_be_used():
    problem = load_problem("hydrogen-chain", n_atoms=2)
    found = {entry.name: entry for entry in usable_solvers()}
    assert set(found) == set(SOLVERS)
    assert found["fci"].usable
    assert found["dmrg"].usable == has_block2()
    energies = {
        name: make_solver(name, **({} if name == "dice" else {"n_threads": 1})).solve(problem).energy_hartree
        for name, entry in found.items()
        if entry.usable
    }
    for energy in energies.values():
        assert abs(energy - energies["fci"]) < 1e-5


def test_what_is_missing_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {entry.name: entry for entry in usable_solvers()}
    assert not found["dice"].usable
    assert found["dice"].text == "there is no program 'Dice' on the PATH"
    with pytest.raises(MissingDependencyError, match="solver 'dice' cannot be used here: there is no program 'Dice'"):
        require_solver("dice")
    require_solver("FCI")
    with pytest.raises(InputError, match="did you mean 'dice'"):
        require_solver("dicce")
    (tmp_path / "sbd").write_text("#!/bin/sh\n")
    (tmp_path / "sbd").chmod(0o755)
    assert {entry.name for entry in usable_solvers() if entry.usable} >= {"fci", "sbd"}
