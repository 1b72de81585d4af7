"""The demonstration: the network starts, two users talk, Eve listens, and the network goes round her."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.demo.patience import ADVICE, Patience
from kakehashi.qkd.demo.programs import Program, Programs
from kakehashi.qkd.demo.timeline import Timeline
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.link.ends import Control
from kakehashi.qkd.link.source import addresses_in
from kakehashi.qkd.network.kms import Operator
from kakehashi.qkd.network.plan import Plan

__all__ = ["Show"]

REKEY_S = 2.0
PAUSE_S = 0.05
PATIENCE_S = 120.0
"""How long the first key and the first message may take, where the links keep their pace."""
TELL_S = 5.0
"""After how long a silence whoever looks on is told how things are."""
END_S = 60.0
"""How long the second user may take to read what is on the line when the first has gone."""
UP = "is up"
"""With these words each program says that it is."""
SEEN = {"alarm": "alarm", "route": "new route", "relay": "key over the new route"}
"""What follows an attack."""


class Show:
    """One demonstration.

    Args:
        plan: The network's folder.
        timeline: Gets what happens.
        seconds: How long it may take from the first protected message on; longer where the links cannot keep their
            pace, see :class:`~kakehashi.qkd.demo.patience.Patience`.
        with_page: Whether the page is served.
    """

    def __init__(self, plan: Plan, timeline: Timeline, *, seconds: float, with_page: bool) -> None:
        self.plan = plan
        self.line = timeline
        self.seconds = seconds
        self.with_page = with_page
        self._operator = Operator(plan)
        self._links = [link for link in plan.spec.link if link.in_demo]
        self._here, self._there = plan.spec.sae[0], plan.spec.sae[1]
        self._patience = Patience({plan.photons(link.name): link.pace for link in self._links})
        self._wave: float | None = None
        self._doing: Callable[[], tuple[str, str]] = lambda: ("wait", "The programs are being started.")

    async def run(self) -> None:
        """Do it all, and end everything that was started; what goes wrong is in the timeline.

        Raises:
            CancelledError: It was stopped.
        """
        logs = self.plan.folder / "logs"
        logs.mkdir(exist_ok=True)
        try:
            async with Programs(logs) as programs:
                try:
                    await programs.watch(self._play(programs))
                except DeviceError as error:  # said before the others are ended, which takes its time
                    self.line.fault(str(error))
                    return
                except asyncio.CancelledError:
                    self.line.stop("It was stopped before the end; all programs are being ended.")
                    raise
        finally:
            self._operator.close()
        self._audit()
        self._conclude()

    async def _play(self, programs: Programs) -> None:
        teller = asyncio.create_task(self._tell())
        try:
            await self._start(programs)
            await self._first_key()
            users = await self._open_channel(programs)
            await self._patience.begin()
            await self._attack(users)
            await self._finish(users)
        finally:
            teller.cancel()

    async def _tell(self) -> None:
        """Say how things are where nothing else has been said for a while."""
        while True:
            await asyncio.sleep(0.25)
            if self.line.silent_s >= TELL_S:
                self.line.note(*self._doing())

    async def _start(self, programs: Programs) -> None:
        plan, began = self.plan, time.monotonic()
        n_links, n_all = len(self._links), len(plan.spec.link)
        links = f"{n_links} links" if n_links == n_all else f"{n_links} of {n_all} links"
        self.line.note("set-up", f"{len(plan.spec.names)} nodes, {links} and a management server, all on this machine.")
        names = [f"photons-{link.name}" for link in self._links]
        names += ["management", *(f"node-{name}" for name in plan.spec.names)]
        self._doing = lambda: (
            "wait",
            f"{sum(program.is_ready for program in programs.running)} of {len(names)} programs are up.",
        )
        for name in names:
            await programs.start(name, self._command(name), sign=UP)
        await asyncio.gather(*(program.wait_ready() for program in programs.running))
        took = time.monotonic() - began
        self.line.note("start", f"{len(names)} programs are up after {took:.1f} s.", n_programs=len(names))
        if self.with_page:
            self.line.note("page", f"http://127.0.0.1:{plan.addresses.page}/ shows the network as it is.")

    def _command(self, program: str) -> list[str]:
        """Module and arguments of a program: ``photons-LINK``, ``management`` or ``node-NODE``."""
        what, _, name = program.partition("-")
        base, folder = ["kakehashi.cli", "qkd", "network"], str(self.plan.folder)
        if what == "photons":
            return [*base, "photons", folder, name]
        if what == "management":
            return [*base, "manage", folder, *([] if self.with_page else ["--no-page"])]
        only = itertools.chain.from_iterable(("--link", link.name) for link in self._links)
        return [*base, "node", folder, name, "--verbose", *only]

    async def _first_key(self) -> None:
        """Wait until the two users' nodes have key in common, which neither of them has made with the other."""
        one, other = self._here.kme, self._there.kme
        await self._patience.begin()

        def is_there(state: dict[str, Any]) -> bool:
            return bool(_stock(state, one, other) >= self.plan.spec.relay.block_bits)

        state = await self._wait(is_there, lambda: f"no key for {other}")
        self.line.note("key", f"{one} and {other} share {_stock(state, one, other):,} bits over {self._way(state)}.")
        self.line.figures["first_key_s"] = round(self._patience.clock_s, 2)

    async def _wait(self, is_done: Callable[[dict[str, Any]], bool], what: Callable[[], str]) -> dict[str, Any]:
        """Wait for something; gives the state of the network in which it came.

        Raises:
            DeviceError: It does not come; the message says why.
        """
        while True:
            state = await self._look()
            if is_done(state):
                return state
            why = f"{what()}: {self._shortage(state)}"
            self._doing = lambda why=why: ("wait", f"After {self._patience.clock_s:.0f} s {why}.")  # type: ignore[misc]
            if await self._patience.passed_s() >= PATIENCE_S:
                advice = f"; {ADVICE}" if self._patience.why else ""
                raise DeviceError(f"After {self._patience.clock_s:.0f} s {why}{advice}.")
            await asyncio.sleep(0.25)

    def _shortage(self, state: dict[str, Any]) -> str:
        """Why there may be no key."""
        links = [link for link in state["links"] if link["name"] in self._names]
        found = [self._patience.why] if self._patience.why else []
        for link in links:
            if link["state"] != "running":
                is_what = "has an alarm" if link["state"] == "alarm" else "is down"
                found.append(
                    f"link {link['name']} {is_what}" + (f" ({link['why'].rstrip('.')})" if link["why"] else "")
                )
        new = [link["name"] for link in links if link["state"] == "running" and not link["n_blocks"]]
        if new:
            found.append(f"no whole block of {', '.join(new)}")
        return "; ".join(found) or "all links run and make key"

    @property
    def _names(self) -> set[str]:
        return {link.name for link in self._links}

    async def _open_channel(self, programs: Programs) -> tuple[Program, Program]:
        one, other, doors = self._here, self._there, self.plan.addresses.nodes
        table = {
            "role": "send",
            "port": doors[one.kme].users,
            "files": [str(path) for path in self.plan.tls(one.id)],
            "peer": other.id,
            "rekey_s": REKEY_S,
            "pause_s": PAUSE_S,
        }
        sender = await programs.start("user-sender", ["kakehashi.qkd.demo.channel"], table=table)
        await sender.wait_ready()
        table = {
            "role": "receive",
            "port": doors[other.kme].users,
            "files": [str(path) for path in self.plan.tls(other.id)],
            "peer": one.id,
            "line": sender.says["listening"]["port"],
        }
        receiver = await programs.start("user-receiver", ["kakehashi.qkd.demo.channel"], table=table)
        await receiver.wait_ready()
        await self._patience.begin()

        def what() -> str:
            why = sender.says.get("no-key", {}).get("why", "")
            return f"{other.id} has heard nothing of {one.id}" + (f" (which has no key: {why})" if why else "")

        await self._wait(lambda _: "key" in receiver.says, what)
        often = f"{1 / PAUSE_S:.0f} sealed messages a second"
        self.line.note("channel", f"{one.id} sends {other.id} {often}; keys last {REKEY_S:g} s.")
        return sender, receiver

    def _talk(self, users: tuple[Program, Program], until: str) -> Callable[[], tuple[str, str]]:
        """How the talk of the two users goes, and what is waited for."""

        def sentence() -> tuple[str, str]:
            said, n_keys = users[1].says.get("received", {}), users[0].counts.get("rekey", 0)
            n, n_lost = said.get("n_good", 0), said.get("n_lost", 0) + said.get("n_bad", 0)
            return "talk", f"{n:,} messages under {n_keys:,} keys, {n_lost:,} lost; {until}."

        return sentence

    async def _attack(self, users: tuple[Program, Program]) -> None:
        """Attack the last hop of the route in use, and watch what happens."""
        self._doing = self._talk(users, "Eve comes soon")
        await self._pass(min(12.0, self.seconds / 6))
        state = await self._look()
        route = self._route(state)
        hop = (route[-2], route[-1])
        links = [link for link in self._links if set(link.ends) == set(hop)]
        began = time.time()
        for link in links:
            Control(addresses_in(self.plan.photons(link.name))["control"]).switch_on("intercept-resend", fraction=1.0)
        names = " and ".join(link.name for link in links)
        self.line.note("attack", f"Eve measures and resends every photon of {names} ({hop[0]}-{hop[1]}).")
        before = dict(users[1].says.get("received", {}))
        seen: dict[str, float] = {}
        while await self._left_s() > 0 and not SEEN.keys() <= seen.keys():
            self._doing = self._talk(users, f"no {next(SEEN[kind] for kind in SEEN if kind not in seen)} yet")
            state = await self._look()
            for entry in state["log"]:
                kind = self._kind(entry, hop, {link.name for link in links}) if entry["at_utc"] >= began else None
                if kind is not None and kind not in seen and (kind != "relay" or "route" in seen):
                    seen[kind] = entry["at_utc"]
                    text = entry["text"].removeprefix(f"{entry['subject']}: ")
                    text = ("First key over it since the attack: " if kind == "relay" else "") + text
                    self.line.note(kind, text, at_utc=entry["at_utc"])
            await asyncio.sleep(0.2)
        for kind, what in SEEN.items():
            if kind in seen:
                self.line.figures[f"attack_to_{kind}_s"] = round(seen[kind] - began, 2)
            else:
                why = f": {self._patience.why}; {ADVICE}" if self._patience.why else ""
                self.line.fault(f"There was no {what} within {self._patience.clock_s:.0f} s{why}.")
        self.line.figures["messages_before_attack"] = before.get("n_good", 0)
        self._doing = self._talk(users, "Eve goes soon")
        await self._pass(min(4 * REKEY_S, await self._left_s() - 3))
        for link in links:
            Control(addresses_in(self.plan.photons(link.name))["control"]).switch_off("intercept-resend")
        self._wave = time.time()
        self.line.note("calm", f"Eve has gone; {names} may make key again.")

    def _kind(self, entry: dict[str, Any], hop: tuple[str, str], links: set[str]) -> str | None:
        """What an entry of the log means for the show."""
        pair, route = f"{self._here.kme} to {self._there.kme}", tuple(entry["route"])
        avoids = hop not in set(itertools.pairwise(route))
        if entry["kind"] == "alarm" and entry["subject"] in links:
            return "alarm"
        if entry["kind"] == "route" and entry["subject"] == pair and route and avoids:
            return "route"
        is_ours = bool(route) and (route[0], route[-1]) == (self._here.kme, self._there.kme)
        return "relay" if entry["kind"] == "relay" and is_ours and avoids else None

    async def _finish(self, users: tuple[Program, Program]) -> None:
        """Wait until the link is well again, where there is time; then close the line and count."""
        self._doing = self._talk(users, "the link still has its alarm")
        while await self._left_s() > 0:
            state = await self._look()
            cleared = [e for e in state["log"] if e["kind"] == "cleared" and e["at_utc"] >= (self._wave or 0)]
            if cleared:
                self.line.note("cleared", cleared[0]["text"], at_utc=cleared[0]["at_utc"])
                break
            await asyncio.sleep(0.5)
        while self.with_page and (left_s := await self._left_s()) > 0:  # somebody may look
            self._doing = self._talk(users, f"the page stays for {left_s:.0f} s more")
            await asyncio.sleep(0.5)
        sender, receiver = users
        sender.may_end = receiver.may_end = True
        self._doing = lambda: ("wait", "The second user reads what is on the line.")
        await sender.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await receiver.process.wait()
        await receiver.end()
        said, sent = receiver.says.get("end", {}), sender.says.get("sent", {})
        figures = {
            "messages": said.get("n_good", 0),
            "lost": said.get("n_lost", -1),
            "undecipherable": said.get("n_bad", -1),
            "longest_gap_s": round(said.get("longest_s", -1.0), 3),
            "keys": sender.counts.get("rekey", 0),
            "waits_for_key": sender.counts.get("no-key", 0),
        }
        self.line.figures |= figures
        if not said or said["n_lost"] or said["n_bad"] or said["n_good"] < sent.get("n", 1):
            self.line.fault(f"Messages were lost or could not be read: {figures}.")
        self.line.note(
            "traffic",
            f"{figures['messages']:,} messages under {figures['keys']:,} keys, {figures['lost']:,} lost, "
            f"{figures['undecipherable']:,} undecipherable, longest gap {figures['longest_gap_s']} s.",
        )
        self._doing = lambda: ("wait", "The programs are being ended.")

    def _audit(self) -> None:
        """Prove from all stores that no bit is missing, and that every two nodes agree."""
        names = self.plan.spec.names
        audits = [audit_store(self.plan.store(name)) for name in names]
        audits += [audit_pair(self.plan.store(a), self.plan.store(b)) for a, b in itertools.combinations(names, 2)]
        faults = [fault for audit in audits for fault in audit.faults]
        for fault in faults:
            self.line.fault(fault)
        # Both ends of a link have its bits in their books; they are counted in those of one.
        ends = {tuple(sorted(link.ends)) for link in self._links}
        sifted = sum(link.sifted for audit in audits for link in audit.links if (audit.node, link.peer) in ends)
        self.line.figures |= {"audits": len(audits), "audit_faults": len(faults), "sifted_bits": sifted}
        self.line.note(
            "audit", f"{len(audits)} audits of {len(names)} stores, {sifted:,} sifted bits: {len(faults)} faults."
        )

    def _conclude(self) -> None:
        """Say how soon each thing came after the attack."""
        after = {what: self.line.figures.get(f"attack_to_{kind}_s") for kind, what in SEEN.items()}
        if any(after.values()):
            came = ", ".join(f"no {what}" if s is None else f"{what} in {s} s" for what, s in after.items())
            self.line.note("result", f"After the attack: {came.replace('over the new route', 'over it')}.")

    async def _left_s(self) -> float:
        """Time that is left, in which light passes at the links' pace."""
        return self.seconds - await self._patience.passed_s()

    async def _pass(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    async def _look(self) -> dict[str, Any]:
        for attempt in range(20):
            try:
                return await self._operator.state()
            except DeviceError:
                if attempt == 19:
                    raise
                await asyncio.sleep(0.5)
        raise AssertionError

    def _route(self, state: dict[str, Any]) -> tuple[str, ...]:
        for found in state["routes"]:
            if (found["source"], found["target"]) == (self._here.kme, self._there.kme) and found["routes"]:
                return tuple(found["routes"][0])
        raise DeviceError(f"There is no route from {self._here.kme} to {self._there.kme}.")

    def _way(self, state: dict[str, Any]) -> str:
        """The way that key has come."""
        ends = [self._here.kme, self._there.kme]
        for entry in state["log"]:
            if entry["kind"] == "relay" and [*entry["route"][:1], *entry["route"][-1:]] == ends:
                return "-".join(entry["route"])
        return "their own link" if self.plan.spec.links_of(*ends) else "other nodes"


def _stock(state: dict[str, Any], one: str, other: str) -> int:
    return int(next(node for node in state["nodes"] if node["name"] == one)["stock_bits"].get(other, 0))
