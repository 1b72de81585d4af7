"""The page about scan.json has every key of the model, with its type and unit."""

import re
from pathlib import Path

import pytest

from kakehashi.report.scan import SCAN_SCHEMA, Scan

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats" / "scan.md"
TEXT = PAGE.read_text(encoding="utf-8")
SCHEMA = Scan.model_json_schema(by_alias=True, mode="serialization")
OBJECTS = {
    "The object": SCHEMA["properties"],
    "Points": SCHEMA["$defs"]["ScanPoint"]["properties"],
    "States": SCHEMA["$defs"]["ScanState"]["properties"],
}


def read_tables():
    tables, heading = {}, ""
    for line in TEXT.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| `") and heading in OBJECTS:
            key, *cells = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            assert len(cells) == 3, line
            tables.setdefault(heading, {})[key.strip("`")] = cells
    return tables


TABLES = read_tables()


@pytest.mark.parametrize("heading", OBJECTS)
def test_every_key_is_in_its_table(heading):
    assert set(TABLES[heading]) == set(OBJECTS[heading])
    for key, (written, unit, meaning) in TABLES[heading].items():
        entry = OBJECTS[heading][key]
        nullable = any(part.get("type") == "null" for part in entry.get("anyOf", ()))
        assert written.endswith(" or null") == nullable, key
        assert unit == entry.get("unit", ""), key
        assert meaning, key


def test_the_schema_is_named():
    assert SCAN_SCHEMA in TEXT.splitlines()[0]
