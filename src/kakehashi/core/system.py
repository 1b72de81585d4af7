"""What the operating system is asked for: processes that their parent alone ends, and why it refused."""

from __future__ import annotations

import os
import signal
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

__all__ = ["start_apart", "system_reason"]


def start_apart(process: BaseProcess) -> None:
    """Start a process that Ctrl-C at the terminal does not reach, from its first instruction on.

    The terminal sends it to parent and children alike. A child that dies of it shows a traceback, and takes from its
    parent the chance to end it in order.

    Args:
        process: Made by the context ``"spawn"`` and not started yet.
    """
    # A signal that is held back here is held back in the child, which never asks for it.
    resource_tracker.ensure_running()  # or it would start with the first child, and let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def system_reason(error: OSError) -> str:
    """Why a system call failed, in the system's words, without what libraries add to them.

    Args:
        error: From the system; those of TLS have numbers of their own.

    Example:
        >>> system_reason(OSError(98, "error while attempting to bind on address ('127.0.0.1', 80): in use"))
        'Address already in use'
    """
    if error.errno is not None and error.errno > 0:  # below 0 are those of names that nobody has
        return os.strerror(error.errno)
    return error.strerror or str(error)
