import dataclasses

from kakehashi.problem.model import Reference
from kakehashi.report.example import example_processor
from kakehashi.report.summary import describe_orbitals, is_converged, summary_rows


def by_label(result):
    return {row.label: row for row in summary_rows(result)}


def test_summary_of_n2(build):
    rows = by_label(build())
    assert (rows["Energy"].value, rows["Energy"].unit) == ("-109.04590000", "hartree")
    assert (rows["Reference"].value, rows["Reference"].note) == ("-109.04667178", "FCI; arXiv:2405.05068")
    assert (rows["Error"].value, rows["Error"].unit) == ("+0.772", "mHa")
    assert rows["Hartree-Fock"].note == "+211 mHa from this run"
    assert rows["Control: random strings"].note == "+190 mHa from this run; 4,000,000 determinants"
    assert rows["Determinants"].note == "2,000 alpha × 2,000 beta strings; 21.0 % of the full space"
    assert (rows["⟨S²⟩"].value, rows["⟨S²⟩"].note) == ("0.0000", "a pure singlet has 0")
    assert rows["Eigensolver converged"].value == "yes"
    assert rows["Wall time"].value == "2 min 10 s"
    assert rows["Peak memory"].value == "1.4 GiB"


def test_summary_without_reference_and_control(build):
    rows = by_label(build(reference=None, control=None, converged=False))
    assert "Reference" not in rows
    assert "Error" not in rows
    assert (rows["Control"].value, rows["Eigensolver converged"].value) == ("none", "no")


def test_summary_shows_what_there_is_more(build):
    control = dataclasses.replace(build().control, loop_energy_hartree=-109.0431)
    reference = Reference(energy_hartree=-109.04667, method="HCI", source="", uncertainty_hartree=2e-5)
    rows = by_label(
        build(control=control, reference=reference, root_energies_hartree=(-109.0459, -108.7), n_elec=(6, 4))
    )
    assert rows["Control: loop on random bits"].note == "+2.80 mHa from this run"
    assert rows["Root 1"].note == "+346 mHa above the ground state"
    assert rows["Error"].note == "the reference itself is certain to 0.02 mHa"
    assert rows["Reference"].note == "HCI"
    assert rows["⟨S²⟩"].note == "a pure triplet has 2"


def test_an_estimate_comes_first_and_then_what_is_certain(build, build_selected):
    rows = summary_rows(build(selected=build_selected()))
    assert [row.label for row in rows[:9]] == [
        "Estimate",
        "95 % interval",
        "Error of the estimate",
        "Selected CI",
        "Second-order energy",
        "⟨S²⟩ of selected CI",
        "Open orbitals",
        "Dipole moment",
        "Samples alone",
    ]
    assert (rows[1].value, rows[1].unit) == ("±0.100", "mHa")
    assert (rows[2].value, rows[2].note) == ("+0.023", "FCI is inside the interval")
    assert rows[3].note == ("variational: an upper bound; 12,801 determinants of natural orbitals; +1.43 mHa from FCI")
    assert (rows[4].value, rows[4].note) == ("-1.41", "of what lies outside; ±0.002 mHa statistical")
    assert rows[6].note == "natural occupations 1.84, 0.16; 0.54 unpaired electrons"
    assert (rows[7].value, rows[7].unit) == ("0.000", "debye")
    assert rows[8].value == "-109.04590000"


def test_an_interval_that_misses_the_reference_says_so(build, build_selected):
    reference = Reference(energy_hartree=-109.05, method="DMRG", source="")
    rows = by_label(build(selected=build_selected(), reference=reference))
    assert rows["Error of the estimate"].note == "DMRG is outside the interval"
    near = dataclasses.replace(reference, uncertainty_hartree=0.004)
    assert by_label(build(selected=build_selected(), reference=near))["Error of the estimate"].note == (
        "DMRG is inside the interval"
    )


def test_without_an_error_bar_only_the_bound_is_certain(build, build_selected):
    rows = summary_rows(build(selected=build_selected(last=3)))
    assert (rows[0].label, rows[0].value) == ("Upper bound", "-109.04590000")  # the samples' is lower here
    assert rows[0].note.startswith("certain, but no error bar: only 3 of the spaces")
    assert "Estimate" not in {row.label for row in rows}
    assert not any("95 %" in row.label for row in rows)


