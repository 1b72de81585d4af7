"""Patterns come as often as their channels say."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.device.methods.trajectory_patterns import draw_patterns
from kakehashi.device.noise.model import PauliChannel


def test_counts_add_up_and_follow_the_rates():
    one = PauliChannel(qubits=(0,), probabilities=np.array([0.9, 0.04, 0.06, 0.0]))
    two = PauliChannel(qubits=(0, 1), probabilities=np.r_[0.7, np.full(15, 0.02)])
    patterns = draw_patterns([one, two, one], 50_000, np.random.default_rng(1))
    assert sum(n for _, n in patterns) == 50_000
    counts = dict(patterns)
    assert len(counts) == len(patterns)
    assert counts[()] / 50_000 == pytest.approx(0.9 * 0.7 * 0.9, abs=0.01)
    assert counts[(0, 2),] / 50_000 == pytest.approx(0.06 * 0.7 * 0.9, abs=0.005)
    firsts = [pattern[0][0] if pattern else 3 for pattern, _ in patterns]
    assert firsts == sorted(firsts)
