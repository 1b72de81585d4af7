"""Perturbation theory outside a space that is spread over ranks.

The outside determinants are dealt to the ranks by a hash of their alpha string; where one of each two mirror images is
looked at, that is the higher of the two strings. Each rank takes in the space's
determinants and coefficients in windows, some ranks' shards at a time, and sums what they contribute to its own
outside determinants. Where one window holds the whole space, the kernel is that of one process; otherwise the sums of
the windows are kept and merged, for as large a share of the outside at a time as the memory allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings
from kakehashi.core.errors import ResourceError
from kakehashi.core.resources import format_bytes
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.passes import Sums, checked, half_of_the_memory
from kakehashi.subspace.shards import shard_strings
from kakehashi.subspace.space import Criterion, Outside

if TYPE_CHECKING:
    from kakehashi.subspace.distributed import DistributedSpace

__all__ = ["LARGEST_WINDOW", "look_outside"]

Vector: TypeAlias = NDArray[np.float64]

LARGEST_WINDOW = 1 << 24
MOST_BATCHES = 1 << 20
"""Shares of the outside past which smaller ones would hold no fewer determinants."""

ROOM = 4
"""Room for the most important determinants over the share of a rank that has no more of them than others."""


def look_outside(
    space: DistributedSpace,
    coefficients: Vector,
    energy_hartree: float,
    *,
    threshold_hartree: float,
    coarse_threshold_hartree: float | None,
    n_keep: int,
    criterion: Criterion,
    least_importance_hartree: float,
    batch: int,
    n_batches: int,
    memory_budget_bytes: int | None,
) -> Outside:
    """Do what :meth:`DistributedSpace.look_outside` says."""
    ranks = space.ranks
    n_room = min(n_keep, ROOM * n_keep // ranks.size + 1000)
    budget = half_of_the_memory(ranks.n_on_this_machine()) if memory_budget_bytes is None else memory_budget_bytes
    how = _How(
        energy=energy_hartree,
        threshold=threshold_hartree,
        coarse=threshold_hartree if coarse_threshold_hartree is None else coarse_threshold_hartree,
        n_batches=n_batches * ranks.size,
        batch=batch + n_batches * ranks.rank,  # the ranks' shares of one batch make up that batch
        heat_bath=criterion == "heat-bath",
        half=False,
        n_keep=n_room,
        least_importance=least_importance_hartree,
        budget_bytes=budget,
    )
    c = np.ascontiguousarray(coefficients, dtype=np.float64)
    if n_batches == 1 and space.is_mirrored:
        how = replace(how, half=len(space.own.signs(c, ranks.sum)) == 1)
    while True:
        found = _look(space, c, how)
        alpha, beta, weakest = space.best_of(found.alpha, found.beta, found.importance, n_keep)
        # A rank that ran out of room above the weakest may have thrown away what belongs to the best of all.
        cut_off = how.n_keep < n_keep and found.importance.size == how.n_keep and found.importance[-1] >= weakest
        if not ranks.sum(np.array([int(cut_off)]))[0]:
            break
        how = replace(how, n_keep=n_keep)
    sums = ranks.sum(np.array([found.energy_hartree, found.coarse_energy_hartree]))
    counts = ranks.sum(np.array([found.n_determinants, found.n_contributions]))
    return Outside(
        energy_hartree=float(sums[0]),
        coarse_energy_hartree=float(sums[1]),
        n_determinants=int(counts[0]),
        n_contributions=int(counts[1]),
        alpha=alpha,
        beta=beta,
        importance=found.importance[: len(alpha)],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """What one rank does."""

    energy: float
    threshold: float
    coarse: float
    n_batches: int
    batch: int
    heat_bath: bool
    half: bool
    n_keep: int
    least_importance: float
    budget_bytes: int

    def share(self, number: int, n_shares: int) -> _How:
        """One of some shares of the batch."""
        return replace(self, n_batches=self.n_batches * n_shares, batch=self.batch + self.n_batches * number)

    @property
    def state(self) -> tuple[float, float, float, int, int, bool, bool]:
        """What every kernel asks for."""
        return self.energy, self.threshold, self.coarse, self.n_batches, self.batch, self.heat_bath, self.half


def _look(space: DistributedSpace, c: Vector, how: _How) -> Outside:
    """One rank's share of the outside, in as many shares as the memory asks for."""
    n_shares = 1
    while True:
        found: list[Outside] = []
        for number in range(n_shares):
            share = _look_at_share(space, c, how.share(number, n_shares))
            if share is None:
                break
            found.append(share)
        if len(found) == n_shares:
            return found[0] if n_shares == 1 else _merge(found, how.n_keep)
        n_shares *= 2


