"""Attacks, cuts and kill -9 at random on the Tokyo network, while two users fetch keys at both of its ends.

Photons, nodes and the management server are processes, as in ``kakehashi qkd demo``. Every few seconds something goes
wrong: a link is listened to or cut for a while, a node or a simulator is killed in the middle of whatever it does and
started again. All the while one user asks its node for keys and the other fetches the same ones by ID from another
node. At the end: no key twice, no key that differs, and ledgers that balance, of each store and between every two.

    python verification/key_network.py [--seconds 240] [--seed 1]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import itertools
import json
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from kakehashi.core.errors import DeviceError
from kakehashi.core.files import write_text
from kakehashi.core.provenance import collect_provenance
from kakehashi.qkd.demo.channel import KeyDesk
from kakehashi.qkd.demo.programs import Program, Programs
from kakehashi.qkd.demo.show import Show
from kakehashi.qkd.demo.timeline import Timeline
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.link.ends import Control
from kakehashi.qkd.link.source import addresses_in
from kakehashi.qkd.network.plan import Plan, set_up

RESULTS = Path(__file__).parent / "results" / "key_network.json"
NETWORK = Path(__file__).parents[1] / "examples" / "tokyo.toml"


class Users:
    """Two users who fetch keys at two nodes, and remember hashes of what they got."""

    def __init__(self, plan: Plan) -> None:
        one, other = plan.spec.sae[0], plan.spec.sae[1]
        doors = plan.addresses.nodes
        self.names = one.id, other.id
        self._here = KeyDesk(doors[one.kme].users, [str(path) for path in plan.tls(one.id)])
        self._there = KeyDesk(doors[other.kme].users, [str(path) for path in plan.tls(other.id)])
        self.master: dict[str, str] = {}
        self.slave: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self._open: list[str] = []

    def turn(self, rng: random.Random) -> None:
        """Ask for a key at one end, and fetch some that are open, the newest or old ones, at the other."""
        fresh = self._here.new_key(self.names[1])
        if fresh is None:
            self.counts["no key"] += 1
        else:
            key_id, key = fresh
            self.counts["a key id twice at the master"] += key_id in self.master
            self.master[key_id] = hashlib.sha256(key).hexdigest()
            self._open.append(key_id)
        if self._open:
            self._fetch(self._open.pop(rng.randrange(len(self._open))))

    def _fetch(self, key_id: str) -> None:
        key = self._there.key_of(self.names[0], key_id)
        if key is None:
            self.counts["not to be had at the slave"] += 1
            return
        digest = hashlib.sha256(key).hexdigest()
        self.counts["different"] += digest != self.master[key_id]
        self.slave[key_id] = digest
        if self.counts["fetched again"] < 200:
            self.counts["fetched again"] += 1
            self.counts["twice at the slave"] += self._there.key_of(self.names[0], key_id) is not None

    def verdict(self) -> dict[str, int]:
        """What must be nought, and what was done."""
        repeats = len(self.master) - len(set(self.master.values()))
        found = {"keys at the master": len(self.master), "keys at both": len(self.slave), "same bits twice": repeats}
        return found | dict(self.counts)


class Storm(Show):
    """The demonstration's programs, and everything that can go wrong."""

    def __init__(self, plan: Plan, timeline: Timeline, *, seconds: float, rng: random.Random) -> None:
        super().__init__(plan, timeline, seconds=seconds, with_page=False)
        self._rng = rng
        self.users = Users(plan)
        self.events: Counter[str] = Counter()
        self.simulated_s: Counter[str] = Counter()

    async def run(self) -> None:
        """Start all, let it storm, end all, and audit."""
        logs = self.plan.folder / "logs"
        logs.mkdir(exist_ok=True)
        try:
            async with Programs(logs) as programs:
                await self._start(programs)
                await self._first_key(programs)
                end = time.monotonic() + self.seconds
                await asyncio.gather(self._fetch(end), self._weather(programs, end))
                for link in self._links:
                    self.simulated_s[link.name] += await self._status(link.name)
        finally:
            self._operator.close()
        self._audit()

    async def _fetch(self, end: float) -> None:
        while time.monotonic() < end:
            await asyncio.to_thread(self.users.turn, self._rng)
            await asyncio.sleep(0.1)

    async def _weather(self, programs: Programs, end: float) -> None:
        while time.monotonic() < end:
            await asyncio.sleep(self._rng.uniform(2.0, 6.0))
            kind = self._rng.choice(["intercept-resend", "cut", "kill node", "kill photons"])
            self.events[kind] += 1
            if kind == "kill node":
                await self._kill(programs, f"node-{self._rng.choice(self.plan.spec.names)}")
            elif kind == "kill photons":
                link = self._rng.choice(self._links).name
                self.simulated_s[link] += await self._status(link)
                await self._kill(programs, f"photons-{link}")
            else:
                await self._disturb(kind, self._rng.choice(self._links).name)

    async def _disturb(self, kind: str, link: str) -> None:
        values = {"fraction": 1.0} if kind == "intercept-resend" else {}
        with contextlib.suppress(DeviceError):
            control = Control(addresses_in(self.plan.photons(link))["control"])
            await asyncio.to_thread(control.switch_on, kind, **values)
            await asyncio.sleep(self._rng.uniform(1.0, 4.0))
            await asyncio.to_thread(control.switch_off, kind)

    async def _kill(self, programs: Programs, name: str) -> None:
        """End a program in the middle of whatever it does, and start it again."""
        program = next(p for p in programs.running if p.name == name)
        arguments = self._arguments(name)
        program.process.send_signal(signal.SIGKILL)
        await program.process.wait()
        programs.running.remove(program)
        again: Program = await programs.start(name, arguments)
        await again.wait_ready()

    def _arguments(self, name: str) -> list[str]:
        what, _, rest = name.partition("-")
        if what == "node":
            only = itertools.chain.from_iterable(("--link", link.name) for link in self._links)
            return ["kakehashi.cli", "qkd", "network", "node", str(self.plan.folder), rest, "--verbose", *only]
        link = next(link for link in self._links if link.name == rest)
        return [
            *("kakehashi.cli", "qkd", "link", "serve", str(self.plan.light(rest)), str(self.plan.photons(rest))),
            *("--pace", f"{link.pace:g}", "--exposure", f"{link.exposure_s:g}"),
        ]

    async def _status(self, link: str) -> float:
        control = Control(addresses_in(self.plan.photons(link))["control"])
        with contextlib.suppress(DeviceError):
            return float((await asyncio.to_thread(control.status))["time_s"])
        return 0.0

    def audits(self) -> dict[str, Any]:
        """Faults of the ledgers, and what they hold."""
        names = self.plan.spec.names
        found = [audit_store(self.plan.store(name)) for name in names]
        found += [audit_pair(self.plan.store(a), self.plan.store(b)) for a, b in itertools.combinations(names, 2)]
        return {"audits": len(found), "faults": [fault for audit in found for fault in audit.faults]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kakehashi-") as folder:
        plan = set_up(NETWORK, Path(folder) / "network")
        storm = Storm(
            plan,
            Timeline(lambda at_s, kind, text: print(f"{at_s:7.1f} s  {kind:9} {text}")),
            seconds=options.seconds,
            rng=random.Random(options.seed),
        )
        asyncio.run(storm.run())
        result = {
            "schema": "kakehashi.verification/1",
            "seconds": options.seconds,
            "seed": options.seed,
            "events": dict(storm.events),
            "simulated_s": {name: round(s, 1) for name, s in storm.simulated_s.items()},
            "keys": storm.users.verdict(),
            "ledger": storm.audits(),
            "provenance": collect_provenance(),
        }
    write_text(RESULTS, json.dumps(result, indent=1) + "\n")
    for name in ("events", "simulated_s", "keys", "ledger"):
        print(name, result[name])


if __name__ == "__main__":
    main()
