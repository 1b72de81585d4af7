import asyncio
import base64
import contextlib
import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from tests.qkd.key_pair import open_store
from tests.qkd.served import Served, tls, write_files

from kakehashi.core.errors import InputError, ResourceError
from kakehashi.qkd.delivery import serve
from kakehashi.qkd.delivery.etsi014 import KeyRequest, RefusalError
from kakehashi.qkd.delivery.serve import Kme, fill_blocks, split_address
from kakehashi.qkd.delivery.spec import read_kme_spec
from kakehashi.qkd.delivery.trial import free_ports
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.keys.clock import SteadyClock
from kakehashi.qkd.keys.store import DATABASE, KeyStore
from kakehashi.qkd.keys.vault import read_node_key

PAIR = ("certificate", "private_key")


def test_servers_start_serve_and_go_on_after_a_stop(tmp_path):
    served = Served(tmp_path)
    try:
        status, sent = served.call("alice", "GET", "/api/v1/keys/bob/enc_keys")
        assert status == 200
    finally:
        served.close()
    for name in "ab":
        assert audit_store(tmp_path / name).is_clean

    async def again():
        kmes = [Kme(read_kme_spec(tmp_path / f"{name}.toml")) for name in "ab"]
        try:
            key_id = base64.b16decode(sent["keys"][0]["key_ID"].replace("-", "").upper())
            grant, index = kmes[1].store.shelf.find(key_id)
            assert grant.is_waiting(index)
            with pytest.raises(ResourceError, match="in use"):
                Kme(read_kme_spec(tmp_path / "a.toml"))
        finally:
            for kme in kmes:
                await kme.close()

    asyncio.run(again())
    assert audit_pair(tmp_path / "a", tmp_path / "b").is_clean


def test_what_is_over_is_summed_up_while_servers_run(tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "HOUSEKEEPING_S", 0.02)
    monkeypatch.setattr(serve, "BLOCK_TURNS", 1)
    served = Served(tmp_path)
    try:
        for _ in range(3):
            _, sent = served.call("alice", "GET", "/api/v1/keys/bob/enc_keys")
            body = {"key_IDs": [{"key_ID": sent["keys"][0]["key_ID"]}]}
            assert served.call("bob", "POST", "/api/v1/keys/alice/dec_keys", body)[0] == 200
        owner, holder = served.kmes["kme-a"], served.kmes["kme-b"]
        end = time.monotonic() + 20
        while holder.store._closed.get("kme-a", 0) < 3:
            assert time.monotonic() < end
            owner.links["kme-b"]._closed_at = -1e9  # as if a minute had gone by
            time.sleep(0.05)
        for kme in (owner, holder):
            kme.store._clock = lambda: time.time() + 1e4
            while rows(kme.store):
                assert time.monotonic() < end
                time.sleep(0.02)
        assert served.call("bob", "POST", "/api/v1/keys/alice/dec_keys", body)[0] == 400
        assert served.call("alice", "GET", "/api/v1/keys/bob/enc_keys")[0] == 200
    finally:
        served.close()
    assert all(audit_store(tmp_path / name).is_clean for name in "ab")
    assert audit_pair(tmp_path / "a", tmp_path / "b").is_clean


def rows(store):
    with sqlite3.connect(store.folder / DATABASE) as connection:
        return connection.execute("SELECT count(*) FROM used").fetchone()[0]


def test_a_server_with_the_certificate_of_another_does_not_start(tmp_path):
    write_files(tmp_path)
    spec = read_kme_spec(tmp_path / "a.toml")
    with pytest.raises(InputError, match="not of 'kme-a'"):
        Kme(spec.model_copy(update={name: getattr(spec, name).with_stem("kme-b") for name in PAIR}))
    kme = Kme(spec)
    assert isinstance(kme.store._clock, SteadyClock)
    asyncio.run(kme.close())


def test_a_server_says_for_whom_it_waits_and_when_it_is_reached(tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "PATIENCE_S", 0.2)
    write_files(tmp_path, ports=free_ports(4))
    one, other = (read_kme_spec(tmp_path / f"{name}.toml") for name in "ab")
    said = []

    async def hears(text):
        while not any(text in sentence for sentence in said):
            await asyncio.sleep(0.02)

    async def story():
        first = asyncio.create_task(serve.run_kme(one, say=said.append))
        await hears("waits for KME 'kme-b', which cannot be reached yet: 'kme-b' at 127.0.0.1:")
        assert "Errno" not in said[-1]
        kme = Kme(other)
        await kme.start()
        await hears("KME 'kme-b' is reached")
        os.kill(os.getpid(), signal.SIGTERM)
        await first
        await kme.close()

    asyncio.run(story())
    assert [sentence[:24] for sentence in said] == [
        "KME 'kme-a' serves SAEs ",
        "It waits for KME 'kme-b'",
        "KME 'kme-b' is reached: ",
    ]


def test_who_asks_before_a_peer_is_reached_is_told_so(tmp_path):
    write_files(tmp_path, ports=free_ports(4))

    async def story():
        kme = Kme(read_kme_spec(tmp_path / "a.toml"))
        try:
            with pytest.raises(RefusalError, match="KME 'kme-b' has not been reached yet") as caught:
                await kme.desk.get_keys("alice", "bob", KeyRequest())
            assert caught.value.status == 503
        finally:
            await kme.close()

    asyncio.run(story())


