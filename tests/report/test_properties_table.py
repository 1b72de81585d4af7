import pytest

from kakehashi.report.properties_table import (
    atom_table,
    describe_fractional,
    describe_spins,
    format_component,
    fractional_occupations,
    spin_atoms,
    state_table,
)


def test_fractional_occupations_are_listed_while_they_are_few(build_properties):
    assert fractional_occupations(build_properties()) == [1.84, 0.16]
    assert describe_fractional(build_properties()) == "1.84, 0.16"
    occupations = (1.5, 1.4, 1.3, 1.2, 0.8, 0.7, 0.6, 0.5, *[0.0] * 8)
    assert describe_fractional(build_properties(natural_occupations=occupations)) == "from 1.50 to 0.50"
    assert describe_fractional(build_properties(natural_occupations=(2.0,) * 5 + (0.0,) * 11)) == ""


def test_spins_are_listed_by_size_and_the_smallest_counted(build_properties):
    spins = (0.005, -0.4, 1.0, 0.5, -0.3, 0.2, 0.1, 0.05, 0.02)
    atoms = tuple(f"H{index}" for index in range(1, 10))
    state = build_properties(atoms=atoms, spin_populations=spins, atomic_charges=None)
    assert [atom for atom, _ in spin_atoms(state)] == ["H3", "H4", "H2", "H5", "H6", "H7", "H8", "H9"]
    assert describe_spins(state) == "H3 +1.00, H4 +0.50, H2 -0.40, H5 -0.30, H6 +0.20, H7 +0.10 and 2 more"
    unknown = build_properties(atoms=(), spin_populations=None, atomic_charges=None)
    assert (spin_atoms(unknown), describe_spins(unknown)) == ([], "")


@pytest.mark.parametrize(("value", "text"), [(0.00049, "0.000"), (-0.00049, "0.000"), (-0.0006, "-0.001")])
def test_zero_has_no_sign(value, text):
    assert format_component(value) == text


def test_each_state_has_a_column(pair, build_selected, build_properties):
    table = state_table(pair)
    assert table.columns == ("", "Ground state", "State 1")
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["Dipole moment (debye)"] == ("0.000", "5.000")
    assert rows["along y"] == ("0.000", "-3.000")
    assert rows["Their occupations"] == ("1.84, 0.16", "1.84, 0.16")
    assert all(len(row) == 3 for row in table.rows)
    unknown = build_properties(dipole_debye=None, atoms=(), spin_populations=None, atomic_charges=None)
    bare = build_selected(properties=(unknown,))
    assert [row[0] for row in state_table(bare).rows] == ["Unpaired electrons", "Open orbitals", "Their occupations"]
    assert atom_table(bare) is None


def test_each_atom_has_a_row_with_spins_where_there_are_any(pair, build_selected):
    assert atom_table(build_selected()).columns == ("Atom", "Charge")
    table = atom_table(pair)
    assert table.columns == ("Atom", "Charge, ground state", "Spin, ground state", "Charge, state 1", "Spin, state 1")
    assert table.rows == (("N1", "+0.100", "+0.500", "+0.100", "0.000"), ("N2", "-0.100", "+1.500", "-0.100", "0.000"))
