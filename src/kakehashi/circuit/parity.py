"""Whether a circuit can lie on a processor without a swap: cheap proofs that it cannot.

Square and heavy-hex lattices are bipartite, so no circuit whose interactions close a cycle of odd length fits onto
them as it is. One breadth-first search shows such a cycle in time linear in the number of pairs, where the search for
a subgraph isomorphism (VF2) that has no such test goes on until its limit.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from kakehashi.circuit.gates import GateCircuit

__all__ = ["Edge", "find_odd_cycle", "interaction_pairs_of", "why_no_embedding"]

Edge: TypeAlias = tuple[int, int]
"""A pair of vertices; the order of the two has no meaning."""


def interaction_pairs_of(circuit: GateCircuit) -> dict[Edge, int]:
    """Pairs of qubits that gates join, the smaller number first, with the number of gates on each.

    Gates on three qubits or more count for each of their pairs.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> interaction_pairs_of(GateCircuit(n_qubits=3, operations=(
        ...     Operation(name="cx", qubits=(1, 0)), Operation(name="rzz", qubits=(0, 1), parameters=(0.1,)))))
        {(0, 1): 2}
    """
    pairs: Counter[Edge] = Counter()
    for operation in circuit.operations:
        if operation.is_unitary and len(operation.qubits) > 1:
            ordered = sorted(operation.qubits)
            pairs.update((a, b) for k, a in enumerate(ordered) for b in ordered[k + 1 :])
    return dict(pairs)


def neighbours_of(edges: Iterable[Sequence[int]]) -> dict[int, list[int]]:
    """Neighbours of each vertex that has any, in the order of the edges."""
    neighbours: dict[int, list[int]] = {}
    for a, b in edges:
        neighbours.setdefault(int(a), []).append(int(b))
        neighbours.setdefault(int(b), []).append(int(a))
    return neighbours


def find_odd_cycle(edges: Iterable[Sequence[int]]) -> tuple[int, ...] | None:
    """A cycle of odd length, or None where the graph is bipartite.

    Args:
        edges: Pairs of vertices.

    Returns:
        The cycle's vertices in order, each once.

    Example:
        >>> find_odd_cycle([(0, 1), (1, 2), (2, 3), (3, 0)]) is None
        True
        >>> len(find_odd_cycle([(0, 1), (1, 2), (2, 3), (3, 4), (4, 2)]))
        3
    """
    neighbours = neighbours_of(edges)
    depth: dict[int, int] = {}
    parent: dict[int, int] = {}
    for start in neighbours:
        if start in depth:
            continue
        depth[start] = 0
        queue = deque([start])
        while queue:
            here = queue.popleft()
            for there in neighbours[here]:
                if there not in depth:
                    depth[there], parent[there] = depth[here] + 1, here
                    queue.append(there)
                elif (depth[there] - depth[here]) % 2 == 0:
                    return _close(here, there, parent)
    return None


def _close(a: int, b: int, parent: dict[int, int]) -> tuple[int, ...]:
    """The cycle that the edge (a, b) closes; a and b are equally deep in one search tree."""
    left, right = [a], [b]
    while left[-1] != right[-1]:
        left.append(parent[left[-1]])
        right.append(parent[right[-1]])
    return (*left, *reversed(right[:-1]))


def why_no_embedding(
    pattern: Iterable[Sequence[int]], edges: Iterable[Sequence[int]], *, host_is_bipartite: bool | None = None
) -> str | None:
    """A proof, as a sentence, that a graph is no subgraph of another; None where these tests cannot tell.

    Args:
        pattern: Pairs of qubits that interact.
        edges: Pairs of qubits that the processor joins.
        host_is_bipartite: Whether the processor's graph is bipartite, where that is known already.

    Example:
        >>> square = [(0, 1), (1, 3), (3, 2), (2, 0)]
        >>> why_no_embedding([(0, 1), (1, 2), (2, 0)], square)
        'The interactions close an odd cycle (3 qubits), and the processor has none.'
        >>> why_no_embedding([(0, 1), (1, 2)], square) is None
        True
    """
    wanted, host = neighbours_of(pattern), neighbours_of(edges)
    if not wanted:
        return None
    have = sorted((len(set(near)) for near in host.values()), reverse=True)
    need = sorted((len(set(near)) for near in wanted.values()), reverse=True)
    if len(need) > len(have):
        return f"{len(need)} qubits interact, and the processor joins {len(have)}."
    for k, degree in enumerate(need):
        if degree > have[k]:
            return f"{k + 1} qubits have {degree} partners or more, and the processor has fewer such qubits."
    cycle = find_odd_cycle([(a, b) for a, near in wanted.items() for b in near if a < b])
    if cycle is None:
        return None
    if host_is_bipartite is None:
        host_is_bipartite = find_odd_cycle([(a, b) for a, near in host.items() for b in near if a < b]) is None
    if not host_is_bipartite:
        return None
    return f"The interactions close an odd cycle ({len(cycle)} qubits), and the processor has none."
