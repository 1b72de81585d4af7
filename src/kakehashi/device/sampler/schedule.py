"""Plans passes over the state: which qubits are local in each, and which rotations happen while they are.

A rotation about Y needs its qubit to be local. A diagonal one needs one local qubit, commutes with its like, and can be
done as soon as the rotations about Y before it are. Whatever happens after the last rotation about Y of a qubit, or on
qubits that no result depends on, is left out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kakehashi.device.sampler.rotations import Rotation

__all__ = ["Schedule", "plan_schedule", "relevant_rotations"]

MIN_QUBITS = 5
"""The kernels want whole vectors; a smaller circuit gets idle qubits."""

N_RUN = 6
"""Lowest qubits, always local, so that a piece of the state consists of runs of several cache lines."""

N_LOW = 6
"""Local qubits of the kernels' table for the lowest bits."""

MAX_CONDITIONS = 3
"""Qubits on which a table of phases may depend; each doubles the tables."""

MAX_GROWTH = 2.0**-20
"""Product of cosines after which amplitudes are scaled back."""


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """What the kernels read; see ``cpp/state_vector/program.hpp``.

    Attributes:
        n_qubits: Qubits of the state.
        code: The passes, int32.
        angles: In radians, by number of the sign's bit.
        scales: Of the steps of phases.
        bit: Number of the sign's bit for each rotation of the circuit; -1 for one that was left out.
        n_passes: Number of passes.
        n_words: 64-bit words of the signs of a trajectory.
        n_turns: Rotations about Y.
        n_phase_steps: Steps of phases.
    """

    n_qubits: int
    code: NDArray[np.int32]
    angles: NDArray[np.float64]
    scales: NDArray[np.float64]
    bit: list[int]
    n_passes: int
    n_words: int
    n_turns: int
    n_phase_steps: int


def relevant_rotations(rotations: Sequence[Rotation], *, measured: Collection[int], n_qubits: int) -> list[bool]:
    """Whether the distribution of the measured qubits depends on each rotation.

    Example:
        >>> from kakehashi.device.sampler.rotations import Rotation
        >>> last = [Rotation("Y", (0,), 0.3), Rotation("ZZ", (0, 1), 0.2), Rotation("Y", (1,), 0.3)]
        >>> relevant_rotations(last, measured=[0, 1], n_qubits=2), relevant_rotations(last, measured=[0], n_qubits=2)
        ([True, True, True], [True, False, False])
    """
    alive = [q in measured for q in range(n_qubits)]
    turned_later = [False] * n_qubits
    relevant = [False] * len(rotations)
    for k in range(len(rotations) - 1, -1, -1):
        rotation = rotations[k]
        if rotation.kind == "Y":
            (q,) = rotation.qubits
            relevant[k] = alive[q]
            turned_later[q] |= alive[q]
        elif any(turned_later[q] for q in rotation.qubits):
            relevant[k] = True
            for q in rotation.qubits:
                alive[q] = True
    return relevant


@dataclass(slots=True)
class _Pass:
    local: list[int]
    steps: dict[int, list[int]] = field(default_factory=dict)  # by level: odd for Y, even for phases


def plan_schedule(
    rotations: Sequence[Rotation],
    *,
    n_qubits: int,
    relevant: Sequence[bool] | None = None,
    n_local: int = 12,
    max_turns: int | None = None,
) -> Schedule:
    """Plan the passes.

    Args:
        rotations: In order.
        n_qubits: Number of qubits.
        relevant: Which of them to do; all where not given.
        n_local: Qubits that are local at a time: a piece of the state has ``2**n_local`` amplitudes.
        max_turns: Rotations about Y in a pass; more passes let trajectories share more. By default, as many as there
            are qubits where all are local, and otherwise no bound.

    Example:
        >>> from kakehashi.device.sampler.rotations import Rotation
        >>> schedule = plan_schedule([Rotation("Y", (0,), 0.3), Rotation("ZZ", (0, 1), 0.2)], n_qubits=2)
        >>> schedule.n_qubits, schedule.n_passes, schedule.bit
        (5, 1, [0, 1])
    """
    n = max(n_qubits, MIN_QUBITS)
    n_local = max(n_local, MIN_QUBITS)
    pending = [k for k in range(len(rotations)) if relevant is None or relevant[k]]
    if max_turns is None:
        max_turns = n if n <= n_local else 1 << 30
    passes: list[_Pass] = []
    while pending:
        current = _Pass(_choose_local(rotations, pending, n, n_local))
        pending = _fill_pass(rotations, pending, current, n, max_turns)
        passes.append(current)
    if not passes:
        passes.append(_Pass(list(range(min(n, n_local)))))
    encoder = _Encoder(rotations)
    for current in passes:
        encoder.write(current)
    return encoder.schedule(n, len(passes))


def _choose_local(rotations: Sequence[Rotation], pending: Sequence[int], n: int, n_local: int) -> list[int]:
    """The qubits that come first in the circuit, neighbours of those chosen before others."""
    if n <= n_local:
        return list(range(n))
    # The first rotation can always be done, so that every pass does something.
    chosen = {*range(min(N_RUN, n_local - 1)), rotations[pending[0]].qubits[0]}
    for k in pending:
        if rotations[k].kind != "Y":
            continue
        if len(chosen) == n_local:
            return sorted(chosen)
        chosen.add(rotations[k].qubits[0])
    chosen.update([q for q in range(n) if q not in chosen][: n_local - len(chosen)])
    return sorted(chosen)


