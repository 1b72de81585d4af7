import dataclasses
import math
import pickle

import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.problem.model import Reference
from kakehashi.report.model import Iteration, SizePoint


def test_error_is_the_distance_from_the_reference(build):
    assert build().error_mhartree == pytest.approx(0.771778, abs=1e-9)
    assert build(reference=None).error_mhartree is None
    assert build(reference=None).reference_hartree is None


def test_full_space_counts_both_spins(build):
    assert build().n_full_space == 4368**2
    assert build(n_elec=(6, 4)).n_full_space == math.comb(16, 6) * math.comb(16, 4)


def test_equal_results_are_equal_and_others_are_not(build, build_sampling):
    assert build() == build()
    assert build() != build(seed=8)
    assert build() != build(occupancies=np.zeros((2, 16)))
    changed = build_sampling(state_histogram=np.ones(32, dtype=np.int64))
    assert build() != build(sampling=changed)
    assert build() != "a result"


def test_result_survives_pickling(build):
    assert pickle.loads(pickle.dumps(build())) == build()


def test_result_is_frozen_and_its_arrays_are_read_only(build):
    result = build()
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.seed = 8
    with pytest.raises(ValueError, match="read-only"):
        result.occupancies[0, 0] = 2.0
    with pytest.raises(ValueError, match="read-only"):
        result.sampling.state_histogram[0] = 2


def test_result_keeps_its_own_copy_of_arrays(build):
    occupancies = np.zeros((2, 16))
    result = build(occupancies=occupancies)
    occupancies[0, 0] = 1.0
    assert result.occupancies[0, 0] == 0.0


def test_repr_fits_on_a_line(build):
    assert repr(build()) == (
        "Result('N2 6-31G (10e,16o)', -109.04590000 hartree, error +0.7718 mHa, 4,000,000 determinants)"
    )
    assert "error" not in repr(build(reference=None))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"occupancies": np.zeros((2, 15))}, r"`occupancies` must have shape \(2, 16\), but has \(2, 15\)"),
        ({"occupancies": np.full((2, 16), np.nan)}, "`occupancies` must be finite"),
        ({"occupancies": [["x"] * 16] * 2}, "`occupancies` must hold numbers"),
        ({"energy_hartree": math.nan}, "`energy_hartree` must be finite"),
        ({"root_energies_hartree": (math.inf,)}, "`root_energies_hartree` must be finite"),
        ({"reference": Reference(energy_hartree=math.nan, method="FCI", source="")}, "must be finite"),
        ({"iterations": ()}, "`iterations` must hold one turn or more"),
        ({"n_determinants": 0}, "`n_determinants` must be positive"),
        ({"n_elec": (17, 5), "occupancies": np.zeros((2, 16))}, "there are 16 orbitals"),
    ],
)
def test_impossible_result_is_refused(build, changes, message):
    with pytest.raises(InputError, match=message):
        build(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight_bins_log10": np.zeros(1)}, "2 edges or more"),
        ({"weight_bins_log10": np.linspace(0, -16, 33)}, "must ascend"),
        ({"state_histogram": np.zeros(31)}, r"must have shape \(32,\), but has \(31,\)"),
        ({"in_sector_fraction": 1.5}, "from 0 to 1"),
        ({"in_sector_fraction": math.nan}, "from 0 to 1"),
    ],
)
def test_impossible_summary_is_refused(build_sampling, changes, message):
    with pytest.raises(InputError, match=message):
        build_sampling(**changes)


def test_impossible_parts_are_refused(build):
    with pytest.raises(InputError, match="finite"):
        SizePoint(n_determinants=1, energy_hartree=math.inf)
    with pytest.raises(InputError, match="positive"):
        SizePoint(n_determinants=0, energy_hartree=-1.0)
    turn = build().iterations[0]
    with pytest.raises(InputError, match="`batch_energies_hartree`"):
        dataclasses.replace(turn, batch_energies_hartree=(-1.0, math.nan))
    with pytest.raises(InputError, match="`loop_energy_hartree`"):
        dataclasses.replace(build().control, loop_energy_hartree=math.nan)
    assert isinstance(turn, Iteration)


def test_methods_lead_to_the_report(build, tmp_path):
    result = build()
    assert result.to_json()["energy_hartree"] == -109.0459
    assert result.to_html().startswith("<!DOCTYPE html>")
    assert result._repr_html_().startswith("<div")
    assert result.save(tmp_path / "out") == tmp_path / "out" / "report.html"
    assert result.plot("size").axes[0].get_xlabel() == "determinants in the subspace"


def test_unknown_figure_is_named(build):
    with pytest.raises(InputError, match="There is no figure 'convergance'; did you mean 'convergence'"):
        build().plot("convergance")


def test_the_bound_is_the_lowest_variational_energy(build, build_selected, build_ledger):
    assert build().bound_hartree == -109.0459
    assert build(selected=build_selected(shift_hartree=-0.1)).bound_hartree == pytest.approx(-109.145239)
    assert build(ledger=build_ledger(heat_bath=((1, -50.0, 0.1),))).bound_hartree == pytest.approx(-109.096671778)


def test_one_line_tells_of_the_estimate(build, build_selected):
    assert repr(build(selected=build_selected())).endswith("estimate -109.04664900 hartree)")
    assert repr(build(selected=build_selected(last=3))).endswith("estimate without an error bar)")
