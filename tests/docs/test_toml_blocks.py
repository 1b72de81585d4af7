"""Every TOML block in the documentation is a run, a part of one, or a key server, that kakehashi takes."""

import re
import tomllib
from pathlib import Path

import pytest

from kakehashi.core.spec import parse_spec
from kakehashi.qkd.delivery.spec import KmeSpec
from kakehashi.workflow.spec import RunSpec

ROOT = Path(__file__).resolve().parents[2]
REST = {"problem": {"name": "n2-6-31g"}, "device": {"name": "exact"}}
BLOCKS = [
    pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    if "_build" not in page.parts
    for number, text in enumerate(re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M), 1)
]


@pytest.mark.parametrize("text", BLOCKS)
def test_a_block_is_a_valid_spec(text):
    table = tomllib.loads(text)
    if "node_key" in table:
        parse_spec(KmeSpec, table)
    else:
        parse_spec(RunSpec, REST | table)


def test_the_tutorial_shows_the_example_as_it_is():
    page = (ROOT / "docs" / "tutorials" / "n2.md").read_text(encoding="utf-8")
    shown = re.search(r"^```toml\n(.*?)^```", page, re.S | re.M)[1]
    example = (ROOT / "examples" / "n2.toml").read_text(encoding="utf-8")
    assert shown.strip() == re.sub(r"\A(#.*\n)+", "", example).strip()
