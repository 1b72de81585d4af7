from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from kakehashi.circuit.hartree_fock import build_hartree_fock
from kakehashi.circuit.spec import CircuitSpec
from kakehashi.core.errors import InputError
from kakehashi.core.parts import Parts
from kakehashi.core.progress import Event, Progress, Reporter
from kakehashi.device.exact import ExactDevice
from kakehashi.device.model import Shots
from kakehashi.device.uniform import UniformDevice
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.mean_field import hartree_fock_energy
from kakehashi.problem.model import Problem
from kakehashi.report.ledger import ARMS, Ledger
from kakehashi.samples.random import all_strings
from kakehashi.samples.spec import SamplesSpec
from kakehashi.subspace.solve import solve_subspace
from kakehashi.workflow.ledger import LedgerSpec, ledger_parts, trace_ledger

SPEC = LedgerSpec(max_determinants=150, n_seeds=20)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return load_problem("hydrogen-chain", n_atoms=6)


@pytest.fixture(scope="module")
def shots(problem: Problem) -> Shots:
    return UniformDevice().run(build_hartree_fock(problem), 400, rng=3)


@pytest.fixture(scope="module")
def ledger(problem: Problem, shots: Shots) -> Ledger:
    return trace_ledger(problem, shots, SPEC, seed=5)


def test_every_arm_falls_from_hartree_fock_towards_the_exact_energy(problem: Problem, ledger: Ledger) -> None:
    assert problem.reference is not None
    exact, start = problem.reference.energy_hartree, hartree_fock_energy(problem)
    for arm in ledger.arms:
        for points in (arm.points, *arm.repeats):
            energies = [point.energy_hartree for point in points]
            assert energies[0] <= start + 1e-9
            assert energies[-1] >= exact - 1e-7
            assert all(after <= before + 1e-7 for before, after in pairwise(energies))


def test_arms_end_where_they_are_told_to(ledger: Ledger) -> None:
    for name in ("random", "heat-bath", "samples + heat-bath", "random + heat-bath"):
        assert 150 <= ledger.arm(name).last.n_determinants <= 152  # a mirror image may come on top
    assert not ledger.arm("heat-bath").complete
    assert (len(ledger.arm("random").repeats), len(ledger.arm("heat-bath").repeats)) == (1, 0)
    assert ledger.n_seeds == 20


def test_the_seed_alone_decides_the_energies(problem: Problem, shots: Shots, ledger: Ledger) -> None:
    def energies(found: Ledger) -> list[float]:
        return [point.energy_hartree for arm in found.arms for point in arm.points]

    again = trace_ledger(problem, shots, SPEC, seed=5)
    np.testing.assert_allclose(energies(again), energies(ledger), atol=1e-8)
    other = trace_ledger(problem, shots, SPEC, seed=6)
    assert other.arm("random").last.energy_hartree != pytest.approx(ledger.arm("random").last.energy_hartree, abs=1e-6)
    assert other.arm("heat-bath").last.energy_hartree == pytest.approx(
        ledger.arm("heat-bath").last.energy_hartree, abs=1e-8
    )


def test_selection_finds_more_than_samples_and_chance(ledger: Ledger) -> None:
    selected = ledger.arm("heat-bath").last.energy_hartree
    assert selected < ledger.arm("samples").last.energy_hartree
    assert selected < ledger.arm("random").last.energy_hartree


def test_samples_are_taken_until_they_are_used_up(problem: Problem) -> None:
    shots = ExactDevice().run(CircuitSpec().build(problem), 300, rng=7)
    ledger = trace_ledger(problem, shots, SPEC, seed=1)
    arm = ledger.arm("samples")
    assert arm.complete
    assert ledger.n_in_sector == ledger.n_configurations == shots.n_distinct
    assert ledger.n_configurations <= arm.last.n_determinants <= 2 * ledger.n_configurations
    assert ledger.n_seeds == min(20, shots.n_distinct)


def test_recovery_can_be_left_out(problem: Problem, shots: Shots, ledger: Ledger) -> None:
    bare = trace_ledger(problem, shots, SPEC, samples=SamplesSpec(recovery=False), seed=5)
    assert bare.n_configurations == bare.n_in_sector == ledger.n_in_sector < ledger.n_configurations


def test_shots_without_a_valid_one_leave_the_other_arms_as_they_are(problem: Problem, ledger: Ledger) -> None:
    nothing = Shots.from_matrix(np.ones((5, 12), dtype=bool))
    bare = trace_ledger(problem, nothing, SPEC, samples=SamplesSpec(recovery=False), seed=5)
    assert (bare.n_in_sector, bare.n_configurations, bare.n_seeds) == (0, 0, 0)
    (point,) = bare.arm("samples").points
    assert (point.n_determinants, point.energy_hartree) == (1, pytest.approx(hartree_fock_energy(problem)))
    assert bare.arm("heat-bath").last.energy_hartree == pytest.approx(
        ledger.arm("heat-bath").last.energy_hartree, abs=1e-8
    )
    repaired = trace_ledger(problem, nothing, SPEC, seed=5)
    assert repaired.n_configurations >= 1


def test_the_whole_space_is_the_same_for_everyone() -> None:
    """Momentum is no symmetry of the sites' own orbitals: selection reaches everything."""
    problem = hubbard(4, u=4.0, n_elec=(2, 1))
    shots = UniformDevice().run(build_hartree_fock(problem), 500, rng=1)
    ledger = trace_ledger(problem, shots, LedgerSpec(max_determinants=1000), seed=1)
    alpha, beta = (all_strings(n_orb=4, n_electrons=count) for count in problem.n_elec)
    exact = solve_subspace(problem.hamiltonian, alpha, beta, tolerance=1e-6).energy_hartree
    for name in ("random", "samples + heat-bath", "random + heat-bath", "heat-bath"):
        arm = ledger.arm(name)
        assert arm.complete
        assert arm.last.energy_hartree == pytest.approx(exact, abs=1e-6)


