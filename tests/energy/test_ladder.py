"""The whole growth: exact where the space is complete, resumed after a stop, the same on two ranks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kakehashi.core.errors import ResourceError
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


OVER_RANKS = """
from kakehashi.core.ranks import world
from kakehashi.energy.ladder import climb
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.library import load_problem

ranks = world()
spec = EnergySpec(max_determinants=600, orbitals="natural", orbital_determinants=100, n_threads=1)
found = climb(load_problem("hydrogen-chain", n_atoms=8), spec, seed=1, ranks=ranks)
if ranks.rank == 0:
    rung = found.rungs[0][-1]
    print("FOUND", ranks.size, rung.n_determinants, repr(rung.energy_hartree), repr(rung.second_order_hartree))
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
    (one, size_1, *numbers_1), (two, size_2, *numbers_2) = answers
    assert (one, two, size_1) == ("1", "2", size_2)
    np.testing.assert_allclose([float(x) for x in numbers_2], [float(x) for x in numbers_1], rtol=0, atol=1e-8)
