"""The simulated link as a process of its own.

Three sockets: one hands the sender its half of every exposure, one hands the receiver its half, one takes events and
tells how things are. The two ends share nothing else but the classical channel between them, as with real photons. An
exposure is made when both halves of an earlier one have been asked for: at most a few are ahead.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from kakehashi.core.errors import DeviceError, InputError, KakehashiError
from kakehashi.core.files import make_folder
from kakehashi.core.system import start_apart, system_reason
from kakehashi.qkd.link.address import Address
from kakehashi.qkd.link.ends import ANY_SLOT, REQUEST, Control, ReceiverEnd, SenderEnd
from kakehashi.qkd.link.events import event_from
from kakehashi.qkd.link.frames import HEADER, Role, pack_detections, pack_preparations
from kakehashi.qkd.link.library import load_link
from kakehashi.qkd.link.simulation import EXPOSURE_S, Mode, Simulation, expect_link

try:
    import fcntl
except ImportError:  # not a Unix, where there are no such sockets either
    fcntl = None  # type: ignore[assignment]

__all__ = ["LinkServer", "SourceProcess", "addresses_in", "run_source"]

log = logging.getLogger(__name__)

AHEAD = 4
"""Exposures that may wait for an end."""
SLOWER, FASTER, LEAST_SHARE = 0.8, 1.25, 0.1
"""How the pace changes with an exposure that finds others waiting, with one that does not, and its least share."""


def addresses_in(directory: Path | str) -> dict[str, str]:
    """Addresses of a link whose sockets lie in one folder.

    Example:
        >>> addresses_in("/run/link")["control"]
        'unix:/run/link/control.sock'
    """
    return {name: f"unix:{Path(directory) / name}.sock" for name in ("sender", "receiver", "control")}


@contextlib.contextmanager
def _only_server(folder: Path) -> Iterator[None]:
    """Keep a folder from other servers: one that takes the sockets of another would leave it out of reach.

    The lock ends with the program, however it ends; its file and sockets that a kill has left are taken over.
    """
    try:
        handle = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DeviceError(f"No sockets can be opened in {folder}: {error.strerror}.") from None
    with os.fdopen(handle, "rb"):
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DeviceError(f"A link is served in {folder} by another program.") from None
        yield


class _Outlet:
    """Frames that wait for one end. The last one is kept until the next is asked for, in case it did not arrive."""

    def __init__(self, ahead: int) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(ahead)
        self._last: bytes | None = None
        self.is_taken = False

    async def frame(self, wanted: int) -> bytes:
        if self._last is None or wanted == ANY_SLOT or HEADER.unpack_from(self._last)[2] != wanted:
            self._last = await self.queue.get()
        return self._last


class LinkServer:
    """Serves a simulation to its two ends.

    Args:
        simulation: The link.
        addresses: Where: ``sender``, ``receiver`` and ``control``.
        ahead: Exposures that may wait for an end.
        pace: Simulated seconds in a second, fewer where the ends cannot follow; as fast as the ends ask where None.
    """

    def __init__(
        self, simulation: Simulation, addresses: dict[str, str], *, ahead: int = AHEAD, pace: float | None = None
    ) -> None:
        if ahead < 1 or (pace is not None and not pace > 0):
            raise InputError("A link must have at least 1 exposure ahead, and a pace above 0.")
        self._simulation = simulation
        self._addresses = {name: Address(text) for name, text in addresses.items()}
        self._outlets: dict[Role, _Outlet] = {"sender": _Outlet(ahead), "receiver": _Outlet(ahead)}
        self._pace = pace
        self._share = 1.0
        self._n_made = 0
        self._stop = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, on_ready: Callable[[], None] | None = None) -> None:
        """Serve until told to stop.

        Raises:
            DeviceError: An address is taken or cannot be made, or another program serves a link in the same folder.
        """
        async with contextlib.AsyncExitStack() as stack:
            for folder in {address.path.parent for address in self._addresses.values() if address.path is not None}:
                stack.enter_context(_only_server(folder))
            await stack.enter_async_context(await self._listen("sender", self._serve_sender))
            await stack.enter_async_context(await self._listen("receiver", self._serve_receiver))
            await stack.enter_async_context(await self._listen("control", self._serve_control))
            if on_ready is not None:
                on_ready()
            making = asyncio.ensure_future(self._make())
            stopping = asyncio.ensure_future(self._stop.wait())
            done, pending = await asyncio.wait({making, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            for writer in list(self._writers):  # a server ends when its connections have
                writer.close()
            for address in self._addresses.values():
                if address.path is not None:
                    address.path.unlink(missing_ok=True)
            if making in done:
                making.result()

    def stop(self) -> None:
        """End :meth:`serve`."""
        self._stop.set()

    async def _listen(self, name: str, handler: Any) -> asyncio.Server:
        address = self._addresses[name]
        try:
            if address.path is None:
                return await asyncio.start_server(handler, address.host, address.port)
            address.path.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(handler, str(address.path))
            address.path.chmod(0o600)
        except OSError as error:
            raise DeviceError(f"No socket can be opened at {address.text}: {system_reason(error)}.") from error
        return server

    async def _make(self) -> None:
        """Make exposures while there is room for them, and at most at the pace.

        Where exposures gather because the ends are slower, the pace falls until they do not: ends that always have one
        more exposure to work on leave their machine no time for anything else, not even for handing out their keys.
        """
        due = time.monotonic()
        while True:
            exposure = await asyncio.to_thread(self._simulation.next)
            self._n_made += 1
            if self._pace is not None:
                step = self._simulation.exposure_s / (self._pace * self._share)
                due = max(due + step, time.monotonic() - step)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                is_behind = any(o.is_taken and o.queue.qsize() >= o.queue.maxsize / 2 for o in self._outlets.values())
                self._share = max(LEAST_SHARE, self._share * SLOWER) if is_behind else min(1.0, self._share * FASTER)
            await self._outlets["sender"].queue.put(pack_preparations(exposure.preparations))
            await self._outlets["receiver"].queue.put(pack_detections(exposure.detections))

    async def _serve_sender(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve_end("sender", reader, writer)

    async def _serve_receiver(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve_end("receiver", reader, writer)

    async def _serve_end(self, role: Role, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        outlet = self._outlets[role]
        if outlet.is_taken:  # one end has one user
            writer.close()
            return
        outlet.is_taken = True
        self._writers.add(writer)
        request = asyncio.ensure_future(reader.readexactly(REQUEST.size))
        frame: asyncio.Future[bytes] | None = None
        try:
            while True:
                (wanted,) = REQUEST.unpack(await request)
                request = asyncio.ensure_future(reader.readexactly(REQUEST.size))
                frame = asyncio.ensure_future(outlet.frame(wanted))
                # An end that dies while it waits must not keep the place of the one that comes after it.
                await asyncio.wait({frame, request}, return_when=asyncio.FIRST_COMPLETED)
                if not frame.done():
                    await request
                writer.write(await frame)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):  # the last where the link ends
            log.info("the %s went away", role)
        finally:
            for task in (request, frame):
                if task is not None:
                    task.cancel()
            outlet.is_taken = False
            self._writers.discard(writer)
            writer.close()

    async def _serve_control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = self._answer(json.loads(await reader.readline()))
        except KakehashiError as error:
            answer = {"error": str(error)}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            answer = {"error": f"This is no request to a simulated link: {error}."}
        with contextlib.suppress(OSError):
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        simulation, what = self._simulation, request["do"]
        if what == "status":
            return self._status()
        if what == "stop":
            self.stop()
            return {"stopped": True}
        if what == "off":
            return {"ended": simulation.timeline.end(str(request["kind"]), simulation.time_s)}
        if what == "on":
            table = dict(request["event"])
            for name in ("at_s", "until_s"):  # they count from now
                if name in table or name == "at_s":
                    table[name] = simulation.time_s + float(table.get(name, 0.0))
            event = event_from(table)
            expect_link(simulation.link, event.change(simulation.timeline.at(event.at_s), event.at_s))
            simulation.timeline.add(event)
            return {"at_s": event.at_s}
        raise InputError(f"A simulated link knows status, on, off and stop, but was asked to {what!r}.")

    def _status(self) -> dict[str, Any]:
        simulation = self._simulation
        conditions = simulation.timeline.at(simulation.time_s)
        return {
            "pid": os.getpid(),
            "protocol": simulation.link.protocol,
            "title": simulation.link.title,
            "time_s": simulation.time_s,
            "exposure_s": simulation.exposure_s,
            "made": self._n_made,
            "pace": None if self._pace is None else self._pace * self._share,
            "waiting": {role: outlet.queue.qsize() for role, outlet in self._outlets.items()},
            "connected": {role: outlet.is_taken for role, outlet in self._outlets.items()},
            "conditions": dataclasses.asdict(conditions),
        }


def run_source(
    link: str,
    addresses: dict[str, str],
    *,
    mode: Mode = "statistical",
    exposure_s: float = EXPOSURE_S,
    seed: int | None = None,
    pace: float | None = None,
    ahead: int = AHEAD,
    n_threads: int = 1,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Serve a link until it is told to stop, by its control or a signal.

    Args:
        link: Name of a link, or a TOML file.
        addresses: As :class:`LinkServer`.
        mode: As :class:`~kakehashi.qkd.link.simulation.Simulation`.
        exposure_s: Likewise.
        seed: Seed of the physics.
        pace: As :class:`LinkServer`.
        ahead: Likewise.
        n_threads: Threads.
        on_ready: Called once the sockets are there.
    """
    simulation = Simulation(load_link(link), mode=mode, exposure_s=exposure_s, rng=seed, n_threads=n_threads)

    async def main() -> None:
        server = LinkServer(simulation, addresses, ahead=ahead, pace=pace)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # outside of the main thread
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, server.stop)
        await server.serve(on_ready)

    asyncio.run(main())


