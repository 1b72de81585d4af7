"""The demonstration: the network starts, two users talk, Eve listens, and the network goes round her."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

from kakehashi.core.errors import DeviceError, InputError, KakehashiError
from kakehashi.qkd.demo.patience import ADVICE, Patience
from kakehashi.qkd.demo.programs import Program, Programs
from kakehashi.qkd.demo.timeline import Timeline
from kakehashi.qkd.keys.audit import audit_pair, audit_store
from kakehashi.qkd.link.ends import Control
from kakehashi.qkd.link.source import addresses_in
from kakehashi.qkd.network.kms import Operator
from kakehashi.qkd.network.plan import Plan, set_up

__all__ = ["Show", "run_demo"]

REKEY_S = 2.0
PAUSE_S = 0.05
PATIENCE_S = 120.0
"""How long the first key and the first message may take, where the links keep their pace."""
TELL_S = 15.0
"""How often whoever waits is told for what."""
END_S = 60.0
"""How long the second user may take to read what is on the line when the first has gone."""


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
        if len(plan.spec.sae) < 2:
            raise InputError("A demonstration needs a network with two users ([[sae]]).")
        self.plan = plan
        self.line = timeline
        self.seconds = seconds
        self.with_page = with_page
        self._operator = Operator(plan)
        self._links = [link for link in plan.spec.link if link.in_demo]
        self._here, self._there = plan.spec.sae[0], plan.spec.sae[1]
        self._patience = Patience({plan.photons(link.name): link.pace for link in self._links})
        self._wave: float | None = None

    async def run(self) -> None:
        """Do it all, and end everything that was started."""
        logs = self.plan.folder / "logs"
        logs.mkdir(exist_ok=True)
        try:
            async with Programs(logs) as programs:
                await self._start(programs)
                await self._first_key(programs)
                users = await self._open_channel(programs)
                await self._patience.begin()
                await self._attack(users)
                await self._finish(users)
        finally:
            self._operator.close()
        self._audit()

    async def _start(self, programs: Programs) -> None:
        plan, began = self.plan, time.monotonic()
        self.line.note(
            "set-up",
            f"{len(plan.spec.names)} nodes, {len(self._links)} links and a management server, all on this machine.",
        )
        cli = "kakehashi.cli"
        started = [
            await programs.start(
                f"photons-{link.name}",
                [
                    *(cli, "qkd", "link", "serve", str(plan.light(link.name)), str(plan.photons(link.name))),
                    *("--pace", f"{link.pace:g}", "--exposure", f"{link.exposure_s:g}"),
                ],
            )
            for link in self._links
        ]
        page = [] if self.with_page else ["--no-page"]
        started.append(await programs.start("management", [cli, "qkd", "network", "manage", str(plan.folder), *page]))
        only = list(itertools.chain.from_iterable(("--link", link.name) for link in self._links))
        for name in plan.spec.names:
            arguments = [cli, "qkd", "network", "node", str(plan.folder), name, "--verbose", *only]
            started.append(await programs.start(f"node-{name}", arguments))
        await asyncio.gather(*(program.wait_ready() for program in started))
        page_text = f"; look at http://127.0.0.1:{plan.addresses.page}/" if self.with_page else ""
        took = time.monotonic() - began
        self.line.note(
            "start", f"{len(started)} programs are up after {took:.1f} s{page_text}", n_programs=len(started)
        )

    async def _first_key(self, programs: Programs) -> None:
        """Wait until the two users' nodes have key in common, which neither of them has made with the other."""
        one, other = self._here.kme, self._there.kme
        await self._patience.begin()

        def is_there(state: dict[str, Any]) -> bool:
            return bool(_stock(state, one, other) >= self.plan.spec.relay.block_bits)

        state = await self._wait(programs, is_there, lambda: f"{one} and {other} have had no key in common")
        self.line.note(
            "key",
            f"{one} and {other} have {_stock(state, one, other)} bits in common, brought over {self._way(state)}.",
        )
        self.line.figures["first_key_s"] = round(self._patience.clock_s, 2)

    async def _wait(
        self, programs: Programs, is_done: Callable[[dict[str, Any]], bool], what: Callable[[], str]
    ) -> dict[str, Any]:
        """Wait for something and say so now and then; gives the state of the network in which it came.

        Raises:
            DeviceError: It does not come; the message says why.
        """
        told = self._patience.clock_s
        while True:
            state = await self._look()
            if is_done(state):
                return state
            if programs.fallen():
                raise DeviceError(f"{programs.fallen()[0]} has ended by itself; {self._where}.")
            passed_s, at_s = await self._patience.passed_s(), self._patience.clock_s
            if passed_s >= PATIENCE_S:
                advice = ADVICE if self._patience.why else self._where
                raise DeviceError(f"After {at_s:.0f} s {what()}: {self._shortage(state)}; {advice}.")
            if at_s - told >= TELL_S:
                told = at_s
                self.line.note("wait", f"For {at_s:.0f} s {what()}: {self._shortage(state)}.")
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
            found.append(f"the first block of {', '.join(new)} is not whole")
        return "; ".join(found) or "all links run and make key"

    @property
    def _names(self) -> set[str]:
        return {link.name for link in self._links}

    @property
    def _where(self) -> str:
        return f"what the programs said is in {self.plan.folder / 'logs'}"

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

        await self._wait(programs, lambda _: "key" in receiver.says, what)
        self.line.note(
            "channel",
            f"{one.id} sends {1 / PAUSE_S:.0f} sealed messages a second to {other.id}, with a new "
            f"key every {REKEY_S:g} s.",
        )
        return sender, receiver

    async def _attack(self, users: tuple[Program, Program]) -> None:
        """Attack the last hop of the route in use, and watch what happens."""
        await self._pass(min(12.0, self.seconds / 6))
        state = await self._look()
        route = self._route(state)
        hop = (route[-2], route[-1])
        links = [link for link in self._links if set(link.ends) == set(hop)]
        began = time.time()
        for link in links:
            Control(addresses_in(self.plan.photons(link.name))["control"]).switch_on("intercept-resend", fraction=1.0)
        names = " and ".join(link.name for link in links)
        self.line.note(
            "attack", f"Eve measures every photon of {names} ({hop[0]}-{hop[1]}) and sends on what she found."
        )
        before = dict(users[1].says.get("received", {}))
        seen: dict[str, float] = {}
        while await self._left_s() > 0 and not {"alarm", "route", "relay"} <= set(seen):
            state = await self._look()
            for entry in state["log"]:
                kind = self._kind(entry, hop, {link.name for link in links}) if entry["at_utc"] >= began else None
                if kind is not None and kind not in seen and (kind != "relay" or "route" in seen):
                    seen[kind] = entry["at_utc"]
                    text = {"relay": "The first key has come over the new route: "}.get(kind, "") + entry["text"]
                    self.line.note(kind, text, at_utc=entry["at_utc"])
            await asyncio.sleep(0.2)
        for kind, what in (("alarm", "alarm"), ("route", "new route"), ("relay", "key over the new route")):
            if kind in seen:
                self.line.figures[f"attack_to_{kind}_s"] = round(seen[kind] - began, 2)
            else:
                why = f": {self._patience.why}; {ADVICE}" if self._patience.why else ""
                self.line.fault(f"There was no {what} within {self._patience.clock_s:.0f} s{why}.")
        self.line.figures["messages_before_attack"] = before.get("n_good", 0)
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
        while await self._left_s() > 0:
            state = await self._look()
            cleared = [e for e in state["log"] if e["kind"] == "cleared" and e["at_utc"] >= (self._wave or 0)]
            if cleared:
                self.line.note("cleared", cleared[0]["text"], at_utc=cleared[0]["at_utc"])
                break
            await asyncio.sleep(0.5)
        while self.with_page and await self._left_s() > 0:  # somebody may look
            await asyncio.sleep(0.5)
        sender, receiver = users
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
            f"{figures['messages']} messages under {figures['keys']} keys, {figures['lost']} lost, "
            f"{figures['undecipherable']} undecipherable, longest gap {figures['longest_gap_s']} s.",
        )

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
            "audit", f"{len(audits)} audits of {len(names)} stores, {sifted} sifted bits: {len(faults)} faults."
        )
        figures = self.line.figures
        if "attack_to_route_s" in figures:
            self.line.note(
                "result",
                f"From the attack it took {figures.get('attack_to_alarm_s', '?')} s to the alarm, "
                f"{figures['attack_to_route_s']} s to the new route, {figures.get('attack_to_relay_s', '?')} s to key "
                "over it.",
            )

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
        with suppress(DeviceError):
            return "-".join(self._route(state))
        return "a route that has gone since"


