"""Two chains with rungs between them, laid onto a processor: the layout of local cluster Jastrow circuits.

Orbitals of each spin lie on a line of neighbouring qubits, and some orbitals of equal number interact across. On a
square lattice two neighbouring rows hold all of it. On a heavy-hex lattice two zig-zag lines run beside each other, one
qubit between them at every fourth site: that qubit, an ancilla in ``|0>``, bridges the rung. As the rung's gate is
diagonal, the bridge takes the parity of one end, has the gate with the other, and gives the parity back: two CX in
place of a swap there and a swap back.

Source: layout of Motta, Sung, Whaley, Head-Gordon, Shee, Chem. Sci. 14, 11213 (2023), doi:10.1039/D3SC02516K.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.circuit.parity import Edge, interaction_pairs_of, neighbours_of, why_no_embedding
from kakehashi.circuit.unitaries import GATES

__all__ = ["Embedding", "Ladder", "bridge_rungs", "embed_ladder", "find_ladder", "find_ladder_in"]

CALL_LIMIT = 300_000
"""Most steps of the search for all rungs. A million steps take about a second."""

SOME_LIMIT = 100_000
"""Most steps of each search for some of the rungs."""

SQUARE_DEGREE = 4
PLACES = 400
"""Most places that are looked at for the fewest missing rungs."""

MIN_RUNGS = 2

STEPS = (1, 2, 3, 4)
"""Distances of rungs that are looked for where the qubits are not in natural order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Two chains of equal length with rungs.

    Attributes:
        left: Qubits of one chain, in order.
        right: Qubits of the other.
        rungs: Positions at which the chains interact, ascending.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    rungs: tuple[int, ...]

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All pairs of the ladder that interact."""
        chains = [pair for chain in (self.left, self.right) for pair in pairwise(chain)]
        return (*chains, *((self.left[p], self.right[p]) for p in self.rungs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """Where a ladder lies.

    Attributes:
        left: Physical qubits of the first chain.
        right: Physical qubits of the second.
        bridges: ``(position, physical qubit)`` of the rungs that run over an ancilla.
        direct: Positions of the rungs whose ends are neighbours.
        missing: Positions of the rungs for which there was no room; they need swaps.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    bridges: tuple[tuple[int, int], ...] = ()
    direct: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()


def find_ladder(circuit: GateCircuit) -> Ladder | None:
    """The ladder that a circuit's interactions form, or None where they form none.

    The natural order is tried first: the first half of the qubits is one chain, the second half the other. Otherwise
    the interactions are compared, as a graph, with ladders that have rungs at every first to fourth site.

    Example:
        >>> chain = [Operation(name="cz", qubits=pair) for pair in [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3)]]
        >>> find_ladder(GateCircuit(n_qubits=6, operations=tuple(chain))).rungs
        (0,)
    """
    return find_ladder_in(interaction_pairs_of(circuit))


def find_ladder_in(interactions: Iterable[Edge]) -> Ladder | None:
    """The ladder that pairs of qubits form, or None; as :func:`find_ladder`.

    Example:
        >>> find_ladder_in([(0, 1), (2, 3), (0, 2), (1, 3)]).rungs
        (0, 1)
    """
    pairs = {(min(pair), max(pair)) for pair in interactions}
    qubits = sorted({q for pair in pairs for q in pair})
    length = len(qubits) // 2
    if len(qubits) % 2 or length < 2:
        return None
    left, right = tuple(qubits[:length]), tuple(qubits[length:])
    chains = set(Ladder(left=left, right=right, rungs=()).edges)
    rest = pairs - chains
    if chains <= pairs and rest and rest <= {(a, b) for a, b in zip(left, right, strict=True)}:
        return Ladder(left=left, right=right, rungs=tuple(sorted(left.index(a) for a, _ in rest)))
    n_rungs = len(pairs) - 2 * (length - 1)
    if n_rungs < MIN_RUNGS:
        return None  # with one rung or none it is a tree, which a search for layouts handles
    for step in STEPS:
        for first in range(step):
            rungs = tuple(range(first, length, step))
            if len(rungs) == n_rungs:
                found = _match(pairs, length, rungs)
                if found is not None:
                    return found
    return None


