"""A compiled circuit moved to where the processor is better, gate for gate the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kakehashi.circuit.parity import Edge
from kakehashi.device.compile.coupling import usable_edges
from kakehashi.device.compile.score import Score, Scorer

__all__ = ["find_better_place"]

Steps = Sequence[tuple[str, tuple[int, ...], float]]

QUANTILES = (0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
"""Parts of the edges, the best first, among which a place is looked for."""

EASY = 40
"""Up to so many edges a circuit has many places, and looking at more of them costs little."""

CALL_LIMITS = (20_000, 15_000)
PLACES = (60, 40)
"""Steps of each search, and places that it gives, of circuits with few edges and of others."""


def find_better_place(
    steps: Steps, scorer: Scorer, *, before: Score | None = None
) -> tuple[dict[int, int], Score] | None:
    """A renaming of physical qubits under which a circuit's estimate is better.

    The circuit's edges are searched for, as a subgraph, among the best of the processor's edges and then among more and
    more of them. Places are ranked by the errors of gates and readouts; of the best few the whole schedule is
    scored.

    Args:
        steps: ``(name, physical qubits, nanoseconds)`` of each operation.
        scorer: Of the twin.
        before: The circuit's score where it is, if known.

    Returns:
        New physical qubit of each that the circuit uses, with the new score; None where nothing better was found.
    """
    before = scorer(steps) if before is None else before
    pairs: Counter[Edge] = Counter()
    singles: Counter[int] = Counter()
    read: Counter[int] = Counter()
    for name, on, _ in steps:
        if len(on) == 2 and name != "barrier":
            pairs[on if scorer.twin.directed else (min(on), max(on))] += 1
        elif name == "measure":
            read[on[0]] += 1
        elif name in scorer.log_one:
            singles[on[0]] += 1
    if not pairs:
        return None
    places = _ranked(pairs, singles, read, scorer)
    best: tuple[dict[int, int], Score] | None = None
    joined = {v for pair in pairs for v in pair}
    others = sorted({q for name, on, _ in steps if name != "barrier" for q in on} - joined)
    for place in places[:4]:
        whole = _with_others(place, others, scorer)
        if whole is None:
            continue
        after = scorer((name, tuple(whole[q] for q in on if q in whole), t) for name, on, t in steps if on[0] in whole)
        if after.log_esp > (before if best is None else best[1]).log_esp + 1e-12:
            best = (whole, after)
    return best


def _ranked(
    pairs: Mapping[Edge, int], singles: Mapping[int, int], read: Mapping[int, int], scorer: Scorer
) -> list[dict[int, int]]:
    vertices = sorted({v for pair in pairs for v in pair})
    found: list[tuple[float, dict[int, int]]] = []
    one = scorer.log_one.get("sx") or scorer.log_one.get("x") or [(0.0, 0.0)] * scorer.twin.n_qubits
    seen: set[tuple[int, ...]] = set()
    for mapping in _places(pairs, scorer):
        key = tuple(mapping[v] for v in vertices)
        if key in seen:
            continue
        seen.add(key)
        value = sum(n * scorer.log_two[mapping[a], mapping[b]][0] for (a, b), n in pairs.items())
        value += sum(singles.get(v, 0) * one[mapping[v]][0] for v in vertices)
        value += sum(read.get(v, 0) * scorer.log_read[mapping[v]][0] for v in vertices)
        found.append((value, mapping))
    return [mapping for _, mapping in sorted(found, key=lambda item: -item[0])]


def _places(pairs: Mapping[Edge, int], scorer: Scorer) -> Iterator[dict[int, int]]:
    import rustworkx

    twin = scorer.twin
    kind: Any = rustworkx.PyDiGraph if twin.directed else rustworkx.PyGraph
    vertices = sorted({v for pair in pairs for v in pair})
    small = kind(multigraph=False)
    small.add_nodes_from(vertices)
    place = {v: k for k, v in enumerate(vertices)}
    small.add_edges_from([(place[a], place[b], None) for a, b in pairs])
    usable = usable_edges(twin)
    loss = np.array([-scorer.log_two[pair][0] - 0.5 * sum(scorer.log_read[q][0] for q in pair) for pair in usable])
    for part in QUANTILES:
        limit = float(np.quantile(loss, part))
        kept = [pair for pair, e in zip(usable, loss, strict=True) if e <= limit]
        hosts = sorted({v for pair in kept for v in pair})
        if len(hosts) < len(vertices) or len(kept) < len(pairs):
            continue
        number = {v: k for k, v in enumerate(hosts)}
        big = kind(multigraph=False)
        big.add_nodes_from(hosts)
        big.add_edges_from([(number[a], number[b], None) for a, b in kept])
        maps = rustworkx.vf2_mapping(
            big, small, subgraph=True, induced=False, call_limit=CALL_LIMITS[len(pairs) > EASY]
        )
        for k, mapping in enumerate(maps):
            yield {vertices[s]: hosts[b] for b, s in mapping.items()}
            if k + 1 >= PLACES[len(pairs) > EASY]:
                break


def _with_others(place: dict[int, int], others: Sequence[int], scorer: Scorer) -> dict[int, int] | None:
    """Qubits without a partner go to the free qubits with the best readout."""
    taken = set(place.values())
    free = sorted(
        (int(q) for q in np.flatnonzero(scorer.twin.present) if q not in taken), key=lambda q: -scorer.log_read[q][0]
    )
    if len(others) > len(free):
        return None
    return {**place, **dict(zip(others, free, strict=False))}
