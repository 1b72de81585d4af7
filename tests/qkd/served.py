"""Two real key servers over mutual TLS, in a thread of the test's process, and a plain client."""

import asyncio
import http.client
import json
import ssl
import threading
import time

from kakehashi.qkd.delivery.certificates import REVOKED, revoke_certificates
from kakehashi.qkd.delivery.serve import Kme, fill_blocks
from kakehashi.qkd.delivery.spec import read_kme_spec
from kakehashi.qkd.delivery.trial import free_ports, write_trial

HOMES = {"alice": "kme-a", "anna": "kme-a", "bob": "kme-b", "bea": "kme-b", "Büro 1/2": "kme-b"}


def write_files(folder, *, limits="fair_share = false", ports=(0, 0, 0, 0), revoked=None):
    """Certificates, keys and TOML files of two key servers that do not wait for the disk."""
    more = f"durable = false\nlimits = {{ {limits} }}"
    if revoked is not None:
        more += f'\nrevoked = "pki/{REVOKED}"'
    write_trial(folder, HOMES, ports=tuple(ports), more=more)
    if revoked is not None:
        revoke_certificates(folder / "pki", revoked)


def tls(folder, name, *, authority="ca"):
    context = ssl.create_default_context(cafile=folder / f"pki/{authority}.crt")
    if name is not None:
        file = name.replace("/", "%2F").replace("ü", "%C3%BC")
        context.load_cert_chain(folder / f"pki/{file}.crt", folder / f"pki/{file}.key")
    return context


class Served:
    """The servers while they run."""

    def __init__(self, folder, **options):
        self.folder = folder
        write_files(folder, ports=free_ports(4), **options)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.kmes = {}
        try:
            self.run(self._start())
        except BaseException:
            self.close()
            raise

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def _start(self):
        for name in "ab":
            self.kmes[f"kme-{name}"] = Kme(read_kme_spec(self.folder / f"{name}.toml"))
        claim = {"failure": 1e-10, "bound": "wiesemann"}
        fill_blocks(self.kmes["kme-a"].store, self.kmes["kme-b"].store, n_bits=1_000_000, n_blocks=2, **claim)
        for kme in self.kmes.values():
            await kme.start()
        end = time.monotonic() + 20
        while not all(link.is_up for kme in self.kmes.values() for link in kme.links.values()):
            assert time.monotonic() < end
            for kme in self.kmes.values():
                for link in kme.links.values():
                    link.wake()
            await asyncio.sleep(0.02)

    def close(self):
        async def end():
            for kme in self.kmes.values():
                await kme.close()

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def port(self, sae):
        return self.kmes[HOMES[sae]].port

    def connect(self, sae, *, at=None, context=None):
        context = context or tls(self.folder, sae)
        return http.client.HTTPSConnection("127.0.0.1", at or self.port(sae), context=context, timeout=20)

    def call(self, sae, method, path, body=None, *, at=None):
        """Status and JSON of an answer."""
        connection = self.connect(sae, at=at)
        try:
            payload = json.dumps(body).encode() if isinstance(body, dict | list) else body
            connection.request(method, path, payload)
            answer = connection.getresponse()
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.headers["Cache-Control"] == "no-store"
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()
