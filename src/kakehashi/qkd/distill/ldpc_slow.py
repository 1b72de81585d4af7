"""The kernels of LDPC codes in plain Python, number for number: the oracle of their tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kakehashi.qkd.distill.ldpc_code import LdpcBase

__all__ = ["decode_slowly", "syndrome_slowly"]

MOST = 4095


def _checks(base: LdpcBase, row: int) -> Iterator[list[tuple[int, int]]]:
    """Entry and place of every bit that each check of a row touches."""
    entries = range(int(base.row_start[row]), int(base.row_start[row + 1]))
    for i in range(base.z):
        yield [(e, int(base.column[e]) * base.z + (i + int(base.shift[e])) % base.z) for e in entries]


def syndrome_slowly(base: LdpcBase, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Parities of all checks, shape ``(n_rows * z,)``.

    Args:
        base: The code.
        bits: One a byte, shape ``(n_columns * z,)``.

    Example:
        >>> from kakehashi.qkd.distill.ldpc_code import build_base
        >>> base = build_base(n_columns=64, n_rows=16, n_pairs=0, z=8)
        >>> int(syndrome_slowly(base, np.zeros(512, np.uint8)).sum())
        0
    """
    sums = [
        sum(int(bits[place]) for _, place in check) % 2 for row in range(base.n_rows) for check in _checks(base, row)
    ]
    return np.array(sums, dtype=np.uint8)


def _bend(x: int) -> int:
    return max(0, 22 - (x >> 2))


def _box_plus(a: int, b: int) -> int:
    return max(0, min(a, b) + _bend(a + b) - _bend(abs(a - b)))


def decode_slowly(base: LdpcBase, syndrome: NDArray[np.uint8], belief: NDArray[np.int16], max_iterations: int) -> int:
    """As ``kakehashi._native.decode_ldpc``: changes the beliefs, gives the number of iterations or -1.

    Example:
        >>> from kakehashi.qkd.distill.ldpc_code import build_base
        >>> base = build_base(n_columns=64, n_rows=32, n_pairs=0, z=8)
        >>> error = np.zeros(512, np.uint8)
        >>> error[100] = 1
        >>> belief = np.full(512, 100, np.int16)
        >>> decode_slowly(base, syndrome_slowly(base, error), belief, 20) > 0, np.flatnonzero(belief < 0).tolist()
        (True, [100])
    """
    beliefs = belief.tolist()
    messages: dict[tuple[int, int], int] = {}
    result = -1
    for iteration in range(1, max_iterations + 1):
        is_settled = True
        for row in range(base.n_rows):
            for i, check in enumerate(_checks(base, row)):
                is_settled &= _visit(check, int(syndrome[row * base.z + i]), beliefs, messages)
        if is_settled:
            result = iteration
            break
    belief[:] = beliefs
    return result


def _visit(check: list[tuple[int, int]], wanted: int, beliefs: list[int], messages: dict[tuple[int, int], int]) -> bool:
    """One check: whether it held and changed no bit."""
    held = (sum(beliefs[place] < 0 for _, place in check) + wanted) % 2 == 0
    rests = [max(-MOST, min(MOST, beliefs[place] - messages.get((e, place), 0))) for e, place in check]
    is_negative = (sum(rest < 0 for rest in rests) + wanted) % 2 == 1
    before = [MOST]
    for rest in rests:
        before.append(_box_plus(before[-1], abs(rest)))
    after, changed = MOST, False
    for k in range(len(check) - 1, -1, -1):
        size, place = _box_plus(before[k], after), check[k][1]
        after = _box_plus(after, abs(rests[k]))
        messages[check[k]] = -size if is_negative != (rests[k] < 0) else size
        changed |= (rests[k] + messages[check[k]] < 0) != (beliefs[place] < 0)
        beliefs[place] = rests[k] + messages[check[k]]
    return held and not changed
