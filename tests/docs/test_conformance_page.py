"""The page about the checks of the conformance suite says what the catalogue says."""

import re
from pathlib import Path

from kakehashi.qkd.conformance.suite import CATALOGUE, table_of_checks

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_tables_are_those_of_the_catalogue():
    page = (DOCS / "reference" / "conformance-checks.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- checks -->\n(.*?)<!-- end -->", page, re.DOTALL)
    assert found[1] == table_of_checks(), "run python tools/tabulate_checks.py"


def test_the_number_of_checks_is_right():
    n = sum(map(len, CATALOGUE.values()))
    assert f"[{n} checks]" in (DOCS / "how-to" / "conformance.md").read_text(encoding="utf-8")