def test_a_lower_state_among_unconnected_determinants_is_found() -> None:
    """Where the first determinant is a poor one, the state of random ones must not stick to it."""
    problem = hubbard(6, u=8.0, n_elec=(3, 3))
    shots = UniformDevice().run(build_hartree_fock(problem), 500, rng=1)
    ledger = trace_ledger(problem, shots, LedgerSpec(max_determinants=200), seed=2)
    assert ledger.arm("random").last.energy_hartree < hartree_fock_energy(problem) - 1.0


def test_shots_of_another_problem_are_refused(shots: Shots) -> None:
    with pytest.raises(InputError, match="The shots have 12 qubits"):
        trace_ledger(load_problem("hydrogen-chain", n_atoms=4), shots, SPEC)


def test_every_space_is_reported(problem: Problem, shots: Shots) -> None:
    events: list[Event] = []
    ledger = trace_ledger(problem, shots, SPEC, seed=5, reporter=Reporter(events.append))
    told = [(event.message, event.values["n_determinants"]) for event in events if event.stage == "ledger"]
    for name in ARMS:
        arm = ledger.arm(name)
        sizes = [point.n_determinants for points in (arm.points, *arm.repeats) for point in points]
        assert [size for message, size in told if message == name] == sizes


@pytest.mark.parametrize("values", [{"max_determinants": -1}, {"n_seeds": 0}, {"n_draws": 0}, {"n_threads": 0}])
def test_impossible_options_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="greater than or equal to"):
        LedgerSpec(**values)


@pytest.mark.parametrize("too_few", [0, 1])
def test_a_ledger_that_was_left_out_cannot_be_traced(problem: Problem, shots: Shots, too_few: int) -> None:
    with pytest.raises(InputError, match=f"must be 2 or more to compare anything, but is {too_few}"):
        trace_ledger(problem, shots, LedgerSpec(max_determinants=too_few))


class Interrupted(BaseException):
    """Stands for Ctrl-C, which may come anywhere."""


def without_times(ledger: Ledger) -> list[list[tuple[int, float, float]]]:
    return [
        [(point.n_determinants, point.energy_hartree, point.spin_squared) for point in points]
        for arm in ledger.arms
        for points in (arm.points, *arm.repeats)
    ]


@pytest.mark.parametrize("n_events", [2, 6, 16, 25])
def test_arms_that_are_kept_are_not_traced_again(problem: Problem, shots: Shots, tmp_path: Path, n_events: int) -> None:
    path = tmp_path / "ledger.parts.json"

    def traced(progress: Progress) -> tuple[Ledger, Parts]:
        parts = ledger_parts(path, problem, shots, SPEC, seed=5)
        return trace_ledger(problem, shots, SPEC, seed=5, reporter=Reporter(progress), parts=parts), parts

    events: list[Event] = []

    def interrupt(event: Event) -> None:
        events.append(event)
        if len(events) == n_events:
            raise Interrupted

    with pytest.raises(Interrupted):
        traced(interrupt)
    first, *arms = json.loads(path.read_text())["parts"]
    assert first["name"] == "occupancies"
    n_kept = sum(len(arm["values"]["points"]) for arm in arms)
    assert bool(arms) == (n_events > 5)
    told: list[Event] = []
    resumed, parts = traced(told.append)
    whole = trace_ledger(problem, shots, SPEC, seed=5)
    assert without_times(resumed) == without_times(whole)
    assert (resumed.n_configurations, resumed.n_seeds) == (whole.n_configurations, whole.n_seeds)
    assert [event.message.endswith("of the earlier call") for event in told].count(True) == len(arms)
    assert len(told) - len(arms) == sum(map(len, without_times(whole))) - n_kept
    assert parts.earlier_wall_s == pytest.approx(sum(part["wall_s"] for part in (first, *arms)))
    again, _ = traced(lambda event: None)
    assert again == resumed  # times, too


def test_arms_of_something_else_are_not_taken(problem: Problem, shots: Shots, tmp_path: Path) -> None:
    path = tmp_path / "ledger.parts.json"
    trace_ledger(problem, shots, SPEC, seed=5, parts=ledger_parts(path, problem, shots, SPEC, seed=5))
    name = "samples, draw 1"
    assert ledger_parts(path, problem, shots, SPEC, seed=5).has(name)
    more_threads = SPEC.model_copy(update={"n_threads": 2})
    assert ledger_parts(path, problem, shots, more_threads, seed=5).has(name)
    fewer = UniformDevice().run(build_hartree_fock(problem), 300, rng=3)
    larger = SPEC.model_copy(update={"max_determinants": 160})
    stretched = load_problem("hydrogen-chain", n_atoms=6, spacing_angstrom=1.5)
    for parts in (
        ledger_parts(path, problem, shots, SPEC, seed=6),
        ledger_parts(path, problem, fewer, SPEC, seed=5),
        ledger_parts(path, problem, shots, larger, seed=5),
        ledger_parts(path, stretched, shots, SPEC, seed=5),
        ledger_parts(path, problem, shots, SPEC, samples=SamplesSpec(recovery=False), seed=5),
    ):
        assert not parts.has(name)