def test_a_wrong_address_is_said(tmp_path):
    with pytest.raises(InputError, match="highest is 65535"):
        split_address("x:70000")


def test_filled_blocks_have_one_owner_each(tmp_path):
    a, b = open_store(tmp_path, "a"), open_store(tmp_path, "b")
    fill_blocks(a, b, n_bits=800, n_blocks=3)
    for store in (a, b):
        assert {(row.bound, row.failure) for row in store.shelf.by_id.values()} == {("trial", 1.0)}
    assert [(block.is_ours, block.n_bits) for block in a.shelf.blocks.values()] == [
        (True, 800),
        (False, 800),
        (True, 800),
    ]
    assert audit_pair(a.folder, b.folder).is_clean
    a.close()
    b.close()


class Caller:
    """One user that goes on through every break."""

    def __init__(self, folder, sae, port):
        self.context, self.port = tls(folder, sae), port
        self.connection = None

    def call(self, path, body=None):
        """Status and answer, or None where the connection broke: what became of the request is unknown."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=15)
            payload = None if body is None else json.dumps(body)
            self.connection.request("GET" if body is None else "POST", f"/api/v1/keys/{path}", payload)
            answer = self.connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            self.close()
            return None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def start(folder, name):
    base = [sys.executable, "-m", "kakehashi.cli", "qkd", "serve", str(folder / f"{name}.toml")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(base, stderr=subprocess.DEVNULL, env=environment)


class Users:
    """Two users who ask for keys and fetch them, whatever happens to the servers, and remember what they got."""

    def __init__(self, folder, ports, randomness):
        self.alice, self.bob = Caller(folder, "alice", ports[0]), Caller(folder, "bob", ports[2])
        self.randomness = randomness
        self.masters, self.slaves, self.waiting = {}, {}, []

    def turn(self):
        """Whether there were new keys, as there are only where both servers run."""
        found = self.alice.call("bob/enc_keys", {"number": self.randomness.choice([1, 1, 3, 20])})
        if found and found[0] == 200:
            for key in found[1]["keys"]:
                assert key["key_ID"] not in self.masters
                self.masters[key["key_ID"]] = key["key"]
                self.waiting.append(key["key_ID"])
        else:
            time.sleep(0.02)
        some, self.waiting = self.waiting[:10], self.waiting[10:]
        if some:
            self.fetch(some)
        return bool(found and found[0] == 200)

    def fetch(self, some):
        got = self.bob.call("alice/dec_keys", {"key_IDs": [{"key_ID": key_id} for key_id in some]})
        if got and got[0] == 200:
            for key in got[1]["keys"]:
                assert key["key_ID"] not in self.slaves
                self.slaves[key["key_ID"]] = key["key"]
        elif got is None:  # lost on the way or never given: one by one, each may come at most once
            time.sleep(0.05)
            self.waiting += some

    def close(self):
        self.alice.close()
        self.bob.close()


class Killed:
    """Two servers, one or both of which are killed and started again every few seconds."""

    def __init__(self, folder, randomness):
        self.folder, self.randomness, self.n_kills = folder, randomness, 0
        self.running = {name: start(folder, name) for name in "ab"}
        self.next_kill = time.monotonic() + 6

    def turn(self):
        if time.monotonic() <= self.next_kill:
            return
        for name in self.randomness.choice(["a", "b", "ab"]):
            self.running[name].send_signal(signal.SIGKILL)
            self.running[name].wait()
            self.running[name] = start(self.folder, name)
            self.n_kills += 1
        self.next_kill = time.monotonic() + 3 + 3 * self.randomness.random()

    def end(self):
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()


@pytest.mark.slow
def test_kill_at_random_instants_delivers_nothing_twice_and_nothing_that_differs(tmp_path, core_limit):
    """Two real servers, killed again and again while two users ask; then the books of both must balance."""
    ports = free_ports(4)
    write_files(tmp_path, ports=ports)
    stores = [KeyStore(tmp_path / n, node=f"kme-{n}", node_key=read_node_key(tmp_path / f"{n}.key")) for n in "ab"]
    fill_blocks(*stores, n_bits=8_000_000, n_blocks=2)
    for store in stores:
        store.close()
    randomness = random.Random(5)
    servers, users = Killed(tmp_path, randomness), Users(tmp_path, ports, randomness)
    end = time.monotonic() + float(os.environ.get("KAKEHASHI_KILL_SECONDS", "60"))
    try:
        while time.monotonic() < end:
            if users.turn():
                assert [core_limit(process) for process in servers.running.values()] == [0, 0]
            servers.turn()
    finally:
        users.close()
        time.sleep(5)  # until they have reconciled
        servers.end()
    masters, slaves = users.masters, users.slaves
    assert servers.n_kills >= 5
    assert len(set(masters.values())) == len(masters) > 100
    assert len(slaves) > 100
    assert all(masters[key_id] == key for key_id, key in slaves.items())
    for name in "ab":
        assert audit_store(tmp_path / name).faults == ()
    pair = audit_pair(tmp_path / "a", tmp_path / "b")
    assert pair.faults == ()
    assert pair.notes == ()
