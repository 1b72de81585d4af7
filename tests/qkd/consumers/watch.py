"""Looks for keys where none may be: in command lines, in the files of a run, in logs."""

import contextlib
import tempfile
import threading
import time
from pathlib import Path

from kakehashi.qkd.consumers.fetch import KeyClient


class Remembering(KeyClient):
    """A client that remembers the keys that it got."""

    def __init__(self, access):
        super().__init__(access)
        self.keys = []

    def new_key(self, slave, *, size_bits=256):
        self.keys.append(super().new_key(slave, size_bits=size_bits))
        return self.keys[-1]


class Seen:
    """What anybody on the machine could read while a run went on."""

    def __init__(self):
        self.commands, self.files, self.modes = set(), {}, set()

    def look(self):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                self.commands.add(path.read_bytes())
        with contextlib.suppress(OSError):
            for path in Path(tempfile.gettempdir()).rglob("*"):
                if path.is_file():
                    self.files[path] = path.read_bytes()
                    self.modes.add(path.stat().st_mode & 0o777)

    def assert_no(self, keys):
        assert keys
        for key in keys:
            for form in (key.hex.encode(), key.hex.upper().encode(), key.base64.encode(), key.secret):
                assert not any(form in command for command in self.commands)
                assert not any(form in content for content in self.files.values())


@contextlib.contextmanager
def watching():
    """See what goes on while the block lasts."""
    seen, ended = Seen(), threading.Event()

    def go_on():
        while not ended.is_set():
            seen.look()
            time.sleep(0.005)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
