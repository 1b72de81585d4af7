from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from kakehashi.circuit.hartree_fock import build_hartree_fock
from kakehashi.core.bits import count_electrons, lowest_string
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Event, Reporter
from kakehashi.device.model import Shots
from kakehashi.device.uniform import UniformDevice
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem
from kakehashi.samples.spec import SamplesSpec
from kakehashi.subspace.loop import PATIENCE, Turn, iterate, require_loop_memory
from kakehashi.subspace.slow import build_hamiltonian_slow
from kakehashi.subspace.spec import SubspaceSpec


@pytest.fixture(scope="module")
def problem() -> Problem:
    return load_problem("hydrogen-chain", n_atoms=8)


@pytest.fixture(scope="module")
def shots(problem: Problem) -> Shots:
    return UniformDevice().run(build_hartree_fock(problem), 2000, rng=1)


def run_loop(problem: Problem, shots: Shots, *, samples: SamplesSpec | None = None, **options: Any) -> list[Turn]:
    resume, reporter = options.pop("resume", None), options.pop("reporter", None)
    spec = SubspaceSpec(**{"max_strings": 20, "max_iterations": 4, **options})
    samples = samples or SamplesSpec()
    return list(iterate(problem, shots, samples=samples, subspace=spec, seed=5, resume=resume, reporter=reporter))


def test_the_best_energy_never_rises(problem: Problem, shots: Shots) -> None:
    turns = run_loop(problem, shots, max_iterations=6, energy_tolerance_hartree=0.0)
    assert len(turns) == 6
    energies = [turn.best.energy_hartree for turn in turns]
    assert all(later <= earlier for earlier, later in pairwise(energies))
    assert energies[-1] == min(turn.energy_hartree for turn in turns)
    assert [turn.finished for turn in turns] == [False] * 5 + [True]


def test_a_resumed_loop_is_the_uninterrupted_one(problem: Problem, shots: Shots) -> None:
    whole = run_loop(problem, shots)
    rest = run_loop(problem, shots, resume=whole[1])
    assert [turn.index for turn in rest] == [3, 4]
    for one, other in zip(whole[2:], rest, strict=True):
        assert one.energy_hartree == pytest.approx(other.energy_hartree, abs=1e-9)
        np.testing.assert_array_equal(one.best.alpha, other.best.alpha)
    assert run_loop(problem, shots, resume=whole[-1]) == []


def test_it_ends_when_nothing_is_gained(problem: Problem, shots: Shots) -> None:
    turns = run_loop(problem, shots, max_strings=70, max_iterations=20)  # all 70 strings: the full space at once
    assert len(turns) < 20
    assert turns[-1].n_small_steps == PATIENCE


def test_it_ends_when_time_is_over(problem: Problem, shots: Shots) -> None:
    assert len(run_loop(problem, shots, max_wall_s=1e-6)) == 1


def test_strings_are_bounded_valid_and_hold_hartree_fock(problem: Problem, shots: Shots) -> None:
    for turn in run_loop(problem, shots):
        assert turn.shape <= (20, 20)
        assert (count_electrons(turn.best.alpha) == 4).all()
        assert (turn.best.alpha == lowest_string(4)).all(axis=1).any()
        np.testing.assert_array_equal(turn.best.alpha, turn.best.beta)


def test_batches_are_independent_draws(problem: Problem, shots: Shots) -> None:
    turn = run_loop(problem, shots, samples=SamplesSpec(n_batches=3), max_iterations=1)[0]
    assert len(set(turn.batch_energies_hartree)) == 3
    assert turn.energy_hartree == min(turn.batch_energies_hartree)


def test_each_spin_may_have_strings_of_its_own(problem: Problem, shots: Shots) -> None:
    turn = run_loop(problem, shots, same_strings=False, max_iterations=1)[0]
    assert not np.array_equal(turn.best.alpha, turn.best.beta)


@pytest.mark.parametrize("same_strings", [True, False])
def test_roots_are_of_one_sign_only_where_both_spins_share_their_strings(same_strings: bool) -> None:
    h4 = load_problem("hydrogen-chain", n_atoms=4)
    bits = UniformDevice().run(build_hartree_fock(h4), 2000, rng=1)
    options = {"max_strings": 6, "max_iterations": 1, "n_roots": 3, "residual_tolerance_hartree": 1e-7}
    best = run_loop(h4, bits, same_strings=same_strings, **options)[0].best
    np.testing.assert_array_equal(best.alpha, best.beta)  # all 6 strings of 2 electrons in 4 orbitals, for either
    energies, states = np.linalg.eigh(build_hamiltonian_slow(h4.hamiltonian, best.alpha, best.beta))
    tensor = states.T.reshape(-1, 6, 6)
    even = np.einsum("iab,iba->i", tensor, tensor) > 0.5
    assert not even[:3].all()
    expected = energies[even][:3] if same_strings else energies[:3]
    np.testing.assert_allclose(best.root_energies_hartree, expected + h4.hamiltonian.constant, atol=1e-9)


def test_no_valid_shot_without_recovery_is_refused(problem: Problem) -> None:
    empty = Shots.from_counts({"0" * 16: 10})
    with pytest.raises(InputError, match="None of 10 shots"):
        run_loop(problem, empty, samples=SamplesSpec(recovery=False))
    assert run_loop(problem, empty, max_iterations=1)[0].n_configurations > 0


def test_shots_of_another_width_are_refused(problem: Problem) -> None:
    with pytest.raises(InputError, match="2 bits, but the problem needs 16"):
        run_loop(problem, Shots.from_counts({"01": 1}))


def test_progress_tells_turn_energy_and_size(problem: Problem, shots: Shots) -> None:
    events: list[Event] = []
    run_loop(problem, shots, max_iterations=2, reporter=Reporter(events.append))
    watched = [event for event in events if "residual_hartree" in event.values]
    assert {event.step for event in watched} == {0, 1}
    assert all(event.total == 2 and event.values["n_determinants"] <= 400 for event in watched)


def test_memory_is_estimated_before_the_start(problem: Problem) -> None:
    spec = SubspaceSpec(max_strings=10_000, memory_gib=1e-5)
    with pytest.raises(ResourceError, match=r"A subspace of 70 x 70 = 4,900 determinants"):
        require_loop_memory(problem, spec, n_shots=100)
    require_loop_memory(problem, SubspaceSpec(), n_shots=0)
