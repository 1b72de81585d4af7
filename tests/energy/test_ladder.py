"""The whole growth: exact where the space is complete, resumed after a stop, the same on two ranks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kakehashi.core.progress import Event, Reporter
from kakehashi.energy.ladder import climb
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem


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
    assert more.wall_s > first.wall_s
    np.testing.assert_array_equal(more.start.rotation, first.start.rotation)
    # the stages differ: the first call ended in a space of its own
    assert more.rungs[0][-1].energy_hartree == pytest.approx(whole.rungs[0][-1].energy_hartree, abs=1e-4)


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


OVER_RANKS = """
from kakehashi.core.ranks import world
from kakehashi.energy.ladder import climb
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.library import load_problem

ranks = world()
spec = EnergySpec(max_determinants=600, orbitals="natural", orbital_determinants=100, n_threads=1)
mixed = EnergySpec(max_determinants=100, orbital_determinants=30, max_orbital_turns=1, n_starts=2, n_threads=1)
words = ["FOUND", ranks.size]
for spacing, spec in ((1.0, spec), (2.4, mixed)):  # the second grows twice, and keeps the first
    found = climb(load_problem("hydrogen-chain", n_atoms=8, spacing_angstrom=spacing), spec, seed=1, ranks=ranks)
    rung = found.rungs[0][-1]
    words += [rung.n_determinants, repr(rung.energy_hartree), repr(rung.second_order_hartree)]
if ranks.rank == 0:
    print(*words)
"""


def test_two_ranks_find_what_one_finds() -> None:
    pytest.importorskip("mpi4py", reason="the extra hpc is not installed")
    mpirun = shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if mpirun is None:
        pytest.skip("there is no mpirun; pip install mpich")
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    answers = []
    for n_ranks in (1, 2):
        command = [mpirun, "-n", str(n_ranks), sys.executable, "-c", OVER_RANKS]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **quiet})
        assert done.returncode == 0, done.stderr
        answers.append(done.stdout.split("FOUND ")[1].split())
    (one, *numbers_1), (two, *numbers_2) = answers
    assert (one, two) == ("1", "2")
    np.testing.assert_allclose([float(x) for x in numbers_2], [float(x) for x in numbers_1], rtol=0, atol=1e-8)
