"""One growth; what follows from it is tested in test_ladder.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kakehashi.core.progress import Reporter
from kakehashi.core.ranks import Ranks
from kakehashi.energy.growth import Growth, grow_once, memory_budget
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.library import load_problem


def grown(**options: object) -> Growth:
    spec = EnergySpec.model_validate({"orbitals": "given", "n_threads": 1, **options})
    growth, space = grow_once(load_problem("hydrogen-chain", n_atoms=6), spec, None, None, 1, Ranks(), None, Reporter())
    assert len(space) == growth.rungs[0][-1].n_determinants == len(growth.alpha)
    return growth


def test_a_growth_ends_where_the_spec_says() -> None:
    assert grown(max_determinants=40).stopped == "max_determinants"
    assert grown(max_wall_s=1e-4).stopped == "max_wall_s"
    whole = grown()
    assert whole.stopped == "complete"
    assert whole.rungs[0][-1].second_order_hartree == pytest.approx(0.0, abs=1e-9)


def test_every_root_has_as_many_spaces() -> None:
    first, second = grown(n_roots=2, max_determinants=100).rungs
    assert [rung.n_determinants for rung in first] == [rung.n_determinants for rung in second]
    assert all(low.energy_hartree < high.energy_hartree for low, high in zip(first, second, strict=True))


def test_a_trusted_growth_goes_before_a_lower_one() -> None:
    trusted, lower = grown(), grown(max_wall_s=1e-4)
    deeper = tuple(replace(rung, energy_hartree=rung.energy_hartree - 1) for rung in lower.rungs[0])
    assert trusted.rank < replace(lower, rungs=(deeper,)).rank
    assert replace(lower, rungs=(deeper,)).rank < lower.rank


def test_the_memory_is_the_specs_or_a_share_of_what_is_free() -> None:
    assert memory_budget(EnergySpec(memory_gib=0.5), Ranks()) == 2**29
    assert memory_budget(EnergySpec(), Ranks()) > 0
