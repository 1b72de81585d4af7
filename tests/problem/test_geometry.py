import pytest

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.problem.geometry import check_atoms, parse_geometry, read_xyz

EXPECTED = (("O", (0.0, 0.0, 0.0)), ("H", (0.0, 0.5, -1.25)))


@pytest.mark.parametrize(
    "text", ["O 0 0 0; H 0 0.5 -1.25", "O 0 0 0\nH 0 .5 -125e-2\n", "\n O, 0, 0, 0\n;\n H 0 +0.5 -1.25 ;"]
)
def test_atoms_from_text(text):
    assert parse_geometry(text) == EXPECTED


@pytest.mark.parametrize("text", ["O 0 0", "O 0 0 0 0", "H 1 0.74", "O a b c", "O 0 0 0; H 1 1.0 2 104"])
def test_text_that_is_no_geometry(text):
    with pytest.raises(InputError, match=r"Geometry: .*expected"):
        parse_geometry(text)


def test_an_xyz_file(tmp_path):
    path = tmp_path / "oh.xyz"
    path.write_text("2\n\nO 0 0 0\nH 0 0.5 -1.25 0.3 extra columns are allowed\n\n")
    assert read_xyz(path) == EXPECTED


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "number of atoms"),
        ("O 0 0 0\n", 1, "number of atoms"),
        ("2\ncomment\nO 0 0 0\n", 1, "2 atoms were expected"),
        ("1\ncomment\nO 0 0 0\nH 0 0 1\n", 1, "1 atoms were expected"),
        ("1\ncomment\nO 0 0 zero\n", 3, "three coordinates"),
        ("1\ncomment\nO 0 0\n", 3, "symbol x y z"),
    ],
)
def test_a_malformed_xyz_file(tmp_path, text, line, message):
    path = tmp_path / "x.xyz"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_xyz(path)
    assert caught.value.line == line


def test_a_missing_xyz_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_xyz(tmp_path / "x.xyz")


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        ([], "no atoms"),
        ([("Xx", (0, 0, 0))], "'Xx' is not the symbol of an element"),
        ([("X", (0, 0, 0))], "'X' is not the symbol"),
        ([("H", (0, 0, float("nan")))], "three coordinates below 100000"),
        ([("H", (0, 0, 1e300))], "three coordinates below 100000"),
        ([("H", (0, 0))], "three coordinates below 100000"),
        ([("H", (0, 0, 0)), ("O", (0, 0, 1)), ("H", (0, 0, 1e-5))], "atoms 1 and 3 are nearer than 0.05"),
    ],
)
def test_impossible_atoms(atoms, message):
    with pytest.raises(InputError, match=message):
        check_atoms(atoms)
