"""A space of determinants that is spread over the ranks of an MPI communicator.

A determinant belongs to the rank that a hash of its alpha string names, or of the higher of its two strings, so that
mirror images (spins exchanged) lie on one rank; on many ranks a hash of the other string counts too. Each rank holds
its determinants, their coefficients, the matrix rows among them and, for half of the other ranks, the block of the
Hamiltonian with theirs, so that every element is stored once. Where all mirror images are there, rows are those of one
of each two, as in one process, and what goes from rank to rank is one number for each pair. Strings, coefficients and
products go from rank to rank, never all to one place.
Results are those of one process to rounding. The reasons: ``docs/decisions/0007-ranks.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from kakehashi.core.bits import Strings
from kakehashi.core.errors import InputError
from kakehashi.core.ranks import Ranks, Transfer
from kakehashi.core.resources import default_n_threads
from kakehashi.problem.model import Hamiltonian
from kakehashi.subspace.determinants import NO_MIRROR_IMAGE, DeterminantSpace
from kakehashi.subspace.outside import LARGEST_WINDOW, look_outside
from kakehashi.subspace.shards import Shard, owners_of, pack_pairs, pack_shard, unpack_pairs, unpack_shard
from kakehashi.subspace.space import Criterion, Densities, MatrixSize, Outside, Space

__all__ = ["DistributedSpace"]

Vector: TypeAlias = NDArray[np.float64]
Number = TypeVar("Number", bound=np.generic)

RANKS_OF_ONE_PART = 16
ALL, HALF_OF_THE_ROWS, HALF_OF_THE_GUESTS = 0, 1, 2  # Share of cpp/determinants/blocks.hpp


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One turn of the ring: own data goes to one rank, another rank's comes in."""

    number: int
    to: int
    source: int
    share: int


