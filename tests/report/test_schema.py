import re

import jsonschema

from kakehashi.report.schema import make_schema, read_schema

UNITS = {"_hartree": "hartree", "_mhartree": "mhartree", "_s": "s", "_bytes": "byte"}
FREE = {"spec", "provenance", "stage_s", "details", "settings", "error_budget"}
"""Keys whose own keys depend on the run, the solver or the processor."""


def objects(schema):
    yield "ResultDocument", schema
    yield from ((name, node) for name, node in schema["$defs"].items() if name != "JsonValue")


def test_schema_file_is_what_the_types_say():
    message = "write json.dumps(make_schema(), indent=2) to report/result.schema.json"
    assert read_schema() == make_schema(), message


def test_schema_is_valid():
    schema = read_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_key_is_described_and_required_and_no_other_is_allowed():
    for name, node in objects(read_schema()):
        assert node["additionalProperties"] is False, name
        assert set(node["required"]) == set(node["properties"]), name
        for key, value in node["properties"].items():
            assert len(value["description"]) > 10, (name, key)
            if value.get("type") == "object":
                assert key in FREE, (name, key)


def test_every_key_with_a_unit_in_its_name_says_it():
    for name, node in objects(read_schema()):
        for key, value in node["properties"].items():
            for suffix, unit in UNITS.items():
                if re.search(rf"[a-z]{suffix}$", key) and not key.endswith(("_strings", "_shots")):
                    assert value.get("unit") == unit, (name, key)
                    assert value["description"].endswith(f"[{unit}]"), (name, key)


def test_unknown_key_fails_validation(build):
    table = build().to_json() | {"energy": -1.0}
    validator = jsonschema.Draft202012Validator(read_schema())
    assert [error.validator for error in validator.iter_errors(table)] == ["additionalProperties"]
