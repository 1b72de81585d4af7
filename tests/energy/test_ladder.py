"""The whole growth: exact where the space is complete, resumed after a stop, the same on any number of ranks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import mpirun

from kakehashi.core.errors import ResourceError
from kakehashi.core.parts import parts_path
from kakehashi.core.progress import Event, Reporter
from kakehashi.energy.ladder import Climb, climb
from kakehashi.energy.spec import EnergySpec
from kakehashi.energy.starts import hartree_fock_seeds
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem
from kakehashi.subspace.checkpoint import previous_path
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.select import grow


@pytest.fixture(scope="module")
def chain() -> Problem:
    return load_problem("hydrogen-chain", n_atoms=8)


def test_a_complete_space_is_exact(chain: Problem) -> None:
    found = climb(chain, EnergySpec(max_determinants=10_000, n_threads=1), seed=1)
    assert chain.reference is not None
    assert found.rungs[0][-1].energy_hartree == pytest.approx(chain.reference.energy_hartree, abs=1e-6)
    assert found.estimates[0].trusted
    assert found.one_body[0].trace(axis1=1, axis2=2) == pytest.approx(chain.n_elec)


def test_an_estimate_is_nearer_than_its_last_space(chain: Problem) -> None:
    events: list[Event] = []
    spec = EnergySpec(max_determinants=800, orbitals="natural", orbital_determinants=100, n_threads=1)
    found = climb(chain, spec, seed=1, reporter=Reporter(events.append))
    assert chain.reference is not None
    exact = chain.reference.energy_hartree
    assert found.stopped == "max_determinants"
    assert found.start.name == "natural"
    assert abs(found.estimates[0].energy_hartree - exact) < found.rungs[0][-1].energy_hartree - exact
    assert [event.stage for event in events].count("select") == len(found.rungs[0])
    assert found.natural_occupations.sum() == pytest.approx(sum(chain.n_elec))


def test_a_growth_goes_on_from_its_checkpoint(chain: Problem, tmp_path: Path) -> None:
    path = tmp_path / "space.h5"
    spec = EnergySpec(max_determinants=400, orbitals="natural", orbital_determinants=100, n_threads=1)
    first = climb(chain, spec, seed=1, checkpoint=path)
    more = climb(chain, spec.model_copy(update={"max_determinants": 1600}), seed=1, checkpoint=path)
    whole = climb(chain, spec.model_copy(update={"max_determinants": 1600}), seed=1)
    sizes = [rung.n_determinants for rung in more.rungs[0]]
    assert sizes[: len(first.rungs[0])] == [rung.n_determinants for rung in first.rungs[0]]
    assert len(sizes) > len(first.rungs[0])
    np.testing.assert_array_equal(more.start.rotation, first.start.rotation)
    # the stages differ: the first call ended in a space of its own
    assert more.rungs[0][-1].energy_hartree == pytest.approx(whole.rungs[0][-1].energy_hartree, abs=1e-4)


def test_a_small_memory_gives_the_same(chain: Problem) -> None:
    spec = EnergySpec(max_determinants=300, orbitals="given", n_threads=1)
    free, tight = (climb(chain, spec.model_copy(update={"memory_gib": gib})) for gib in (None, 0.02))
    assert tight.estimates[0].energy_hartree == pytest.approx(free.estimates[0].energy_hartree, abs=1e-7)
    assert tight.perturbations[0].n_determinants == free.perturbations[0].n_determinants
    with pytest.raises(ResourceError, match="needs at least"):
        climb(chain, spec.model_copy(update={"memory_gib": 1e-6}))


def test_a_limit_of_time_stops_between_spaces(chain: Problem) -> None:
    found = climb(chain, EnergySpec(max_wall_s=1e-3, orbitals="given", n_threads=1))
    assert found.stopped == "max_wall_s"
    assert len(found.rungs[0]) == 1
    assert not found.estimates[0].trusted


def test_several_roots_have_estimates_of_their_own() -> None:
    ring = hubbard(6, u=4.0, n_elec=(3, 3))
    found = climb(ring, EnergySpec(n_roots=3, orbitals="given", n_threads=1))
    assert found.stopped == "complete"
    energies = [estimate.energy_hartree for estimate in found.estimates]
    assert energies == sorted(energies)
    assert len(found.rungs) == len(found.one_body) == 3


MIXED = {"orbital_determinants": 30, "max_orbital_turns": 2, "n_starts": 2, "n_samples": 0, "n_threads": 1}


@pytest.fixture(scope="module")
def torn_chain() -> Problem:
    """Over broken-symmetry orbitals, which win in small spaces, its lowest state is a mixture of spins."""
    return load_problem("hydrogen-chain", n_atoms=8, spacing_angstrom=2.4)


def test_a_mixture_of_spins_is_grown_again_with_a_penalty(torn_chain: Problem, tmp_path: Path) -> None:
    events: list[Event] = []
    path = tmp_path / "space.h5"
    spec = EnergySpec(max_determinants=800, **MIXED)
    left_open = climb(torn_chain, spec, seed=1, checkpoint=path, reporter=Reporter(events.append))
    without = climb(torn_chain, spec.model_copy(update={"spin_penalty_hartree": 0.0}), seed=1)
    assert without.rungs[0][-1].spin_squared > 1
    assert not without.estimates[0].trusted
    assert "once more with a spin penalty" in " ".join(event.message for event in events)
    assert left_open.spin_penalty_hartree == 0.05
    assert left_open.rungs[0][-1].spin_squared < 0.1
    assert left_open.rungs[0][-1].energy_hartree < without.rungs[0][-1].energy_hartree
    # each growth has a file to go on from
    assert {file.name for file in tmp_path.glob("*.h5")} >= {"space.h5", "space-spin.h5"}
    again = climb(torn_chain, spec, seed=1, checkpoint=path)
    assert again.rungs[0][-1].n_determinants == left_open.rungs[0][-1].n_determinants
    assert again.rungs[0][-1].energy_hartree == pytest.approx(left_open.rungs[0][-1].energy_hartree, abs=1e-6)


def test_the_lower_energy_stays_where_neither_estimate_is_trusted(torn_chain: Problem) -> None:
    """Two or three spaces make no line; without a penalty the energy is lower."""
    spec = EnergySpec(max_determinants=100, **(MIXED | {"n_samples": 4}))
    found = climb(torn_chain, spec, seed=1)
    alone = climb(torn_chain, spec.model_copy(update={"spin_penalty_hartree": 0.0}), seed=1)
    assert not found.estimates[0].trusted
    assert found.spin_penalty_hartree == 0.0
    assert found.estimates == alone.estimates
    np.testing.assert_allclose(found.one_body, alone.one_body, atol=1e-12)


def test_a_second_growth_that_cannot_win_is_given_up(tmp_path: Path) -> None:
    """Of atoms far apart the singlet is a little above the mixture, by more than is left outside."""
    apart = load_problem("hydrogen-chain", n_atoms=8, spacing_angstrom=3.6)
    spec = EnergySpec(max_determinants=180, growth=1.25, **MIXED)
    path = tmp_path / "space.h5"
    events: list[Event] = []
    found = climb(apart, spec, seed=1, checkpoint=path, reporter=Reporter(events.append))
    told = [event for event in events if event.message == "space done"]
    assert [event.values["n_determinants"] for event in told].count(180) == 1  # the first growth's alone
    assert any("can no longer win" in event.message for event in events)
    alone = climb(apart, spec.model_copy(update={"spin_penalty_hartree": 0.0}), seed=1)
    assert (found.spin_penalty_hartree, found.stopped) == (0.0, "max_determinants")
    assert found.estimates == alone.estimates
    # from the files it is given up again, without another space
    events.clear()
    again = climb(apart, spec, seed=1, checkpoint=path, reporter=Reporter(events.append))
    assert [event.message for event in events].count("space done") == 2
    assert again.rungs[0][-1].energy_hartree == pytest.approx(found.rungs[0][-1].energy_hartree, abs=1e-7)


@pytest.mark.parametrize("changes", [{"n_roots": 2}, {"two_s": 4}, {"max_wall_s": 1e-3}])
def test_nothing_is_grown_again_where_another_spin_is_wanted_or_no_time_is_left(
    torn_chain: Problem, changes: dict[str, float]
) -> None:
    events: list[Event] = []
    found = climb(
        torn_chain, EnergySpec(max_determinants=60, **MIXED, **changes), seed=1, reporter=Reporter(events.append)
    )
    assert found.spin_penalty_hartree == 0.0
    assert "once more" not in " ".join(event.message for event in events)


def test_it_is_growth_and_perturbation_theory(chain: Problem) -> None:
    spec = EnergySpec(max_determinants=200, orbitals="given", n_threads=1)
    found = climb(chain, spec, seed=1)
    space = DeterminantSpace(chain.hamiltonian, n_threads=1)
    space.append(*hartree_fock_seeds(chain))
    *_, stage = grow(space, n_determinants=200, two_s=0, perturbation_threshold_hartree=1e-6)
    outside = space.look_outside(stage.coefficients[0], stage.penalized_hartree[0], threshold_hartree=1e-6)
    assert found.rungs[0][-1].energy_hartree == pytest.approx(stage.energies_hartree[0], abs=1e-10)
    assert found.perturbations[0].coarse_hartree == pytest.approx(outside.energy_hartree, abs=1e-10)
    assert found.perturbations[0].n_determinants == outside.n_determinants


def assert_same(many: dict[str, Any], one: dict[str, Any]) -> None:
    """All that a calculation found, to the nanohartree."""
    assert many["sizes"] == one["sizes"]
    assert sum(many["n_own"]) == sum(one["n_own"]) == one["sizes"][-1]
    for name in ("energies", "second_order", "second_order_error", "spin_squared", "estimates"):
        np.testing.assert_allclose(many[name], one[name], rtol=0, atol=1e-9, err_msg=name)
    # a density changes with the first power of what the eigensolver leaves
    np.testing.assert_allclose(many["occupations"], one["occupations"], rtol=0, atol=1e-8)


CASES = {
    "natural": {"problem": "chain", "spec": {"max_determinants": 600, "orbitals": "natural"}},
    "random": {"problem": "random", "spec": {"max_determinants": 500, "orbitals": "given"}},
    "three-roots": {"problem": "lattice", "spec": {"max_determinants": 200, "orbitals": "given", "n_roots": 3}},
    # grows twice, and keeps the first growth
    "mixed": {
        "problem": "torn-chain",
        "spec": {"max_determinants": 100, "orbital_determinants": 30, "max_orbital_turns": 1, "n_starts": 2},
    },
    "open": {
        "problem": "open",
        "spec": {"max_determinants": 300, "orbitals": "given", "spin_penalty_hartree": 0.2},
    },
}
SLOW = {"random", "three-roots", "open"}


@pytest.mark.parametrize("n_ranks", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", [pytest.param(c, marks=pytest.mark.slow) if c in SLOW else c for c in CASES])
def test_ranks_find_what_one_finds(case: str, n_ranks: int) -> None:
    one, many = (mpirun.run(n, "climb", CASES[case]) for n in (1, n_ranks))
    assert len(many["n_own"]) == n_ranks
    assert_same(many, one)


def asked(path: Path, max_determinants: int, **more: Any) -> dict[str, Any]:
    spec = {"max_determinants": max_determinants, "orbitals": "natural", "orbital_determinants": 100}
    return {"problem": "chain", "spec": spec, "checkpoint": str(path), **more}


@pytest.mark.slow
def test_a_growth_goes_on_on_another_number_of_ranks(tmp_path: Path) -> None:
    path = tmp_path / "space.h5"
    first = mpirun.run(2, "climb", asked(path, 150))
    second = mpirun.run(3, "climb", asked(path, 400))
    last = mpirun.run(1, "climb", asked(path, 1000))
    assert last["sizes"][: len(second["sizes"])] == second["sizes"]
    assert second["sizes"][: len(first["sizes"])] == first["sizes"]
    assert len(last["sizes"]) > len(second["sizes"]) > len(first["sizes"])
    # each call solves the last space of the one before and goes on
    assert last["n_spaces"] == len(last["sizes"]) - len(second["sizes"]) + 1
    # a finished growth is read and gives the same
    again = mpirun.run(2, "climb", asked(path, 1000))
    assert again["n_spaces"] == 1
    assert_same(again, last)


@pytest.mark.slow
def test_a_rank_that_dies_loses_nothing(tmp_path: Path) -> None:
    undisturbed = mpirun.run(2, "climb", asked(tmp_path / "whole.h5", 600))
    path = tmp_path / "space.h5"
    died = mpirun.start(2, "climb", asked(path, 600, kill_after=3))
    assert died.returncode != 0
    assert died.stderr.count("One of the 2 ranks ended before its work was done") == 1, died.stderr
    assert f"The last finished space is in {path}." in died.stderr
    assert "Traceback" not in died.stderr
    assert path.exists()
    assert previous_path(path).exists()
    resumed = mpirun.run(3, "climb", asked(path, 600))
    assert resumed["n_spaces"] == undisturbed["n_spaces"] - 2
    assert_same(resumed, undisturbed)


def test_a_truncated_checkpoint_gives_way_to_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "space.h5"
    whole = mpirun.run(1, "climb", asked(path, 600))
    path.write_bytes(path.read_bytes()[:-100])
    resumed = mpirun.run(2, "climb", asked(path, 600))
    assert resumed["n_spaces"] == 2  # the space before the last, and the last
    assert_same(resumed, whole)


class Interrupted(BaseException):
    """Stands for Ctrl-C, which may come anywhere."""


RING = EnergySpec(
    max_determinants=120,
    orbital_determinants=30,
    max_orbital_turns=2,
    n_starts=2,
    n_threads=1,
    spin_penalty_hartree=0.0,  # one growth
)


def ring_climb(checkpoint: Path, *, stop_at: str = "", **changes: Any) -> tuple[Climb, list[str]]:
    """A growth that ends where a message is told, and all messages."""
    words: list[str] = []

    def progress(event: Event) -> None:
        words.append(event.message)
        if event.message == stop_at:
            raise Interrupted

    ring = hubbard(6, u=4.0, n_elec=(3, 3))
    spec = RING.model_copy(update=changes)
    return climb(ring, spec, seed=1, checkpoint=checkpoint, reporter=Reporter(progress)), words


def assert_bitwise(one: Climb, other: Climb) -> None:
    def energies(found: Climb) -> list[Any]:
        return [[replace(rung, elapsed_s=0.0, cpu_s=0.0) for rung in root] for root in found.rungs]

    assert energies(one) == energies(other)
    assert one.estimates == other.estimates
    assert [replace(each, cpu_s=0.0) for each in one.perturbations] == [
        replace(each, cpu_s=0.0) for each in other.perturbations
    ]
    assert (one.stopped, one.converged, one.start.name) == (other.stopped, other.converged, other.start.name)
    for name in ("one_body", "coefficients", "alpha", "beta"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize(
    ("stop_at", "first_told", "never_told"),
    [
        ("natural orbitals", "given orbitals of the earlier call", "natural orbitals"),
        ("optimising orbitals", "given orbitals of the earlier call", "broken-symmetry determinants"),
        ("second-order energy outside the last space", "space done", "optimising orbitals"),
        ("part 1 of 17", "space done", "part 1 of 17"),
        ("part 9 of 17", "space done", "part 9 of 17"),
        ("part 17 of 17", "space done", "part 17 of 17"),
    ],
)
def test_a_growth_that_was_stopped_anywhere_ends_the_same(
    tmp_path: Path, stop_at: str, first_told: str, never_told: str
) -> None:
    whole, all_words = ring_climb(tmp_path / "whole.h5")
    assert never_told in all_words
    path = tmp_path / "space.h5"
    with pytest.raises(Interrupted):
        ring_climb(path, stop_at=stop_at)
    resumed, words = ring_climb(path)
    assert_bitwise(resumed, whole)
    assert words[0] == first_told
    assert never_told not in words
    if stop_at == "part 9 of 17":
        assert words[2:] == [f"part {k} of 17{' of the earlier call' * (k <= 9)}" for k in range(1, 18)]


@pytest.mark.parametrize(
    "changes",
    [
        {"max_determinants": 10_000},
        {"n_roots": 2, "max_wall_s": 1e-3},
        {"spin_penalty_hartree": None},  # grows twice
    ],
)
def test_a_growth_that_ended_otherwise_ends_the_same(tmp_path: Path, changes: dict[str, Any]) -> None:
    whole, _ = ring_climb(tmp_path / "whole.h5", **changes)
    path = tmp_path / "space.h5"
    with pytest.raises(Interrupted):
        ring_climb(path, stop_at="part 5 of 17", **changes)
    resumed, words = ring_climb(path, **changes)
    assert_bitwise(resumed, whole)
    assert words.count("space done") == 1 + words.count("higher spins are mixed in: once more with a spin penalty")
    assert "part 1 of 17" not in words[: words.index("part 5 of 17 of the earlier call")]
    assert not any("orbitals" in word for word in words)


def test_time_before_a_stop_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "space.h5"
    with pytest.raises(Interrupted):
        ring_climb(path, stop_at="part 17 of 17")
    entries = json.loads(parts_path(path).read_text())["parts"]
    spent = sum(entry["wall_s"] for entry in entries)
    resumed, _ = ring_climb(path)
    assert resumed.wall_s > spent > 0
    assert resumed.perturbations[0].cpu_s == pytest.approx(
        sum(entry["cpu_s"] for entry in entries if entry["stage"] == "perturbation of root 0")
    )


def test_sums_outside_another_space_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "space.h5"
    ring_climb(path)
    _, words = ring_climb(path, max_determinants=240)
    assert "part 1 of 17" in words
    _, words = ring_climb(path, max_determinants=240, fine_threshold_hartree=1e-8)
    assert "part 1 of 17" in words
    _, words = ring_climb(path, max_determinants=240, fine_threshold_hartree=1e-8)
    assert "part 1 of 17 of the earlier call" in words
    # a space whose states are wanted otherwise is solved again
    _, words = ring_climb(path, max_determinants=240, fine_threshold_hartree=1e-8, n_roots=2)
    assert "part 1 of 17 of the earlier call" not in words


def test_damaged_parts_are_computed_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "space.h5"
    whole, _ = ring_climb(tmp_path / "whole.h5")
    with pytest.raises(Interrupted):
        ring_climb(path, stop_at="part 9 of 17")
    file = parts_path(path)
    file.write_bytes(file.read_bytes()[:-100])
    resumed, words = ring_climb(path)
    assert_bitwise(resumed, whole)
    assert "part 1 of 17" in words
    assert f"{file} is damaged or cut off" in caplog.text


@pytest.mark.slow
def test_ranks_that_are_killed_keep_their_parts(tmp_path: Path) -> None:
    """Killed behind the fifth sum outside; another number of ranks goes on."""
    path = tmp_path / "space.h5"
    undisturbed = mpirun.run(2, "climb", asked(tmp_path / "whole.h5", 300))
    died = mpirun.start(2, "climb", asked(path, 300, kill_after=6, kill_stage="perturb"))
    assert died.returncode != 0
    resumed = mpirun.run(3, "climb", asked(path, 300))
    assert resumed["n_spaces"] == 1
    assert resumed["n_kept"] >= 5  # the kill may come while the sixth is on its way
    assert_same(resumed, undisturbed)
