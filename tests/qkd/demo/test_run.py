import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.qkd.network_folder import TEXT

from kakehashi.core.errors import InputError
from kakehashi.qkd.demo.run import run_demo

pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
"""JAX, which other tests may have loaded, warns of any fork; these only start programs."""


@pytest.mark.slow
def test_eve_is_noticed_gone_around_and_no_message_is_lost(tmp_path):
    line = asyncio.run(run_demo(None, folder=tmp_path / "n", seconds=90, with_page=False))
    assert line.faults == []
    alarm, route, relay = (line.first(kind) for kind in ("alarm", "route", "relay"))
    assert "wrong" in alarm["text"]
    assert "koganei-otemachi-hongo-hakusan instead of koganei-otemachi-hakusan" in route["text"]
    assert line.first("attack")["at_s"] < alarm["at_s"] <= route["at_s"] <= relay["at_s"]
    figures = line.figures
    assert (figures["lost"], figures["undecipherable"], figures["audit_faults"]) == (0, 0, 0)
    assert figures["messages"] > figures["messages_before_attack"] > 0
    assert figures["keys"] >= 4
    assert figures["audits"] == 10


@pytest.mark.slow
def test_ctrl_c_ends_every_program(tmp_path):
    command = [sys.executable, "-m", "kakehashi.cli", "qkd", "demo", "--no-page", "--folder", str(tmp_path / "n")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for words in process.stderr:
            if "programs are up" in words:
                break
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(60) == 130
    assert len(children) >= 9
    rest = " ".join(rest.split())
    assert "stopped It was stopped before the end; all programs are being ended." in rest
    assert "fault" not in rest
    time.sleep(0.2)
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


@pytest.mark.slow
def test_with_json_what_happens_is_told_beside_it(tmp_path):
    command = [sys.executable, "-m", "kakehashi.cli", "qkd", "demo", "--json", "--folder", str(tmp_path / "n")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for words in process.stderr:
            if " page " in words:
                assert "http://127.0.0.1:" in words
                break
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    document = json.loads(said)
    assert (document["is_good"], document["was_stopped"], document["faults"]) == (False, True, [])


def test_a_network_without_users_is_refused(tmp_path):
    file = tmp_path / "network.toml"
    file.write_text(TEXT.replace('[[sae]]\nid = "alice"\nkme = "a"\n', ""))
    with pytest.raises(InputError, match="two users"):
        asyncio.run(run_demo(file, folder=tmp_path / "m", seconds=10, with_page=False))
    assert not (tmp_path / "m").exists()


def test_a_wrong_file_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(InputError, match="no such file"):
        asyncio.run(run_demo(tmp_path / "nope.toml"))
    (tmp_path / "network.toml").write_text(TEXT.replace("tokyo-koganei-loop-ntt", "no-such-link"))
    with pytest.raises(InputError, match="no-such-link"):
        asyncio.run(run_demo(tmp_path / "network.toml"))
    assert [path.name for path in tmp_path.iterdir()] == ["network.toml"]
