import subprocess
import sys

import numpy as np
import pytest

from kakehashi.core.errors import ResourceError
from kakehashi.core.resources import (
    available_memory_bytes,
    default_n_threads,
    format_bytes,
    n_processors,
    peak_memory_bytes,
    require_memory,
)


def test_the_peak_grows_with_what_is_used():
    before = peak_memory_bytes()
    block = np.ones(40_000_000)  # 320 MB, touched
    assert peak_memory_bytes() >= max(before, block.nbytes)


def test_available_memory_is_plausible():
    assert 2**20 < available_memory_bytes() < 2**50


def test_there_is_a_processor():
    assert n_processors() >= 1


@pytest.mark.parametrize(
    ("said", "n_threads"), [("1", 1), ("1,4", 1), (" 1 ", 1), ("99999", None), ("", None), ("0", None), ("many", None)]
)
def test_threads_are_as_many_as_openmp_is_told(monkeypatch, said, n_threads):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert default_n_threads() == (n_threads or n_processors())
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert default_n_threads() == n_processors()


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1.5 * 2**20, "1.5 MiB"),
        (2**31, "2.0 GiB"),
        (2**43, "8.0 TiB"),
    ],
)
def test_bytes_for_a_person(n_bytes, text):
    assert format_bytes(n_bytes) == text


def test_work_that_fits_is_let_through():
    require_memory(1000, "The state", remedy="use fewer orbitals")
    require_memory(1000, "The state", remedy="use fewer orbitals", budget_bytes=1000)


def test_work_that_does_not_fit_is_refused_with_a_remedy():
    with pytest.raises(ResourceError, match=r"The state needs about 8192\.0 TiB .*; use fewer orbitals\."):
        require_memory(2**53, "The state", remedy="use fewer orbitals")


def test_the_users_budget_counts_where_it_is_smaller():
    with pytest.raises(ResourceError, match=r"needs about 2\.0 KiB of memory, but 1\.0 KiB is available"):
        require_memory(2048, "The state", remedy="use fewer orbitals", budget_bytes=1024)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system has only the other number")
def test_the_peak_of_a_parent_is_not_its_childs():
    block = np.ones(300 * 2**20 // 8)
    program = "from kakehashi.core.resources import peak_memory_bytes; print(peak_memory_bytes())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < block.nbytes < peak_memory_bytes()
