"""Perturbation theory: against its slow twin, and its random part against the sum over everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.subspace.test_select import exact, molecule_like, seeded

from kakehashi.core.errors import InputError
from kakehashi.core.parts import Parts
from kakehashi.core.progress import Reporter
from kakehashi.energy.perturbation import perturb
from kakehashi.problem.lattice import hubbard
from kakehashi.subspace.select import grow
from kakehashi.subspace.slow import look_outside_slow


def selected(hamiltonian, n_elec, n_determinants, **options):
    space = seeded(hamiltonian, n_elec, **options)
    *_, stage = grow(space, n_determinants=n_determinants, tolerance=1e-7)
    return space, stage


def whole(space, stage):
    """The sum over all contributions, by the rules of Slater and Condon."""
    return sum(
        energy
        for energy, _ in look_outside_slow(
            space.hamiltonian,
            *space.strings(),
            stage.coefficients[0],
            stage.penalized_hartree[0],
            threshold_hartree=0.0,
        ).values()
    )


@pytest.mark.parametrize("n_elec", [(3, 3), (4, 2)])
def test_a_full_sample_is_the_whole_sum(n_elec):
    space, stage = selected(molecule_like(6, seed=1), n_elec, 40)
    options = {"threshold_hartree": 1e-3, "fine_threshold_hartree": 0.0, "n_samples": 256}
    found = perturb(space, stage.coefficients[0], stage.penalized_hartree[0], **options)
    assert found.energy_hartree == pytest.approx(whole(space, stage), rel=1e-8)
    assert found.error_hartree == 0
    assert found.coarse_hartree < 0
    assert abs(found.energy_hartree - found.coarse_hartree) > 1e-5
    assert found.cpu_s >= 0


@given(n_batches=st.integers(1, 9), threshold=st.sampled_from([0.0, 1e-4, 1e-3]))
@settings(max_examples=10)
def test_batches_change_nothing(n_batches, threshold):
    space, stage = selected(molecule_like(6, seed=2), (3, 3), 40)
    options = {"threshold_hartree": threshold, "fine_threshold_hartree": 0.0, "n_samples": 0}
    one, many = (
        perturb(space, stage.coefficients[0], stage.penalized_hartree[0], n_batches=n, **options)
        for n in (1, n_batches)
    )
    assert many.energy_hartree == many.coarse_hartree == pytest.approx(one.energy_hartree, abs=1e-13)
    assert (many.n_determinants, many.n_contributions) == (one.n_determinants, one.n_contributions)
    assert one.error_hartree == 0


def test_the_stated_error_is_that_of_the_random_part():
    """Over many seeds the mean is the exact sum, and the spread is the mean stated error."""
    chain = hubbard(8, u=2.0, n_elec=(4, 4), periodic=False, basis="standing_wave").hamiltonian
    space, stage = selected(chain, (4, 4), 200)
    options = {"threshold_hartree": 1e-2, "fine_threshold_hartree": 0.0}
    vector, energy = stage.coefficients[0], stage.penalized_hartree[0]
    right = perturb(space, vector, energy, n_samples=256, **options).energy_hartree
    runs = [perturb(space, vector, energy, n_samples=64, rng=seed, **options) for seed in range(200)]
    errors = np.array([run.energy_hartree for run in runs]) - right
    stated = np.sqrt(np.mean([run.error_hartree**2 for run in runs]))
    assert stated > 1e-5
    assert abs(errors.mean()) < 4 * stated / np.sqrt(len(runs))
    # The relative error of a standard deviation is about 1 / sqrt(2 n), or 5 %.
    assert errors.std() == pytest.approx(stated, rel=0.2)


def test_equal_seeds_give_equal_samples():
    space, stage = selected(molecule_like(6, seed=3), (3, 3), 40)
    options = {"threshold_hartree": 1e-3, "fine_threshold_hartree": 0.0, "n_samples": 8}
    one, two, other = (
        perturb(space, stage.coefficients[0], stage.penalized_hartree[0], rng=seed, **options).energy_hartree
        for seed in (1, 1, 2)
    )
    assert one == two != other


def test_growth_reports_the_same_energy():
    """What :func:`grow` sums while it looks for determinants is the coarse sum outside each of its spaces."""
    hamiltonian = molecule_like(6, seed=4)
    space = seeded(hamiltonian, (3, 3))
    for stage in grow(space, n_determinants=200, two_s=0, perturbation_threshold_hartree=1e-7):
        vector, energy = stage.coefficients[0], stage.penalized_hartree[0]
        again = perturb(space, vector, energy, threshold_hartree=1e-7, n_samples=0)
        assert stage.second_order_hartree == (pytest.approx(again.energy_hartree, abs=1e-9),)
    assert stage.energies_hartree[0] + stage.second_order_hartree[0] == pytest.approx(
        exact(hamiltonian, (3, 3))[0], abs=1e-4
    )


def test_a_full_space_has_nothing_outside():
    space, stage = selected(molecule_like(4, seed=1), (2, 2), 1000)
    found = perturb(space, stage.coefficients[0], stage.penalized_hartree[0], n_samples=4)
    assert (found.energy_hartree, found.error_hartree, found.n_determinants) == (0, 0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold_hartree": 1e-9, "fine_threshold_hartree": 1e-6}, "the fine the smaller"),
        ({"fine_threshold_hartree": -1.0}, "must not be negative"),
        ({"threshold_hartree": float("nan")}, "must not be negative"),
        ({"n_samples": 1}, "must be 0 or from 2 to 256, but is 1"),
        ({"n_samples": 257}, "must be 0 or from 2 to 256, but is 257"),
        ({"n_batches": 0}, "must be positive"),
    ],
)
def test_impossible_options(options, message):
    space, stage = selected(molecule_like(4, seed=1), (2, 2), 10)
    with pytest.raises(InputError, match=message):
        perturb(space, stage.coefficients[0], stage.penalized_hartree[0], **options)


class Interrupted(BaseException):
    """Stands for Ctrl-C, which may come anywhere."""


@pytest.mark.parametrize("n_done", [1, 2, 5, 6])
def test_sums_that_are_kept_are_not_done_again(tmp_path, n_done):
    space, stage = selected(molecule_like(6, seed=3), (3, 3), 40)
    options = {"threshold_hartree": 1e-3, "n_samples": 4, "n_batches": 2, "rng": 5}

    def found(path, progress):
        parts = Parts(path, stage="outside", key=1)
        return perturb(
            space,
            stage.coefficients[0],
            stage.penalized_hartree[0],
            parts=parts,
            reporter=Reporter(progress),
            **options,
        )

    def interrupt(event):
        if event.message == f"part {n_done} of 6":
            raise Interrupted

    path = tmp_path / "a.parts.json"
    with pytest.raises(Interrupted):
        found(path, interrupt)
    words = []
    resumed = found(path, lambda event: words.append(event.message))
    whole = found(None, lambda event: None)
    assert [word.endswith("of the earlier call") for word in words] == [True] * n_done + [False] * (6 - n_done)
    for name in ("energy_hartree", "error_hartree", "coarse_hartree", "n_determinants", "n_contributions"):
        assert getattr(resumed, name) == getattr(whole, name)
    assert resumed.cpu_s > 0
