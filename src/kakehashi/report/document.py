"""A result as one JSON object and back, without loss."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pydantic

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.core.files import read_text, write_text
from kakehashi.energy.model import Estimate, Rung
from kakehashi.energy.solver import Solution
from kakehashi.problem.model import Reference
from kakehashi.report.ledger import Arm, Ledger, LedgerPoint
from kakehashi.report.model import Control, Iteration, Result, SamplingSummary, SizePoint
from kakehashi.report.processor_schema import processor_from_values
from kakehashi.report.properties import StateProperties
from kakehashi.report.schema import SCHEMA_NAME, ResultDocument, SolutionDocument
from kakehashi.report.selected import SelectedSummary
from kakehashi.report.verdict import judge

__all__ = [
    "ledger_to_json",
    "read_json",
    "result_from_json",
    "result_to_json",
    "solution_from_json",
    "solution_to_json",
    "write_json",
]

ERROR_TOLERANCE_MHARTREE = 1e-6
"""How far `error_mhartree` may be from the difference of the energies beside it: rounding alone."""


DERIVED = {"schema_name", "reference_hartree", "error_mhartree", "verdict", "estimate"}
"""Keys that are made from others."""


def _to_plain(value: Any) -> Any:
    """Values, arrays and mappings as what JSON has."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _to_plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [_to_plain(item) for item in value]
    # A float subclass, a path or an enum would not survive the way to a file and back.
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if value is None:
        return None
    raise InputError(f"A result holds plain JSON values, but {value!r} is a {type(value).__name__}.")


def result_to_json(result: Result) -> dict[str, Any]:
    """The result as plain JSON values, described by ``report/result.schema.json``.

    The keys `reference_hartree`, `error_mhartree`, `estimate` and `verdict` are made from the others; all keys are
    always there, and null where there is nothing to say.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> result_to_json(example_result())["schema"]
        'kakehashi.result/1'
    """
    table = _to_plain(result)
    verdict = judge(result)
    table |= {
        "schema": SCHEMA_NAME,
        "reference_hartree": result.reference_hartree,
        "error_mhartree": result.error_mhartree,
        "verdict": {"case": str(verdict.case), "text": verdict.text},
        "estimate": None if result.selected is None else _estimate(result.selected),
        "ledger": None if result.ledger is None else ledger_to_json(result.ledger),
    }
    keys = [field.alias or name for name, field in ResultDocument.model_fields.items()]
    return {key: table[key] for key in keys}


def _estimate(selected: SelectedSummary) -> dict[str, Any]:
    """The estimate of the lowest state, without the number of its spaces."""
    table: dict[str, Any] = _to_plain(selected.estimate)
    del table["n_rungs"]
    return table


def ledger_to_json(ledger: Ledger) -> dict[str, Any]:
    """A ledger as plain JSON values: what stands in a result under the key `ledger`.

    Example:
        >>> from kakehashi.report.example import example_ledger
        >>> [arm["name"] for arm in ledger_to_json(example_ledger())["arms"]][:3]
        ['samples', 'random', 'heat-bath']
    """
    return {"verdict": ledger.verdict, **_to_plain(ledger)}


def _explain(error: pydantic.ValidationError) -> str:
    """The first fault of a document, as a sentence."""
    fault = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in fault["loc"]) or "the document"
    more = f" ({error.error_count() - 1} more faults)" if error.error_count() > 1 else ""
    if fault["type"] == "missing":
        return f"The key '{where}' of the schema {SCHEMA_NAME} is missing{more}."
    if fault["type"] == "extra_forbidden":
        return f"The key '{where}' is not in the schema {SCHEMA_NAME}{more}."
    found = repr(fault["input"])
    found = found if len(found) <= 60 else found[:57] + "..."
    message = str(fault["msg"])
    return f"The key '{where}' is wrong: {message[0].lower()}{message[1:]}, but got {found}{more}."


def _check_name(table: object) -> None:
    if not isinstance(table, Mapping):
        raise InputError(f"A JSON object of the schema {SCHEMA_NAME} was expected.")
    name = table.get("schema")
    if name != SCHEMA_NAME:
        found = f"the schema is {name!r}" if "schema" in table else "there is no key 'schema'"
        raise InputError(f"A JSON object of the schema {SCHEMA_NAME} was expected, but {found}.")


def _check_consistent(result: Result, document: ResultDocument) -> None:
    """Refuse a file whose derived keys say something else than what they were derived from."""
    if document.reference_hartree != result.reference_hartree:
        raise InputError("The key 'reference_hartree' differs from 'reference.energy_hartree'.")
    known, derived = document.error_mhartree, result.error_mhartree
    if (known is None) != (derived is None) or (
        known is not None
        and derived is not None
        and not math.isclose(known, derived, rel_tol=1e-9, abs_tol=ERROR_TOLERANCE_MHARTREE)
    ):
        raise InputError("The key 'error_mhartree' differs from 'energy_hartree' minus 'reference_hartree'.")
    found = None if result.selected is None else _estimate(result.selected)
    if (None if document.estimate is None else document.estimate.model_dump()) != found:
        raise InputError("The key 'estimate' differs from the first of 'selected.estimates'.")


