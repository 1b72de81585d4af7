"""Atoms and where they are: text and XYZ files."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.core.files import read_text

__all__ = ["Atom", "check_atoms", "parse_geometry", "read_xyz"]

Atom: TypeAlias = tuple[str, tuple[float, float, float]]
"""Symbol of an element and coordinates."""

CLOSEST = 0.05
FARTHEST = 1e5
"""Atoms nearer, or farther from the origin, in the unit of the geometry, are taken for a slip of the pen."""


def parse_geometry(text: str) -> tuple[Atom, ...]:
    """Read atoms from text: ``symbol x y z``, one per line or separated by semicolons.

    Args:
        text: Cartesian coordinates; Z-matrices are not supported.

    Raises:
        InputError: A line is not of that form.

    Example:
        >>> parse_geometry("H 0 0 0; H 0 0 0.74")
        (('H', (0.0, 0.0, 0.0)), ('H', (0.0, 0.0, 0.74)))
    """
    atoms = []
    for entry in re.split(r"[;\n]", text):
        fields = entry.replace(",", " ").split()
        if fields:
            try:
                atoms.append(_parse_atom(fields))
            except ValueError as error:
                raise InputError(f"Geometry: {error}") from None
    return tuple(atoms)


def read_xyz(path: Path | str) -> tuple[Atom, ...]:
    r"""Read an XYZ file: the number of atoms, a comment, and one ``symbol x y z`` per line, in angstrom.

    Raises:
        InputError: The file is missing or not text.
        FileFormatError: A line is not of that form.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "h2.xyz")
        ...     _ = path.write_text("2\nhydrogen\nH 0 0 0\nH 0 0 0.74\n")
        ...     read_xyz(path)
        (('H', (0.0, 0.0, 0.0)), ('H', (0.0, 0.0, 0.74)))
    """
    path = Path(path)
    lines = read_text(path).splitlines()
    if not lines or not re.fullmatch(r"\s*\d{1,6}\s*", lines[0]):
        raise FileFormatError(path, "The number of atoms was expected.", line=1)
    n_atoms = int(lines[0])
    if len(lines) < n_atoms + 2 or any(line.strip() for line in lines[n_atoms + 2 :]):
        raise FileFormatError(path, f"{n_atoms} atoms were expected after the comment on line 2.", line=1)
    atoms = []
    for number, line in enumerate(lines[2 : n_atoms + 2], 3):
        try:
            atoms.append(_parse_atom(line.split()[:4]))
        except ValueError as error:
            raise FileFormatError(path, str(error), line=number) from None
    return tuple(atoms)


def check_atoms(atoms: Sequence[Atom]) -> tuple[Atom, ...]:
    """Atoms with elements that exist, in different places.

    Raises:
        InputError: There are none, an element is unknown, or two are as good as in the same place.

    Example:
        >>> check_atoms([("h", (0, 0, 0))])
        (('H', (0.0, 0.0, 0.0)),)
    """
    from pyscf.data.elements import ELEMENTS

    if not atoms:
        raise InputError("Geometry: there are no atoms.")
    checked: list[Atom] = []
    for symbol, place in atoms:
        name = symbol.strip().capitalize()
        if name not in ELEMENTS[1:]:
            raise InputError(f"Geometry: {symbol!r} is not the symbol of an element.")
        if len(place) != 3 or not all(abs(value) < FARTHEST for value in place):
            raise InputError(
                f"Geometry: {symbol} must have three coordinates below {FARTHEST:g}, but has {tuple(place)}."
            )
        checked.append((name, (float(place[0]), float(place[1]), float(place[2]))))
    for i, (_, place) in enumerate(checked):
        for j, (_, other) in enumerate(checked[:i]):
            if math.dist(place, other) < CLOSEST:
                raise InputError(f"Geometry: atoms {j + 1} and {i + 1} are nearer than {CLOSEST}.")
    return tuple(checked)


def _parse_atom(fields: list[str]) -> Atom:
    line = " ".join(fields)
    if len(fields) != 4:
        raise ValueError(f"'symbol x y z' was expected, but got {line!r}.")
    try:
        x, y, z = (float(field) for field in fields[1:])
    except ValueError:
        raise ValueError(f"three coordinates were expected after the symbol, but got {line!r}.") from None
    return fields[0], (x, y, z)
