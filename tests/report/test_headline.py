from kakehashi.problem.model import Reference
from kakehashi.report.headline import make_facts, make_headline


def pills(headline):
    return [pill["text"] for pill in headline["pills"]]


def test_the_samples_alone_are_an_upper_bound(build):
    headline = make_headline(build())
    assert (headline["label"], headline["energy"], headline["interval"]) == ("Ground-state energy", "−109.04590000", "")
    assert (headline["error"], headline["against"]) == ("0.772 mHa", "above FCI")
    assert headline["remark"].startswith("Variational: an upper bound on the exact energy. Reference: −109.04667178")


def test_an_estimate_has_its_interval(build, build_selected):
    headline = make_headline(build(selected=build_selected()))
    assert (headline["energy"], headline["interval"]) == ("−109.04664900", "±0.100 mHa")
    assert headline["error"] == "0.023 mHa"
    assert "Upper bound: −109.04523900, from 12,801 determinants of natural orbitals" in headline["remark"]
    assert "no error bar" not in pills(headline)


def test_without_an_error_bar_the_lowest_bound_stands_there(build, build_selected):
    headline = make_headline(build(selected=build_selected(last=3)))
    assert headline["label"] == "Upper bound on the ground-state energy"
    assert headline["energy"] == "−109.04590000"
    assert headline["interval"] == ""
    assert pills(headline)[0] == "no error bar"
    assert headline["remark"].startswith("No error bar: only 3 of the spaces")


def test_an_estimate_below_the_reference_accuses_nobody(build, build_selected):
    reference = Reference(energy_hartree=-109.0466, method="HCI", source="")
    headline = make_headline(build(selected=build_selected(), reference=reference))
    assert headline["against"] == "below HCI"
    assert "not exact for this Hamiltonian" not in headline["remark"]
    assert "not exact for this Hamiltonian" in make_headline(build(energy_hartree=-109.047))["remark"]


def test_facts_are_those_of_the_best_space(build, build_selected):
    facts = {fact["label"]: fact for fact in make_facts(build(selected=build_selected()))}
    assert (facts["Determinants"]["value"], facts["Determinants"]["note"]) == (
        "12,801",
        "and 4,000,000 from the samples alone",
    )
    assert facts["⟨S²⟩"]["value"] == "0.0010"
    assert make_facts(build())[0]["note"] == "21.0 % of the full space"


def test_an_eigensolver_that_stopped_is_seen(build, build_selected):
    assert "eigensolver not converged" in pills(make_headline(build(selected=build_selected(converged=False))))
