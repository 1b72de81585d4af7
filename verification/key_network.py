"""Attacks, cuts and kill -9 at random on the Tokyo network, while two users fetch keys at both of its ends.

Photons, nodes and the management server are processes, as in ``kakehashi qkd demo``. Every few seconds something goes
wrong: a link is listened to or cut for a while, a node or a simulator is killed in the middle of whatever it does and
started again. All the while one user asks its node for keys and the other fetches the same ones by ID from another
node, some at once and some later; what it does not get it asks for again. It goes on until every link has had ten
minutes of simulated light. At the end: no key twice, no key that differs, none that the second user never got but those
whose answer was under way when its node was killed, and ledgers that balance, of each store and between every two.

    python verification/key_network.py [--light 600] [--seconds 900] [--seed 1]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
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
from kakehashi.qkd.keys.lifecycle import GrantState
from kakehashi.qkd.keys.store import DATABASE
from kakehashi.qkd.keys.tables import Tables
from kakehashi.qkd.link.ends import Control
from kakehashi.qkd.link.source import addresses_in
from kakehashi.qkd.network.plan import Plan, set_up

RESULTS = Path(__file__).parent / "results" / "key_network.json"
NETWORK = Path(__file__).parents[1] / "examples" / "tokyo.toml"
N_OPEN = 20
"""Keys that the first user has and the second has not asked for yet."""
NOUGHT = (
    "a key id twice at the master",
    "same bits twice",
    "different",
    "twice at the slave",
    "never given and unexplained",
)
"""Counts of keys that must be 0; with any other the program ends with an error."""
LATE_S = 60.0
"""How long the second user asks for a key before it counts as never given."""


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
        self.longest_wait_s = 0.0
        self._open: list[str] = []
        self._late: dict[str, float] = {}

    def turn(self, rng: random.Random) -> None:
        """Ask for a key at one end, and fetch one that is open, new or old, at the other."""
        fresh = self._here.new_key(self.names[1])
        if fresh is None:
            self.counts["no key"] += 1
        else:
            key_id, key = fresh
            self.counts["a key id twice at the master"] += key_id in self.master
            self.master[key_id] = hashlib.sha256(key).hexdigest()
            self._open.append(key_id)
        if len(self._open) > rng.randrange(N_OPEN):
            self._fetch(self._open.pop(rng.randrange(len(self._open))))
        for key_id in list(self._late)[:2]:
            self._fetch(key_id)

    def drain(self) -> bool:
        """Fetch what is open; whether something is left that may still come."""
        for key_id in [*self._open, *self._late]:
            self._fetch(key_id)
        self._open.clear()
        return bool(self._late)

    def _fetch(self, key_id: str) -> None:
        asked = time.monotonic()
        key = self._there.key_of(self.names[0], key_id)
        if key is None:
            if asked - self._late.setdefault(key_id, asked) > LATE_S:
                del self._late[key_id]
                self.counts["never given to the slave"] += 1
            return
        if key_id in self._late:
            self.counts["late at the slave"] += 1
            self.longest_wait_s = max(self.longest_wait_s, asked - self._late.pop(key_id))
        digest = hashlib.sha256(key).hexdigest()
        self.counts["different"] += digest != self.master[key_id]
        self.slave[key_id] = digest
        if self.counts["fetched again"] < 200:
            self.counts["fetched again"] += 1
            self.counts["twice at the slave"] += self._there.key_of(self.names[0], key_id) is not None

    def verdict(self, store: Path) -> dict[str, float]:
        """What must be nought, and what was done.

        Args:
            store: Of the second user's node. What is delivered by its ledger and did not come was lost on the way, with
                the program that was killed; a key that was never given and not lost so is unexplained.
        """
        tables = Tables(store / DATABASE, read_only=True)
        states = Counter(grant.state for grant in tables.grants() if grant.master == self.names[0])
        tables.close()
        lost = states[GrantState.DELIVERED] - len(self.slave)
        return {
            "keys at the master": len(self.master),
            "keys at both": len(self.slave),
            "same bits twice": len(self.master) - len(set(self.master.values())),
            "longest wait of a late key": round(self.longest_wait_s, 1),
            "answers lost with a killed node": lost,
            "never given and unexplained": max(0, self.counts["never given to the slave"] - lost),
            **dict.fromkeys(("late at the slave", "never given to the slave"), 0),
            **self.counts,
        }


class Storm(Show):
    """The demonstration's programs, and everything that can go wrong.

    Args:
        plan: The network's folder.
        timeline: Gets what happens.
        light_s: How much simulated light every link shall have.
        seconds: How long it may take.
        rng: Chooses what goes wrong, and when.
    """

    def __init__(self, plan: Plan, timeline: Timeline, *, light_s: float, seconds: float, rng: random.Random) -> None:
        super().__init__(plan, timeline, seconds=seconds, with_page=False)
        self._light_s = light_s
        self._is_over = False
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
                await self._first_key()
                end = time.monotonic() + self.seconds
                await asyncio.gather(self._fetch(), self._weather(programs, end))
                while await asyncio.to_thread(self.users.drain):
                    await asyncio.sleep(1.0)
                self.simulated_s = await self._light()
        finally:
            self._operator.close()
        self._audit()

    async def _fetch(self) -> None:
        while not self._is_over:
            await asyncio.to_thread(self.users.turn, self._rng)
            await asyncio.sleep(0.1)

    async def _weather(self, programs: Programs, end: float) -> None:
        while time.monotonic() < end and min((await self._light()).values()) < self._light_s:
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
        self._is_over = True

    async def _light(self) -> Counter[str]:
        """Simulated seconds that each link has had so far."""
        return Counter({k.name: self.simulated_s[k.name] + await self._status(k.name) for k in self._links})

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
        program.process.send_signal(signal.SIGKILL)
        await program.process.wait()
        programs.running.remove(program)
        again: Program = await programs.start(name, self._command(name))
        await again.wait_ready()

    async def _status(self, link: str) -> float:
        control = Control(addresses_in(self.plan.photons(link))["control"])
        with contextlib.suppress(DeviceError):
            return float((await asyncio.to_thread(control.status))["time_s"])
        return 0.0

    @property
    def ledger(self) -> dict[str, Any]:
        """What the audits at the end found."""
        figures = self.line.figures
        return {"audits": figures["audits"], "sifted_bits": figures["sifted_bits"], "faults": self.line.faults}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--light", type=float, default=600.0, help="simulated seconds that every link shall have")
    parser.add_argument("--seconds", type=float, default=900.0, help="how long it may take")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kakehashi-") as folder:
        plan = set_up(NETWORK, Path(folder) / "network")
        storm = Storm(
            plan,
            Timeline(lambda at_s, kind, text: print(f"{at_s:7.1f} s  {kind:9} {text}")),
            light_s=options.light,
            seconds=options.seconds,
            rng=random.Random(options.seed),
        )
        began = time.monotonic()
        asyncio.run(storm.run())
        result = {
            "schema": "kakehashi.verification/1",
            "seconds": round(time.monotonic() - began, 1),
            "seed": options.seed,
            "events": dict(storm.events),
            "simulated_s": {name: round(s, 1) for name, s in storm.simulated_s.items()},
            "keys": storm.users.verdict(plan.store(plan.spec.sae[1].kme)),
            "ledger": storm.ledger,
            "provenance": collect_provenance(),
        }
    write_text(RESULTS, json.dumps(result, indent=1) + "\n")
    for name in ("events", "simulated_s", "keys", "ledger"):
        print(name, result[name])
    wrong = [f"{name}: {result['keys'][name]}" for name in NOUGHT if result["keys"].get(name)] + storm.line.faults
    wrong += [f"{name} had {s:.0f} s of light" for name, s in storm.simulated_s.items() if s < options.light]
    if wrong:
        raise SystemExit("; ".join(wrong))


if __name__ == "__main__":
    main()
