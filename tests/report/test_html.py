import itertools
import json
import re
import tomllib
from html.parser import HTMLParser

import pytest

from kakehashi.core.errors import InputError
from kakehashi.report.document import read_json
from kakehashi.report.example import example_processor
from kakehashi.report.html import render_fragment, render_html, write_report

VOID = {"meta", "link", "br", "img", "hr"}
REQUESTING = {"src", "srcset", "data", "poster", "action", "formaction", "background", "ping", "manifest"}


class Page(HTMLParser):
    """What a page is made of: tags with their attributes, and its text by tag."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, *names):
        return [attributes for tag, attributes in self.tags if tag in names]

    def words(self):
        return " ".join(data for tag, data in self.texts if tag not in ("style",))


PAGES = {}


@pytest.fixture
def page(any_result):
    key = id(any_result)  # the cases live as long as the tests, and a page takes a while
    if key not in PAGES:
        PAGES[key] = Page(render_html(any_result))
    return PAGES[key]


def test_page_asks_for_nothing(page):
    policy = next(a["content"] for a in page.all("meta") if "http-equiv" in a)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    for tag, attributes in page.tags:
        assert tag not in {"script", "iframe", "object", "embed", "img", "base", "form", "video", "audio"}
        assert not REQUESTING & attributes.keys(), tag
        assert not any(name.startswith("on") for name in attributes), tag
        reference = attributes.get("href") or attributes.get("xlink:href") or ""
        if tag == "a":
            assert reference.startswith("https://")
        elif tag == "link":
            assert reference == "data:,"
        else:
            assert reference == "" or reference.startswith("#")
        assert not re.search(r"url\((?!#)", attributes.get("style", ""))
    css = "".join(data for tag, data in page.texts if tag == "style")
    assert "@import" not in css
    assert "url(" not in css


def test_names_are_used_once_and_exist(page):
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    for _, attributes in page.tags:
        for key in ("aria-labelledby", "href", "xlink:href"):
            value = attributes.get(key, "")
            if key == "aria-labelledby" and value:
                assert value in names
            elif value.startswith("#"):
                assert value[1:] in names


def test_page_is_well_made(page, any_result):
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in itertools.pairwise(headings))
    figures = [attributes for attributes in page.all("svg") if attributes.get("role") == "img"]
    more = (any_result.selected is not None) + (any_result.ledger is not None)
    if any_result.processor is not None:
        more += 1 + (any_result.processor.chip is not None)
    assert len(figures) == len(page.all("figcaption")) == 4 + more
    assert all(attributes["aria-labelledby"] for attributes in figures)
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")


def test_page_says_what_was_found(page, any_result):
    words = page.words()
    assert f"{any_result.energy_hartree:.8f}" in words
    assert any_result.problem in words
    for warning in any_result.warnings:
        assert warning in words
    assert ("eigensolver not converged" in words) == (not any_result.converged)
    assert "What the quantum part contributed" in words
    assert "@software{kakehashi," in words
    assert "10.1126/sciadv.adu9991" in words


def test_hostile_names_stay_text(page):
    assert not page.all("script", "img")


def test_headline_with_reference(build):
    words = Page(render_html(build())).words()
    assert "0.772 mHa above FCI" in re.sub(r"\s+", " ", words)
    assert "within 1 kcal/mol of the reference" in words
    assert "within 1 kcal/mol" not in Page(render_html(build(energy_hartree=-109.0))).words().replace("1 kcal/mol ", "")


def test_headline_without_reference(build):
    words = Page(render_html(build(reference=None))).words()
    assert "No reference is known" in words
    assert "the last turn of the loop changed it by -3.02 mHa" in words


def test_energy_below_the_reference_is_called_by_its_name(build):
    words = re.sub(r"\s+", " ", Page(render_html(build(energy_hartree=-109.0467))).words())
    assert "0.028 mHa below FCI" in words
    assert "the reference is not exact for this Hamiltonian" in words


def test_settings_repeat_the_run(build):
    result = build()
    page = Page(render_html(result))
    blocks = [data for tag, data in page.texts if tag == "pre"]
    assert tomllib.loads(blocks[0]) == result.spec
    assert blocks[1] == "kakehashi run n2-6-31g-10e-16o.toml"


def test_seed_that_the_spec_lacks_is_given(build):
    assert "kakehashi run n2-6-31g-10e-16o.toml --set seed=7" in render_html(build(spec={"problem": "n2"}))


def test_settings_that_toml_cannot_hold_are_shown_as_json(build):
    page = Page(render_html(build(spec={"a": [None]})))
    blocks = [data for tag, data in page.texts if tag == "pre"]
    assert json.loads(blocks[0]) == {"a": [None]}


def test_shots_from_elsewhere_need_no_simulator_cited(build, build_sampling):
    words = Page(render_html(build(sampling=build_sampling(device="file")))).words()
    assert "ffsim: Faster" not in words
    assert "RobledoMoreno2025" in words


def test_report_and_numbers_lie_beside_each_other(build, tmp_path):
    result = build()
    path = write_report(result, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "report.html"
    assert path.read_text(encoding="utf-8") == render_html(result)
    assert read_json(path.with_name("result.json")) == result
    assert sorted(item.name for item in path.parent.iterdir()) == ["report.html", "result.json"]


def test_folder_that_cannot_be_written_is_named(build, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_report(build(), tmp_path / "file" / "out")


@pytest.mark.parametrize("case", ["plain", "nothing to compare", "open shell and long warnings", "hostile names"])
def test_fragment_stands_alone_in_a_notebook(cases, case):
    page = Page(render_fragment(cases[case]))
    assert not page.all("script", "link", "style", "img", "a")
    assert len(page.all("svg")) == 2
    assert cases[case].problem in page.words()


def test_page_does_not_grow_out_of_hand(build):
    assert len(render_html(build()).encode()) < 200_000


def test_estimate_and_ledger_have_their_places(build, build_selected, build_ledger):
    words = re.sub(r"\s+", " ", Page(render_html(build(selected=build_selected(), ledger=build_ledger()))).words())
    assert "Ground-state energy, estimated" in words
    assert "±0.100 mHa 95 % interval" in words
    assert "0.023 mHa above FCI" in words
    assert "Beside selection without a sampler: the samples make no measurable difference" in words
    assert "What the samples are worth" in words
    assert "Growing spaces" in words
    bare = Page(render_html(build())).words()
    assert "What the samples are worth" not in bare
    assert "Growing spaces" not in bare


def test_properties_and_classical_references_have_their_places(build, build_selected, pair, solutions):
    whole = build(selected=pair, classical=solutions)
    words = re.sub(r"\s+", " ", Page(render_html(whole)).words())
    assert "Charges and spins of atoms are Löwdin's" in words
    assert "Spin, state 1" in words
    assert "These solvers saw neither samples nor selection." in words
    assert "Block2: A comprehensive open source framework" in words
    quiet = re.sub(r"\s+", " ", Page(render_html(build(selected=build_selected()))).words())
    assert "Charges of atoms are Löwdin's and depend on the basis set. No atom carries a spin." in quiet
    bare = Page(render_html(build())).words()
    assert "Properties" not in bare
    assert "Classical references" not in bare


def test_the_processor_has_its_place(build):
    page = Page(render_html(build(processor=example_processor())))
    words = re.sub(r"\s+", " ", page.words())
    assert "The processor: riken-64" in words
    assert "An estimated 78.0 % of the shots went through without any error" in words
    assert "Where the circuit lies" in words
    assert "Relaxation is twirled" in words
    assert len(page.all("details")) == 1
    assert "The processor" not in Page(render_html(build())).words()


def test_a_page_without_an_error_bar_promises_none(build, build_selected):
    words = re.sub(r"\s+", " ", Page(render_html(build(selected=build_selected(last=3)))).words())
    assert "Upper bound on the ground-state energy" in words
    assert "no error bar" in words
    assert "95 %" not in words.split("All numbers")[0].replace("at least 95 % of its strings", "")


def test_a_fragment_shows_the_ledger_where_there_is_one(build, build_selected, build_ledger):
    page = Page(render_fragment(build(selected=build_selected(), ledger=build_ledger())))
    assert len([attributes for attributes in page.all("svg") if attributes.get("role") == "img"]) == 3
    assert "±0.100 mHa" in page.words()
