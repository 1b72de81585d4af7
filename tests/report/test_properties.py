import math

import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.energy.properties import properties_of
from kakehashi.problem.molecule import molecule_problem
from kakehashi.report.properties import StateProperties


@pytest.fixture(scope="module")
def found():
    problem = molecule_problem("Li 0 0 0; H 0 0 1.6", basis="sto-3g", frozen_core=1)
    return properties_of(problem, [np.diag([1.0, 0, 0, 0, 0])] * 2)


def test_numbers_are_taken_over_as_they_are(found):
    taken = StateProperties.of(found)
    assert taken.natural_occupations == (2.0, 0.0, 0.0, 0.0, 0.0)
    assert taken.n_unpaired == found.n_unpaired
    assert taken.atoms == found.atoms == ("Li1", "H2")
    for name in ("spin_density", "dipole_debye", "spin_populations", "atomic_charges"):
        assert getattr(taken, name) == tuple(getattr(found, name).tolist())
    assert taken.dipole_size_debye == pytest.approx(np.linalg.norm(found.dipole_debye))
    assert hash(taken) == hash(StateProperties.of(found))


def test_what_is_not_known_stays_unknown(found):
    bare = StateProperties(natural_occupations=(1.0,), n_unpaired=1.0, spin_density=(1.0,))
    assert (bare.dipole_debye, bare.dipole_size_debye, bare.spin_populations, bare.atoms) == (None, None, None, ())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"natural_occupations": (2.0,)}, "`natural_occupations` must hold 16 numbers, but holds 1"),
        ({"dipole_debye": (1.0, 2.0)}, "`dipole_debye` must hold 3 numbers"),
        ({"atoms": ("N1",)}, "`spin_populations` must hold 1 numbers, but holds 2"),
        ({"atomic_charges": ()}, "`atomic_charges` must hold 2 numbers"),
        ({"dipole_debye": (0.0, 0.0, math.inf)}, "`dipole_debye` holds a number that is not finite"),
        ({"n_unpaired": math.nan}, "`n_unpaired` must be finite"),
    ],
)
def test_impossible_properties_are_refused(build_properties, changes, message):
    with pytest.raises(InputError, match=message):
        build_properties(**changes)
