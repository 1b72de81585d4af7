"""The header of an FCIDUMP file: a Fortran namelist in any of the spellings in use.

The format is from Knowles and Handy, Comput. Phys. Commun. 54, 75 (1989). Programs have since written
``&FCI`` or ``$FCI``, ended by ``&END``, ``$END``, ``/``, ``&`` or ``$``, over one line or many, in any case and
order, with repeat counts, trailing commas and keys of their own.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from kakehashi.core.bits import MAX_ORBITALS
from kakehashi.core.errors import FileFormatError

__all__ = ["Header", "read_header"]

MAX_HEADER_LINES = 2000
"""A header longer than this lacks its end; 128 orbitals, one symmetry a line, need 140."""

_START = re.compile(r"\s*[&$]FCI\b", re.IGNORECASE)
_END = re.compile(r"[&$]END\b|/|[&$](?=\s|$)", re.IGNORECASE)
_KEY = re.compile(r"([A-Za-z_]\w*)\s*(\([^)]*\))?\s*=")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_OFF = re.compile(r"\.?F(ALSE)?\.?|[+-]?0+", re.IGNORECASE)
_ITEM = re.compile(r"(?:(\d+)\*)?([^\s,*]+)")

# PySCF writes its own numbering (from 0) unless told otherwise; these are its tables for D2h and for the
# groups of order 4, into Molpro's numbering (pyscf.tools.fcidump.ORBSYM_MAP).
_FROM_PYSCF = {8: (1, 4, 6, 7, 8, 5, 3, 2), 4: (1, 4, 2, 3), 2: (1, 2)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What an FCIDUMP file says before its integrals.

    Attributes:
        n_orb: NORB, number of spatial orbitals.
        n_elec: Numbers of alpha and beta electrons, from NELEC and MS2.
        orbital_symmetry: ORBSYM in Molpro's numbering; empty where absent or not of a point group.
        state_symmetry: ISYM.
        other_keys: Keys that mean nothing to kakehashi, as they were written.
        n_lines: Lines up to the end of the header.
    """

    n_orb: int
    n_elec: tuple[int, int]
    orbital_symmetry: tuple[int, ...] = ()
    state_symmetry: int = 1
    other_keys: Mapping[str, str] = field(default_factory=dict)
    n_lines: int = 0


@dataclass(frozen=True, slots=True)
class _Entries:
    """Keys of the header with their text and line, and the faults that they can have."""

    path: Path
    first_line: int
    values: dict[str, tuple[str, int]]

    def fail(self, problem: str, key: str | None = None) -> NoReturn:
        line = self.values[key][1] if key in self.values and key else self.first_line
        raise FileFormatError(self.path, problem, line=line)

    def items(self, key: str) -> list[str]:
        """The values of ``key``, repeat counts carried out."""
        text = self.values[key][0] if key in self.values else ""
        return [value for count, value in _ITEM.findall(text) for _ in range(min(int(count or 1), 10_000))]

    def integers(self, key: str) -> list[int]:
        items = self.items(key)
        if not all(re.fullmatch(r"[+-]?\d{1,9}", item) for item in items):
            self.fail(f"{key} must be made of whole numbers, but is {self.values[key][0]!r}.", key)
        return [int(item) for item in items]

    def integer(self, key: str, default: int | None = None) -> int:
        numbers = self.integers(key)
        if not numbers and default is not None:
            return default
        if len(numbers) != 1:
            self.fail(f"The header must give {key} as one whole number, such as {key}=10.", key)
        return numbers[0]

    def is_set(self, key: str) -> bool:
        """Whether a switch is on: whatever is neither ``.FALSE.``, ``F`` nor 0."""
        return any(not _OFF.fullmatch(item) for item in self.items(key))


def read_header(stream: io.BufferedIOBase, path: Path) -> Header:
    r"""Read the header and leave ``stream`` at the first line of integrals.

    Args:
        stream: The file, opened and decompressed.
        path: Its name, for messages.

    Raises:
        FileFormatError: There is no header, it has no end, it lacks NORB or NELEC, a value is wrong, or it
            announces unrestricted or relativistic integrals.

    Example:
        >>> import io
        >>> stream = io.BytesIO(b"&FCI NORB=4, NELEC=5, MS2=1, ORBSYM=3*1,5 /\n")
        >>> header = read_header(stream, Path("example"))
        >>> header.n_elec, header.orbital_symmetry
        ((3, 2), (1, 1, 1, 5))
    """
    entries, n_lines = _read_entries(stream, path)
    for key in ("NORB", "NELEC", "MS2", "ORBSYM", "ISYM"):
        if f"{key}()" in entries.values:
            entries.fail(f"{key} with a subscript is not supported; write {key}=....", f"{key}()")
    n_orb = entries.integer("NORB")
    if not 1 <= n_orb <= MAX_ORBITALS:
        entries.fail(f"NORB must be 1 to {MAX_ORBITALS} spatial orbitals, but is {n_orb}.", "NORB")
    for key in ("IUHF", "UHF"):
        if entries.is_set(key):
            entries.fail(
                f"{key} announces unrestricted (UHF) integrals, which are not supported; "
                "write the file in restricted orbitals.",
                key,
            )
    if entries.is_set("TREL"):
        entries.fail("TREL announces complex relativistic integrals; only real ones are supported.", "TREL")
    known = ("NORB", "NELEC", "MS2", "ORBSYM", "ISYM", "IUHF", "UHF", "TREL")
    other = {key: text for key, (text, _) in entries.values.items() if key not in known}
    symmetry = _orbital_symmetry(entries, n_orb)
    if not symmetry and "ORBSYM" in entries.values:
        other["ORBSYM"] = entries.values["ORBSYM"][0]
    state = entries.integer("ISYM", 1)
    return Header(
        n_orb=n_orb,
        n_elec=_electrons(entries, n_orb),
        orbital_symmetry=symmetry,
        state_symmetry=state if 1 <= state <= 8 else 1,
        other_keys=other,
        n_lines=n_lines,
    )


