from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from kakehashi.core.identity import identify
from kakehashi.problem.identity import identify_problem
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Hamiltonian, Problem


def by_hand(*, constant: float = 0.0, coupling: float = -1.0) -> Problem:
    """Integrals that nobody can look up."""
    one_body = np.array([[0.0, coupling], [coupling, 0.0]])
    hamiltonian = Hamiltonian(one_body=one_body, two_body=np.zeros((2,) * 4), constant=constant)
    return Problem(name="mine", hamiltonian=hamiltonian, n_elec=(1, 1))


def test_the_last_digits_of_computed_integrals_make_no_other_run() -> None:
    problem = load_problem("hydrogen-chain", n_atoms=2)
    nudged = dataclasses.replace(
        problem, hamiltonian=dataclasses.replace(problem.hamiltonian, constant=problem.hamiltonian.constant + 1e-13)
    )
    assert identify_problem(nudged) == identify_problem(problem)


@pytest.mark.parametrize("changes", [{"n_atoms": 4}, {"spacing_angstrom": 1.1}, {"basis": "6-31g"}])
def test_other_parameters_are_another_run(changes: dict[str, int | float | str]) -> None:
    one, other = (load_problem("hydrogen-chain", **{"n_atoms": 2} | more) for more in ({}, changes))
    assert identify(identify_problem(one)) != identify(identify_problem(other))


@pytest.mark.parametrize(
    "other",
    [
        by_hand(constant=0.5),
        by_hand(coupling=-1.5),
        dataclasses.replace(by_hand(), n_elec=(2, 0)),
        dataclasses.replace(by_hand(), name="other"),
    ],
)
def test_other_integrals_electrons_or_names_are_another_run(other: Problem) -> None:
    assert identify(identify_problem(by_hand())) != identify(identify_problem(other))


def test_the_same_integrals_are_the_same_run() -> None:
    assert identify_problem(by_hand()) == identify_problem(by_hand())
    assert set(identify_problem(by_hand())) == {"name", "n_elec", "integrals_sha256", "constant_hartree"}


def test_an_identity_is_plain_json() -> None:
    for problem in (by_hand(), load_problem("hydrogen-chain", n_atoms=2)):
        assert json.loads(json.dumps(identify_problem(problem))) == identify_problem(problem)
