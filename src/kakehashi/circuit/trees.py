"""Fan-outs as trees: the state that a chain of CX makes, made in as many layers as the processor's graph allows.

A qubit in any state ``a|0> + b|1>`` and CX gates from it and from its copies onto fresh qubits give
``a|0...0> + b|1...1>``, whatever the tree in which the copies were made. A chain, as textbooks write GHZ states, has as
many layers as copies; a tree in which every reached qubit serves one more neighbour per layer has far fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kakehashi.circuit.gates import GateCircuit
from kakehashi.circuit.parity import Edge, neighbours_of
from kakehashi.core.errors import InputError

__all__ = ["FanOut", "find_fan_outs", "graph_centre", "grow_tree", "tree_depth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """A fan-out at the start of a circuit.

    Attributes:
        root: The qubit that is copied.
        members: All qubits that end in the copied state, the root first.
        operations: Numbers of the CX gates that make the copies, ascending.
    """

    root: int
    members: tuple[int, ...]
    operations: tuple[int, ...]


def find_fan_outs(circuit: GateCircuit) -> tuple[FanOut, ...]:
    """The fan-outs that a circuit begins with, all qubits being in ``|0>`` at first.

    A CX belongs to one if nothing but a member's CX gates has touched its control since that became a member (or
    nothing but gates on one qubit, of the root), and nothing at all has touched its target. All such CX gates can be
    moved to the front, behind the root's own gates, since whatever stands between acts on other qubits.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> cx = [Operation(name="cx", qubits=(q, q + 1)) for q in range(3)]
        >>> find_fan_outs(GateCircuit(n_qubits=4, operations=(Operation(name="h", qubits=(0,)), *cx)))
        (FanOut(root=0, members=(0, 1, 2, 3), operations=(1, 2, 3)),)
    """
    fresh, single, used = 0, 1, 2
    state = [fresh] * circuit.n_qubits
    tree: dict[int, int] = {}  # qubit, while it can still be copied: its root
    members: dict[int, list[int]] = {}
    numbers: dict[int, list[int]] = {}
    for number, operation in enumerate(circuit.operations):
        on = operation.qubits
        if operation.name == "cx" and operation.condition is None and state[on[1]] == fresh:
            control, copy = on
            if control not in tree and state[control] == single:
                tree[control] = control
                members[control], numbers[control] = [control], []
            if control in tree:
                root = tree[control]
                members[root].append(copy)
                numbers[root].append(number)
                tree[copy] = root
                state[control] = state[copy] = used
                continue
        alone = len(on) == 1 and operation.is_unitary and operation.condition is None
        for q in on:
            tree.pop(q, None)
            state[q] = single if alone and state[q] != used else used
    return tuple(
        FanOut(root=root, members=tuple(members[root]), operations=tuple(numbers[root])) for root in sorted(members)
    )


def grow_tree(
    edges: Iterable[Sequence[int]],
    root: int,
    n_members: int,
    *,
    cost: Callable[[int, int], float] | None = None,
    open_first: bool = True,
) -> tuple[Edge, ...] | None:
    """A broadcast tree: in every layer each reached vertex takes one neighbour that is not reached yet.

    Among the neighbours, the one with most free neighbours of its own goes first, or the one with fewest: the former
    is better in the open, the latter where the tree must also fill corners. Among equals the one of least cost.

    Args:
        edges: Pairs of vertices.
        root: Where it starts.
        n_members: Number of vertices to reach, the root among them.
        cost: Of going from one vertex to the next, such as its gate's error; by default all are equal.
        open_first: Whether neighbours with most free neighbours go first.

    Returns:
        ``(from, to)`` in the order of their layers, or None where too few vertices can be reached.

    Example:
        >>> grow_tree([(0, 1), (1, 2), (2, 3), (3, 4)], 2, 5)
        ((2, 1), (2, 3), (1, 0), (3, 4))
    """
    neighbours = {vertex: set(near) for vertex, near in neighbours_of(edges).items()}
    if n_members < 1:
        raise InputError(f"A tree has at least one vertex, but `n_members` is {n_members}.")
    sign = -1 if open_first else 1
    reached, active, tree = {root}, [root], []
    while len(reached) < n_members:
        grown: list[int] = []
        for here in active:
            free = [there for there in neighbours.get(here, ()) if there not in reached]
            if not free or len(reached) == n_members:
                continue
            there = min(
                free,
                key=lambda v: (
                    sign * sum(w not in reached for w in neighbours[v]),
                    0.0 if cost is None else cost(here, v),
                    v,
                ),
            )
            tree.append((here, there))
            reached.add(there)
            grown.append(there)
        if not grown:
            return None
        active = [v for v in (*active, *grown) if any(w not in reached for w in neighbours[v])]
    return tuple(tree)


def tree_depth(tree: Sequence[Edge]) -> int:
    """Layers of a tree's gates when each starts as soon as both its qubits are free.

    Example:
        >>> tree_depth([(0, 1), (1, 2), (0, 3)])
        2
    """
    level: dict[int, int] = {}
    for a, b in tree:
        level[a] = level[b] = 1 + max(level.get(a, 0), level.get(b, 0))
    return max(level.values(), default=0)


def graph_centre(edges: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """Vertices by how far the farthest other one is, the nearest first; only those of the largest component.

    Example:
        >>> graph_centre([(0, 1), (1, 2), (2, 3), (3, 4)])
        (2, 1, 3, 0, 4)
    """
    import rustworkx

    listed = [(int(a), int(b)) for a, b in edges]
    vertices = sorted({v for pair in listed for v in pair})
    if not vertices:
        return ()
    place = {v: k for k, v in enumerate(vertices)}
    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(vertices)
    graph.add_edges_from([(place[a], place[b], None) for a, b in listed])
    distance = rustworkx.distance_matrix(graph, null_value=-1.0)
    sizes = (distance >= 0).sum(axis=1)
    far = distance.max(axis=1)
    return tuple(v for _, v in sorted((far[k], v) for k, v in enumerate(vertices) if sizes[k] == sizes.max()))