def _look_at_share(space: DistributedSpace, c: Vector, how: _How) -> Outside | None:
    """None where the sums of the windows did not fit, on any rank."""
    alpha, beta = np.empty((2, how.n_keep, 2), dtype=np.uint64)
    importance = np.empty(how.n_keep)
    kept = (how.least_importance, alpha, beta, importance)
    parts, n_contributions = None, 0
    half = how.budget_bytes // 2
    for window, window_c, last in _windows(space, c):
        native, n = window.native, len(window)
        if last and parts is None:
            perturb = partial(native.perturb, window_c, *how.state, *kept, how.budget_bytes)
            sums = space.ranks.attempt(partial(_call, perturb, n, how.budget_bytes))
            n_contributions = sums[3]
            break
        parts = native.blocks.make_partial_sums(half) if parts is None else parts
        perturb = partial(native.blocks.perturb_in_part, parts, window_c, *how.state, half)
        sums = space.ranks.attempt(partial(_call, perturb, n, half))
        n_contributions += sums[3]
        if space.ranks.sum(np.array([int(parts.full)]))[0]:
            if how.n_batches > MOST_BATCHES * space.ranks.size:
                raise ResourceError(
                    f"Perturbation theory outside {len(space)} determinants cannot be done in parts that take no more "
                    f"than {format_bytes(half)}."
                )
            return None
        if last:
            sums = native.blocks.finish_parts(parts, window_c, *how.state, *kept)
    return Outside(
        energy_hartree=sums[0],
        coarse_energy_hartree=sums[1],
        n_determinants=sums[2],
        n_contributions=n_contributions,
        alpha=alpha[: sums[4]],
        beta=beta[: sums[4]],
        importance=importance[: sums[4]],
    )


def _call(perturb: Callable[[], Sums], n_determinants: int, budget_bytes: int) -> Sums:
    return checked(perturb(), n_determinants, budget_bytes)


def _merge(found: list[Outside], n_keep: int) -> Outside:
    """The shares of a batch together, ordered as the kernel does: the best first, ties by string."""
    alpha = np.concatenate([outside.alpha for outside in found])
    beta = np.concatenate([outside.beta for outside in found])
    importance = np.concatenate([outside.importance for outside in found])
    best = np.lexsort((*beta.T, *alpha.T, -importance))[:n_keep]
    return Outside(
        energy_hartree=sum(outside.energy_hartree for outside in found),
        coarse_energy_hartree=sum(outside.coarse_energy_hartree for outside in found),
        n_determinants=sum(outside.n_determinants for outside in found),
        n_contributions=sum(outside.n_contributions for outside in found),
        alpha=alpha[best],
        beta=beta[best],
        importance=importance[best],
    )


def _windows(space: DistributedSpace, c: Vector) -> Iterator[tuple[DeterminantSpace, Vector, bool]]:
    """The whole space in windows of some ranks' shards each, with the coefficients, and whether it is the last."""
    if space.ranks.size == 1:
        yield space.own, c, True
        return
    strings: list[tuple[Strings, Strings]] = [space.strings()]
    vectors = [c]
    for step, shard in space.guests(whole_ring=True):
        guests_c = space.guests_coefficients(c, step)
        if sum(map(len, vectors)) + len(guests_c) > space.largest_window:
            yield _window(space, strings), np.concatenate(vectors), False
            strings, vectors = [], []
        strings.append(shard_strings(shard))
        vectors.append(guests_c)
    yield _window(space, strings), np.concatenate(vectors), True


def _window(space: DistributedSpace, strings: list[tuple[Strings, Strings]]) -> DeterminantSpace:
    window = space.own.another()
    window.append(np.concatenate([alpha for alpha, _ in strings]), np.concatenate([beta for _, beta in strings]))
    return window
