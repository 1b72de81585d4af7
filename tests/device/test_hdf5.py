"""HDF5: what is written is read, and what is damaged is said."""

import h5py
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.device.hdf5 import SCHEMA, load_shots, save_shots
from kakehashi.device.model import Shots


@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(width=st.sampled_from([1, 8, 9, 52, 130]), seed=st.integers(0, 2**32 - 1), n_rows=st.integers(0, 50))
def test_round_trip(tmp_path_factory, width, seed, n_rows):
    rng = np.random.default_rng(seed)
    shots = Shots.from_matrix(rng.random((n_rows, width)) < 0.5, provenance={"device": "x", "list": [1, None]})
    path = tmp_path_factory.mktemp("shots") / "shots.h5"
    save_shots(shots, path)
    again = load_shots(path)
    np.testing.assert_array_equal(again.bits, shots.bits)
    np.testing.assert_array_equal(again.counts, shots.counts)
    assert again.n_qubits == width
    assert again.provenance == shots.provenance


def test_attributes_say_what_it_is(tmp_path):
    save_shots(Shots.from_counts({"0101": 4, "0011": 1}), tmp_path / "shots.h5")
    with h5py.File(tmp_path / "shots.h5") as file:
        assert file.attrs["schema"] == SCHEMA == "kakehashi.shots/1"
        assert file.attrs["n_qubits"] == 4
        assert file.attrs["n_shots"] == 5
        assert file["bits"][()].tolist() == [[3], [5]]
    assert [path.name for path in tmp_path.iterdir()] == ["shots.h5"]


def test_long_provenance(tmp_path):
    shots = Shots.from_matrix(np.ones((1, 2), dtype=bool), provenance={"note": "x" * 200_000})
    save_shots(shots, tmp_path / "shots.h5")
    assert load_shots(tmp_path / "shots.h5").provenance == shots.provenance


def change(path, name, value):
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
            if value is not None:
                file[name] = value
        elif value is None:
            del file.attrs[name]
        else:
            file.attrs[name] = value


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("schema", "other/1", "kakehashi.shots/1"),
        ("schema", None, "kakehashi.shots/1"),
        ("n_qubits", 12, "n_distinct, 2"),
        ("n_qubits", None, "damaged or incomplete"),
        ("bits", None, "damaged or incomplete"),
        ("counts", [1, 0], "positive"),
        ("counts", [1, 1, 1], "counts"),
        ("bits", np.array([[5], [3]], dtype=np.uint8), "ascending"),
        ("provenance", "{", "damaged"),
        ("provenance", "[]", "JSON object"),
    ],
)
def test_damage_is_said(tmp_path, name, value, message):
    path = tmp_path / "shots.h5"
    save_shots(Shots.from_counts({"0101": 4, "0011": 1}), path)
    change(path, name, value)
    with pytest.raises(FileFormatError, match=message) as caught:
        load_shots(path)
    assert str(path) in str(caught.value)


def test_cut_short_and_missing(tmp_path):
    path = tmp_path / "shots.h5"
    save_shots(Shots.from_counts({"0101": 4}), path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(FileFormatError, match="damaged"):
        load_shots(path)
    with pytest.raises(InputError, match="no such file"):
        load_shots(tmp_path / "none.h5")
