from pathlib import Path

import pytest

from kakehashi.qkd.link.library import load_link, source_of
from kakehashi.qkd.network.spec import read_network
from kakehashi.qkd.network.table import as_json, as_markdown, compare_links

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def spec():
    return read_network(ROOT / "examples" / "tokyo.toml")


@pytest.fixture(scope="module")
def rows(spec):
    return {row.link: row for row in compare_links(spec)}


def test_only_what_was_read_at_its_source_stands_as_measured(rows):
    assert {name: row.measured for name, row in rows.items() if row.measured} == {
        "toshiba": "key 304 kbit/s",
        "ntt": "key 2 kbit/s",
    }
    for row in rows.values():
        light = load_link(row.photons)
        for key in ("sifted_kbit_per_s", "qber", "secure_kbit_per_s"):
            value, source = getattr(light.reported, key, None), source_of(light, f"reported.{key}")
            if value is not None and source.grade != "published":
                assert f"{value:g}" not in row.measured


def test_the_simulation_comes_near_what_was_measured(rows):
    assert rows["toshiba"].ratio == pytest.approx(1, abs=0.05)
    assert rows["ntt"].ratio == pytest.approx(1.8, abs=0.3)  # a bound of today with finite size, against 2010's
    assert rows["hakusan-hongo"].ratio is None
    assert rows["hakusan-hongo"].measured == rows["hakusan-hongo"].unverified == ""


def test_the_page_of_the_reference_is_the_table(spec, rows):
    page = (ROOT / "docs" / "reference" / "tokyo.md").read_text(encoding="utf-8")
    assert page == as_markdown(spec, tuple(rows.values())), "kakehashi qkd network table examples/tokyo.toml --markdown"


def test_rows_are_json(rows):
    assert as_json(rows["toshiba"])["secret_kbit_per_s"] > 250
