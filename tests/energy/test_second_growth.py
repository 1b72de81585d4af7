"""A second growth is given up where it cannot win, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from verification.calibrate import RESULTS, read_rungs

from kakehashi.core.progress import Reporter
from kakehashi.core.ranks import Ranks
from kakehashi.energy.extrapolation import SPIN_TOLERANCE, extrapolate
from kakehashi.energy.growth import Growth, grow_once
from kakehashi.energy.ladder import MIXED
from kakehashi.energy.model import Rung
from kakehashi.energy.second_growth import cannot_win
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.library import load_problem


@pytest.fixture(scope="module")
def grown() -> Growth:
    spec = EnergySpec(orbitals="given", n_threads=1, max_determinants=40)
    growth, _ = grow_once(load_problem("hydrogen-chain", n_atoms=6), spec, None, None, 1, Ranks(), None, Reporter())
    return growth


def with_rungs(grown: Growth, rungs: Sequence[Rung], **changes: int | str) -> Growth:
    spec = grown.spec.model_copy(update={"max_determinants": rungs[-1].n_determinants})
    return replace(grown, **{"spec": spec, "rungs": (tuple(rungs),), "stopped": "max_determinants", **changes})


def made(rows: Iterable[tuple[int, float, float, float]]) -> list[Rung]:
    return [
        Rung(n_determinants=n, energy_hartree=energy, second_order_hartree=second, spin_squared=spin)
        for n, energy, second, spin in rows
    ]


FIRST = made(
    [
        (2000, -327.15911, -0.03031, 8.607),
        (4000, -327.16770, -0.02559, 8.540),
        (8000, -327.17504, -0.02200, 8.444),
        (16000, -327.18186, -0.01886, 8.347),
        (32000, -327.18808, -0.01611, 8.228),
        (64000, -327.19369, -0.01370, 8.106),
        (128000, -327.19861, -0.01166, 7.985),
        (256000, -327.20294, -0.00996, 7.849),
        (300000, -327.20398, -0.00968, 7.799),
    ]
)
"""[4Fe-4S] (54e,36o) as benchmarks/results/leaderboard.json has it."""

SECOND = made(
    [
        (1664, -327.05421, -0.12184, 2.865),
        (3328, -327.05560, -0.11029, 2.321),
        (6656, -327.05965, -0.09273, 1.853),
        (13312, -327.05617, -0.08574, 1.100),
        (26624, -327.05985, -0.04806, 0.174),
        (53248, -327.07674, -0.04365, 0.236),
        (106496, -327.08810, -0.04108, 0.261),
    ]
)
"""The same with a spin penalty."""


def test_a_cluster_that_stays_mixed_is_given_up(grown: Growth) -> None:
    first = with_rungs(grown, FIRST, two_s=0)
    given_up = [cannot_win(SECOND[: k + 1], first) for k in range(len(SECOND))]
    assert given_up == [False] * 5 + [True] * 2
    # in a larger space there were room for four pure spaces yet
    larger = replace(first, spec=first.spec.model_copy(update={"max_determinants": 1_000_000}))
    assert not cannot_win(SECOND[:6], larger)


def test_one_space_far_above_is_a_state_on_its_way(grown: Growth) -> None:
    first = with_rungs(grown, FIRST, two_s=0)
    nearer = replace(SECOND[4], second_order_hartree=-0.1)
    assert not cannot_win([*SECOND[:4], nearer, SECOND[5]], first)


def test_a_lower_energy_is_not_given_up(grown: Growth) -> None:
    first = with_rungs(grown, FIRST, two_s=0)
    lower = [replace(rung, energy_hartree=rung.energy_hartree - 0.15) for rung in SECOND]
    assert not any(cannot_win(lower[: k + 1], first) for k in range(len(lower)))


def test_only_trust_wins_over_a_trusted_estimate(grown: Growth) -> None:
    line = made((100 * 2**k, -1 + x, -x, 0.0) for k, x in enumerate((0.04, 0.02, 0.01, 0.005)))
    first = with_rungs(grown, line, two_s=0)
    assert extrapolate(line, two_s=0).trusted
    below = [replace(rung, energy_hartree=rung.energy_hartree - 1, spin_squared=1.0) for rung in line]
    assert cannot_win(below[:2], first)
    assert not cannot_win([replace(rung, spin_squared=0.0) for rung in below[:2]], first)


def test_nothing_is_foreseen_of_a_complete_space(grown: Growth) -> None:
    assert cannot_win(SECOND[:6], with_rungs(grown, FIRST, two_s=0))
    complete = [*FIRST[:-1], replace(FIRST[-1], second_order_hartree=0.0)]
    assert not cannot_win(SECOND[:6], with_rungs(grown, complete, two_s=0))


def test_no_second_growth_of_the_calibration_that_wins_is_given_up(grown: Growth) -> None:
    """Wherever a run of it might have ended."""
    stored = json.loads(RESULTS.read_text(encoding="utf-8"))
    n_wins = 0
    for name, row in (stored["problems"] | stored["held_out"]).items():
        penalized = (stored["variants"] | stored["held_out"]).get(f"{name}, spin penalty 0.05")
        if penalized is None:
            continue
        two_s, pure = row["two_s"], row["two_s"] / 2 * (row["two_s"] / 2 + 1)
        for end in range(2, len(row["rungs"]) + 1):
            own = read_rungs(row)[:end]
            excess = [rung.spin_squared - pure for rung in own]
            if excess[-1] <= SPIN_TOLERANCE and max(excess) <= MIXED:
                continue
            first = with_rungs(grown, own, two_s=two_s)
            others = [rung for rung in read_rungs(penalized) if rung.n_determinants < 1.1 * own[-1].n_determinants]
            if with_rungs(grown, others, two_s=two_s).rank < first.rank:
                n_wins += 1
                assert not any(cannot_win(others[: k + 1], first) for k in range(len(others))), (name, end)
    assert n_wins >= 10
