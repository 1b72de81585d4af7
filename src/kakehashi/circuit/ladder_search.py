"""Where two chains with rungs fit on a processor: both are grown in step, and places that lose too many rungs are left.

A subgraph search that knows nothing of ladders gives up on a lattice with a few dead couplings. Grown in step, site by
site, the chains are held together by their rungs, so that few branches stay open: whether all rungs fit on a 156-qubit
heavy-hex lattice is decided in some ten thousand steps, and so is how few have to go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Embedding", "embed_ladder"]

MOST_STEPS = 250_000
"""Of the search for each number of missing rungs; about a second."""

APART = 4
"""Most steps between the first sites of the two chains."""


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


class _Search:
    """Both chains as far as they have grown."""

    def __init__(self, length: int, rungs: Sequence[int], edges: Iterable[Sequence[int]], most_missing: int) -> None:
        self._length = length
        self._rungs = frozenset(rungs)
        self._near: dict[int, list[int]] = {}
        for a, b in sorted({(min(int(a), int(b)), max(int(a), int(b))) for a, b in edges}):
            self._near.setdefault(a, []).append(b)
            self._near.setdefault(b, []).append(a)
        self._most_missing = most_missing
        # Hops that the tips of both chains may be apart at each site for each rung to come: each site can bring them
        # nearer by two, and a rung over an ancilla spans two.
        self._may_be_apart = [[2 * (r - site) + 2 for r in sorted(self._rungs) if r >= site] for site in range(length)]
        self._hops: dict[int, dict[int, int]] = {}
        self._left: list[int] = []
        self._right: list[int] = []
        self._bridge: dict[int, int | None] = {}
        self._used: set[int] = set()
        self.steps = 0

    def places(self) -> Iterator[Embedding]:
        """All places with at most so many rungs missing, until the steps are used up."""
        for a in self._near:
            for b in sorted(self._around(a)):
                yield from self._take(a, b, 0)

    def _around(self, start: int) -> set[int]:
        """Qubits a few steps away."""
        seen = frontier = {start}
        for _ in range(APART):
            frontier = {q for p in frontier for q in self._near[p]} - seen
            seen = seen | frontier
        return seen - {start}

    def _take(self, a: int, b: int, missing: int) -> Iterator[Embedding]:
        """Give the next site of each chain a qubit, and go on."""
        site = len(self._left)
        if missing + bisect_left(self._may_be_apart[site], self._apart(a, b)) > self._most_missing:
            return  # so many rungs cannot be reached any more
        self._used.update((a, b))
        self._left.append(a)
        self._right.append(b)
        if site not in self._rungs:
            yield from self._grow(missing)
        else:
            for bridge in self._bridges(a, b):
                self._bridge[site] = bridge
                if bridge is not None:
                    self._used.add(bridge)
                yield from self._grow(missing)
                self._used.discard(-1 if bridge is None else bridge)
                del self._bridge[site]
            if missing < self._most_missing:
                yield from self._grow(missing + 1)
        self._left.pop()
        self._right.pop()
        self._used.difference_update((a, b))

    def _apart(self, a: int, b: int) -> int:
        """Hops between two qubits."""
        if a not in self._hops:
            hops, frontier = {a: 0}, [a]
            for p in frontier:
                for q in self._near[p]:
                    if q not in hops:
                        hops[q] = hops[p] + 1
                        frontier.append(q)
            self._hops[a] = hops
        return self._hops[a][b]

    def _bridges(self, a: int, b: int) -> list[int | None]:
        """Ways to join two qubits: as neighbours (None), or over a free qubit between them."""
        if b in self._near[a]:
            return [None]
        return [q for q in self._near[a] if q not in self._used and b in self._near[q]]

    def _grow(self, missing: int) -> Iterator[Embedding]:
        self.steps += 1
        if self.steps > MOST_STEPS:
            return
        if len(self._left) == self._length:
            yield self._found()
            return
        for a in self._near[self._left[-1]]:
            if a in self._used:
                continue
            for b in self._near[self._right[-1]]:
                if b not in self._used and b != a:
                    yield from self._take(a, b, missing)

    def _found(self) -> Embedding:
        return Embedding(
            left=tuple(self._left),
            right=tuple(self._right),
            bridges=tuple((p, q) for p, q in sorted(self._bridge.items()) if q is not None),
            direct=tuple(p for p, q in sorted(self._bridge.items()) if q is None),
            missing=tuple(sorted(self._rungs - self._bridge.keys())),
        )


def embed_ladder(
    length: int, rungs: Sequence[int], edges: Iterable[Sequence[int]], *, n_most: int = 1
) -> tuple[Embedding, ...]:
    """Places for a ladder on a processor's graph, with as few rungs missing as can be.

    Rungs join neighbours, as on square lattices, or run over one ancilla, as on heavy-hex ones.

    Args:
        length: Sites of each chain.
        rungs: Positions of the rungs.
        edges: Pairs of qubits that the processor joins and that can be used, in either order.
        n_most: How many places to look for.

    Returns:
        Places, all with the same number of rungs missing; none where not even the chains fit beside each other.

    Example:
        >>> square = [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5), (1, 6)]
        >>> place = embed_ladder(3, (0,), square)[0]
        >>> place.direct, place.bridges, place.missing
        ((0,), (), ())
    """
    pairs = [(int(a), int(b)) for a, b in edges]
    wanted = [p for p in rungs if 0 <= p < length]
    most_missing = 0
    while most_missing <= len(wanted):
        search = _Search(length, wanted, pairs, most_missing)
        found: list[Embedding] = []
        for place in search.places():
            found.append(place)
            if len(found) >= n_most:
                break
        if found:
            fewest = min(len(place.missing) for place in found)
            return tuple(place for place in found if len(place.missing) == fewest)
        # Where a search was cut off, the next ones would be, too, unless many more rungs go.
        cut_off = search.steps > MOST_STEPS
        most_missing += max(1, (len(wanted) - most_missing) // 2) if cut_off else 1
    return ()
