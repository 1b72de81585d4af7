"""The example's numbers are those that PySCF gives for the molecule that it names."""

from __future__ import annotations

import jsonschema
import numpy as np
import pytest
from pyscf import ao2mo, fci, gto, scf

from kakehashi.core.identity import identify
from kakehashi.report.document import read_json, write_json
from kakehashi.report.example import example_ledger, example_result, example_selected
from kakehashi.report.properties import StateProperties
from kakehashi.report.schema import read_schema
from kakehashi.report.verdict import judge


@pytest.fixture(scope="module")
def mean_field():
    return scf.RHF(gto.M(atom="H 0 0 0; H 0 0 0.7414", basis="sto-3g", verbose=0)).run(conv_tol=1e-12)


def test_energies_and_occupations_are_pyscfs(mean_field):
    result = example_result()
    solver = fci.FCI(mean_field)
    energy, vector = solver.kernel()
    occupations = np.diag(solver.make_rdm1s(vector, 2, (1, 1))[0])
    assert result.hartree_fock_hartree == pytest.approx(mean_field.e_tot, abs=1e-8)
    assert result.energy_hartree == pytest.approx(energy, abs=1e-8)
    np.testing.assert_allclose(result.occupancies, [occupations] * 2, atol=1e-8)


def test_its_parts_agree():
    result = example_result()
    assert result.run_id == identify(result.spec)
    assert result.size_curve[0].energy_hartree == result.hartree_fock_hartree
    assert {result.energy_hartree} == {
        result.size_curve[-1].energy_hartree,
        result.iterations[-1].energy_hartree,
        result.reference.energy_hartree,
        result.control.energy_hartree,
    }
    assert result.n_determinants == result.n_alpha_strings * result.n_beta_strings
    np.testing.assert_allclose(result.occupancies.sum(axis=1), result.n_elec)
    assert result.sampling.sampled_histogram.sum() == result.sampling.n_in_sector
    assert result.wall_s == pytest.approx(sum(result.stage_s.values()))


def test_selected_ci_and_ledger_have_the_same_energies(mean_field):
    selected, ledger = example_selected(), example_ledger()
    first, last = selected.rungs[0]
    one = mean_field.mo_coeff.T @ mean_field.get_hcore() @ mean_field.mo_coeff
    two = ao2mo.restore(1, ao2mo.kernel(mean_field.mol, mean_field.mo_coeff), 2)
    # Two electrons in the upper orbital, and what couples them to two in the lower one.
    upper = 2 * one[1, 1] + two[1, 1, 1, 1] + mean_field.mol.energy_nuc()
    second_order = two[0, 1, 0, 1] ** 2 / (mean_field.e_tot - upper)
    assert first.second_order_hartree == pytest.approx(second_order, abs=1e-7)
    assert first.energy_hartree == pytest.approx(mean_field.e_tot, abs=1e-8)
    assert last.energy_hartree == selected.estimate.energy_hartree == example_result().energy_hartree
    assert sum(selected.natural_occupations) == pytest.approx(2.0)
    assert ledger.lowest_hartree == example_result().energy_hartree
    assert ledger.n_in_sector == example_result().sampling.n_in_sector


def test_its_properties_and_its_coupled_cluster_are_those_of_the_molecule():
    from kakehashi.energy.coupled_cluster import CoupledCluster
    from kakehashi.energy.properties import properties_of
    from kakehashi.problem.molecule import molecule_problem

    problem = molecule_problem("H 0 0 0; H 0 0 0.7414", basis="sto-3g")
    found = StateProperties.of(properties_of(problem, [np.diag(row) for row in example_result().occupancies]))
    (state,) = example_selected().properties
    for name in ("natural_occupations", "dipole_debye", "spin_populations", "atomic_charges", "spin_density"):
        assert getattr(state, name) == pytest.approx(getattr(found, name), abs=1e-8), name
    assert state.n_unpaired == pytest.approx(found.n_unpaired)
    assert state.atoms == found.atoms
    (classical,) = example_result().classical
    assert CoupledCluster(n_threads=1).solve(problem).energy_hartree == pytest.approx(
        classical.energy_hartree, abs=1e-8
    )


def test_it_is_a_result_like_any_other(tmp_path):
    jsonschema.validate(example_result().to_json(), read_schema())
    write_json(example_result(), tmp_path / "result.json")
    assert read_json(tmp_path / "result.json") == example_result()
    assert judge(example_result()).text


def test_each_call_makes_a_new_one():
    one, other = example_result(), example_result()
    assert one == other
    assert one.occupancies is not other.occupancies
