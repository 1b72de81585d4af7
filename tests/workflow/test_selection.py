from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.workflow.test_folder import make_turn

from kakehashi.core.progress import Event, Reporter
from kakehashi.core.ranks import Ranks
from kakehashi.energy.ladder import climb
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.library import load_problem
from kakehashi.problem.molecule import molecule_problem
from kakehashi.workflow.selection import Ascent, heaviest_determinants, read_earlier, summarize_climb


def test_the_heaviest_determinants_come_first_and_those_without_weight_never() -> None:
    state = make_turn().best
    weights = {
        (int(a[0]), int(b[0])): state.coefficients[i, j] ** 2
        for i, a in enumerate(state.alpha)
        for j, b in enumerate(state.beta)
    }
    alpha, beta = heaviest_determinants(state, 1000)
    found = [weights[int(a[0]), int(b[0])] for a, b in zip(alpha, beta, strict=True)]
    assert found == sorted(found, reverse=True)
    assert len(found) == sum(weight > 0 for weight in weights.values())
    first = heaviest_determinants(state, 1)
    np.testing.assert_array_equal(first, (alpha[:1], beta[:1]))
    assert heaviest_determinants(state, 0)[0].shape == (0, 2)


# `follow_ranks` is tested with real ranks in tests/cli/test_main.py.


def test_a_summary_says_what_the_growth_found() -> None:
    problem = molecule_problem("Li 0 0 0; H 0 0 1.6", basis="sto-3g")
    seeds = np.empty((2, 0, 2), dtype=np.uint64)
    ascent = Ascent(problem=problem, spec=EnergySpec(orbitals="natural", n_roots=2), seeds=(seeds[0], seeds[1]), seed=1)
    found = ascent.lead(Ranks(), Reporter())
    summary = summarize_climb(problem, found)
    assert summary.orbitals == "natural"
    assert summary.rungs == found.rungs
    assert summary.stopped == "complete"
    np.testing.assert_allclose([sum(state.natural_occupations) for state in summary.properties], [4, 4])
    # Over the problem's orbitals, whatever those of the growth are: hydrogen is negative, then lithium.
    ground, excited = summary.properties
    assert ground.dipole_debye is not None
    assert excited.dipole_debye is not None
    assert ground.dipole_debye[2] < -4.0 < 0.0 < excited.dipole_debye[2]
    assert ground.atoms == ("Li1", "H2")


def test_what_an_earlier_run_ended_with_is_read(tmp_path: Path) -> None:
    near, far = (load_problem("hydrogen-chain", n_atoms=4, spacing_angstrom=r) for r in (1.5, 1.6))
    spec = EnergySpec(orbital_determinants=16)
    climb(near, spec, checkpoint=tmp_path / "selected.h5")
    start = read_earlier(tmp_path, far, spec)
    assert start is not None
    assert len(start.alpha) == 4  # a quarter of the small space
    assert read_earlier(None, far, spec) is None
    (tmp_path / "selected.h5").rename(tmp_path / "selected-spin.h5")  # of two growths the one with a penalty
    assert read_earlier(tmp_path, far, spec) is not None
    assert read_earlier(tmp_path / "nowhere", far, spec) is None
    helped = Ascent(problem=far, spec=spec, seeds=(start.alpha[:0], start.beta[:0]), seed=1, carried=start)
    events: list[Event] = []
    helped.climb(Ranks(), Reporter(events.append))
    assert "carried orbitals" in [event.message for event in events]
