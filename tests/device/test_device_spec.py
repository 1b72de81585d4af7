"""The base of all devices' specs."""

import numpy as np
import pytest

from kakehashi.device.device_spec import DeviceSpec
from kakehashi.problem.model import Hamiltonian, Problem


def test_a_spec_refuses_nothing_by_itself_and_names_what_it_is():
    spec = DeviceSpec(name="x", n_shots=3)
    flat = Problem(name="flat", hamiltonian=Hamiltonian(one_body=np.eye(2), two_body=np.zeros((2,) * 4)), n_elec=(1, 1))
    spec.check(flat)
    spec.reach(flat)
    assert spec.identity() == {"name": "x", "n_shots": 3}
    with pytest.raises(NotImplementedError):
        spec.build()


@pytest.mark.parametrize("n_shots", [0, 10**9 + 1])
def test_the_number_of_shots_has_its_limits(n_shots):
    with pytest.raises(ValueError, match="n_shots"):
        DeviceSpec(name="x", n_shots=n_shots)
