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
from kakehashi.circuit.parity import Edge, interaction_pairs_of
from kakehashi.circuit.unitaries import GATES

__all__ = ["Ladder", "bridge_rungs", "find_ladder", "find_ladder_in"]

CALL_LIMIT = 300_000
"""Most steps in which a circuit's qubits are sought in the order of a ladder."""

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


def _subgraphs(pattern: Iterable[Edge], host: Iterable[Sequence[int]]) -> Iterator[dict[int, int]]:
    """Ways to lay a pattern onto a host graph, as dictionaries from the pattern's vertices to the host's."""
    import rustworkx

    graphs, numbers = [], []
    for edges in (pattern, host):
        listed = [(int(a), int(b)) for a, b in edges]
        vertices = sorted({v for pair in listed for v in pair})
        place = {v: k for k, v in enumerate(vertices)}
        graph = rustworkx.PyGraph(multigraph=False)
        graph.add_nodes_from(vertices)
        graph.add_edges_from([(place[a], place[b], None) for a, b in listed])
        graphs.append(graph)
        numbers.append(vertices)
    found = rustworkx.vf2_mapping(graphs[1], graphs[0], subgraph=True, induced=False, call_limit=CALL_LIMIT)
    for mapping in found:
        yield {numbers[0][small]: numbers[1][big] for big, small in mapping.items()}


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
