"""A small processor for examples and tests of the compiler."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.twins.model import Calibration, Source, Twin

__all__ = ["example_twin", "twin_of_graph"]


def twin_of_graph(
    edges: Iterable[Sequence[int]],
    n_qubits: int,
    *,
    directed: bool = False,
    spread: float = 0.0,
    dead: Iterable[Sequence[int]] = (),
    absent: Iterable[int] = (),
    rng: RngLike = 0,
) -> Twin:
    """A processor on any graph, its calibration assumed.

    Args:
        edges: Pairs of qubits, control first where it is directed.
        n_qubits: Number of qubits.
        directed: Whether its gate is a ``cx`` from control to target only; otherwise it is ``cz``.
        spread: Width of the log-normal spread of errors and times; 0 for equal ones.
        dead: Edges that are dead.
        absent: Qubits that are not there.
        rng: Of the spread.
    """
    rng = as_generator(rng)
    pairs = np.array([(int(a), int(b)) for a, b in edges], dtype=np.int64).reshape(-1, 2)

    def draw(median: float, n: int) -> np.ndarray:
        drawn: np.ndarray = median * np.exp(spread * rng.normal(size=n))
        return drawn

    broken = {frozenset(map(int, pair)) for pair in dead}
    gate = "cx" if directed else "cz"
    two = np.minimum(draw(3e-3, len(pairs)), 0.3)
    two[[frozenset(pair) in broken for pair in pairs.tolist()]] = 1.0
    t1 = draw(200.0, n_qubits)
    present = np.ones(n_qubits, dtype=np.bool_)
    present[list(absent)] = False
    one = np.minimum(draw(2.5e-4, n_qubits), 0.1)
    return Twin(
        name="example",
        title="A processor for examples",
        lattice="example",
        n_qubits=n_qubits,
        positions=np.zeros((n_qubits, 2)),
        edges=pairs,
        directed=directed,
        two_qubit_gate=gate,
        one_qubit_gates=("rz", "sx", "x"),
        present=present,
        calibration=Calibration(
            taken_utc="2026-01-01",
            t1_us=t1,
            t2_us=np.minimum(draw(150.0, n_qubits), 2 * t1),
            prob_meas1_prep0=np.minimum(draw(5e-3, n_qubits), 0.4),
            prob_meas0_prep1=np.minimum(draw(1e-2, n_qubits), 0.4),
            readout_ns=np.full(n_qubits, 1500.0),
            gate_error={gate: two, "sx": one, "x": one},
            gate_ns={gate: np.full(len(pairs), 68.0), "sx": np.full(n_qubits, 24.0), "x": np.full(n_qubits, 24.0)},
        ),
        sources={"calibration": Source(grade="assumed", text="drawn for examples")},
    )


def example_twin(side: int, *, directed: bool = False, spread: float = 0.0, rng: RngLike = 0) -> Twin:
    """A square lattice, numbered row by row.

    Args:
        side: Qubits of a row.
        directed: Whether its gate runs from even to odd sites (row + column) only.
        spread: As in :func:`twin_of_graph`.
        rng: Likewise.

    Example:
        >>> example_twin(3).n_qubits, len(example_twin(3).edges)
        (9, 12)
    """
    edges = []
    for row in range(side):
        for column in range(side):
            here = row * side + column
            for there in ([here + 1] if column + 1 < side else []) + ([here + side] if row + 1 < side else []):
                edges.append((here, there) if (row + column) % 2 == 0 or not directed else (there, here))
    return twin_of_graph(edges, side * side, directed=directed, spread=spread, rng=rng)
