"""``[circuit]`` as a user writes it."""

import numpy as np
import pytest

from kakehashi.circuit.spec import CircuitSpec
from kakehashi.core.errors import SpecError
from kakehashi.core.spec import parse_spec
from kakehashi.problem.model import Hamiltonian, Problem


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(4, 4, 4)) * 0.1
    factors = factors + factors.transpose(0, 2, 1)
    hamiltonian = Hamiltonian(one_body=np.diag(np.arange(4.0)), two_body=np.einsum("kpq,krs->pqrs", factors, factors))
    return Problem(name="random", hamiltonian=hamiltonian, n_elec=(2, 1))


def test_default_is_one_layer_of_lucj(problem):
    circuit = parse_spec(CircuitSpec, {}).build(problem)
    assert circuit.settings["ansatz"] == "lucj"
    assert circuit.operator.n_reps == 1
    assert circuit.n_elec == (2, 1)


def test_options_reach_the_circuit(problem):
    spec = parse_spec(CircuitSpec, {"n_layers": 2, "connectivity": "square"})
    circuit = spec.build(problem)
    assert circuit.operator.n_reps == 2
    assert circuit.settings["connectivity"] == "square"
    assert circuit.settings["optimize"] is False


@pytest.mark.slow
def test_fitting_reaches_the_circuit(problem):
    assert parse_spec(CircuitSpec, {"optimize": True}).build(problem).settings["optimize"] is True


def test_hartree_fock(problem):
    circuit = parse_spec(CircuitSpec, {"ansatz": "hartree-fock"}).build(problem)
    assert circuit.operator is None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"ansatz": "lucjj"}, "ansatz"),
        ({"n_layers": 0}, "n_layers"),
        ({"n_layers": "2"}, "n_layers"),
        ({"connectivity": "torus"}, "connectivity"),
        ({"layers": 2}, "did you mean 'n_layers'"),
    ],
)
def test_faults_are_named(table, message):
    with pytest.raises(SpecError, match=message):
        parse_spec(CircuitSpec, table)