class DistributedSpace(Space):
    """The Hamiltonian projected on a growing list of determinants that many ranks hold together.

    Every rank calls every method alike, with vectors that are the coefficients of its own determinants. What the
    methods do is said in :class:`~kakehashi.subspace.space.Space`.

    Args:
        hamiltonian: The integrals, the same on all ranks.
        ranks: The ranks.
        spin_penalty_hartree: Weight of ``S^2`` that is added to the Hamiltonian.
        n_threads: Threads of each rank; the machine's processors shared out among its ranks where not given.
        largest_window: Determinants, own and guests, that perturbation theory holds at once; at least one other rank's.
        n_parts: On how many ranks the determinants with one alpha string may lie, a sixteenth of all where not given.
            More spread them more evenly, since some strings have many, but each string is then held by more ranks.

    Raises:
        InputError: An option is impossible.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> from kakehashi.problem.lattice import hubbard
        >>> space = DistributedSpace(hubbard(2, u=4.0, n_elec=(1, 1)).hamiltonian, Ranks())
        >>> space.append(lowest_string(1), lowest_string(1))
        1
        >>> len(space), space.n_own
        (1, 1)
    """

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        ranks: Ranks,
        *,
        spin_penalty_hartree: float = 0.0,
        n_threads: int | None = None,
        largest_window: int = LARGEST_WINDOW,
        n_parts: int | None = None,
    ) -> None:
        if n_threads is None:
            n_threads = max(1, default_n_threads() // ranks.n_on_this_machine())
        self.hamiltonian = hamiltonian
        self.spin_penalty_hartree = spin_penalty_hartree
        self.ranks = ranks
        self.own = DeterminantSpace(hamiltonian, spin_penalty_hartree=spin_penalty_hartree, n_threads=n_threads)
        self.largest_window = largest_window
        self.n_parts = max(1, ranks.size // RANKS_OF_ONE_PART) if n_parts is None else n_parts
        if not 1 <= self.n_parts <= ranks.size:
            raise InputError(f"Argument `n_parts` must be 1 to the number of ranks, {ranks.size}, but is {n_parts}.")
        self._n_elec: tuple[int, int] | None = None
        # Determinants, alpha and beta strings and pairs of mirror images of every rank.
        self._sizes = np.zeros((ranks.size, 4), dtype=np.int64)
        self.is_mirrored = True
        """Whether every determinant has its mirror image in the space."""
        self._built = self._complete = self._half = False

    @property
    @override
    def n_elec(self) -> tuple[int, int]:
        return self._n_elec or (0, 0)

    @property
    @override
    def n_own(self) -> int:
        return len(self.own)

    @property
    def sizes(self) -> list[int]:
        """How many determinants each rank holds."""
        return [int(n) for n in self._sizes[:, 0]]

    @override
    def __len__(self) -> int:
        return int(self._sizes[:, 0].sum())

    @override
    def append(self, alpha: Strings, beta: Strings) -> int:
        before = len(self)
        self._append(alpha, beta, np.zeros((len(alpha), 0)))
        return len(self) - before

    def append_state(self, alpha: Strings, beta: Strings, coefficients: Vector) -> Vector:
        """Add determinants that are not there yet, with their coefficients.

        Args:
            alpha: Alpha strings, shape ``(n, 2)``; each rank may offer any.
            beta: Beta strings.
            coefficients: Shape ``(n, n_roots)``.

        Returns:
            The coefficients of the determinants that came to this rank, in their order here.
        """
        return self._append(alpha, beta, coefficients)

    def _append(self, alpha: Strings, beta: Strings, coefficients: Vector) -> Vector:
        ranks = self.ranks
        if len(alpha) != len(beta) or len(alpha) != len(coefficients):
            raise InputError(f"Arguments `alpha` and `beta` differ in length: {len(alpha)} and {len(beta)}.")
        rows = np.concatenate([alpha, beta, coefficients.view(np.uint64)], axis=1)
        came = ranks.exchange_rows(rows, owners_of(alpha, beta, ranks.size, n_parts=self.n_parts))
        new_alpha, new_beta = came[:, :2].copy(), came[:, 2:4].copy()
        ranks.attempt(lambda: self.own.append(new_alpha, new_beta))
        native = self.own.native
        sizes = self.n_own, native.blocks.n_alphas, native.blocks.n_betas, native.n_pairs, native.is_mirrored
        gathered = np.array(ranks.gather(sizes), dtype=np.int64)
        self._sizes, self.is_mirrored = gathered[:, :4], bool(gathered[:, 4].all())
        n_elec = {found for found in ranks.gather(self.own.n_elec) if found != (0, 0)}
        if len(n_elec) > 1:
            raise InputError("Arguments `alpha` and `beta` must have the same number of electrons on all ranks.")
        self._n_elec = next(iter(n_elec), None)
        self._built = False
        return came[:, 4:].copy().view(np.float64)

    @override
    def strings(self) -> tuple[Strings, Strings]:
        return self.own.strings()

    @override
    def find(self, alpha: Strings, beta: Strings) -> NDArray[np.int64]:
        return self.own.find(alpha, beta)

    @override
    def lowest(self, n: int) -> tuple[Strings, Strings]:
        diagonal = self.own.diagonal()
        chosen = np.argsort(diagonal, kind="stable")[:n]
        alpha, beta = self.own.strings()
        parts = self.ranks.gather((diagonal[chosen], alpha[chosen], beta[chosen]))
        energies, all_alpha, all_beta = (np.concatenate([part[i] for part in parts]) for i in range(3))
        order = np.argsort(energies, kind="stable")[:n]
        return all_alpha[order], all_beta[order]

    @override
    def best_of(self, alpha: Strings, beta: Strings, importance: Vector, n: int) -> tuple[Strings, Strings, float]:
        sizes = importance.astype(np.float32)
        total = int(self.ranks.sum(np.array([sizes.size]))[0])
        if total == 0:
            return alpha[:0], beta[:0], 0.0
        # The n-th largest of all, by halving the range of its bits: those of positive numbers ascend with them.
        low, high = 0, 0x7F800000
        n = min(n, total)
        while high - low > 1:
            middle = (low + high) // 2
            cut = np.array([middle], dtype=np.int32).view(np.float32)[0]
            if int(self.ranks.sum(np.array([(sizes >= cut).sum()]))[0]) >= n:
                low = middle
            else:
                high = middle
        cut = np.array([low], dtype=np.int32).view(np.float32)[0]
        room = n - int(self.ranks.sum(np.array([(sizes > cut).sum()]))[0])
        equal = np.flatnonzero(sizes == cut)
        keys = [
            tuple(int(word) for word in (a[1], a[0], b[1], b[0]))
            for a, b in zip(alpha[equal], beta[equal], strict=True)
        ]
        allowed = set(sorted(key for part in self.ranks.gather(keys) for key in part)[:room])
        chosen = sizes > cut
        chosen[equal] = [key in allowed for key in keys]
        return alpha[chosen], beta[chosen], float(cut)

    @override
    def build(self, *, memory_budget_bytes: int = 2**62) -> MatrixSize:
        self._half = self.is_mirrored
        size = self.own.build_rows(self._half, memory_budget_bytes)
        blocks = self.own.native.blocks
        n_elements, n_bytes, complete = 0, 0, True
        for step, shard in self.guests(pairs=self._half):
            n_elements, n_bytes, whole = blocks.build(
                step.source, *shard, step.share, memory_budget_bytes - size.n_bytes
            )
            complete = complete and whole
        parts = [size.n_elements + n_elements, size.n_rows, size.n_bytes + n_bytes, int(not complete)]
        sums = self.ranks.sum(np.array(parts, dtype=np.int64))
        self._built, self._complete = True, sums[3] == 0
        return MatrixSize(n_elements=int(sums[0]), n_rows=int(sums[1]), n_bytes=int(sums[2]))

    @override
    def forget_matrix(self) -> None:
        self.own.forget_matrix()
        self._built = self._complete = False

    @override
    def diagonal(self) -> Vector:
        return self.own.diagonal()

    @override
    def apply(self, coefficients: Vector, *, out: Vector | None = None) -> Vector:
        if not self._built:
            self.build()
        c = np.ascontiguousarray(coefficients, dtype=np.float64)
        return self.own.apply_parts(c, out, self.ranks.sum, self._multiply)

    def _multiply(self, kind: int, x: Vector) -> Vector:
        """What the rows of all ranks make of a part of a vector."""
        steps = self._steps()
        coming = [self._begin_vectors(x, step, pairs=self._half) for step in steps[:1]]
        shards = self.guests(pairs=self._half)  # nobody asks for them where all blocks are stored
        y = self.own.multiply(kind, x)
        blocks = self.own.native.blocks
        returning: list[tuple[Transfer, Vector]] = []
        for k, step in enumerate(steps):
            guests_x = _finish(coming.pop())
            coming += [self._begin_vectors(x, following, pairs=self._half) for following in steps[k + 1 : k + 2]]
            guests_y = np.zeros_like(guests_x)
            if self._complete:
                blocks.apply_stored(step.source, kind, x, guests_x, y, guests_y)
            else:
                _, shard = next(shards)
                blocks.apply(step.source, *shard, step.share, kind, x, guests_x, y, guests_y)
            if returning:
                y += _finish(returning.pop())
            returned = np.empty_like(x)
            tag = 3 * step.number + 1
            transfer = self.ranks.begin_transfer(guests_y, step.source, returned, step.to, tag=tag)
            returning.append((transfer, returned))
        if returning:
            y += _finish(returning.pop())
        return y

    @override
    def exchange_spins(self, coefficients: Vector) -> Vector:
        if not self.is_mirrored:
            raise InputError(NO_MIRROR_IMAGE)
        return self.own.exchange_spins(coefficients)  # mirror images lie on the same rank

    @override
    def sum_parts(self, parts: NDArray[Any]) -> NDArray[Any]:
        return self.ranks.sum(parts)

    @override
    def spin_squared(self, coefficients: Vector) -> float:
        c = np.ascontiguousarray(coefficients, dtype=np.float64)
        value = self.own.spin_squared(c)
        for step, shard in self.guests():
            guests_c = _finish(self._begin_vectors(c, step))
            value += self.own.native.blocks.spin_squared(*shard, step.share, c, guests_c)
        return float(self.ranks.sum(np.array([value]))[0])

    @override
    def densities(self, bra: Vector, ket: Vector | None = None) -> Densities:
        left = np.ascontiguousarray(bra, dtype=np.float64)
        right = left if ket is None else np.ascontiguousarray(ket, dtype=np.float64)
        found = self.own.densities(left, right)
        for step, shard in self.guests():
            both = np.concatenate([left, _finish(self._begin_vectors(left, step))])
            other = both if ket is None else np.concatenate([right, _finish(self._begin_vectors(right, step))])
            self.own.native.blocks.add_densities(*shard, step.share, both, other, found.one_body, found.pairs)
        return Densities(one_body=self.ranks.sum(found.one_body), pairs=self.ranks.sum(found.pairs))

    @override
    def look_outside(
        self,
        coefficients: Vector,
        energy_hartree: float,
        *,
        threshold_hartree: float,
        coarse_threshold_hartree: float | None = None,
        n_keep: int = 0,
        criterion: Criterion = "perturbation",
        least_importance_hartree: float = 0.0,
        batch: int = 0,
        n_batches: int = 1,
        memory_budget_bytes: int | None = None,
    ) -> Outside:
        return look_outside(
            self,
            coefficients,
            energy_hartree,
            threshold_hartree=threshold_hartree,
            coarse_threshold_hartree=coarse_threshold_hartree,
            n_keep=n_keep,
            criterion=criterion,
            least_importance_hartree=least_importance_hartree,
            batch=batch,
            n_batches=n_batches,
            memory_budget_bytes=memory_budget_bytes,
        )

    def guests(self, *, whole_ring: bool = False, pairs: bool = False) -> Iterator[tuple[_Step, Shard]]:
        """Other ranks' determinants, one rank's after the other; the next are under way meanwhile.

        Args:
            whole_ring: All other ranks' instead of those of the half whose blocks are worked on here.
            pairs: One of each two mirror images.
        """
        steps = self._steps(whole_ring=whole_ring)
        if not steps:
            return
        own = pack_pairs(self.own) if pairs else pack_shard(self.own)
        coming = self._begin_shard(own, steps[0], pairs=pairs)
        for k, step in enumerate(steps):
            buffer = _finish(coming)
            if k + 1 < len(steps):
                coming = self._begin_shard(own, steps[k + 1], pairs=pairs)
            n, n_alphas, n_betas, n_pairs = (int(x) for x in self._sizes[step.source])
            yield (
                step,
                unpack_pairs(buffer, n_pairs, n_alphas) if pairs else unpack_shard(buffer, (n, n_alphas, n_betas)),
            )

    def guests_coefficients(self, c: Vector, step: _Step) -> Vector:
        """Coefficients of the rank whose determinants come in this step."""
        return _finish(self._begin_vectors(c, step))

    def _steps(self, *, whole_ring: bool = False) -> list[_Step]:
        rank, size = self.ranks.rank, self.ranks.size
        steps = []
        for number in range(1, size if whole_ring else size // 2 + 1):
            to, source = (rank + number) % size, (rank - number) % size
            # Half-way round, two ranks hold each other's.
            share = ALL if 2 * number != size else HALF_OF_THE_ROWS if rank < source else HALF_OF_THE_GUESTS
            steps.append(_Step(number=number, to=to, source=source, share=share))
        return steps

    def _begin_vectors(self, c: Vector, step: _Step, *, pairs: bool = False) -> tuple[Transfer, Vector]:
        incoming = np.empty(int(self._sizes[step.source, 3 if pairs else 0]))
        return self.ranks.begin_transfer(c, step.to, incoming, step.source, tag=3 * step.number), incoming

    def _begin_shard(self, own: NDArray[np.uint8], step: _Step, *, pairs: bool) -> tuple[Transfer, NDArray[np.uint8]]:
        n, n_alphas, n_betas, n_pairs = (int(x) for x in self._sizes[step.source])
        n_bytes = 16 * n_alphas + 8 * n_pairs if pairs else 16 * (n_alphas + n_betas) + 8 * n
        incoming = np.empty(n_bytes, dtype=np.uint8)
        return self.ranks.begin_transfer(own, step.to, incoming, step.source, tag=3 * step.number + 2), incoming


def _finish(under_way: tuple[Transfer, NDArray[Number]]) -> NDArray[Number]:
    transfer, array = under_way
    transfer.wait()
    return array
