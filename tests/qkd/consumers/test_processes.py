import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.consumers import processes
from kakehashi.qkd.consumers.processes import last_words, pipe_with, running, wait_for


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_program_ends_with_its_block_whatever_happens(tmp_path):
    with pytest.raises(ValueError, match="x"), running(["sleep", "1000"], tmp_path / "log") as process:
        raise ValueError("x")
    assert process.returncode == -signal.SIGTERM
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_one_that_will_not_end_is_made_to(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "END_S", 0.2)
    log = tmp_path / "log"
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(1000)"
    with running([sys.executable, "-c", stubborn], log) as process:
        wait_for(lambda: "up" in log.read_text(), "it does not start")
    assert process.returncode == -signal.SIGKILL


def test_one_that_is_not_there_is_named(tmp_path):
    with (
        pytest.raises(DeviceError, match="no-such-program cannot be started"),
        running(["no-such-program"], tmp_path / "log"),
    ):
        pass


def test_a_program_ends_when_we_are_killed(tmp_path):
    script = f"""
import time
from pathlib import Path
from kakehashi.qkd.consumers.processes import running
with running(["sleep", "1000"], Path({str(tmp_path / "log")!r})) as process:
    print(process.pid, flush=True)
    time.sleep(1000)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        child = int(parent.stdout.readline())
        assert is_alive(child)
        time.sleep(0.2)
        parent.kill()
        wait_for(lambda: not is_alive(child), "the child goes on")
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()


def test_waiting_has_an_end():
    with pytest.raises(DeviceError, match=r"nothing comes within 0\.05 s\."):
        wait_for(lambda: False, "nothing comes", timeout_s=0.05)


def test_a_secret_is_read_once(tmp_path):
    with pipe_with(b"secret") as fd:
        read = [subprocess.run(["cat", f"/dev/fd/{fd}"], pass_fds=[fd], capture_output=True).stdout for _ in range(2)]
    assert read == [b"secret", b""]
    with pytest.raises(OSError, match="Bad file"):
        os.read(fd, 1)


def test_the_last_words_are_the_last(tmp_path):
    (tmp_path / "log").write_text("error: one\nerror: two\n")
    assert last_words(tmp_path / "log", r"error: (\w+)") == "two"
    assert last_words(tmp_path / "log", r"no: (\w+)") == last_words(tmp_path / "none", "x") == ""
