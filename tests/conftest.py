"""Settings of all tests."""

import os

from hypothesis import settings

# No deadline: it fails on a busy machine, not on a wrong result. In CI every run tries the same inputs.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