def test_an_interval_that_is_cut_at_the_bound_says_so(build, build_selected):
    selected = build_selected()
    bound = selected.last.energy_hartree
    cut = dataclasses.replace(
        selected.estimate, energy_hartree=bound - 1e-4, low_hartree=bound - 1e-3, high_hartree=bound
    )
    row = by_label(build(selected=dataclasses.replace(selected, estimates=(cut,))))["95 % interval"]
    assert row.value == "−0.900 / +0.100"
    assert row.note == "it ends at the variational energy, which is an upper bound"


def test_each_further_state_has_a_row(build, pair):
    row = by_label(build(selected=pair))["State 1"]
    assert row.note == "±0.100 mHa; +100.0 mHa above the ground state; ⟨S²⟩ 0.0010"


def test_orbitals_are_described(build_selected):
    assert describe_orbitals(build_selected(orbitals="given")) == "the given orbitals"
    assert describe_orbitals(build_selected()) == "natural orbitals"


def property_rows(build, build_selected, properties):
    return by_label(build(selected=build_selected(properties=(properties,))))


def test_open_orbitals_are_counted(build, build_selected, build_properties):
    many = build_properties(natural_occupations=(1.5, 1.4, 1.3, 1.2, 0.8, 0.7, 0.6, 0.5, *[0.0] * 8), n_unpaired=5.2)
    row = property_rows(build, build_selected, many)["Open orbitals"]
    assert (row.value, row.note) == ("8", "natural occupations from 1.50 to 0.50; 5.20 unpaired electrons")
    closed = build_properties(natural_occupations=(2.0,) * 5 + (0.0,) * 11, n_unpaired=0.0)
    row = property_rows(build, build_selected, closed)["Open orbitals"]
    assert row.note == "all natural occupations are near 0 or 2; 0.00 unpaired electrons"


def test_a_dipole_moment_has_its_components(build, build_selected, build_properties):
    rows = property_rows(build, build_selected, build_properties(dipole_debye=(0.0, -3.0, 4.0)))
    assert rows["Dipole moment"].value == "5.000"
    assert rows["Dipole moment"].note.startswith("(0.000, -3.000, +4.000) along x, y, z")
    unknown = build_properties(dipole_debye=None, atoms=(), spin_populations=None, atomic_charges=None)
    assert {"Dipole moment", "Atoms with spin"}.isdisjoint(property_rows(build, build_selected, unknown))


def test_atoms_have_a_row_only_where_they_have_spin(build, build_selected, build_properties):
    rows = property_rows(build, build_selected, build_properties(spins=(0.009, -1.2)))
    assert rows["Atoms with spin"].value == "1"
    assert rows["Atoms with spin"].note == "alpha minus beta electrons: N2 -1.20"
    assert "Atoms with spin" not in property_rows(build, build_selected, build_properties(spins=(0.009, -0.009)))


def test_each_classical_reference_has_a_row(build, solutions):
    rows = by_label(build(classical=solutions))
    assert (rows["CCSD(T)"].value, rows["CCSD(T)"].unit) == ("-109.04535893", "hartree")
    assert rows["CCSD(T)"].note == "classical; +1.31 mHa from FCI; not variational; 0.520 s"
    assert "not converged" in rows["DMRG"].note
    assert "CCSD(T)" not in by_label(build())


def test_a_result_is_converged_where_all_its_spaces_are(build, build_selected):
    assert is_converged(build(selected=build_selected()))
    assert not is_converged(build(selected=build_selected(converged=False)))
    assert not is_converged(build(converged=False))


def test_a_processor_has_two_rows(build):
    rows = by_label(build(processor=example_processor()))
    assert rows["Processor"].value == "riken-64"
    assert rows["Processor"].note.endswith("6 two-qubit gates, 1.5 µs")
    assert rows["Shots without any error"].value == "78.0 %"
    given = dataclasses.replace(example_processor(), placement=None, error_budget={})
    rows = by_label(build(processor=given))
    assert "gates" not in rows["Processor"].note + rows["Shots without any error"].note
    assert "Processor" not in by_label(build())
