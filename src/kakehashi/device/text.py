"""Shots as plain text: one bit string a line, with or without its count (see ``docs/formats/shots.md``)."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from kakehashi.core.errors import FileFormatError
from kakehashi.device.model import Shots

__all__ = ["parse_text"]

BITS = re.compile(r"[01]+")
COUNT = re.compile(r"[0-9]+")
SEPARATORS = str.maketrans(",;:\t", "    ", "_")
"""Commas, semicolons, colons and tabs separate like spaces; underscores only group bits."""

LARGEST_COUNT = 2**62


def parse_text(text: str, *, path: Path | str, n_qubits: int | None = None) -> Shots:
    r"""Read shots from text.

    Args:
        text: The file's content.
        path: Its name, for messages.
        n_qubits: Number of qubits that there must be; taken from the first line where not given.

    Raises:
        FileFormatError: With the path and the line at fault.

    Example:
        >>> parse_text("# two orbitals\n01 01 20\n10_01\n", path="shots.txt").to_counts()
        {'0101': 20, '1001': 1}
    """
    totals: Counter[str] = Counter()
    width = n_qubits
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].translate(SEPARATORS).split()
        if not content:
            continue
        bits, count = _parse_line(content, width, path, number)
        if width is None:
            width = len(bits)
        elif len(bits) != width:
            expected = "were expected" if n_qubits else "are in the lines before"
            raise FileFormatError(path, f"the bit string has {len(bits)} bits, but {width} {expected}.", line=number)
        totals[bits] += count
    counts = {bits: count for bits, count in totals.items() if count}
    if not counts:
        raise FileFormatError(path, "there are no shots; each line must hold a bit string.")
    if sum(counts.values()) > LARGEST_COUNT:
        raise FileFormatError(path, "the counts sum to more than 2^62.")
    return Shots.from_counts(counts)


def _parse_line(words: list[str], width: int | None, path: Path | str, number: int) -> tuple[str, int]:
    """Bit string and count of one line.

    A second group of 0 and 1 is the other half of the bit string where it is as long as the first (and where
    that fits the width, if it is known); otherwise it is the count.
    """
    halves = (
        len(words) > 1
        and len(words[0]) == len(words[1])
        and BITS.fullmatch(words[1]) is not None
        and (width is None or len(words[0]) != width)
    )
    bits = "".join(words[: 2 if halves else 1])
    rest = words[2 if halves else 1 :]
    if not BITS.fullmatch(bits):
        raise FileFormatError(path, f"expected a bit string of 0 and 1, but got {bits[:80]!r}.", line=number)
    if len(rest) > 1 or (rest and not COUNT.fullmatch(rest[0])):
        raise FileFormatError(
            path, f"expected a count after the bit string, but got {' '.join(rest)[:80]!r}.", line=number
        )
    if rest and len(rest[0]) > 19:
        raise FileFormatError(path, f"the count {rest[0][:80]} is too large.", line=number)
    return bits, int(rest[0]) if rest else 1
