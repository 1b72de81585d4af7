"""What the tests of the key network share."""

import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path():
    """A folder whose path is short: a socket's may have 107 bytes, and pytest's own folders are deep."""
    with tempfile.TemporaryDirectory(prefix="kq-") as folder:
        yield Path(folder)
