"""Key delivery: requests and keys a second, and how long an answer takes, over mutual TLS.

Two key servers (each a process, with the store on the disk of the temporary folder) and one client process share the
processors of this machine. Every answer of ``enc_keys`` means that both servers have written it down. Beside it, in the
same run: what the disk alone needs for one durable write, and the same server without durability, so that a slow or
busy disk can be told from a slow server.

There is no peer to measure: no key server on the package index serves ETSI GS QKD 014 from a store.

    python benchmarks/qkd_delivery.py [--quick] [--folder DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from record import keep

from kakehashi.qkd.delivery.certificates import client_context, make_certificates
from kakehashi.qkd.delivery.trial import free_ports, write_trial

SECONDS = 1.5
WINDOWS = 4
"""The best of so many stretches counts: on a shared machine the others say more about the neighbours."""
MANY = b'{"number": 128}'


@contextlib.contextmanager
def servers(folder: Path, *, durable: bool, fill_bits: int) -> Iterator[tuple[int, int, list[int]]]:
    """Two key servers with full stores: ports for their users, and the processes' numbers."""
    ports = free_ports(4)
    write_trial(
        folder,
        {"alice": "kme-a", "bob": "kme-b"},
        ports=tuple(ports),
        more=f"durable = {str(durable).lower()}\nlimits = {{ fair_share = false }}",
    )
    base = [sys.executable, "-m", "kakehashi.cli", "qkd", "serve"]
    a, b = str(folder / "a.toml"), str(folder / "b.toml")
    fill = ["--fill", b, "--fill-bits", str(2 * fill_bits)]
    started = [subprocess.Popen([*base, a, *fill], stderr=subprocess.PIPE, text=True)]
    try:
        while "serves" not in started[0].stderr.readline():  # type: ignore[union-attr]
            pass
        started.append(subprocess.Popen([*base, b], stderr=subprocess.PIPE, text=True))
        started[1].stderr.readline()  # type: ignore[union-attr]
        time.sleep(2.5)  # until they have found each other
        yield ports[0], ports[2], [process.pid for process in started]
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


class Caller:
    """One kept-alive connection that reads as little of an answer as can be."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.port, self.context = port, context

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context, limit=2**20)

    async def call(self, path: str, body: bytes = b"") -> bytes:
        method = "POST" if body else "GET"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self.writer.write(f"{method} /api/v1/keys/{path} HTTP/1.1\r\nHost: kme\r\n{length}\r\n".encode() + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        answer = await self.reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode())
        return answer

    def close(self) -> None:
        self.writer.transport.abort()


def cpu_s(pids: list[int]) -> float:
    """Processor time of this process and the servers, seconds."""
    ticks = os.sysconf("SC_CLK_TCK")
    used = time.process_time()
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        used += (int(fields[11]) + int(fields[12])) / ticks
    return used


async def load(work: list[Callable[[], Awaitable[int]]], pids: list[int], *, seconds: float) -> dict[str, float]:
    """Run each worker over and over; rates, and percentiles of the time that a call took, in the best stretch."""
    found = [await load_once(work, pids, seconds=seconds) for _ in range(WINDOWS)]
    return max(found, key=lambda row: row["requests_per_s"])


async def load_once(work: list[Callable[[], Awaitable[int]]], pids: list[int], *, seconds: float) -> dict[str, float]:
    """One stretch."""
    took: list[float] = []
    n_keys = 0
    end = time.perf_counter() + seconds

    async def repeat(one: Callable[[], Awaitable[int]]) -> None:
        nonlocal n_keys
        while (start := time.perf_counter()) < end:
            got = await one()
            n_keys += got
            took.append(time.perf_counter() - start)

    cpu, start = cpu_s(pids), time.perf_counter()
    await asyncio.gather(*(repeat(one) for one in work))
    wall = time.perf_counter() - start
    cpu = cpu_s(pids) - cpu
    took.sort()
    return {
        "requests_per_s": round(len(took) / wall, 1),
        "keys_per_s": round(n_keys / wall, 1),
        "p50_ms": round(1e3 * statistics.median(took), 3),
        "p99_ms": round(1e3 * took[int(0.99 * len(took))], 3),
        "cpu_ms_per_request": round(1e3 * cpu / len(took), 3),
        "requests_per_cpu_s": round(len(took) / cpu, 1),
    }


def enc(caller: Caller, body: bytes | None = None, n: int = 1) -> Callable[[], Awaitable[int]]:
    async def one() -> int:
        await caller.call("bob/enc_keys", body)
        return n

    return one


def both(master: Caller, slave: Caller, body: bytes) -> Callable[[], Awaitable[int]]:
    async def one() -> int:
        sent = json.loads(await master.call("bob/enc_keys", body))["keys"]
        ids = json.dumps({"key_IDs": [{"key_ID": key["key_ID"]} for key in sent]}).encode()
        got = json.loads(await slave.call("alice/dec_keys", ids))["keys"]
        if got != sent:
            raise RuntimeError("two ends got different keys")
        return len(got)

    return one


async def measure(
    folder: Path, ports: tuple[int, int], pids: list[int], *, clients: tuple[int, ...], seconds: float
) -> list[dict[str, Any]]:
    a = client_context(folder / "pki/alice.crt", folder / "pki/alice.key", folder / "pki/ca.crt")
    b = client_context(folder / "pki/bob.crt", folder / "pki/bob.key", folder / "pki/ca.crt")
    rows = []
    for n in clients:
        masters, slaves = [Caller(ports[0], a) for _ in range(n)], [Caller(ports[1], b) for _ in range(n)]
        for caller in masters + slaves:
            await caller.connect()
        pairs = list(zip(masters, slaves, strict=True))
        for what, work in (
            ("enc_keys, 1 key", [enc(caller) for caller in masters]),
            ("enc_keys then dec_keys, 1 key", [both(*pair, b'{"number": 1}') for pair in pairs]),
            ("enc_keys, 128 keys", [enc(caller, MANY, 128) for caller in masters]),
            ("enc_keys then dec_keys, 128 keys", [both(*pair, MANY) for pair in pairs]),
        ):
            rows.append({"what": what, "clients": n, **await load(work, pids, seconds=seconds)})
            print(rows[-1], flush=True)
        for caller in masters + slaves:
            caller.close()

    async def fresh() -> int:
        caller = Caller(ports[0], a)
        await caller.connect()
        await caller.call("bob/enc_keys")
        caller.close()
        return 1

    rows.append(
        {
            "what": "enc_keys, 1 key, a new connection each",
            "clients": 8,
            **await load([fresh] * 8, pids, seconds=seconds),
        }
    )
    print(rows[-1], flush=True)
    return rows


ECHO = """
import asyncio, sys
kind, loop, folder, port = sys.argv[1:5]
if kind == "uvicorn":
    import ssl, uvicorn
    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json"),
                    (b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})
    uvicorn.run(app, port=int(port), http="httptools", loop=loop, lifespan="off", access_log=False, log_level="error",
                ssl_certfile=f"{folder}/kme-a.crt", ssl_keyfile=f"{folder}/kme-a.key", ssl_ca_certs=f"{folder}/ca.crt",
                ssl_cert_reqs=ssl.CERT_REQUIRED)