def _match(pairs: set[Edge], length: int, rungs: tuple[int, ...]) -> Ladder | None:
    """The circuit's qubits in the order of a given ladder."""
    model = Ladder(left=tuple(range(length)), right=tuple(range(length, 2 * length)), rungs=rungs)
    mapping = next(_subgraphs(model.edges, pairs), None)
    if mapping is None:
        return None
    return Ladder(left=tuple(mapping[q] for q in model.left), right=tuple(mapping[q] for q in model.right), rungs=rungs)


def _subgraphs(
    pattern: Iterable[Edge],
    host: Iterable[Sequence[int]],
    *,
    call_limit: int = CALL_LIMIT,
    loose: frozenset[Edge] = frozenset(),
    weak: frozenset[Edge] = frozenset(),
) -> Iterator[dict[int, int]]:
    """Ways to lay a pattern onto a host graph, as dictionaries from the pattern's vertices to the host's.

    Only the pattern's loose edges may lie on the host's weak ones.
    """
    import rustworkx

    graphs, numbers = [], []
    for edges, special in ((pattern, loose), (host, weak)):
        listed = [(int(a), int(b)) for a, b in edges]
        vertices = sorted({v for pair in listed for v in pair})
        place = {v: k for k, v in enumerate(vertices)}
        graph = rustworkx.PyGraph(multigraph=False)
        graph.add_nodes_from(vertices)
        graph.add_edges_from([(place[a], place[b], (a, b) in special) for a, b in listed])
        graphs.append(graph)
        numbers.append(vertices)
    found = rustworkx.vf2_mapping(
        graphs[1],
        graphs[0],
        subgraph=True,
        induced=False,
        call_limit=call_limit,
        edge_matcher=(lambda on, what: what or not on) if weak else None,
    )
    for mapping in found:
        yield {numbers[0][small]: numbers[1][big] for big, small in mapping.items()}


def embed_ladder(
    length: int, rungs: Sequence[int], edges: Iterable[Sequence[int]], *, weak: Iterable[Sequence[int]] = ()
) -> Embedding | None:
    """A place for a ladder on a processor's graph, with as many rungs as the bounded search finds room for.

    Rungs join neighbours on square lattices and run over one ancilla each on heavy-hex ones; a rung that would need a
    dead edge counts as missing. Where the whole ladder has no place, rungs of one end or the other
    are left out, down to two separate chains.

    Args:
        length: Sites of each chain.
        rungs: Positions of the rungs.
        edges: Pairs of qubits that the processor joins and that can be used.
        weak: Pairs that it joins but that cannot be used.

    Returns:
        The place, or None where not even two separate chains fit.

    Example:
        >>> square = [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5), (1, 6)]
        >>> place = embed_ladder(3, (0,), square)
        >>> place.direct, place.bridges, place.missing
        ((0,), (), ())
    """
    host = [(int(a), int(b)) for a, b in edges]
    dead = [(int(a), int(b)) for a, b in weak]
    wanted = tuple(sorted(rungs))
    # On a lattice of degree three a rung between neighbours closes cycles that are too short.
    over_ancilla = max((len(set(near)) for near in neighbours_of([*host, *dead]).values()), default=0) < SQUARE_DEGREE
    for keep in _fewer(wanted):
        limit = CALL_LIMIT if keep in (wanted, ()) else SOME_LIMIT
        spare = dead if keep == wanted else []
        best: Embedding | None = None
        for k, place in enumerate(_places(length, keep, wanted, over_ancilla and bool(keep), host, spare, limit)):
            if best is None or len(place.missing) < len(best.missing):
                best = place
            if len(best.missing) == len(wanted) - len(keep) or k >= PLACES:
                break
        if best is not None:
            return best
    return None


