"""Perturbation theory outside a space that is spread over ranks.

The outside determinants are dealt to the ranks by a hash of their alpha string. Each rank takes in the space's
determinants and coefficients in windows, some ranks' shards at a time, and sums what they contribute to its own
outside determinants. Where one window holds the whole space, the kernel is that of one process; otherwise the sums of
the windows are kept, which more batches make fewer at a time, and merged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.shards import shard_strings
from kakehashi.subspace.space import Criterion, Outside

if TYPE_CHECKING:
    from kakehashi.subspace.distributed import DistributedSpace

__all__ = ["LARGEST_WINDOW", "look_outside"]

Vector: TypeAlias = NDArray[np.float64]

LARGEST_WINDOW = 1 << 24
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
) -> Outside:
    """Do what :meth:`DistributedSpace.look_outside` says."""
    ranks = space.ranks
    n_room = min(n_keep, ROOM * n_keep // ranks.size + 1000)
    while True:
        found = _look(
            space,
            np.ascontiguousarray(coefficients, dtype=np.float64),
            energy_hartree,
            threshold_hartree,
            threshold_hartree if coarse_threshold_hartree is None else coarse_threshold_hartree,
            n_batches * ranks.size,
            batch + n_batches * ranks.rank,  # the ranks' shares of one batch make up that batch
            criterion == "heat-bath",
            n_room,
            least_importance_hartree,
        )
        alpha, beta, weakest = space.best_of(found.alpha, found.beta, found.importance, n_keep)
        # A rank that ran out of room above the weakest may have thrown away what belongs to the best of all.
        cut_off = n_room < n_keep and found.importance.size == n_room and found.importance[-1] >= weakest
        if not ranks.sum(np.array([int(cut_off)]))[0]:
            break
        n_room = n_keep
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


def _look(
    space: DistributedSpace,
    c: Vector,
    energy: float,
    threshold: float,
    coarse: float,
    n_batches: int,
    batch: int,
    heat_bath: bool,
    n_keep: int,
    least_importance: float,
) -> Outside:
    """One rank's share of the outside."""
    alpha, beta = np.empty((2, n_keep, 2), dtype=np.uint64)
    importance = np.empty(n_keep)
    how = (energy, threshold, coarse, n_batches, batch, heat_bath)
    kept = (least_importance, alpha, beta, importance)
    parts, n_contributions = None, 0
    for window, window_c, last in _windows(space, c):
        native = window.native
        if last and parts is None:
            energy_hartree, coarse_hartree, n_outside, n_contributions, n_kept = native.perturb(window_c, *how, *kept)
            break
        parts = native.blocks.make_partial_sums() if parts is None else parts
        n_contributions += native.blocks.perturb_in_part(parts, window_c, *how)
        if last:
            energy_hartree, coarse_hartree, n_outside, _, n_kept = native.blocks.finish_parts(
                parts, window_c, *how, *kept
            )
    return Outside(
        energy_hartree=energy_hartree,
        coarse_energy_hartree=coarse_hartree,
        n_determinants=n_outside,
        n_contributions=n_contributions,
        alpha=alpha[:n_kept],
        beta=beta[:n_kept],
        importance=importance[:n_kept],
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
