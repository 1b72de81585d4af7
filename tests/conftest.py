"""Settings of all tests."""

import gc
import os
import shutil
import signal

import pytest
from hypothesis import settings

# No deadline: it fails on a busy machine, not on a wrong result. In CI every run tries the same inputs.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# Workers inherit the width of the terminal here, and consoles would keep it, whatever a test sets.
for size in ("COLUMNS", "LINES"):
    os.environ.pop(size, None)

gc.disable()  # while tests are collected, which makes millions of objects and hardly any to throw away


def pytest_collection_finish():
    """What was imported and collected stays to the end: the garbage collector need not look at it again and again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def browser():
    """The path of a browser that can be run without a screen."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    if os.environ.get("CI"):
        pytest.fail(f"none of {', '.join(BROWSERS)} is installed")
    pytest.skip(f"needs a browser: none of {', '.join(BROWSERS)} is installed")


@pytest.fixture(params=["portable", "avx2", "avx512"])
def kernels(request):
    """Each instruction set of the kernels that this machine has."""
    from kakehashi import _native

    if not _native.select_kernels(request.param):
        pytest.skip(f"this machine lacks {request.param}")
    yield request.param
    _native.select_kernels("widest")


def pytest_collection_modifyitems(items):
    """Tests with a time limit of their own take minutes: they begin first, so that others run beside them."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.fixture
def interruptible():
    """Ctrl-C is heard, also where a shell started the tests in the background and had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
