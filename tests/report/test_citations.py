import dataclasses
import re

from kakehashi.report.citations import citations, format_bibtex


def test_bibtex_has_one_balanced_entry_per_work(any_result):
    works = citations(any_result)
    text = format_bibtex(works)
    assert len(re.findall(r"^@\w+\{\S+,$", text, flags=re.MULTILINE)) == len(works)
    if any_result.problem.startswith("N2"):
        assert text.count("{") == text.count("}")
    assert len({work.key for work in works}) == len(works)


def test_software_is_cited_with_version_and_year(build):
    software = citations(build())[0]
    assert dict(software.fields)["version"] == "0.1.0"
    assert dict(software.fields)["year"] == "2026"
    assert "year" not in dict(citations(build(provenance={}))[0].fields)
    assert "unreleased" in citations(build(provenance={}))[0].text


def test_classical_references_are_cited_for_what_pyscf_is_not(build, solutions):
    keys = [work.key for work in citations(build(classical=solutions))]
    assert keys[-3:] == ["PySCF2020", "Raghavachari1989", "Zhai2023"]
    plain = dataclasses.replace(solutions[0], solver="fci")
    assert citations(build(classical=(plain,))) == citations(build())


def test_works_have_an_address_that_matches_their_fields(build, solutions):
    dice = dataclasses.replace(solutions[0], solver="dice")
    for work in citations(build(classical=(*solutions, dice)))[1:]:
        fields = dict(work.fields)
        assert work.url.endswith(fields.get("doi", fields.get("eprint")))
        assert fields["title"].replace("{", "").replace("}", "") in work.text
        assert fields["year"] in work.text
