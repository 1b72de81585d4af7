"""Two real key servers for all tests of a process."""

import pytest
from tests.qkd.consumers.watch import Remembering

from kakehashi.qkd.consumers.kmes import trial_kmes


@pytest.fixture(scope="session")
def kmes():
    with trial_kmes() as clients:
        yield clients


@pytest.fixture
def own_tmp(kmes, tmp_path, tmp_path_factory, monkeypatch):
    """A folder for temporary files that this test alone writes to."""
    tmp_path_factory.getbasetemp()  # made at its first use, and not within the folder of one test
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def sides(kmes):
    """The two SAEs, the first of which remembers the keys that it got."""
    return Remembering(kmes[0].access), kmes[1]
