"""Links of a network, simulated beside measured."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from kakehashi.qkd.distill.agreement import agree_on
from kakehashi.qkd.distill.forecast import forecast
from kakehashi.qkd.link.library import source_of
from kakehashi.qkd.link.spec import Grade, LinkSpec
from kakehashi.qkd.network.spec import LinkOfNetwork, NetworkSpec, light_of

__all__ = ["BLOCK_BITS", "Row", "as_json", "as_markdown", "compare_links"]

BLOCK_BITS = 100_000_000
"""Block for which rates are stated: long enough for finite size to matter little, and what published products use."""

REPORTED = (
    ("sifted_kbit_per_s", "sifted", 1, "{:g} kbit/s"),
    ("qber", "QBER", 100, "{:.1f} %"),
    ("secure_kbit_per_s", "key", 1, "{:g} kbit/s"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One link.

    Attributes:
        link: Its name.
        ends: Nodes.
        photons: Name in the library.
        grade: How it is known that these nodes have this link.
        text: From whom.
        length_km: Fibre.
        loss_db: From end to end.
        sifted_kbit_per_s: Simulated rate of sifted key.
        qber: Simulated.
        secret_kbit_per_s: Simulated rate of secret key, with finite size.
        measured: What was measured, read at its source; empty where nothing was.
        unverified: What was reported and not read at its source.
        ratio: Simulated over measured key rate, where that was read at its source and the link is the library's.
    """

    link: str
    ends: tuple[str, str]
    photons: str
    grade: Grade
    text: str
    length_km: float
    loss_db: float
    sifted_kbit_per_s: float
    qber: float
    secret_kbit_per_s: float
    measured: str
    unverified: str
    ratio: float | None


def compare_links(spec: NetworkSpec) -> tuple[Row, ...]:
    """What the simulation gives for each link, from closed formulas, and what was reported of the real one.

    Example:
        >>> from kakehashi.qkd.network.spec import NetworkSpec
        >>> rows = compare_links(NetworkSpec.model_validate({"title": "two", "node": ({"name": "a"}, {"name": "b"}),
        ...     "link": ({"name": "a-b", "sender": "a", "receiver": "b", "photons": "tokyo-koganei-loop-ntt"},)}))
        >>> rows[0].measured
        'key 2 kbit/s'
    """
    return tuple(_row(link) for link in spec.link)


def _row(link: LinkOfNetwork) -> Row:
    light = light_of(link)
    expected = forecast(light, agree_on(link.name, light, block_bits=BLOCK_BITS))
    is_as_reported = link.length_km is None and link.loss_db is None
    measured, unverified = (_reported(light, is_verified=v) if is_as_reported else "" for v in (True, False))
    source = source_of(light, "reported.secure_kbit_per_s")
    key = light.reported.secure_kbit_per_s if light.reported else None
    is_known = is_as_reported and key is not None and source is not None and source.grade == "published"
    return Row(
        link=link.name,
        ends=link.ends,
        photons=link.photons,
        grade=link.grade,
        text=link.text,
        length_km=light.fibre.length_km,
        loss_db=light.fibre.total_loss_db,
        sifted_kbit_per_s=expected.sifted_bit_per_s / 1e3,
        qber=expected.qber,
        secret_kbit_per_s=expected.secret_bit_per_s / 1e3,
        measured=measured,
        unverified=unverified,
        ratio=expected.secret_bit_per_s / 1e3 / key if is_known and key else None,
    )


def _reported(light: LinkSpec, *, is_verified: bool) -> str:
    found = []
    for key, name, factor, form in REPORTED:
        value = getattr(light.reported, key, None)
        source = source_of(light, f"reported.{key}")
        if value is not None and (source is not None and source.grade == "published") is is_verified:
            found.append(f"{name} {form.format(factor * value)}")
    return ", ".join(found)


def as_json(row: Row) -> dict[str, Any]:
    """For the command line."""
    return dataclasses.asdict(row)


def as_markdown(spec: NetworkSpec, rows: tuple[Row, ...]) -> str:
    """A page of the table, its sources below it."""
    lines = [
        f"# {spec.title}: simulated against measured",
        "",
        "What the links of the network's file give in simulation, from the closed formulas of the links, with the",
        "proof of each protocol at finite size and blocks of 1e8 sifted bits; beside it what was measured. A number",
        "stands as measured only if it was read at its source; `kakehashi qkd network table` shows the others that are",
        "reported, which are not to be cited. Settings of the real links that nobody published are assumed, some of",
        "them chosen so that the outcome comes near: `kakehashi qkd link show NAME` says for each number how it is",
        "known. So the table shows that plausible settings lead to what was measured; it is no prediction.",
        "",
        "| link | from, to | km | dB | sifted kbit/s | QBER | key kbit/s | measured | simulated / measured |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: |",
    ]
    for row in rows:
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        lines.append(
            f"| {row.link} | {row.ends[0]}, {row.ends[1]} | {row.length_km:g} | {row.loss_db:.1f} | "
            f"{row.sifted_kbit_per_s:,.4g} | {100 * row.qber:.2f} % | {row.secret_kbit_per_s:,.3g} | "
            f"{row.measured} | {ratio} |"
        )
    lines += ["", "## Where the links come from", ""]
    lines += [f"- **{row.link}** (`{row.photons}`), {row.grade}: {row.text}" for row in rows]
    lines += ["", "## Where the nodes come from", ""]
    lines += [f"- **{node.title or node.name}**, {node.grade}: {node.text}" for node in spec.node]
    return "\n".join(lines) + "\n"
