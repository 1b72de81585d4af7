"""The page about the result has every key of the schema, with its type and unit."""

import re
from pathlib import Path

import pytest

from kakehashi.report.schema import SCHEMA_NAME, read_schema
from kakehashi.report.verdict import Case

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats" / "result.md"
TEXT = PAGE.read_text(encoding="utf-8")
SCHEMA = read_schema()
DEFINITIONS = SCHEMA["$defs"]
OBJECTS = {
    "The object": SCHEMA,
    "Verdict": DEFINITIONS["VerdictDocument"],
    "Control": DEFINITIONS["ControlDocument"],
    "Reference": DEFINITIONS["ReferenceDocument"],
    "Iterations": DEFINITIONS["IterationDocument"],
    "Size curve": DEFINITIONS["SizePointDocument"],
    "Sampling": DEFINITIONS["SamplingDocument"],
    "Estimate": DEFINITIONS["EstimateDocument"],
    "Selected": DEFINITIONS["SelectedDocument"],
    "Properties": DEFINITIONS["PropertiesDocument"],
    "Rungs": DEFINITIONS["RungDocument"],
    "Ledger": DEFINITIONS["LedgerDocument"],
    "Arms": DEFINITIONS["ArmDocument"],
    "Points": DEFINITIONS["LedgerPointDocument"],
    "Classical": DEFINITIONS["SolutionDocument"],
    "Processor": DEFINITIONS["ProcessorDocument"],
    "Placement": DEFINITIONS["PlacementDocument"],
    "Chip": DEFINITIONS["ChipDocument"],
}
SHARED = {"StateEstimateDocument"}
"""An estimate with one key more, which stands in the text."""


def read_tables():
    tables, heading = {}, ""
    for line in TEXT.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| `"):
            key, *cells = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            assert len(cells) == 3, line
            tables.setdefault(heading, {})[key.strip("`")] = cells
    return tables


TABLES = read_tables()


def kind(entry):
    """First word of a type, and whether null is allowed."""
    if "anyOf" in entry:
        kinds = [kind(part)[0] for part in entry["anyOf"]]
        return kinds[0], "null" in kinds
    if "$ref" in entry:
        return "object", False
    return {"array": "list"}.get(entry["type"], entry["type"]), False


def test_every_object_of_the_schema_has_a_table():
    described = {name for name, entry in DEFINITIONS.items() if any(entry is shown for shown in OBJECTS.values())}
    assert {name for name, entry in DEFINITIONS.items() if entry.get("properties")} == described | SHARED
    assert set(TABLES) == set(OBJECTS)
    assert SCHEMA_NAME in TEXT.splitlines()[0]


@pytest.mark.parametrize("heading", OBJECTS)
def test_every_key_is_in_its_table(heading):
    properties = OBJECTS[heading]["properties"]
    assert set(TABLES[heading]) == set(properties)
    for key, (written, unit, meaning) in TABLES[heading].items():
        expected, nullable = kind(properties[key])
        # "two integers" and "two lists" are lists, too.
        assert written.startswith(expected) or (expected == "list" and written.startswith("two ")), key
        assert written.endswith(" or null") == nullable, key
        assert unit == properties[key].get("unit", ""), key
        assert meaning, key


def test_every_case_of_the_verdict_is_explained():
    page = (PAGE.parents[1] / "explanations" / "sqd.md").read_text(encoding="utf-8")
    section = page.partition("### How to read the verdict")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)) == set(Case)