else:
    from pathlib import Path
    from kakehashi.qkd.delivery.certificates import identity, server_context
    from kakehashi.qkd.delivery.server import Answer, Bounds, HttpServer
    async def answer(request):
        return Answer(200, b"{}")
    async def main():
        pki = Path(folder)
        context = server_context(pki / "kme-a.crt", pki / "kme-a.key", pki / "ca.crt")
        server = HttpServer(answer, refuse=None, context=context,
                            naming=lambda certificate: identity(certificate, "sae"), bounds=Bounds())
        await server.start("127.0.0.1", int(port))
        await asyncio.Event().wait()
    if loop == "uvloop":
        import uvloop
        uvloop.run(main())
    else:
        asyncio.run(main())
"""


def measure_web_servers(folder: Path, *, seconds: float) -> list[dict[str, Any]]:
    """Three ways to answer two bytes over mutual TLS, by the processor time of the server alone."""
    make_certificates(folder / "pki", saes=["alice"], kmes=["kme-a"])
    context = client_context(folder / "pki/alice.crt", folder / "pki/alice.key", folder / "pki/ca.crt")
    rows = []
    for kind, loop in (("kakehashi", "uvloop"), ("kakehashi", "asyncio"), ("uvicorn", "uvloop")):
        (port,) = free_ports(1)
        process = subprocess.Popen([sys.executable, "-c", ECHO, kind, loop, str(folder / "pki"), str(port)])

        async def run(port: int = port, pid: int = process.pid) -> dict[str, float]:
            callers = [Caller(port, context) for _ in range(8)]
            for caller in callers:
                await caller.connect()

            def one(caller: Caller) -> Callable[[], Awaitable[int]]:
                async def call() -> int:
                    await caller.call("bob/status")
                    return 0

                return call

            before = cpu_s([pid]) - time.process_time()
            found = await load_once([one(caller) for caller in callers], [pid], seconds=seconds)
            server_s = cpu_s([pid]) - time.process_time() - before
            return {"server_cpu_us_per_request": round(1e6 * server_s / (found["requests_per_s"] * seconds), 1)}

        try:
            time.sleep(4)
            rows.append({"what": "web server alone", "server": kind, "loop": loop, "clients": 8, **asyncio.run(run())})
            print(rows[-1], flush=True)
        finally:
            process.kill()
            process.wait()
    return rows


def disk(folder: Path) -> dict[str, float]:
    """One durable write of 4 KiB, many times, with nothing else running."""
    took = []
    with (folder / "probe").open("wb") as stream:
        for _ in range(500):
            start = time.perf_counter()
            stream.write(bytes(4096))
            stream.flush()
            os.fdatasync(stream.fileno())
            took.append(time.perf_counter() - start)
    took.sort()
    return {"fdatasync_p50_ms": round(1e3 * took[250], 3), "fdatasync_p99_ms": round(1e3 * took[495], 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="half a second each, nothing is kept")
    parser.add_argument("--folder", type=Path, help="where the stores lie; a temporary folder otherwise")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        rows += measure_web_servers(Path(name), seconds=0.5 if options.quick else SECONDS)
    for durable in (True, False):
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name)
            probe = disk(folder)
            print(probe, flush=True)
            with servers(folder, durable=durable, fill_bits=1_200_000_000) as (a, b, pids):
                found = asyncio.run(
                    measure(
                        folder,
                        (a, b),
                        pids,
                        clients=(8,) if options.quick else (1, 8, 32),
                        seconds=0.5 if options.quick else SECONDS,
                    )
                )
            rows += [{"durable": durable, **probe, **row} for row in found]
    if not options.quick:
        print(keep("qkd_delivery", rows, cores=os.cpu_count(), load_before=os.getloadavg()[2]))


if __name__ == "__main__":
    main()
