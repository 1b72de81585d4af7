"""Graphs that circuits of the tests live on."""

from __future__ import annotations


def heavy_hex(name):
    """Edges of the heavy-hex graphs of 127 and 156 qubits, from the snapshots' own regular layout."""
    rows = 7 if name == 127 else 8
    width = 15 if name == 127 else 16
    edges, first, number = [], [], 0
    lengths = [width] * rows
    if name == 127:
        lengths[0] = lengths[-1] = 14
    starts = [0] * rows
    if name == 127:
        starts[-1] = 1  # the last row lacks its first qubit, the first row its last
    bridges = []
    for row in range(rows):
        first.append(number)
        edges += [(number + k, number + k + 1) for k in range(lengths[row] - 1)]
        number += lengths[row]
        if row < rows - 1:
            offset = (0 if row % 2 == 0 else 2) if name == 127 else (3 if row % 2 == 0 else 1)
            columns = range(offset, width, 4)
            bridges.append([(row, column, number + k) for k, column in enumerate(columns)])
            number += len(columns)
    for group in bridges:
        for row, column, qubit in group:
            above = first[row] + column - starts[row]
            below = first[row + 1] + column - starts[row + 1]
            edges += [(above, qubit), (qubit, below)]
    assert number == name
    return edges
