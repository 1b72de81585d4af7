"""What was measured of the network of trusted nodes, from verification/results, for `tabulate.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["network_tables"]

RESULTS = Path(__file__).resolve().parents[1] / "verification" / "results"
Markdown = Callable[[list[str], list[list[str]]], str]

SHOWN = ("attack", "alarm", "route", "relay", "traffic", "audit")
"""Events of the demonstration that stand in README.md."""
TIMES = {
    "all programs up to first key": "first_key_s",
    "attack to alarm": "attack_to_alarm_s",
    "attack to new route": "attack_to_route_s",
    "attack to first key over it": "attack_to_relay_s",
    "longest time between two messages": "longest_gap_s",
}


def _read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return document


def _about(document: dict[str, Any]) -> str:
    machine, commit = document["provenance"]["machine"], document["provenance"]["commit"]
    return f"\nMeasured on {machine['processor']}, {machine['n_processors']} cores, at commit `{commit}`.\n"


def _range(values: list[float], form: str) -> str:
    least, most = format(min(values), form), format(max(values), form)
    return least if least == most else f"{least} to {most}"


def demo(_: Markdown) -> str:
    """What the first of the demonstrations said."""
    events = _read("key_network_demo")["quiet"][0]["events"]
    lines = [f"{e['at_s']:7.1f} s  {e['kind']:<9} {e['text']}\n" for e in events if e["kind"] in SHOWN]
    return f"```text\n{''.join(lines)}```\n"


def demo_times(markdown: Markdown) -> str:
    """How long the demonstration takes, on a quiet machine and held back."""
    document = _read("key_network_demo")
    groups = (document["quiet"], [document["busy"]])

    def row(words: str, value: Callable[[dict[str, Any]], float], form: str) -> list[str]:
        return [words, *(_range([value(run) for run in group], form) for group in groups)]

    rows = [
        row("processors in use, on average", lambda run: run["processors"], ".2f"),
        *(row(f"{words} / s", lambda run, name=name: run["figures"][name], ".2f") for words, name in TIMES.items()),
        row("all of it / s", lambda run: run["wall_s"], ".0f"),
        row("messages", lambda run: run["figures"]["messages"], ",d"),
        row(
            "of them lost or not to be read",
            lambda run: sum(run["figures"][n] for n in ("lost", "undecipherable")),
            "d",
        ),
    ]
    n_runs, n_loops = len(document["quiet"]), document["busy"]["loops"]
    columns = ["", f"as it is, {n_runs} runs", f"on one processor beside {n_loops} busy loops"]
    load = f"\nPrograms that ran or waited beforehand, on average: {document['load_before']:.1f}.\n"
    return markdown(columns, rows) + load + _about(document)


def storm(markdown: Markdown) -> str:
    """What the last storm did, and what came of it."""
    document = _read("key_network")
    keys, ledger, events = document["keys"], document["ledger"], document["events"]
    light = list(document["simulated_s"].values())
    killed = f"{events.get('kill node', 0)} nodes, {events.get('kill photons', 0)} simulators"
    rows = [
        ["light on each link / s", _range(light, ",.0f")],
        ["killed and started again", killed],
        ["links listened to, cut", f"{events.get('intercept-resend', 0)}, {events.get('cut', 0)}"],
        ["keys at the first user, at both", f"{keys['keys at the master']:,}, {keys['keys at both']:,}"],
        ["requests of the first user that got no key", str(keys.get("no key", 0))],
        [
            "keys late at the second user, by at most",
            f"{keys['late at the slave']:,}, {keys['longest wait of a late key']:g} s",
        ],
        ["answers lost with a killed node", f"{keys['answers lost with a killed node']}"],
        [
            "keys that came twice, differed, or are missing unexplained",
            ", ".join(
                str(n)
                for n in (
                    keys["a key id twice at the master"] + keys["twice at the slave"] + keys["same bits twice"],
                    keys["different"],
                    keys["never given and unexplained"],
                )
            ),
        ],
        ["faults that the audits found", f"{len(ledger['faults'])} in {ledger['audits']}"],
    ]
    if "sifted_bits" in ledger:
        rows.append(["sifted bits of all links, each counted at one end", f"{ledger['sifted_bits']:,}"])
    return markdown([f"a storm of {document['seconds']:.0f} s", ""], rows) + _about(document)


def network_tables(markdown: Markdown) -> dict[str, Callable[[], str]]:
    """By name, what fills each place.

    Args:
        markdown: Writes a table from its columns and rows.
    """
    makers = {"key-network-demo": demo, "key-network-times": demo_times, "key-network-storm": storm}
    return {name: partial(make, markdown) for name, make in makers.items()}