class SourceProcess:
    """A simulated link in a process of its own, started and ended with a ``with`` block.

    Args:
        link: Name of a link, or a TOML file.
        directory: Where its sockets lie; made, for this user alone.
        options: As :func:`run_source`.

    Raises:
        InputError: The folder cannot be made.
        DeviceError: It did not start.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, SourceProcess("laboratory-50km", folder, seed=1) as source:
        ...     with source.sender() as sender, source.receiver() as receiver:
        ...         sent, seen = sender.prepare(), receiver.detect()
        >>> bool((sent.slot == seen.slot).all())
        True
    """

    START_S = 60.0

    def __init__(self, link: str | Path, directory: Path | str, **options: Any) -> None:
        self.addresses = addresses_in(directory)
        make_folder(Path(directory), mode=0o700)
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(
            target=run_source, args=(str(link), self.addresses), kwargs=options, daemon=True, name="kakehashi-link"
        )
        start_apart(self._process)
        self._wait()

    def _wait(self) -> None:
        limit = time.monotonic() + self.START_S
        while time.monotonic() < limit and self._process.is_alive():
            with contextlib.suppress(DeviceError):
                if self.control().status()["pid"] == self.pid:  # not that of another link in the same folder
                    return
            time.sleep(0.02)
        self.kill()
        raise DeviceError(f"The simulated link did not start (exit code {self._process.exitcode}).")

    @property
    def pid(self) -> int | None:
        """Number of the process."""
        return self._process.pid

    def sender(self, *, timeout_s: float = 60.0) -> SenderEnd:
        """The sender's end."""
        return SenderEnd(self.addresses["sender"], timeout_s=timeout_s)

    def receiver(self, *, timeout_s: float = 60.0) -> ReceiverEnd:
        """The receiver's end."""
        return ReceiverEnd(self.addresses["receiver"], timeout_s=timeout_s)

    def control(self) -> Control:
        """Its control."""
        return Control(self.addresses["control"])

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self._process.kill()
        self._process.join()

    def stop(self) -> None:
        """Tell it to end, and wait."""
        with contextlib.suppress(KakehashiError):
            self.control().stop()
        self._process.join(10)
        if self._process.is_alive():
            self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
