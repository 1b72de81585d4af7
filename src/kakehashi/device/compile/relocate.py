"""A compiled circuit moved to where the processor is better, gate for gate the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kakehashi import _native
from kakehashi.device.compile.score import Score, Scorer
from kakehashi.device.compile.steps import MEASURE, TURN, Steps, score_and_idle, score_steps, tables_of

__all__ = ["find_better_place"]

WORK = 160_000
"""Partial places, times qubits, that a search keeps: more for circuits on few qubits."""

WIDTHS = (64, 2_000)
"""Least and most partial places of one size."""

SCORED = (4, 24)
SCORED_STEPS = 100_000
"""Of the best places so many are scored with their whole schedule: the fewer, the longer it is."""


def find_better_place(
    steps: Steps, scorer: Scorer, *, before: Score | None = None
) -> tuple[dict[int, int], Score] | None:
    """A renaming of physical qubits under which a circuit's estimate is better.

    The circuit's qubits are placed one by one, each beside those that it has gates with; of all partial places those
    that lose least by gates, readouts and waiting are kept. Of the best whole ones the schedule is scored.

    Args:
        steps: The circuit.
        scorer: Of the twin.
        before: The circuit's score where it is, if known.

    Returns:
        New physical qubit of each that the circuit uses, with the new score; None where nothing better was found.
    """
    now, idle_ns = score_and_idle(steps, scorer)
    best: tuple[dict[int, int], Score] | None = None
    least = (now if before is None else before).log_esp + 1e-12
    for place in _places(steps, idle_ns, scorer):
        after = score_steps(steps.moved(place), scorer)
        if after.log_esp > least:
            used = np.unique(steps.qubits)
            best, least = (dict(zip(used.tolist(), place[used].tolist(), strict=True)), after), after.log_esp
    return best


def _places(steps: Steps, idle_ns: NDArray[np.float64], scorer: Scorer) -> Iterator[NDArray[np.int32]]:
    """New numbers of all physical qubits, the most promising first."""
    pairs = steps.pairs
    if not len(pairs):
        return
    n = scorer.twin.n_qubits
    if not scorer.twin.directed:
        pairs = np.sort(pairs, axis=1)
    vertices, numbered = np.unique(pairs, return_inverse=True)
    edges, weights = np.unique(numbered.reshape(-1, 2), axis=0, return_counts=True)
    pair_log, _, turn_log, _, read, decay = tables_of(scorer)
    loss = np.outer(idle_ns[vertices], decay[0] / 6 + decay[1] / 3)
    for kind, table in ((MEASURE, read[0]), (TURN, turn_log[0] if len(turn_log) else np.zeros(n))):
        loss -= np.outer(
            np.bincount(steps.singles(kind), minlength=n)[vertices], np.where(np.isfinite(table), table, -1e9)
        )
    width = int(np.clip(WORK // len(vertices), *WIDTHS))
    found = _native.find_places(edges.astype(np.int32), weights.astype(np.float64), loss, pair_log, width)
    # Qubits without a partner go to the free qubits with the best readout.
    others = np.setdiff1d(steps.qubits, vertices)
    for hosts in found[: int(np.clip(SCORED_STEPS // len(steps.kind), *SCORED))]:
        free = np.ones(n, dtype=np.bool_)
        free[hosts] = False
        left = np.flatnonzero(free & scorer.twin.present)
        left = left[np.argsort(-read[0][left], kind="stable")]
        if len(others) <= len(left):
            place = np.full(n, -1, dtype=np.int32)
            place[vertices], place[others] = hosts, left[: len(others)]
            yield place
