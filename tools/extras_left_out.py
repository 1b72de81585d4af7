"""Say which packages of the environment for extras are not there, and so whose tests are left out."""

import importlib.util
import sys

version = f"{sys.version_info.major}.{sys.version_info.minor}"
for name in ("clifft", "mitiq"):
    if importlib.util.find_spec(name) is None:
        print(f"left out: the tests of {name}, which has no release for Python {version}; they need Python 3.12")
