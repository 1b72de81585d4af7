import multiprocessing
import os
import signal
import time

import pytest

from kakehashi.core.processes import start_apart

CONTEXT = multiprocessing.get_context("spawn")


def wait_long(pipe):
    pipe.send("there")
    time.sleep(60)


def test_a_child_outlives_the_interrupt_of_its_parent():
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=wait_long, args=(theirs,), daemon=True)
    start_apart(process)
    try:
        os.kill(process.pid, signal.SIGINT)  # also while it is still imported
        assert ours.poll(30)
        assert ours.recv() == "there"
        os.kill(process.pid, signal.SIGINT)
        process.join(0.2)
        assert process.is_alive()
    finally:
        process.terminate()
        process.join(10)
    assert process.exitcode == -signal.SIGTERM


def test_the_parent_can_be_interrupted_afterwards():
    process = CONTEXT.Process(target=print, daemon=True)
    start_apart(process)
    process.join(30)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
