import pickle
from pathlib import Path

import pytest

from kakehashi.core import errors
from kakehashi.core.errors import (
    ConvergenceError,
    DataError,
    DeviceError,
    FileFormatError,
    InputError,
    KakehashiError,
    MissingDependencyError,
    ResourceError,
    SpecError,
)


def test_the_tree_in_the_docstring_is_the_tree():
    """Depth of each class, as the drawing shows it."""
    lines = [line for line in (errors.__doc__ or "").splitlines() if "Error" in line and "──" in line]
    drawn = {line.split("── ")[1].split()[0]: (line.index("──") - 5) // 4 + 1 for line in lines}
    real = {
        name: len(getattr(errors, name).__mro__) - len(KakehashiError.__mro__)
        for name in errors.__all__
        if name != "KakehashiError"
    }
    # An input error has ValueError among its ancestors as well.
    real = {name: depth - issubclass(getattr(errors, name), ValueError) for name, depth in real.items()}
    assert drawn == real


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KakehashiError("x"), 1),
        (InputError("x"), 2),
        (SpecError("x"), 2),
        (FileFormatError("f", "x"), 2),
        (ResourceError("x"), 1),
        (MissingDependencyError("x"), 1),
        (DataError("x"), 1),
        (ConvergenceError("x"), 3),
        (DeviceError("x"), 1),
    ],
)
def test_exit_codes(error, code):
    assert error.exit_code == code


def test_an_input_error_is_a_value_error():
    assert issubclass(InputError, ValueError)
    assert not issubclass(DeviceError, ValueError)


def test_a_file_error_names_file_and_line():
    error = FileFormatError(Path("a/FCIDUMP"), "expected a number.", line=7)
    assert str(error) == "a/FCIDUMP:7: expected a number."
    assert (error.path, error.line) == (Path("a/FCIDUMP"), 7)
    assert str(FileFormatError("x.h5", "it is empty.")) == "x.h5: it is empty."


@pytest.mark.parametrize(
    "error",
    [
        FileFormatError("a", "b.", line=3),
        FileFormatError("a", "b."),
        DeviceError("c", transient=True),
        SpecError("d"),
    ],
)
def test_errors_come_back_whole_from_another_process(error):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_a_device_error_is_permanent_unless_told():
    assert not DeviceError("broken").transient
    assert DeviceError("busy", transient=True).transient
