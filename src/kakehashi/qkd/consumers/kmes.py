"""Two key servers for a trial: ``kakehashi qkd serve`` twice, with random bits in place of distilled key."""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.consumers.fetch import KeyClient, SaeAccess
from kakehashi.qkd.consumers.processes import running, wait_for
from kakehashi.qkd.delivery.trial import TRIAL_KMES, free_ports, write_trial

__all__ = ["trial_kmes"]

FILL_BITS = 1_048_576
START_S = 60.0


@contextlib.contextmanager
def trial_kmes(master: str = "alice", slave: str = "bob") -> Iterator[tuple[KeyClient, KeyClient]]:
    """Two key servers in processes of their own, and a client for the SAE of each, while the block lasts.

    Certificates, stores and logs lie in a folder that this user alone can read, and that goes when the block ends. The
    bits are random, copied into both stores: enough to try a consumer, and no quantum keys.

    Args:
        master: ID of the first server's SAE.
        slave: ID of the second's.

    Raises:
        InputError: The IDs are the same, or the name of a server.
        DeviceError: A server does not start.
    """
    if master == slave:
        raise InputError(f"A key needs two users, but both are {master!r}.")
    with tempfile.TemporaryDirectory(prefix="kakehashi-kmes-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        first, second = free_ports(2)
        homes = dict(zip((master, slave), TRIAL_KMES, strict=True))
        files = write_trial(folder, homes, ports=(0, first, 0, second))
        ports = []
        fill = ["--fill", str(folder / "b.toml"), "--fill-bits", str(FILL_BITS)]
        for kme, options in zip(TRIAL_KMES, (fill, []), strict=True):
            log = folder / f"{kme}.log"
            command = [sys.executable, "-m", "kakehashi.cli", "qkd", "serve", str(folder / f"{kme[-1]}.toml"), *options]
            process = stack.enter_context(running(command, log))
            wait_for(
                lambda log=log, process=process: _port(log) is not None or process.poll() is not None,  # type: ignore[misc]
                f"The trial's key server '{kme}' does not start",
                timeout_s=START_S,
            )
            port = _port(log)
            if port is None:
                said = " ".join(log.read_text().split())
                raise DeviceError(f"The trial's key server '{kme}' does not start: {said}")
            ports.append(port)
        clients = []
        for index, (sae, port) in enumerate(zip((master, slave), ports, strict=True)):
            certificate, private_key = files[2 + 2 * index : 4 + 2 * index]
            access = SaeAccess(
                sae_id=sae,
                url=f"https://127.0.0.1:{port}",
                certificate=certificate,
                private_key=private_key,
                authority=files[0],
                kme_name=TRIAL_KMES[index],
            )
            clients.append(KeyClient(access))
        clients[0].wait_until_stocked(slave)
        yield clients[0], clients[1]


def _port(log: Path) -> int | None:
    """Where a server serves users, once it has said so."""
    found = re.search(r"serves SAEs on \S+:(\d+)\s", log.read_text())
    return int(found[1]) if found else None