def _fill_pass(
    rotations: Sequence[Rotation], pending: Sequence[int], current: _Pass, n: int, max_turns: int
) -> list[int]:
    """Put into a pass whatever can be done; return the rest."""
    local = [False] * n
    for q in current.local:
        local[q] = True
    blocked = [False] * n  # a rotation about Y waits
    shifted = [False] * n  # a diagonal one waits
    last_turn, last_shift = [-1] * n, [-2] * n  # levels
    left: list[int] = []
    steps = current.steps
    n_turns = 0
    for k in pending:
        rotation = rotations[k]
        qubits = rotation.qubits
        if rotation.kind == "Y":
            (q,) = qubits
            if blocked[q] or shifted[q] or not local[q] or n_turns == max_turns:
                blocked[q] = True
                left.append(k)
                continue
            n_turns += 1
            level = max(last_turn[q] + 2, last_shift[q] + 1)
            last_turn[q] = level
        else:
            q, other = qubits[0], qubits[-1]  # the same for a rotation about Z
            if blocked[q] or blocked[other] or not (local[q] or local[other]):
                shifted[q] = shifted[other] = True
                left.append(k)
                continue
            level = max(last_turn[q], last_turn[other]) + 1
            last_shift[q] = max(last_shift[q], level)
            last_shift[other] = max(last_shift[other], level)
        steps.setdefault(level, []).append(k)
    return left


class _Encoder:
    """Writes passes for the kernels."""

    def __init__(self, rotations: Sequence[Rotation]) -> None:
        self.rotations = rotations
        self.code: list[int] = []
        self.angles: list[float] = []
        self.scales: list[float] = []
        self.bit = [-1] * len(rotations)
        self.n_turns = 0
        self._first_word = 0
        self._growth = 1.0

    def write(self, current: _Pass) -> None:
        """One pass."""
        steps: list[list[int]] = []
        for level in sorted(current.steps):
            members = current.steps[level]
            for k in members:
                self.bit[k] = len(self.angles)
                self.angles.append(self.rotations[k].angle)
            if level % 2:
                steps.append(self._turns(members))
                if self._growth < MAX_GROWTH:
                    steps.append(self._phases([], []))
            else:
                steps += self._split_phases(members, current.local)
        n_words = -(-len(self.angles) // 64) - self._first_word
        self.code += [len(current.local), *current.local, self._first_word, n_words, len(steps)]
        for step in steps:
            self.code += step
        self._first_word += n_words
        self.angles += [0.0] * (64 * self._first_word - len(self.angles))

    def schedule(self, n_qubits: int, n_passes: int) -> Schedule:
        """The whole."""
        return Schedule(
            n_qubits=n_qubits,
            code=np.array(self.code, dtype=np.int32),
            angles=np.array(self.angles, dtype=np.float64),
            scales=np.array(self.scales, dtype=np.float64),
            bit=self.bit,
            n_passes=n_passes,
            n_words=self._first_word,
            n_turns=self.n_turns,
            n_phase_steps=len(self.scales),
        )

    def _turns(self, members: Sequence[int]) -> list[int]:
        step = [0, len(members)]
        for k in members:
            step += [self.rotations[k].qubits[0], self.bit[k]]
            self._growth *= math.cos(self.rotations[k].angle / 2)
        self.n_turns += len(members)
        return step

    def _phases(self, singles: Sequence[int], pairs: Sequence[int]) -> list[int]:
        step = [1, len(singles), len(pairs)]
        for k in (*singles, *pairs):
            step += [*self.rotations[k].qubits, self.bit[k]]
        self.scales.append(self._growth)
        self._growth = 1.0
        return step

    def _split_phases(self, members: Sequence[int], local: Sequence[int]) -> list[list[int]]:
        """One step or more: each may depend on few bits beyond those of its tables."""
        place = {q: k for k, q in enumerate(local)}
        n_low = min(len(local), N_LOW)
        steps: list[list[int]] = []
        singles = [k for k in members if len(self.rotations[k].qubits) == 1]
        pairs = [k for k in members if len(self.rotations[k].qubits) == 2]
        now: list[int] = []
        conditions: tuple[set[int], set[int]] = (set(), set())
        for k in sorted(pairs, key=lambda k: max(place.get(q, -q - 1) for q in self.rotations[k].qubits)):
            where = sorted(place.get(q, len(local) + q) for q in self.rotations[k].qubits)
            low, high = where[0] < n_low, where[0] >= n_low
            needs = where[1] if where[1] >= (n_low if low else len(local)) else None
            table = conditions[int(high)]
            if needs is not None and needs not in table and len(table) == MAX_CONDITIONS:
                steps.append(self._phases(singles, now))
                singles, now, conditions = [], [], (set(), set())
                table = conditions[int(high)]
            if needs is not None:
                table.add(needs)
            now.append(k)
        if singles or now:
            steps.append(self._phases(singles, now))
        return steps
