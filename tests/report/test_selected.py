import dataclasses

import numpy as np
import pytest

from kakehashi.core.errors import InputError


def test_the_lowest_state_speaks_for_all(build_selected):
    selected = build_selected()
    assert selected.last.n_determinants == 12801
    assert selected.estimate is selected.estimates[0]


def test_equal_values_are_equal(build_selected):
    assert build_selected() == build_selected()
    assert build_selected() != build_selected(natural_occupations=np.zeros(16))
    assert build_selected() != build_selected(wall_s=1.0)
    assert build_selected() != 1


def test_occupations_cannot_be_changed_from_outside(build_selected):
    occupations = np.array([2.0, 0.0])
    selected = build_selected(natural_occupations=occupations)
    occupations[0] = 1.0
    assert selected.natural_occupations[0] == 2.0
    with pytest.raises(ValueError, match="read-only"):
        selected.natural_occupations[0] = 1.0


@pytest.mark.parametrize("changes", [{"rungs": ()}, {"rungs": ((),)}, {"estimates": ()}])
def test_every_state_has_spaces_and_an_estimate(build_selected, changes):
    with pytest.raises(InputError, match="one entry or more for each state"):
        dataclasses.replace(build_selected(), **changes)
