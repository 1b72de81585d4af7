import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.qkd.consumers.needs import need, python_with_psk
from tests.qkd.consumers.test_model import NAME

import kakehashi
from kakehashi.core.errors import MissingDependencyError
from kakehashi.qkd.consumers.model import Key
from kakehashi.qkd.consumers.psk import client_psk_context, has_psk
from kakehashi.qkd.consumers.tls import psk_session
from kakehashi.qkd.delivery.certificates import make_certificates


def test_the_psk_makes_the_session_or_nothing_does(tmp_path):
    """In another Python where this one is too old: the module needs the standard library alone."""
    need("openssl")
    files = make_certificates(tmp_path, saes=["eve"], kmes=[])
    session = psk_session(Key(key_id=NAME, secret=b"\x01" * 32), suite="TLS_AES_128_GCM_SHA256").decode()
    story = Path(__file__).with_name("psk_story.py")
    done = subprocess.run(
        [python_with_psk(), "-W", "error", story, files[2], files[3], session],
        env={**os.environ, "PYTHONPATH": str(Path(kakehashi.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["same"]["server"] == "through"
    assert "SHA256" in found["same"]["client"]
    assert found["other"]["server"] == "BINDER_DOES_NOT_VERIFY"
    for case in ("other", "unknown", "no psk", "certificate instead", "certificate and other key"):
        assert found[case]["server"] != "through", case
        assert not found[case]["client"].startswith("TLS_"), case
    assert found["certificate instead"]["client"] == "DeviceError"
    # the trap is there: without our check the client is connected, with no part of the key in the session
    assert found["certificate and other key, naive client"]["server"] == "through"
    assert "no certificate" in found["load"]
    assert "connected sockets alone" in found["bio"]
    assert "shakes hands" in found["late"]
    assert found["openssl"] == "cba\n"
    assert found["asked"] == ["f0-id"]


@pytest.mark.skipif(has_psk(), reason="this Python has external PSKs")
def test_an_older_python_says_so():
    with pytest.raises(MissingDependencyError, match=f"3.13 on, and this is 3.{sys.version_info[1]}"):
        client_psk_context("id", b"x")
