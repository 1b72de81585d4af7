"""Reading a file of any format, told by its first bytes."""

import io
import json
import zipfile

import numpy as np
import pytest

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.device.hdf5 import save_shots
from kakehashi.device.model import Shots
from kakehashi.device.read import read_shots

COUNTS = {"0011": 3, "0101": 5}


def write(path, kind):
    shots = Shots.from_counts(COUNTS)
    if kind == "hdf5":
        save_shots(shots, path)
    elif kind == "json":
        path.write_text("\n " + json.dumps(COUNTS))
    elif kind == "text":
        path.write_text("".join(f"{bits} {count}\n" for bits, count in COUNTS.items()))
    elif kind == "npy":
        rows = np.repeat(shots.to_matrix()[:, ::-1], shots.counts, axis=0)
        with path.open("wb") as file:
            np.save(file, rows)
    elif kind == "npz":
        rows = np.repeat(shots.bits, shots.counts, axis=0)
        with path.open("wb") as file:
            np.savez(file, array=rows, num_bits=4)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("result.json", json.dumps({"sampling": {"counts": COUNTS}}))


@pytest.mark.parametrize("kind", ["hdf5", "json", "text", "npy", "npz", "zip"])
def test_the_content_says_the_format(tmp_path, kind):
    path = tmp_path / "shots.dat"
    write(path, kind)
    for n_qubits in (None, 4):
        assert read_shots(path, n_qubits=n_qubits).to_counts() == COUNTS
    with pytest.raises(FileFormatError, match=r"shots\.dat.* 4 bits, but 6 were expected"):
        read_shots(path, n_qubits=6)


def test_a_byte_order_mark_is_ignored(tmp_path):
    for text in ("0101 3\n", '{"0101": 3}'):
        (tmp_path / "shots").write_text(text, encoding="utf-8-sig")
        assert read_shots(tmp_path / "shots").to_counts() == {"0101": 3}


def test_provenance_names_the_file(tmp_path):
    write(tmp_path / "mine.json", "json")
    assert read_shots(tmp_path / "mine.json").provenance == {
        "device": "file",
        "file": "mine.json",
        "format": "json",
    }


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            # with a date of its own: test runners compare the bytes, which stand in the names of the tests
            archive.writestr(zipfile.ZipInfo(f"{name}.json", date_time=(2026, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "no shots"),
        (b"\xff\xfe\x00", {}, "neither text"),
        (b"PK\x03\x04junk", {}, "ZIP file cannot be read"),
        (zipped(), {}, "found 0"),
        (zipped(a="{}", b="{}"), {}, "found 2"),
        (zipped(a="{}")[:-30], {}, "ZIP file cannot be read"),
        (b"0101", {"format": "json"}, "JSON"),
        (b"0101", {"format": "numpy"}, "NumPy"),
        (b"0101", {"format": "hdf5"}, "damaged"),
        (b"{}", {"format": "text"}, "bit string"),
        (b"\x89HDF\r\n\x1a\njunk", {}, "damaged"),
    ],
)
def test_faults(tmp_path, content, options, message):
    path = tmp_path / "shots"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        read_shots(path, **options)


def test_missing_file_folder_and_format(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_shots(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be read"):
        read_shots(tmp_path)
    with pytest.raises(InputError, match="no format 'xml'"):
        read_shots(tmp_path, format="xml")
