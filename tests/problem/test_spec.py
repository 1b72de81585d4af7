import tomllib
from pathlib import Path

import pytest

from kakehashi.core.errors import InputError, SpecError
from kakehashi.core.spec import parse_spec
from kakehashi.problem.fcidump import write_fcidump
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import list_problems
from kakehashi.problem.spec import ProblemSpec


def spec(text):
    return parse_spec(ProblemSpec, tomllib.loads(text), source="run.toml")


@pytest.mark.parametrize(
    ("text", "n_orb", "n_elec"),
    [
        ('name = "hydrogen-chain"\nn_atoms = 4\nspacing_angstrom = 2', 4, (2, 2)),
        ('name = "hubbard-4x4"\nu_over_t = 2\nn_elec = [3, 2]\nbasis = "site"', 16, (3, 2)),
        ('molecule = { geometry = "H 0 0 0; H 0 0 1", basis = "6-31g" }', 4, (1, 1)),
        (
            '[molecule]\ngeometry = """\nO 0 0 0\nH 0 0 1\n"""\nbasis = "sto-3g"\ntwo_s = 1\nactive_space = [5, 4]',
            4,
            (3, 2),
        ),
        (
            '[molecule]\ngeometry = "Li 0 0 0; H 0 0 1.6"\nbasis = { Li = "sto-3g", H = "6-31g" }\n'
            "frozen_core = 1\nsymmetry = false",
            6,
            (1, 1),
        ),
        (
            '[molecule]\ngeometry = "H 0 0 0; H 0 0 1"\nbasis = "6-31g"\ncharge = -1\ntwo_s = 1\n'
            'active_orbitals = [0, 1, 3]\nunit = "bohr"',
            3,
            (2, 1),
        ),
        ("hubbard = { n_x = 3, n_y = 2, u = 4, n_elec = [3, 3], periodic = [true, false] }", 6, (3, 3)),
        (
            "anderson = { u = 4, epsilon = 0, hybridisation = [1, 0.5], bath = [0, 1.0], n_elec = [2, 1] }",
            3,
            (2, 1),
        ),
    ],
)
def test_every_kind_of_problem(text, n_orb, n_elec):
    problem = spec(text).build(base=Path())
    assert (problem.n_orb, problem.n_elec) == (n_orb, n_elec)


def test_paths_start_at_the_folder_of_the_spec(tmp_path):
    write_fcidump(hubbard(3, u=1.0, n_elec=(1, 1)), tmp_path / "ring.fcidump")
    (tmp_path / "h2.xyz").write_text("2\n\nH 0 0 0\nH 0 0 1\n")
    assert spec('fcidump = "ring.fcidump"').build(base=tmp_path).n_orb == 3
    problem = spec('molecule = { xyz = "h2.xyz", basis = "sto-3g" }').build(base=tmp_path)
    assert (problem.name, problem.n_orb) == ("h2", 2)
    with pytest.raises(InputError, match=r"elsewhere.ring.fcidump: there is no such file"):
        spec('fcidump = "ring.fcidump"').build(base=tmp_path / "elsewhere")


def test_every_parameter_of_a_named_problem_can_be_written():
    for entry in list_problems():
        assert {parameter.name for parameter in entry.parameters} <= set(ProblemSpec.model_fields)


def test_a_spec_survives_json():
    original = spec('name = "hubbard-4x4"\nn_elec = [3, 2]')
    assert ProblemSpec.model_validate_json(original.model_dump_json()) == original


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "exactly one of name, fcidump, molecule, hubbard, anderson, but got none of them"),
        ('name = "n2-6-31g"\nfcidump = "x"', "but got name and fcidump"),
        ('fcidump = "x"\nbond_angstrom = 1.0', "bond_angstrom belongs to a named problem, not to fcidump"),
        ('nam = "n2-6-31g"', "unknown key 'nam'; did you mean 'name'"),
        ("name = 3", "'name'"),
        ('name = "n2-6-31g"\nbond_angstrom = "1"', "'bond_angstrom'"),
        ('[molecule]\nbasis = "sto-3g"', "'molecule': give either geometry or xyz"),
        ('[molecule]\ngeometry = "H 0 0 0"', "'molecule.basis' is missing"),
        ('[molecule]\nxyz = "x"\nunit = "bohr"\nbasis = "sto-3g"', "an XYZ file is in angstrom"),
        (
            '[molecule]\ngeometri = "x"\nbasis = "sto-3g"',
            "'molecule.geometri'; did you mean 'geometry'",
        ),
        ('[molecule]\ngeometry = "x"\nbasis = "sto-3g"\nactive_space = [2]', "'molecule.active_space"),
        ("hubbard = { n_x = 4.5, u = 1, n_elec = [1, 1] }", "'hubbard.n_x'"),
        ("hubbard = { n_x = 4, u = 1, n_elec = [1, 1.5] }", "entry 2 of 'hubbard.n_elec'"),
        ('hubbard = { n_x = 4, u = 1, n_elec = [1, 1], basis = "momentum" }', "'hubbard.basis'"),
    ],
)
def test_faults_are_said_in_words(text, message):
    with pytest.raises(SpecError, match=message) as caught:
        spec(text)
    assert str(caught.value).startswith("run.toml: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "n2-6-31g"\nn_atoms = 3', "The problem 'n2-6-31g' has no parameter 'n_atoms'"),
        ('name = "water"', "There is no problem 'water'"),
        ('molecule = { geometry = "H 0 0 0", basis = "sto-3g" }', "1 electrons cannot have two_s = 0"),
    ],
)
def test_what_only_shows_when_it_is_built(text, message):
    with pytest.raises(InputError, match=message):
        spec(text).build(base=Path())
