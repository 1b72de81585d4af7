"""Operations on physical qubits in flat arrays, so that a schedule is scored natively, there and where it is moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kakehashi import _native
from kakehashi.device.compile.score import Score, Scorer

__all__ = ["Steps", "read_steps", "score_and_idle", "score_steps", "tables_of"]

WAIT, PAIR, MEASURE, TURN, NOTHING, IMPOSSIBLE = range(6)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Steps:
    """Operations in their order.

    Attributes:
        kind: Shape ``(n,)``: what each is.
        row: Shape ``(n,)``: for gates on one qubit, the row of its table.
        first: Shape ``(n + 1,)``: where the qubits of each begin.
        qubits: Physical qubits of all, one after the other.
        wait_ns: Shape ``(n,)``: length of delays.
    """

    kind: NDArray[np.int8]
    row: NDArray[np.int16]
    first: NDArray[np.int32]
    qubits: NDArray[np.int32]
    wait_ns: NDArray[np.float64]

    @property
    def pairs(self) -> NDArray[np.int32]:
        """Shape ``(n_pairs, 2)``: qubits of each gate on two."""
        at = self.first[:-1][self.kind == PAIR]
        both: NDArray[np.int32] = np.stack([self.qubits[at], self.qubits[at + 1]], axis=1)
        return both

    def singles(self, kind: int) -> NDArray[np.int32]:
        """Qubit of each step of a kind that has one."""
        chosen: NDArray[np.int32] = self.qubits[self.first[:-1][self.kind == kind]]
        return chosen

    def moved(self, place: NDArray[np.int32]) -> Steps:
        """The same on other qubits.

        Args:
            place: New number of each physical qubit.
        """
        return replace(self, qubits=place[self.qubits])


def read_steps(operations: Iterable[tuple[str, tuple[int, ...], float]], scorer: Scorer) -> Steps:
    """Operations as flat arrays.

    Args:
        operations: ``(name, physical qubits, nanoseconds)``; the last is read of delays alone.
        scorer: Of the twin whose native gates they are.

    Example:
        >>> from kakehashi.device.compile.example import example_twin
        >>> steps = read_steps([("sx", (0,), 0.0), ("cz", (0, 1), 0.0)], Scorer(example_twin(2)))
        >>> steps.pairs.tolist()
        [[0, 1]]
    """
    codes = dict(_codes(scorer))
    kinds, rows, waits = [], [], []
    first: list[int] = [0]
    qubits: list[int] = []
    for name, on, length in operations:
        code = codes.get(name)
        if code is None:
            code = (IMPOSSIBLE if len(on) == 2 else NOTHING, 0)
        elif code[0] == PAIR and len(on) != 2:
            code = (NOTHING, 0)
        kinds.append(code[0])
        rows.append(code[1])
        qubits += on
        first.append(len(qubits))
        waits.append(length)
    return Steps(
        kind=np.array(kinds, dtype=np.int8),
        row=np.array(rows, dtype=np.int16),
        first=np.array(first, dtype=np.int32),
        qubits=np.array(qubits, dtype=np.int32),
        wait_ns=np.array(waits, dtype=np.float64),
    )


def score_steps(steps: Steps, scorer: Scorer) -> Score:
    """What the scorer says of operations, natively.

    Example:
        >>> from kakehashi.device.compile.example import example_twin
        >>> scorer = Scorer(example_twin(2))
        >>> operations = [("sx", (0,), 0.0), ("cz", (0, 1), 0.0)]
        >>> score_steps(read_steps(operations, scorer), scorer) == scorer(operations)
        True
    """
    return score_and_idle(steps, scorer)[0]


def score_and_idle(steps: Steps, scorer: Scorer) -> tuple[Score, NDArray[np.float64]]:
    """The score, and for how many nanoseconds each qubit waits between its first and its last step."""
    gates, readout, idle, duration_ns, n_pairs, depth, idle_ns = _native.estimate_schedule(
        steps.kind, steps.row, steps.first, steps.qubits, steps.wait_ns, *tables_of(scorer)
    )
    if not scorer.twin.present[steps.singles(MEASURE)].all():
        gates = -np.inf
    made = Score(
        log_esp=gates + readout + idle,
        log_gates=gates,
        log_readout=readout,
        log_idle=idle,
        duration_ns=duration_ns,
        n_two_qubit_gates=n_pairs,
        two_qubit_depth=depth,
    )
    return made, idle_ns


@lru_cache(maxsize=4)
def _codes(scorer: Scorer) -> tuple[tuple[str, tuple[int, int]], ...]:
    turns = [(name, (TURN, row)) for row, name in enumerate(sorted(scorer.log_one))]
    fixed = [("barrier", (WAIT, 0)), ("delay", (WAIT, 0)), ("measure", (MEASURE, 0))]
    return (*turns, *fixed, (scorer.twin.two_qubit_gate, (PAIR, 0)))


@lru_cache(maxsize=4)
def tables_of(scorer: Scorer) -> tuple[NDArray[np.float64], ...]:
    """Logarithms and nanoseconds as the kernel takes them: pairs, turns by row, readouts, decays."""
    n = scorer.twin.n_qubits
    pair_log, pair_ns = np.full((n, n), -np.inf), np.zeros((n, n))
    for (a, b), (left, took) in scorer.log_two.items():
        pair_log[a, b], pair_ns[a, b] = left, took
    turns = np.array([scorer.log_one[name] for name in sorted(scorer.log_one)]).reshape(-1, n, 2)
    read = np.array(scorer.log_read)
    absent = ~scorer.twin.present
    turn_log = np.where(absent, -np.inf, turns[:, :, 0])
    pair_log[absent] = pair_log[:, absent] = -np.inf
    return (
        pair_log,
        pair_ns,
        np.ascontiguousarray(turn_log),
        np.ascontiguousarray(turns[:, :, 1]),
        np.ascontiguousarray(read.T),
        np.ascontiguousarray(np.array(scorer.decay).T),
    )