def result_from_json(table: Mapping[str, Any]) -> Result:
    """The result that :func:`result_to_json` turned into plain JSON values.

    Raises:
        InputError: The table does not follow the schema; the message names the key.

    Example:
        >>> result_from_json({"schema": "kakehashi.result/0"})
        Traceback (most recent call last):
        kakehashi.core.errors.InputError: A JSON object of the schema kakehashi.result/1 was expected, \
but the schema is 'kakehashi.result/0'.
    """
    _check_name(table)
    try:
        document = ResultDocument.model_validate(dict(table))
    except pydantic.ValidationError as error:
        raise InputError(_explain(error)) from None
    values = document.model_dump(exclude=DERIVED)
    control = values["control"]
    if control is not None:
        control = Control(**(control | {"size_curve": _size_curve(control["size_curve"])}))
    values |= {
        "control": control,
        "reference": None if values["reference"] is None else Reference(**values["reference"]),
        "root_energies_hartree": tuple(values["root_energies_hartree"]),
        "n_elec": tuple(values["n_elec"]),
        "iterations": tuple(_iteration(item) for item in values["iterations"]),
        "size_curve": _size_curve(values["size_curve"]),
        "sampling": SamplingSummary(**values["sampling"]),
        "warnings": tuple(values["warnings"]),
        "selected": None if values["selected"] is None else _selected(values["selected"]),
        "ledger": None if values["ledger"] is None else _ledger(values["ledger"]),
        "classical": tuple(_solution(item) for item in values["classical"]),
        "processor": None if values["processor"] is None else processor_from_values(values["processor"]),
    }
    if len({len(row) for row in values["occupancies"]} | {values["n_orb"]}) != 1:
        raise InputError(f"The key 'occupancies' must hold 2 lists of {values['n_orb']} numbers each.")
    result = Result(**values)
    _check_consistent(result, document)
    return result


def _iteration(item: dict[str, Any]) -> Iteration:
    return Iteration(**(item | {"batch_energies_hartree": tuple(item["batch_energies_hartree"])}))


def _size_curve(items: list[dict[str, Any]]) -> tuple[SizePoint, ...]:
    return tuple(SizePoint(**item) for item in items)


def _selected(item: dict[str, Any]) -> SelectedSummary:
    parts = {
        "rungs": tuple(tuple(Rung(**rung) for rung in root) for root in item["rungs"]),
        "estimates": tuple(Estimate(**estimate) for estimate in item["estimates"]),
        "properties": tuple(StateProperties(**_with_tuples(state)) for state in item["properties"]),
    }
    return SelectedSummary(**(item | parts))


def _with_tuples(item: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in item.items()}


def _solution(item: dict[str, Any]) -> Solution:
    ends = item["interval_hartree"]
    if ends is not None and len(ends) != 2:
        raise InputError(f"The key 'interval_hartree' must hold 2 numbers, but holds {len(ends)}.")
    return Solution(**_with_tuples(item))


def solution_to_json(solution: Solution) -> dict[str, Any]:
    """The energy of another solver as plain JSON values: an entry of a result's key `classical`.

    Example:
        >>> solution = Solution(solver="fci", energy_hartree=-1.0, converged=True, wall_s=0.1, cpu_s=0.1)
        >>> solution_from_json(solution_to_json(solution)) == solution
        True
    """
    table: dict[str, Any] = _to_plain(solution)
    return table


def solution_from_json(table: object) -> Solution:
    """The value that :func:`solution_to_json` turned into plain JSON values.

    Raises:
        InputError: The table does not follow the schema; the message names the key.
    """
    try:
        return _solution(SolutionDocument.model_validate(table).model_dump())
    except pydantic.ValidationError as error:
        raise InputError(_explain(error)) from None


def _ledger(item: dict[str, Any]) -> Ledger:
    values = {key: value for key, value in item.items() if key != "verdict"}
    return Ledger(**(values | {"arms": tuple(_arm(arm) for arm in item["arms"])}))


def _arm(item: dict[str, Any]) -> Arm:
    points, *repeats = [tuple(LedgerPoint(**point) for point in draw) for draw in (item["points"], *item["repeats"])]
    return Arm(**(item | {"points": points, "repeats": tuple(repeats)}))


def write_json(result: Result, path: Path | str) -> None:
    """Write a result to a file, whole or not at all.

    Raises:
        InputError: The folder cannot be written.
        ResourceError: The disk is full.

    Example:
        >>> import tempfile
        >>> from kakehashi.report.example import example_result
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_json(example_result(), f"{folder}/result.json")
        ...     read_json(f"{folder}/result.json") == example_result()
        True
    """
    write_text(path, json.dumps(result_to_json(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path | str) -> Result:
    """Read a result from a file that :func:`write_json` or ``kakehashi run --json`` wrote.

    Raises:
        InputError: The file is missing or unreadable.
        FileFormatError: It is not a result; the message says where and what was expected.

    Example:
        >>> read_json("no_such_file.json")
        Traceback (most recent call last):
        kakehashi.core.errors.InputError: no_such_file.json: there is no such file.
    """
    text = read_text(path)

    def refuse(constant: str) -> NoReturn:
        raise FileFormatError(path, f"A finite number was expected, but {constant} was found.")

    def read_float(digits: str) -> float:
        value = float(digits)
        return value if math.isfinite(value) else refuse(digits)

    try:
        table = json.loads(text, parse_constant=refuse, parse_float=read_float)
    except FileFormatError:
        raise
    except json.JSONDecodeError as error:
        message = f"A JSON object of the schema {SCHEMA_NAME} was expected, but this is not JSON: {error.msg}."
        raise FileFormatError(path, message, line=error.lineno) from None
    except (RecursionError, ValueError):
        # Python refuses integers of more than 4,300 digits with a ValueError of its own.
        raise FileFormatError(path, "The JSON is nested too deeply or a number is too long.") from None
    try:
        return result_from_json(table)
    except InputError as error:
        raise FileFormatError(path, str(error)) from None
