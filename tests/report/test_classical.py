import dataclasses

from kakehashi.report.classical import classical_base, classical_table, describe_solution


def test_energies_are_measured_from_the_best_that_is_known(build, build_selected):
    assert classical_base(build(selected=build_selected())) == (-109.046671778, "FCI")
    assert classical_base(build(selected=build_selected(), reference=None)) == (-109.046649, "the estimate")
    untrusted = build(selected=build_selected(last=3), reference=None)
    assert classical_base(untrusted) == (-109.0459, "the lowest variational energy")


def test_a_solution_says_how_far_to_trust_it(build, solutions):
    ccsdt, dmrg = solutions
    assert describe_solution(build(), ccsdt) == "classical; +1.31 mHa from FCI; not variational; 0.520 s"
    assert describe_solution(build(), dmrg) == (
        "classical; -0.028 mHa from FCI; upper bound -109.04660000; 95 % interval −0.200 / +0.100 mHa; not converged; "
        "1 min 15 s"
    )
    exact = dataclasses.replace(ccsdt, variational_hartree=ccsdt.energy_hartree)
    assert "variational: an upper bound" in describe_solution(build(), exact)


def test_every_solution_has_a_row(build, solutions):
    table = classical_table(build(classical=solutions))
    assert table.columns[2] == "Above FCI (mHa)"
    assert table.rows == (
        ("CCSD(T)", "-109.04535893", "+1.31", "–", "–", "–", "yes", "0.520 s"),
        ("DMRG", "-109.04670000", "-0.028", "−0.200 / +0.100", "-109.04660000", "0.0000", "no", "1 min 15 s"),
    )
    assert classical_table(build()).rows == ()
