import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.link.model import Detections, Preparations

ZEROS = np.zeros(2, np.uint8)


def test_an_exposure_holds_its_slots():
    assert len(Detections(first_slot=5, n_slots=9, slot=np.array([5, 13]), basis=ZEROS, bit=ZEROS)) == 2


@pytest.mark.parametrize("slot", [[4, 6], [5, 14], [6, 6], [7, 6]])
def test_slots_ascend_within_the_exposure(slot):
    with pytest.raises(InputError, match="ascend within 5 to 13"):
        Detections(first_slot=5, n_slots=9, slot=np.array(slot), basis=ZEROS, bit=ZEROS)


def test_columns_have_the_shape_of_the_slots():
    with pytest.raises(InputError, match="shape of its slots"):
        Preparations(
            first_slot=0, n_slots=9, slot=np.array([1, 2]), basis=ZEROS, bit=ZEROS, intensity=np.zeros(3, np.uint8)
        )
    with pytest.raises(InputError, match="int64"):
        Detections(first_slot=0, n_slots=9, slot=np.array([1.0, 2.0]), basis=ZEROS, bit=ZEROS)
