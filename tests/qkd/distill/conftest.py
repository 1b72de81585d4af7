"""The kernels over GF(2), one instruction set after the other."""

import pytest

from kakehashi import _native

INSTRUCTION_SETS = ("portable", "pclmul", "vpclmul", "vpclmul512", "pmull")


@pytest.fixture(params=INSTRUCTION_SETS)
def instruction_set(request):
    if not _native.select_carryless_kernels(request.param):
        pytest.skip(f"this machine has no {request.param}")
    yield request.param
    _native.select_carryless_kernels("widest")
