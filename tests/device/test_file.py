"""The device that gives back a machine's shots."""

import numpy as np
import pytest

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.device.file import FileDevice

CIRCUIT = Circuit(n_orb=2, n_elec=(1, 1))


@pytest.fixture
def device(tmp_path):
    path = tmp_path / "shots.txt"
    path.write_text("0101 600\n1010 300\n0110 100\n")
    return FileDevice(path=path)


def test_all_shots_as_they_are(device):
    expected = {"0101": 600, "0110": 100, "1010": 300}
    assert device.run(CIRCUIT, 0).to_counts() == expected
    assert device.run(CIRCUIT).to_counts() == expected
    assert device.run(CIRCUIT, 1000).to_counts() == expected
    assert not device.reads_circuit


def test_a_subset_is_drawn_without_replacement(device):
    full = device.run(CIRCUIT).to_counts()
    drawn = [device.run(CIRCUIT, 500, rng=seed) for seed in range(200)]
    for shots in drawn:
        assert shots.n_shots == 500
        assert all(count <= full[bits] for bits, count in shots.to_counts().items())
    mean = np.mean([shots.to_counts()["0101"] for shots in drawn])
    # Hypergeometric: standard deviation 7.75 for one draw, 0.55 for the mean.
    assert abs(mean - 300) < 3
    assert drawn[3].provenance["subset_of"] == 1000
    assert device.run(CIRCUIT, 500, rng=7).to_counts() == drawn[7].to_counts()


def test_faults(device, tmp_path):
    with pytest.raises(InputError, match="holds 1000 shots, but 1001 were asked for"):
        device.run(CIRCUIT, 1001)
    with pytest.raises(InputError, match="must not be negative"):
        device.run(CIRCUIT, -1)
    with pytest.raises(FileFormatError, match=r"shots\.txt:1: .* 4 bits, but 6 were expected"):
        device.run(Circuit(n_orb=3, n_elec=(1, 1)))
    with pytest.raises(InputError, match="no such file"):
        FileDevice(path=tmp_path / "none.txt").run(CIRCUIT)
    (tmp_path / "large.txt").write_text("0101 2000000000\n")
    with pytest.raises(InputError, match="too many to draw a subset"):
        FileDevice(path=tmp_path / "large.txt").run(CIRCUIT, 5)