def _read_entries(stream: io.BufferedIOBase, path: Path) -> tuple[_Entries, int]:
    first_line, lines, ended = 0, [], False
    for number in range(1, MAX_HEADER_LINES + 1):
        raw = stream.readline(1_000_000)
        if not raw:
            break
        line = raw.decode("ascii", errors="replace").rstrip("\r\n")
        if not first_line:
            if not line.strip():
                continue
            start = _START.match(line)
            if start is None:
                raise FileFormatError(
                    path, "The file must begin with an FCIDUMP header, '&FCI NORB=..., NELEC=...'.", line=number
                )
            first_line, line = number, line[start.end() :]
        # What stands in quotes must not look like a key or an end.
        line = _QUOTED.sub(lambda match: re.sub(r"[&$/=!]", "_", match[0]), line).partition("!")[0]
        end = _END.search(line)
        if end is not None:
            if line[end.end() :].strip():
                raise FileFormatError(path, "Nothing may follow the end of the header on its line.", line=number)
            line = line[: end.start()]
        lines.append(line)
        if end is not None:
            ended = True
            break
    if not first_line:
        raise FileFormatError(path, "The file is empty; an FCIDUMP header '&FCI ...' was expected.", line=1)
    if not ended:
        raise FileFormatError(path, "The header has no end; '&END' or '/' was expected.", line=first_line)
    return _split_entries(lines, path, first_line), number


def _split_entries(lines: list[str], path: Path, first_line: int) -> _Entries:
    text = "\n".join(lines)
    keys = list(_KEY.finditer(text))
    entries = _Entries(path, first_line, {})
    before = text[: keys[0].start()] if keys else text
    if before.strip(" ,\t\n"):
        entries.fail(f"The header must be made of KEY=value, but starts with {before.split()[0]!r}.")
    for key, following in itertools.zip_longest(keys, keys[1:]):
        value = text[key.end() : following.start() if following else len(text)].strip(" ,\t\n")
        name = key[1].upper() + ("()" if key[2] else "")
        line = first_line + text.count("\n", 0, key.start())
        if entries.values.get(name, (value,))[0] != value:
            raise FileFormatError(path, f"{name} is given twice with different values.", line=line)
        entries.values[name] = (value, line)
    return entries


def _electrons(entries: _Entries, n_orb: int) -> tuple[int, int]:
    n_elec, two_s = entries.integer("NELEC"), entries.integer("MS2", 0)
    if (n_elec + two_s) % 2:
        entries.fail(
            f"NELEC={n_elec} and MS2={two_s} do not go together: their sum must be even, "
            "for MS2 is the number of alpha minus the number of beta electrons.",
            "MS2" if "MS2" in entries.values else "NELEC",
        )
    n_alpha, n_beta = (n_elec + two_s) // 2, (n_elec - two_s) // 2
    if n_elec < 1 or not (0 <= n_alpha <= n_orb and 0 <= n_beta <= n_orb):
        entries.fail(
            f"NELEC={n_elec} and MS2={two_s} mean {n_alpha} alpha and {n_beta} beta electrons, "
            f"which do not fit into {n_orb} orbitals.",
            "NELEC",
        )
    return n_alpha, n_beta


def _orbital_symmetry(entries: _Entries, n_orb: int) -> tuple[int, ...]:
    numbers = entries.integers("ORBSYM")
    if not numbers:
        return ()
    if len(numbers) != n_orb:
        entries.fail(f"ORBSYM must have {n_orb} values, one per orbital, but has {len(numbers)}.", "ORBSYM")
    low, high = min(numbers), max(numbers)
    if low >= 1 and high <= 8:
        return tuple(numbers)
    if low == 0 and high <= 7:
        order = next(order for order in (2, 4, 8) if high < order)
        return tuple(_FROM_PYSCF[order][number] for number in numbers)
    return ()  # momenta or angular momenta: not irreducible representations of a point group
