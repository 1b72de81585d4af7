"""What the tests of the key network share."""

import resource
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path():
    """A folder whose path is short: a socket's may have 107 bytes, and pytest's own folders are deep."""
    with tempfile.TemporaryDirectory(prefix="kq-") as folder:
        yield Path(folder)


@pytest.fixture
def core_limit():
    """Lets programs that a test starts leave an image of their memory, and gives how large one of them lets it be."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))

    def limit_of(process):
        return resource.prlimit(process.pid, resource.RLIMIT_CORE)[0]

    yield limit_of
    resource.setrlimit(resource.RLIMIT_CORE, before)