def _places(
    length: int,
    keep: tuple[int, ...],
    wanted: tuple[int, ...],
    over_ancilla: bool,
    host: list[Edge],
    dead: list[Edge],
    limit: int,
) -> Iterator[Embedding]:
    """Places of the ladder with some of its rungs."""
    left, right = tuple(range(length)), tuple(range(length, 2 * length))
    chains = Ladder(left=left, right=right, rungs=()).edges
    bridge = {p: 2 * length + k for k, p in enumerate(keep)} if over_ancilla else {}
    across = [pair for p, q in bridge.items() for pair in ((left[p], q), (q, right[p]))]
    if not over_ancilla:
        across = [(left[p], right[p]) for p in keep]
    if why_no_embedding([*chains, *across], [*host, *dead]) is not None:
        return
    works = {frozenset(pair) for pair in host}
    found = _subgraphs(
        [*chains, *across],
        [*host, *dead],
        call_limit=limit,
        loose=frozenset(across),
        weak=frozenset(dead),
    )
    for at in found:
        ends = {
            p: [(left[p], bridge[p]), (bridge[p], right[p])] if over_ancilla else [(left[p], right[p])] for p in keep
        }
        alive = [p for p in keep if all(frozenset((at[a], at[b])) in works for a, b in ends[p])]
        yield Embedding(
            left=tuple(at[q] for q in left),
            right=tuple(at[q] for q in right),
            bridges=tuple((p, at[bridge[p]]) for p in alive) if over_ancilla else (),
            direct=() if over_ancilla else tuple(alive),
            missing=tuple(p for p in wanted if p not in alive),
        )


def _fewer(rungs: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """All rungs, then all but one, half, a quarter of them, one, and none."""
    n = len(rungs)
    for n_kept in sorted({n, n - 1, n // 2, n // 4, 1, 0} - {-1}, reverse=True):
        if n_kept <= n:
            yield rungs[:n_kept]
            if 0 < n_kept < n:
                yield rungs[n - n_kept :]


def bridge_rungs(circuit: GateCircuit, ladder: Ladder, positions: Sequence[int]) -> GateCircuit | None:
    """The circuit with the gates of some rungs over ancillas, which are appended as its last qubits.

    Every gate of such a rung must be diagonal, for then the parity of one end can stand for that end. The ancillas
    start and end in ``|0>``.

    Args:
        circuit: The circuit.
        ladder: Its ladder.
        positions: Rungs that run over an ancilla; the k-th one gets qubit ``circuit.n_qubits + k``.

    Returns:
        The circuit, or None where a rung has a gate that is not diagonal.

    Example:
        >>> rung = GateCircuit(n_qubits=2, operations=(Operation(name="rzz", qubits=(0, 1), parameters=(0.3,)),))
        >>> over = bridge_rungs(rung, Ladder(left=(0,), right=(1,), rungs=(0,)), (0,))
        >>> [(gate.name, gate.qubits) for gate in over]
        [('cx', (0, 2)), ('rzz', (2, 1)), ('cx', (0, 2))]
    """
    ancilla = {
        frozenset((ladder.left[p], ladder.right[p])): (ladder.left[p], circuit.n_qubits + k)
        for k, p in enumerate(positions)
    }
    operations: list[Operation] = []
    for operation in circuit.operations:
        end, over = ancilla.get(frozenset(operation.qubits), (-1, -1))
        if over < 0 or not operation.is_unitary:
            operations.append(operation)
            continue
        if operation.name not in GATES or not GATES[operation.name].diagonal or operation.condition is not None:
            return None
        copy = Operation(name="cx", qubits=(end, over))
        moved = Operation(
            name=operation.name,
            qubits=tuple(over if q == end else q for q in operation.qubits),
            parameters=operation.parameters,
        )
        operations += [copy, moved, copy]
    return GateCircuit(
        n_qubits=circuit.n_qubits + len(ancilla),
        n_bits=circuit.n_bits,
        operations=tuple(operations),
        name=circuit.name,
        metadata=circuit.metadata,
    )
