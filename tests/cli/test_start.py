import signal
import subprocess
import sys
import time

import pytest

PROGRAM = "from kakehashi.cli.start import main; print(flush=True); main()"


@pytest.mark.parametrize("after_s", [0.02, 0.04, 0.07, 0.12])
def test_an_interrupt_while_modules_are_imported_ends_without_a_word(after_s):
    command = [sys.executable, "-c", PROGRAM, "problems"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=30)
    assert words == ""
    assert process.returncode in (-signal.SIGINT, 130, 0)


def test_an_interrupt_that_the_caller_ignores_stays_ignored():
    program = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {PROGRAM}"
    command = [sys.executable, "-c", program, "--version"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
