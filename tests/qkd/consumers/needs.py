"""What a test needs of the system: missing, it is skipped by name, or fails where CI says that all is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kakehashi.core.errors import KakehashiError
from kakehashi.qkd.consumers.hosts import require_hosts
from kakehashi.qkd.consumers.packages import missing_packages

HOSTS = ("ip", "ping", "unshare", "nsenter")


def need(*programs, hosts=False):
    """End the test where a package is missing, or where it needs hosts and may not make any."""
    packages = missing_packages([*programs, *(HOSTS if hosts else ())])
    if packages:
        sentence = f"needs packages of the system: apt install {' '.join(packages)}"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    if hosts:
        try:
            require_hosts()
        except KakehashiError as error:
            pytest.skip(str(error))


def python_with_psk():
    """A Python whose ssl has external PSKs: this one, one on the path, or one of pyenv's."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    names = [f"python3.{minor}" for minor in range(13, 20)]
    found = [shutil.which(name) for name in names] + sorted(map(str, root.glob("versions/3.1[3-9]*/bin/python")))
    import sys

    for candidate in [sys.executable, *filter(None, found)]:
        asked = "import ssl, sys; sys.exit(not getattr(ssl, 'HAS_PSK', False))"
        if subprocess.run([candidate, "-c", asked], capture_output=True, check=False).returncode == 0:
            return candidate
    pytest.skip("needs Python 3.13 or later, whose ssl has external PSKs")
    return None
