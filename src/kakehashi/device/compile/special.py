"""Candidates for circuits that are recognised: fan-outs as broadcast trees, local cluster Jastrow ones as ladders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.ladder_search import Embedding, embed_ladder
from kakehashi.circuit.parity import Edge
from kakehashi.circuit.trees import FanOut, find_fan_outs, graph_centre, grow_tree, tree_depth
from kakehashi.circuit.zigzag import Ladder, bridge_rungs
from kakehashi.device.compile.coupling import Region
from kakehashi.device.compile.score import Scorer

__all__ = ["Placed", "as_ladder", "as_tree", "rewrite_fan_out"]

ROOTS = 8
"""Roots of trees that are tried, from the graph's centre outwards."""

PLACES = 16
"""Places of a ladder that are compared by their errors."""

PARTS = (1.0, 0.85, 0.6)
"""Parts of the edges, the best first, among which trees are grown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """A circuit with a place for each of its qubits.

    Attributes:
        name: The method.
        note: What was recognised, as a sentence.
        circuit: The circuit, rewritten; ancillas of ours stand behind the given qubits. None where it stays as given.
        layout: Physical qubit of each.
        better_than_search: Whether a search for layouts need not be tried beside it.
    """

    name: str
    note: str
    circuit: GateCircuit | None
    layout: tuple[int, ...]
    better_than_search: bool = True


def rewrite_fan_out(circuit: GateCircuit, fan_out: FanOut, pairs: tuple[Edge, ...]) -> GateCircuit:
    """The circuit with the CX gates of a fan-out exchanged for those of another tree on the same qubits.

    Args:
        circuit: The circuit.
        fan_out: One of its fan-outs, from :func:`~kakehashi.circuit.trees.find_fan_outs`.
        pairs: ``(control, target)`` in order: a tree from the root over all members.
    """
    dropped, first = set(fan_out.operations), fan_out.operations[0]
    operations: list[Operation] = []
    for number, operation in enumerate(circuit.operations):
        if number == first:
            operations += [Operation(name="cx", qubits=pair) for pair in pairs]
        if number not in dropped:
            operations.append(operation)
    return replace(circuit, operations=tuple(operations))


def as_tree(circuit: GateCircuit, region: Region, scorer: Scorer) -> Placed | None:
    """A circuit whose only gates on two qubits are one fan-out, as a tree on the region's graph.

    Trees from several roots are grown among all edges and among the better ones; the one whose schedule has the best
    estimate is kept.
    """
    found = find_fan_outs(circuit)
    n_pairs = sum(operation.is_unitary and len(operation.qubits) > 1 for operation in circuit.operations)
    if len(found) != 1 or len(found[0].operations) != n_pairs or n_pairs < 2:
        return None
    fan_out = found[0]
    measured = {q for q, _ in circuit.measured}
    reads = sum(q in measured for q in fan_out.members)
    best: tuple[float, tuple[Edge, ...]] | None = None
    for tree in _trees(region, scorer, len(fan_out.members)):
        nodes = [tree[0][0], *(b for _, b in tree)]
        steps: list[tuple[str, tuple[int, ...], float]] = [
            (scorer.twin.two_qubit_gate, _native(pair, scorer), 0.0) for pair in tree
        ]
        steps += [("measure", (q,), 0.0) for q in nodes[:reads]]
        value = scorer(steps).log_esp
        if best is None or value > best[0]:
            best = (value, tree)
    if best is None:
        return None
    tree = best[1]
    return _lay_tree(circuit, fan_out, tree, region, scorer)


def _native(pair: Edge, scorer: Scorer) -> Edge:
    return pair if pair in scorer.log_two else (pair[1], pair[0])


def _trees(region: Region, scorer: Scorer, n_members: int) -> Iterator[tuple[Edge, ...]]:
    def loss(a: int, b: int) -> float:
        return -scorer.log_two[_native((a, b), scorer)][0] - 0.5 * scorer.log_read[b][0]

    losses = {pair: loss(*pair) for pair in region.edges}
    for part in PARTS:
        limit = np.quantile(list(losses.values()), part)
        kept = [pair for pair, value in losses.items() if value <= limit]
        if len(kept) < n_members - 1:
            continue
        for root in graph_centre(kept)[:ROOTS]:
            for open_first in (True, False):
                tree = grow_tree(kept, root, n_members, cost=loss, open_first=open_first)
                if tree is not None:
                    yield tree


def _lay_tree(circuit: GateCircuit, fan_out: FanOut, tree: tuple[Edge, ...], region: Region, scorer: Scorer) -> Placed:
    nodes = [tree[0][0], *(b for _, b in tree)]
    member = dict(zip(nodes, fan_out.members, strict=True))
    layout = {q: v for v, q in member.items()}
    taken = set(nodes)
    free = sorted((q for q in region.qubits if q not in taken), key=lambda q: -scorer.log_read[q][0])
    rest = [q for q in range(circuit.n_qubits) if q not in layout]
    layout.update(zip(rest, free, strict=False))
    pairs = tuple((member[a], member[b]) for a, b in tree)
    return Placed(
        name="broadcast tree",
        note=(
            f"A fan-out from qubit {fan_out.root} to {len(fan_out.members) - 1} qubits was recognised: as a tree it "
            f"has {tree_depth(tree)} layers of gates."
        ),
        circuit=rewrite_fan_out(circuit, fan_out, pairs),
        layout=tuple(layout[q] for q in range(circuit.n_qubits)),
    )


def as_ladder(
    ladder: Ladder, read: Callable[[], GateCircuit], region: Region, scorer: Scorer, *, n_qubits: int
) -> Placed | None:
    """A circuit whose interactions form two chains with rungs, on the ladder that the region's graph has room for.

    Args:
        ladder: What its interactions form.
        read: Gives the circuit; called only where it must be rewritten.
        region: Where to.
        scorer: Of the twin.
        n_qubits: Of the circuit.
    """
    places = embed_ladder(len(ladder.left), ladder.rungs, region.edges, n_most=PLACES)
    if not places or len(places[0].missing) == len(ladder.rungs):
        return None
    best = max(places, key=lambda place: _value(place, scorer))
    return _lay_ladder(read, ladder, best, region, scorer, n_qubits=n_qubits)


def _value(place: Embedding, scorer: Scorer) -> float:
    """What all couplings and readouts of a place leave, as a logarithm; chains have two gates for each of a bridge."""
    chains = [pair for chain in (place.left, place.right) for pair in pairwise(chain)]
    bridges = [pair for p, q in place.bridges for pair in ((place.left[p], q), (q, place.right[p]))]
    rungs = [*bridges, *((place.left[p], place.right[p]) for p in place.direct)]
    reads = sum(scorer.log_read[q][0] for q in (*place.left, *place.right))
    weights = [*((pair, len(place.left)) for pair in chains), *((pair, 2) for pair in rungs)]
    return reads + sum(n * scorer.log_two[_native(pair, scorer)][0] for pair, n in weights)


def _lay_ladder(
    read: Callable[[], GateCircuit], ladder: Ladder, place: Embedding, region: Region, scorer: Scorer, *, n_qubits: int
) -> Placed | None:
    bridged = bridge_rungs(read(), ladder, [p for p, _ in place.bridges]) if place.bridges else None
    ancillas = [] if bridged is None else [q for _, q in place.bridges]
    layout = dict(zip((*ladder.left, *ladder.right), (*place.left, *place.right), strict=True))
    taken = {*layout.values(), *(q for _, q in place.bridges)}
    free = sorted((q for q in region.qubits if q not in taken), key=lambda q: -scorer.log_read[q][0])
    rest = [q for q in range(n_qubits) if q not in layout]
    if len(rest) > len(free):
        return None
    layout.update(zip(rest, free, strict=False))
    words = (
        f"{len(place.direct)} between neighbours, {len(place.bridges)} over an ancilla, {len(place.missing)} by swaps"
    )
    return Placed(
        name="zig-zag ladder",
        note=f"Two chains of {len(ladder.left)} qubits with {len(ladder.rungs)} rungs were recognised: {words}.",
        circuit=bridged,
        layout=(*(layout[q] for q in range(n_qubits)), *ancillas),
        better_than_search=bool(ancillas),
    )
