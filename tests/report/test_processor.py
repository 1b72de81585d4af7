import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import InputError
from kakehashi.device.twins.library import load_twin
from kakehashi.report.example import example_processor
from kakehashi.report.processor import Chip

CHIP = Chip(
    positions=((0.0, 0.0), (1.0, 0.0)),
    edges=((0, 1),),
    present=(True, True),
    readout_error=(0.01, None),
    two_qubit_error=(None,),
)


@given(st.lists(st.floats(0, 1 - 1e-9), max_size=6))
def test_mean_errors_add_up_to_the_probability_of_none(chances):
    budget = {str(k): chance for k, chance in enumerate(chances)}
    means = dataclasses.replace(example_processor(), error_budget=budget).mean_errors
    assert list(means.values()) == sorted(means.values(), reverse=True)
    assert math.exp(-sum(means.values())) == pytest.approx(math.prod(1 - chance for chance in chances), rel=1e-6)


def test_errors_in_every_shot_have_a_finite_number():
    (mean,) = dataclasses.replace(example_processor(), error_budget={"idling": 1.0}).mean_errors.values()
    assert 36 < mean < 40


def test_the_twin_comes_back_as_far_as_the_map_shows_it():
    twin, back = load_twin("riken-64"), example_processor().to_twin()
    np.testing.assert_array_equal(back.positions, twin.positions)
    np.testing.assert_array_equal(back.edges, twin.edges)
    np.testing.assert_array_equal(back.present, twin.present)
    assert back.is_assumed
    back = dataclasses.replace(example_processor(), chip=CHIP, placement=None).to_twin()
    assert np.isnan(back.calibration.prob_meas1_prep0).tolist() == [False, True]
    assert not back.usable_edges.any()


def test_without_its_numbers_there_is_no_twin():
    assert dataclasses.replace(example_processor(), chip=None).to_twin() is None


def test_qubits_that_only_join_others_are_bridges():
    place = example_processor().placement
    assert place.n_bridges == 0
    assert dataclasses.replace(place, used_qubits=(0, 1, 2, 3, 9)).n_bridges == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": ()}, "one position"),
        ({"present": (True,)}, "one position"),
        ({"two_qubit_error": ()}, "one two-qubit error for each edge"),
        ({"edges": ((0, 2),)}, "an edge to a qubit that is not there"),
    ],
)
def test_a_chip_fits_together(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(CHIP, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"success_probability": 1.1}, "`success_probability` must be from 0 to 1"),
        ({"error_budget": {"readout": -0.1}}, "`readout` must be from 0 to 1"),
        ({"machine_s": math.inf}, "`machine_s` must be 0 or more"),
        ({"chip": CHIP}, "lies on qubit 2, but the chip has 2"),
    ],
)
def test_a_summary_fits_together(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(example_processor(), **change)
