import pytest

from kakehashi.core.errors import DataError, InputError
from kakehashi.core.files import data_directories
from kakehashi.problem import library as module
from kakehashi.problem.library import find_reference, library, list_problems, load_problem
from kakehashi.problem.mean_field import hartree_fock_energy


def test_entries_describe_themselves():
    entries = list_problems()
    assert [entry.name for entry in entries] == sorted(library)
    for entry in entries:
        assert "\n" not in entry.description
        assert entry.n_qubits == 2 * entry.n_orb
        assert entry.references != "none"


@pytest.mark.parametrize("name", [name for name in library if name != "fe2s2"])
def test_what_an_entry_says_is_what_it_builds(name):
    problem, entry = load_problem(name), library[name]
    assert problem.name == name
    assert (problem.n_orb, problem.n_elec) == (entry.n_orb, entry.n_elec)
    assert problem.reference is not None
    # A variational energy of one determinant lies above any good reference.
    assert hartree_fock_energy(problem) > problem.reference.energy_hartree


def test_every_reference_belongs_to_a_problem_and_names_its_source():
    for name, rows in module._references().items():
        known = {parameter.name for parameter in library[name].parameters}
        for row in rows:
            assert set(row["parameters"]) <= known
            reference = find_reference(name, row["parameters"])
            assert reference.energy_hartree == row["energy_hartree"]
            assert reference.method
            assert "http" in reference.source or "doi:" in reference.source or "pyscf" in reference.source
            assert reference.uncertainty_hartree > 0


def test_other_parameters_have_no_reference():
    assert find_reference("n2-6-31g", {"bond_angstrom": 1.1}) is None
    assert find_reference("hydrogen-chain", {"basis": "6-31g"}) is None
    assert find_reference("hydrogen-chain", {"basis": "STO-3G"}) is not None
    assert load_problem("hydrogen-chain", n_atoms=4, spacing_angstrom=1.234).reference is None


def test_nitrogen_at_any_distance():
    problem = load_problem("n2-cc-pvdz-all-electron", bond_angstrom=3)
    assert problem.reference.energy_hartree == -108.9614962
    assert problem.settings["parameters"] == {"bond_angstrom": 3.0}
    assert problem.settings["geometry"][1] == ["N", [0.0, 0.0, 3.0]]


@pytest.mark.parametrize(
    ("n_atoms", "spacing"), [(4, 1.0), (4, 1.8), (6, 1.0), (6, 1.8), (8, 1.0), (8, 1.8), (10, 1.0)]
)
def test_references_of_the_hydrogen_chain_are_exact(fci_energy, n_atoms, spacing):
    problem = load_problem("hydrogen-chain", n_atoms=n_atoms, spacing_angstrom=spacing)
    assert fci_energy(problem) == pytest.approx(problem.reference.energy_hartree, abs=2e-9)


@pytest.mark.parametrize("u_over_t", [4.0, 8.0])
@pytest.mark.parametrize("n_elec", [(2, 2), pytest.param((3, 3), marks=pytest.mark.slow)])
def test_references_of_the_hubbard_lattice_are_exact(fci_energy, u_over_t, n_elec):
    problem = load_problem("hubbard-4x4", u_over_t=u_over_t, n_elec=n_elec)
    assert fci_energy(problem) == pytest.approx(problem.reference.energy_hartree, abs=1e-5)


def test_an_odd_hydrogen_chain_is_a_doublet():
    assert load_problem("hydrogen-chain", n_atoms=3).n_elec == (2, 1)


def test_the_iron_sulfur_cluster_comes_from_the_data_folder():
    if not any((folder / "fe2s2.fcidump").is_file() for folder in data_directories()):
        pytest.skip("fe2s2.fcidump is in no data folder (KAKEHASHI_DATA)")
    problem = load_problem("fe2s2")
    assert (problem.n_orb, problem.n_elec) == (20, (15, 15))
    assert problem.reference.energy_hartree == -116.60560912
    assert problem.settings["sha256"] == module.FE2S2_SHA256


def test_a_wrong_iron_sulfur_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "fe2s2.fcidump").write_text("&FCI NORB=20,NELEC=30 /\n")
    monkeypatch.setenv("KAKEHASHI_DATA", str(tmp_path))
    with pytest.raises(DataError, match="SHA-256"):
        load_problem("fe2s2")


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("n2-631g", {}, "no problem 'n2-631g'; did you mean 'n2-6-31g'"),
        ("n2-6-31g", {"bond_angstroms": 1.0}, "no parameter 'bond_angstroms'; did you mean 'bond_angstrom'"),
        ("fe2s2", {"charge": 1}, "no parameter 'charge'; it has none"),
        ("n2-6-31g", {"bond_angstrom": "1"}, "'bond_angstrom' must be a number, such as 1.0, but is '1'"),
        ("n2-6-31g", {"bond_angstrom": True}, "must be a number"),
        ("n2-6-31g", {"bond_angstrom": -1.0}, "must be positive"),
        ("n2-6-31g", {"bond_angstrom": float("nan")}, "must be a number"),
        ("hydrogen-chain", {"n_atoms": 2.5}, "'n_atoms' must be a whole number"),
        ("hydrogen-chain", {"n_atoms": 0}, "at least one atom"),
        ("hydrogen-chain", {"basis": 3}, "'basis' must be text"),
        ("hydrogen-chain", {"basis": "no-such"}, "no basis set 'no-such' for H"),
        ("hubbard-4x4", {"n_elec": (1, 2, 3)}, "'n_elec' must be two whole numbers"),
        ("hubbard-4x4", {"n_elec": (17, 1)}, "17 alpha electrons do not fit"),
        ("hubbard-4x4", {"basis": "momentum"}, "'site' or 'standing_wave'"),
    ],
)
def test_wrong_names_and_parameters(name, parameters, message):
    with pytest.raises(InputError, match=message):
        load_problem(name, **parameters)
