"""Fixtures of the native kernels."""

import pytest

from kakehashi import _native


@pytest.fixture(params=["portable", "avx2", "avx512"])
def kernels(request):
    """Each instruction set that this machine has."""
    if not _native.select_kernels(request.param):
        pytest.skip(f"this machine lacks {request.param}")
    yield request.param
    _native.select_kernels("widest")
