import asyncio
import multiprocessing
import os
import signal
import socket

import pytest

from kakehashi.core.system import start_apart, system_reason

CONTEXT = multiprocessing.get_context("spawn")


def test_a_child_outlives_the_interrupt_of_its_parent():
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=theirs.send, args=("there",), daemon=True)
    start_apart(process)
    os.kill(process.pid, signal.SIGINT)  # while modules are imported
    assert ours.poll(30)
    assert ours.recv() == "there"
    process.join(30)
    assert process.exitcode == 0


def test_the_parent_can_be_interrupted_afterwards(interruptible):
    process = CONTEXT.Process(target=print, daemon=True)
    start_apart(process)
    process.join(30)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_the_address_is_not_said_twice():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=str(port)) as caught:
            asyncio.run(asyncio.start_server(lambda *_: None, "127.0.0.1", port))
    assert system_reason(caught.value) == "Address already in use"


def test_a_name_that_nobody_has():
    with pytest.raises(OSError, match="x") as caught:
        raise socket.gaierror(socket.EAI_NONAME, "x is not known")
    assert system_reason(caught.value) == "x is not known"
    assert system_reason(TimeoutError("too late")) == "too late"
