from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kakehashi.core.spec import parse_spec
from kakehashi.problem.identity import identify_problem
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.molecule import molecule_problem
from kakehashi.problem.spec import ProblemSpec
from kakehashi.workflow.identity import describe_problem


def test_what_is_not_of_the_library_is_described_by_its_identity() -> None:
    for problem in (hubbard(2, u=4.0, n_elec=(1, 1)), molecule_problem("H 0 0 0; H 0 0 1", basis="sto-3g")):
        assert describe_problem(problem) == identify_problem(problem)  # no table repeats it


@pytest.mark.parametrize(
    ("name", "parameters"), [("hydrogen-chain", {"n_atoms": 4, "basis": "sto-3g"}), ("hubbard-4x4", {"u_over_t": 2.0})]
)
def test_a_named_problem_is_described_by_the_table_that_makes_it_again(
    name: str, parameters: dict[str, float | str]
) -> None:
    problem = load_problem(name, **parameters)
    table = json.loads(json.dumps(describe_problem(problem)))
    again = parse_spec(ProblemSpec, table).build(base=Path())
    assert identify_problem(again) == identify_problem(problem)
    np.testing.assert_allclose(again.hamiltonian.one_body, problem.hamiltonian.one_body, atol=1e-12)
