import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.samples import Configurations


def build(**changes):
    one = np.array([[1, 0], [2, 0]], dtype=np.uint64)
    fields = {"alpha": one, "beta": one, "weights": np.array([0.25, 0.75]), "n_orb": 2, "n_elec": (1, 1)}
    return Configurations(**(fields | changes))


def test_a_good_value_is_accepted_and_frozen():
    configurations = build()
    assert len(configurations) == 2
    with pytest.raises(AttributeError):
        configurations.n_orb = 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alpha": np.zeros((1, 2), dtype=np.uint64)}, "shape"),
        ({"beta": np.ones((2, 2), dtype=np.int64)}, "uint64"),
        ({"n_elec": (2, 1)}, "`alpha` must have 2 electrons"),
        ({"weights": np.array([0.5, 0.4])}, "sum to 1"),
        ({"weights": np.array([1.5, -0.5])}, "positive"),
    ],
)
def test_bad_values_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        build(**changes)
