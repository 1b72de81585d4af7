import resource

import h5py
import numpy as np
import pytest

from kakehashi.core.errors import ResourceError
from kakehashi.core.hdf5 import replace_hdf5


def test_arrays_and_long_attributes_go_round(tmp_path):
    path = tmp_path / "new" / "a.h5"
    with replace_hdf5(path) as file:
        file["x"] = np.arange(1000)
        file.attrs["provenance"] = "y" * 200_000
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["x"], np.arange(1000))
        assert len(file.attrs["provenance"]) == 200_000


def test_an_error_in_the_middle_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.h5"
    with replace_hdf5(path) as file:
        file["x"] = 1

    def fail():
        with replace_hdf5(path) as file:
            file["x"] = 2
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with h5py.File(path) as file:
        assert file["x"][()] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_said_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.h5"
    with replace_hdf5(path) as file:
        file["x"] = 1

    def fill():
        with replace_hdf5(path) as file:
            file["x"] = np.zeros(10_000)

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(ResourceError, match="no space left"):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with h5py.File(path) as file:
        assert file["x"][()] == 1
