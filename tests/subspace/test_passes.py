"""The memory of a pass over the outside: a budget changes no result, is kept, and is refused where it is too small."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from tests.subspace.test_product import random_hamiltonian

from kakehashi.core.errors import ResourceError
from kakehashi.core.resources import available_memory_bytes
from kakehashi.samples.random import random_strings
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.passes import checked, half_of_the_memory
from kakehashi.subspace.space import Outside


def crowded_space(n_threads: int) -> tuple[DeterminantSpace, np.ndarray]:
    """Many routes, and one alpha string with more beta strings than the smallest table takes."""
    rng = np.random.default_rng(7)
    alpha, beta = (random_strings(80, n_orb=20, n_electrons=9, rng=rng) for _ in range(2))
    alpha[:40] = alpha[0]
    space = DeterminantSpace(random_hamiltonian(20, seed=5), n_threads=n_threads)
    space.append(alpha, beta)
    c = np.random.default_rng(8).normal(size=len(space))
    return space, c / np.linalg.norm(c)


def least_budget(space: DeterminantSpace, c: np.ndarray, **options: object) -> int:
    how = (-90.0, options["threshold_hartree"], options["coarse_threshold_hartree"], 1, 0, False, False, 0.0)
    n_keep = int(str(options["n_keep"]))
    alpha, beta = (np.empty((n_keep, 2), dtype=np.uint64) for _ in range(2))
    return space.native.perturb(c, *how, alpha, beta, np.empty(n_keep), 0)[5]


def assert_same(one: Outside, other: Outside) -> None:
    assert other.energy_hartree == pytest.approx(one.energy_hartree, rel=1e-15)
    assert other.coarse_energy_hartree == pytest.approx(one.coarse_energy_hartree, rel=1e-15)
    assert (other.n_determinants, other.n_contributions) == (one.n_determinants, one.n_contributions)
    for name in ("alpha", "beta", "importance"):
        np.testing.assert_array_equal(getattr(other, name), getattr(one, name))


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("coarse", [0.02, 0.5])
def test_neither_budget_nor_threads_change_the_result(n_threads: int, coarse: float) -> None:
    space, c = crowded_space(1)
    options = {"threshold_hartree": 0.02, "coarse_threshold_hartree": coarse, "n_keep": 50}
    expected = space.look_outside(c, -90.0, **options)
    assert expected.n_determinants > 1e5
    space, c = crowded_space(n_threads)
    least = least_budget(space, c, **options)
    for budget in (least, int(1.1 * least), 2 * least, 10 * least, 2**40):
        assert_same(expected, space.look_outside(c, -90.0, memory_budget_bytes=budget, **options))


def test_batches_on_a_tight_budget_add_up() -> None:
    space, c = crowded_space(1)
    options = {"threshold_hartree": 0.1, "coarse_threshold_hartree": 0.1, "n_keep": 0}
    whole = space.look_outside(c, -90.0, **options)
    budget = least_budget(space, c, **options)
    parts = [
        space.look_outside(c, -90.0, batch=k, n_batches=3, memory_budget_bytes=budget, **options) for k in range(3)
    ]
    assert sum(part.energy_hartree for part in parts) == pytest.approx(whole.energy_hartree, rel=1e-14)
    assert sum(part.n_determinants for part in parts) == whole.n_determinants
    assert all(part.n_determinants for part in parts)


def test_too_small_a_budget_is_refused_with_the_least_that_would_do() -> None:
    space, c = crowded_space(1)
    options = {"threshold_hartree": 0.1, "coarse_threshold_hartree": 0.1, "n_keep": 0}
    least = least_budget(space, c, **options)
    with pytest.raises(ResourceError, match=r"outside 80 determinants needs at least \d.* but 1000 B is given\.$"):
        space.look_outside(c, -90.0, memory_budget_bytes=1000, **options)
    with pytest.raises(ResourceError):
        space.look_outside(c, -90.0, memory_budget_bytes=least - 1, **options)
    space.look_outside(c, -90.0, memory_budget_bytes=least, **options)


def test_sums_without_a_need_pass_the_check() -> None:
    sums = (-1.0, -1.0, 3, 4, 0, 0)
    assert checked(sums, 5, 0) is sums


def test_half_of_the_memory_is_shared_by_processes() -> None:
    assert half_of_the_memory(4) == pytest.approx(available_memory_bytes() / 8, rel=0.2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads its peak from /proc")
@pytest.mark.parametrize(("n_threads", "budget_mib"), [(1, 24), (2, 40)])
def test_peak_memory_keeps_to_the_budget(n_threads: int, budget_mib: int) -> None:
    """Where all routes at once would take 200 MiB; 8 MiB are for what the allocator and Python add.

    The peak that ``getrusage`` gives would count what this process had before it became the program.
    """
    program = f"""
    import numpy as np
    from tests.subspace.test_product import random_hamiltonian
    from kakehashi.samples.random import random_strings
    from kakehashi.subspace.determinants import DeterminantSpace

    def peak_memory_bytes():
        status = open("/proc/self/status").read()
        return int(status.split("VmHWM:")[1].split()[0]) << 10

    rng = np.random.default_rng(1)
    space = DeterminantSpace(random_hamiltonian(30, seed=1), n_threads={n_threads})
    space.append(*(random_strings(1500, n_orb=30, n_electrons=6, rng=rng) for _ in range(2)))
    c = np.full(len(space), len(space) ** -0.5)
    space.look_outside(c, -90.0, threshold_hartree=10.0)
    before = peak_memory_bytes()
    options = dict(threshold_hartree=1e-6, n_keep=1000)
    tight = space.look_outside(c, -90.0, memory_budget_bytes={budget_mib} << 20, **options)
    used = peak_memory_bytes() - before
    free = space.look_outside(c, -90.0, **options)
    print(used, peak_memory_bytes() - before, tight.energy_hartree, free.energy_hartree)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    used, unbounded, tight, free = re.findall(r"\S+", done.stdout)
    assert int(used) < (budget_mib + 8) << 20
    assert int(unbounded) > 150 << 20
    assert float(tight) == pytest.approx(float(free), rel=1e-15)
