"""Shots as JSON, in the shapes that qiskit, IBM's runtime and OQTOPUS give (see ``docs/formats/shots.md``)."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from kakehashi.core.errors import FileFormatError
from kakehashi.device.arrays import parse_bit_array
from kakehashi.device.model import Shots

__all__ = ["parse_json"]

BINARY = re.compile(r"(0b)?[01]+([ _][01]+)*")
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,99}")
DECIMAL = re.compile(r"0|[1-9][0-9]{0,99}")
WRAPPERS = ("job_info", "result", "results", "sampling", "counts", "data", "quasi_dists", "pub_results", "meas")
"""Keys under which counts are wrapped, outermost first."""

LARGEST_COUNT = 2**62


class _DuplicateKeyError(ValueError):
    """A JSON object has a key twice; Python would drop the first silently."""


def parse_json(text: str, *, path: Path | str, n_qubits: int | None = None) -> Shots:
    """Read shots from JSON.

    Args:
        text: The file's content.
        path: Its name, for messages.
        n_qubits: Number of qubits that there must be; needed for hexadecimal and decimal keys whose file does
            not say it.

    Raises:
        FileFormatError: It is no JSON, holds no counts, or counts of the wrong width.

    Example:
        >>> parse_json('{"sampling": {"counts": {"00": 510, "11": 490}}}', path="result.json").to_counts()
        {'00': 510, '11': 490}
        >>> parse_json('{"0x3": 5}', path="counts.json", n_qubits=4).to_counts()
        {'0011': 5}
    """
    try:
        document = json.loads(text, object_pairs_hook=_unique_pairs)
        return _Reader(text, path, n_qubits).read(document)
    except FileFormatError:
        raise
    except json.JSONDecodeError as error:
        raise FileFormatError(path, f"this is not valid JSON: {error.msg}.", line=error.lineno) from None
    except _DuplicateKeyError as error:
        key = str(error)
        raise FileFormatError(path, f"the key {key!r} is there twice.", line=_line_of(text, key)) from None
    except (RecursionError, ValueError) as error:
        raise FileFormatError(path, f"this JSON cannot be read: {error}.") from None


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise _DuplicateKeyError(key)
        table[key] = value
    return table


def _line_of(text: str, key: str) -> int | None:
    """Line of the last place where a key is written, for messages."""
    where = text.rfind(json.dumps(key))
    return text.count("\n", 0, where) + 1 if where >= 0 else None


class _Reader:
    """Finds the counts in a document and turns them into shots."""

    def __init__(self, text: str, path: Path | str, n_qubits: int | None) -> None:
        self._text = text
        self._path = path
        self._n_qubits = n_qubits

    def _fault(self, problem: str, *, key: str | None = None) -> FileFormatError:
        return FileFormatError(self._path, problem, line=_line_of(self._text, key) if key else None)

    def read(self, value: object, *, width: int | None = None) -> Shots:
        """Shots in a JSON value; ``width`` is what the file says about their width."""
        if isinstance(value, list):
            return self._read_list(value, width)
        if isinstance(value, str) and value.startswith(("http://", "https://", "file://")):
            raise self._fault(f"it holds a link instead of the result; download {value[:120]} and give that.")
        if not isinstance(value, dict):
            raise self._fault("expected an object with bit strings and counts.")
        if "__type__" in value:
            return self._read_encoded(value)
        if not value:
            raise self._fault("there are no shots.")
        if "array" in value and "num_bits" in value:
            return self._read_bit_array(value)
        if _are_counts(value):
            return self._read_counts(value, width)
        status = value.get("status")
        if isinstance(status, str) and status.lower() in ("failed", "cancelled", "error"):
            raise self._fault(f"the job has status {status!r} and no result.")
        header = value.get("header")
        if isinstance(header, dict) and isinstance(header.get("memory_slots"), int):
            width = header["memory_slots"]
        for key in WRAPPERS:
            if value.get(key) is not None:
                return self.read(value[key], width=width)
        return self._read_registers(value, width)

    def _read_registers(self, table: dict[str, Any], width: int | None) -> Shots:
        """One classical register by its name."""
        registers = {key: item for key, item in table.items() if isinstance(item, dict | list) and item}
        if len(registers) == 1:
            return self.read(next(iter(registers.values())), width=width)
        if registers:
            raise self._fault(
                f"it holds several objects ({', '.join(list(registers)[:8])}); expected one set of counts."
            )
        raise self._fault(
            'expected counts such as {"0101": 12}, found '
            f"the keys {', '.join(repr(key)[:40] for key in list(table)[:4])}.",
            key=next(iter(table)),
        )

    def _read_list(self, values: list[Any], width: int | None) -> Shots:
        """A list of single shots, or a list with one result in it."""
        if values and all(isinstance(value, str) for value in values):
            totals: dict[str, int] = {}
            for value in values:
                totals[value] = totals.get(value, 0) + 1
            if not _are_counts(totals):
                fault = next((value for value in totals if not BINARY.fullmatch(value)), "")
                raise self._fault(f"{fault[:80]!r} is no bit string.", key=fault)
            return self._read_counts(totals, width)
        if len(values) == 1:
            return self.read(values[0], width=width)
        raise self._fault(f"it holds {len(values)} results; expected one (save each circuit's on its own).")

    def _read_counts(self, table: dict[str, Any], width: int | None) -> Shots:
        """Counts by bit string, hexadecimal or decimal number."""
        for key, count in table.items():
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise self._fault(f"the count of {key[:80]!r} must be a whole number, but is {count!r}.", key=key)
        if sum(table.values()) > LARGEST_COUNT:
            raise self._fault("the counts sum to more than 2^62.")
        if self._n_qubits is not None:
            width = self._n_qubits
        if all(BINARY.fullmatch(key) for key in table):
            pairs = {key: key.removeprefix("0b").replace(" ", "").replace("_", "") for key in table}
            width = width if self._n_qubits is not None else len(next(iter(pairs.values())))
        elif width is None:
            kind = "hexadecimal" if any(key.startswith("0x") for key in table) else "decimal"
            raise self._fault(f"{kind} keys do not say how many qubits there are; give n_qubits.")
        else:
            pairs = {key: format(int(key, 0), f"0{width}b") for key in table}
        totals: dict[str, int] = {}
        for key, bits in pairs.items():
            if len(bits) != width:
                raise self._fault(f"{key[:80]!r} has {len(bits)} bits, but {width} were expected.", key=key)
            if table[key]:
                totals[bits] = totals.get(bits, 0) + table[key]
        if not totals:
            raise self._fault("there are no shots.")
        return Shots.from_counts(totals)

    def _read_bit_array(self, table: dict[str, Any]) -> Shots:
        """The parts of a qiskit ``BitArray``: encoded by IBM's runtime, or plain lists."""
        num_bits = table["num_bits"]
        if isinstance(num_bits, bool) or not isinstance(num_bits, int):
            raise self._fault(f"`num_bits` must be a whole number, but is {num_bits!r}.", key="num_bits")
        if self._n_qubits is not None and num_bits != self._n_qubits:
            raise self._fault(f"the shots have {num_bits} bits, but {self._n_qubits} were expected.", key="num_bits")
        return parse_bit_array(self._read_array(table["array"]), num_bits, path=self._path)

    def _read_array(self, value: object) -> np.ndarray[Any, np.dtype[np.uint8]]:
        try:
            if isinstance(value, dict) and value.get("__type__") == "ndarray":
                content = zlib.decompress(base64.standard_b64decode(value["__value__"]))
                return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))
            return np.array(value, dtype=np.uint8)
        except (ValueError, TypeError, KeyError, OverflowError, EOFError, zlib.error, binascii.Error) as error:
            raise self._fault(f"the packed bits cannot be decoded ({error}).", key="array") from None

    def _read_encoded(self, table: dict[str, Any]) -> Shots:
        """What IBM's ``RuntimeEncoder`` wrote: ``{"__type__": ..., "__value__": ...}``."""
        kind, value = table["__type__"], table.get("__value__")
        if not isinstance(kind, str) or not isinstance(value, dict):
            raise self._fault(f"expected the result of a sampler, but got an encoded {kind!r}.")
        if kind == "BitArray" and {"array", "num_bits"} <= value.keys():
            return self._read_bit_array(value)
        inner = {"PrimitiveResult": "pub_results", "SamplerPubResult": "data", "PubResult": "data"}.get(kind)
        if kind == "Result":
            return self.read(value)
        if kind == "DataBin" and isinstance(value.get("fields"), dict):
            return self._read_registers(value["fields"], None)
        if inner is not None and inner in value:
            return self.read(value[inner])
        raise self._fault(f"expected the result of a sampler, but got an encoded {kind!r}.")


def _are_counts(table: dict[str, Any]) -> bool:
    """Whether the keys are bit strings, or numbers of one kind."""
    if any(isinstance(value, dict | list) for value in table.values()):
        return False
    return any(all(pattern.fullmatch(key) for key in table) for pattern in (BINARY, HEXADECIMAL, DECIMAL))
