"""Lattices: where the qubits of a processor lie, how they are numbered, and which of them are joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError

__all__ = ["Lattice", "cell_number", "cell_place", "greedy_layers", "heavy_hex_lattice", "square_lattice"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

CELL = 2
"""Side of a readout cell: 2x2 qubits share a readout line."""

BRIDGE_STEP = 4
"""A heavy-hex row is joined to the next at every fourth qubit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lattice:
    """Qubits and the pairs of them that a gate joins.

    Attributes:
        kind: ``"square"`` or ``"heavy-hex"``.
        positions: ``(column, row)`` of each qubit, rows downwards, float64, shape ``(n_qubits, 2)``.
        edges: Joined pairs, int64, shape ``(n_edges, 2)``; where ``directed``, control first.
        directed: Whether the gate runs from the first qubit of a pair to the second only.
        readout_line: Number of the readout line of each qubit, int64, shape ``(n_qubits,)``; None where each has
            its own.
    """

    kind: str
    positions: Floats
    edges: Integers
    directed: bool
    readout_line: Integers | None = None

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return len(self.positions)


def cell_place(number: int, *, side: int) -> tuple[int, int]:
    """Row and column of a qubit of a square lattice that is numbered by 2x2 readout cells.

    Cells follow each other row by row; inside one, 0 is top left, 1 top right, 2 bottom left, 3 bottom right.

    Args:
        number: Number of the qubit.
        side: Qubits along one side of the lattice.

    Returns:
        Row (downwards) and column.

    Source:
        The topology files ``square-lattice-mux-{16,64,144,256,1024}`` of oqtopus-team/qdash, of which every qubit
        and coupling follows this rule; the same numbering is in ``LatticeGraph`` of amachino/qubex.

    Example:
        >>> [cell_place(q, side=8) for q in (4, 16, 17, 63)]
        [(0, 2), (2, 0), (2, 1), (7, 7)]
    """
    cell, corner = divmod(number, CELL * CELL)
    cell_row, cell_column = divmod(cell, side // CELL)
    return CELL * cell_row + corner // CELL, CELL * cell_column + corner % CELL


def cell_number(row: int, column: int, *, side: int) -> int:
    """The inverse of :func:`cell_place`.

    Args:
        row: Row, downwards.
        column: Column.
        side: Qubits along one side of the lattice.

    Example:
        >>> cell_number(2, 1, side=8)
        17
    """
    cell = (row // CELL) * (side // CELL) + column // CELL
    return CELL * CELL * cell + CELL * (row % CELL) + column % CELL


def square_lattice(side: int) -> Lattice:
    """A square lattice of 2x2 readout cells with cross-resonance gates in one direction.

    The control of a pair is the qubit whose row and column add up to an even number, which is the one of lower
    frequency: controls and targets form a checkerboard.

    Args:
        side: Qubits along one side, even.

    Raises:
        InputError: The side is odd or smaller than 2.

    Source:
        As for :func:`cell_place`; ``direction_convention: checkerboard_cr`` in the same files. The twelve couplings
        of the two public calibrations obey it.

    Example:
        >>> lattice = square_lattice(8)
        >>> lattice.n_qubits, len(lattice.edges), int(lattice.readout_line.max()) + 1
        (64, 112, 16)
        >>> lattice.edges[:3].tolist()
        [[0, 1], [0, 2], [3, 1]]
    """
    if side < CELL or side % CELL:
        raise InputError(f"The side of a lattice of 2x2 readout cells must be even and at least 2, but is {side}.")
    places = np.array([cell_place(q, side=side) for q in range(side * side)], dtype=np.int64)
    number = np.empty((side, side), dtype=np.int64)
    number[places[:, 0], places[:, 1]] = np.arange(side * side)
    across = np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1)
    down = np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1)
    pairs = np.concatenate([across, down])
    is_control = places.sum(axis=1) % 2 == 0
    edges = np.where(is_control[pairs[:, :1]], pairs, pairs[:, ::-1])
    # In the order of the smaller number, then of the larger, as the topology files have it.
    order = np.lexsort((edges.max(axis=1), edges.min(axis=1)))
    return Lattice(
        kind="square",
        positions=places[:, ::-1].astype(np.float64),
        edges=edges[order],
        directed=True,
        readout_line=np.arange(side * side, dtype=np.int64) // (CELL * CELL),
    )


def heavy_hex_lattice(*, n_rows: int = 8, row_length: int = 16) -> Lattice:
    """The heavy-hex lattice of the Heron processors, numbered row by row with the bridges between the rows.

    Rows of ``row_length`` qubits are joined by ``row_length / 4`` bridging qubits each, at the columns 3, 7, 11, ...
    below even rows and 1, 5, 9, ... below odd ones.

    Args:
        n_rows: Number of rows.
        row_length: Qubits in a row, a multiple of 4.

    Raises:
        InputError: There is no row, or its length is no multiple of 4.

    Source:
        Edge for edge ``bond_ibm_kobe()`` of r-ccs-cms/tnbp (RIKEN) and the coupling map of ibm_fez in
        qiskit-ibm-runtime.

    Example:
        >>> lattice = heavy_hex_lattice()
        >>> lattice.n_qubits, len(lattice.edges)
        (156, 176)
        >>> lattice.edges[lattice.edges[:, 1] == 16].tolist()
        [[3, 16]]
    """
    if n_rows < 1 or row_length < BRIDGE_STEP or row_length % BRIDGE_STEP:
        raise InputError(
            f"A heavy-hex lattice needs rows of a multiple of {BRIDGE_STEP} qubits, but {n_rows} rows of {row_length} "
            "were asked for."
        )
    n_bridges = row_length // BRIDGE_STEP
    period = row_length + n_bridges
    positions: list[tuple[int, int]] = []
    edges: list[tuple[int, int]] = []
    for row in range(n_rows):
        start = row * period
        positions += [(column, 2 * row) for column in range(row_length)]
        edges += [(start + column, start + column + 1) for column in range(row_length - 1)]
        if row == n_rows - 1:
            break
        for bridge in range(n_bridges):
            column = BRIDGE_STEP * bridge + (3 if row % 2 == 0 else 1)
            number = start + row_length + bridge
            positions.append((column, 2 * row + 1))
            edges += [(start + column, number), (number, start + period + column)]
    return Lattice(
        kind="heavy-hex",
        positions=np.array(positions, dtype=np.float64),
        edges=np.array(sorted(edges), dtype=np.int64),
        directed=False,
    )


def greedy_layers(edges: Iterable[Iterable[int]]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Layers of edges that share no qubit: each edge goes, in the order given, into the first layer that is free.

    Args:
        edges: Pairs of qubits.

    Returns:
        The layers, each with its edges in the order given.

    Source:
        This is how ``parallel_bond_ibm_kobe()`` of r-ccs-cms/tnbp is made: its three layers have 64, 60 and 52 edges.

    Example:
        >>> [len(layer) for layer in greedy_layers(heavy_hex_lattice().edges)]
        [64, 60, 52]
    """
    layers: list[list[tuple[int, int]]] = []
    busy: list[set[int]] = []
    for a, b in edges:
        pair = (int(a), int(b))
        free = next((k for k, taken in enumerate(busy) if taken.isdisjoint(pair)), len(layers))
        if free == len(layers):
            layers.append([])
            busy.append(set())
        layers[free].append(pair)
        busy[free].update(pair)
    return tuple(map(tuple, layers))