def _stock(state: dict[str, Any], one: str, other: str) -> int:
    return int(next(node for node in state["nodes"] if node["name"] == one)["stock_bits"].get(other, 0))


async def run_demo(
    file: Path | None,
    *,
    folder: Path | None = None,
    seconds: float = 90.0,
    with_page: bool = True,
    say: Callable[[float, str, str], None] | None = None,
) -> Timeline:
    """Run a demonstration from beginning to end.

    Args:
        file: The network's TOML file; the Tokyo network where not given.
        folder: The network's folder, which is kept; a temporary one where not given.
        seconds: As :class:`Show`.
        with_page: Likewise.
        say: Told of each event.

    Returns:
        What happened; :attr:`~kakehashi.qkd.demo.timeline.Timeline.is_good` says whether all went well.

    Raises:
        InputError: The file is wrong.
        DeviceError: A program did not start, or there was no key.
    """
    timeline = Timeline(say=say)
    base = folder or Path(tempfile.mkdtemp(prefix="kakehashi-"))
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError, RuntimeError, ValueError):  # outside of the main thread
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: task.cancel() if task else None)
    try:
        with resources.as_file(resources.files("kakehashi.qkd.network") / "data" / "tokyo.toml") as tokyo:
            plan = set_up(file or tokyo, base)
        await Show(plan, timeline, seconds=seconds, with_page=with_page).run()
    except asyncio.CancelledError:
        timeline.fault("It was stopped before the end.")
    except KakehashiError as error:
        timeline.fault(str(error))
        if folder is None:
            timeline.note("logs", f"What the programs said is in {base / 'logs'}.")
            return timeline
    if folder is None:
        shutil.rmtree(base, ignore_errors=True)
    return timeline
