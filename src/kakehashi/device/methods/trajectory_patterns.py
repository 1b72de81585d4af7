"""Which Pauli errors happen in which shot, drawn before anything is simulated, equal patterns once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from kakehashi.device.noise.model import PauliChannel, Step
from kakehashi.device.sampler.patterns import draw_events

__all__ = ["Pattern", "draw_patterns"]

Pattern: TypeAlias = tuple[tuple[int, int], ...]
"""``(number of the step, number of the Pauli product)`` of every error of a shot, in order."""


def draw_patterns(steps: Sequence[Step], n_shots: int, rng: np.random.Generator) -> list[tuple[Pattern, int]]:
    """Distinct patterns of errors and how many shots have each, in the order of their first errors.

    Args:
        steps: A circuit's steps; of channels only those of Pauli operators are looked at.
        n_shots: Number of shots.
        rng: Source of random numbers.

    Example:
        >>> flip = PauliChannel(qubits=(0,), probabilities=np.array([0.0, 1.0, 0.0, 0.0]))
        >>> draw_patterns([flip], 10, np.random.default_rng(1))
        [(((0, 1),), 10)]
    """
    numbers = [k for k, step in enumerate(steps) if isinstance(step, PauliChannel)]
    events = draw_events([step for step in steps if isinstance(step, PauliChannel)], n_shots, rng)
    errors: dict[int, list[tuple[int, int]]] = {}
    for shot, place, kind in zip(events.shot.tolist(), events.place.tolist(), events.operator.tolist(), strict=True):
        errors.setdefault(shot, []).append((numbers[place], kind))
    counts: dict[Pattern, int] = {}
    for pattern in errors.values():
        counts[tuple(pattern)] = counts.get(tuple(pattern), 0) + 1
    if n_shots > len(errors):
        counts[()] = n_shots - len(errors)
    return sorted(counts.items(), key=lambda item: (item[0][:1] or ((len(steps), 0),), item[0]))
