"""The control: fair coins."""

import numpy as np
import pytest

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.device.uniform import UniformDevice, require_rows


def test_every_string_is_as_frequent():
    shots = UniformDevice().run(Circuit(n_orb=3, n_elec=(1, 1)), 64_000, rng=1)
    assert shots.n_distinct == 64
    assert abs(shots.counts - 1000).max() < 5 * np.sqrt(1000)


@pytest.mark.parametrize("n_orb", [5, 26, 64, 100])
def test_every_qubit_is_a_fair_coin(n_orb):
    shots = UniformDevice().run(Circuit(n_orb=n_orb, n_elec=(1, 1)), 10_000, rng=2)
    assert shots.n_qubits == 2 * n_orb
    ones = shots.counts @ shots.to_matrix() / 10_000
    assert abs(ones - 0.5).max() < 5 * 0.5 / 100


def test_it_needs_no_circuit_and_keeps_its_seed():
    assert not UniformDevice().reads_circuit
    circuit = Circuit(n_orb=8, n_elec=(1, 1))
    first, second = (UniformDevice().run(circuit, 500, rng=9) for _ in range(2))
    assert first.to_counts() == second.to_counts()
    assert first.provenance["seed"] == 9


def test_limits():
    with pytest.raises(InputError, match="n_shots"):
        UniformDevice().run(Circuit(n_orb=1, n_elec=(1, 0)), 0)
    with pytest.raises(ResourceError, match="fewer shots"):
        require_rows(10**14, 32)
