import dataclasses

import pytest

from kakehashi.core.errors import InputError


def test_the_lowest_state_speaks_for_all(build_selected):
    selected = build_selected()
    assert selected.last.n_determinants == 12801
    assert selected.estimate is selected.estimates[0]


def test_the_occupations_are_those_of_the_lowest_state(pair):
    assert pair.natural_occupations is pair.properties[0].natural_occupations


def test_equal_values_are_equal(build_selected, build_properties):
    assert build_selected() == build_selected()
    assert build_selected() != build_selected(properties=(build_properties(n_unpaired=0.0),))
    assert build_selected() != build_selected(wall_s=1.0)
    assert build_selected() != 1


@pytest.mark.parametrize("changes", [{"rungs": ()}, {"rungs": ((),)}, {"estimates": ()}, {"properties": ()}])
def test_every_state_has_spaces_an_estimate_and_properties(build_selected, changes):
    with pytest.raises(InputError, match="one entry or more for each state"):
        dataclasses.replace(build_selected(), **changes)
