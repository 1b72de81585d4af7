"""When a second growth, with a spin penalty, is not worth going on with."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kakehashi.energy.extrapolation import NOTHING_LEFT_HARTREE, STEEPEST_SLOPE, extrapolate, may_be_trusted
from kakehashi.energy.growth import Growth
from kakehashi.energy.model import Rung

__all__ = ["cannot_win"]


def cannot_win(rungs: Sequence[Rung], first: Growth) -> bool:
    """Whether a second growth can no longer be the one that is kept, however it goes on.

    It is kept where its estimate is trusted and the first one's is not, or where they are alike in this and its
    variational energy is lower. So it is given up when both are out of reach:

    - The estimate takes four spaces of the wanted spin, and too few of them are to come.
    - The first one's estimate is trusted; or, in the last two spaces, the energy lies so far above that of a first
      space as large that even the steepest line that is ever trusted would not reach it: by more than 1.5 times what
      perturbation theory sees outside. One space alone may do so on its way from one state to another.

    A mixture of spins or a higher energy alone is no reason. Higher spins may go as the space grows, the energy may
    rise while they do, and a pure state has less energy than the first only in larger spaces.

    Args:
        rungs: The spaces of the second growth so far.
        first: The growth without a penalty.

    Example:
        >>> from kakehashi.core.progress import Reporter
        >>> from kakehashi.core.ranks import Ranks
        >>> from kakehashi.energy.growth import grow_once
        >>> from kakehashi.energy.spec import EnergySpec
        >>> from kakehashi.problem import load_problem
        >>> chain = load_problem("hydrogen-chain", n_atoms=4)
        >>> spec = EnergySpec(max_determinants=20, orbitals="given")
        >>> first, _ = grow_once(chain, spec, None, None, 1, Ranks(), None, Reporter())
        >>> cannot_win(first.rungs[0], first)
        False
    """
    spec, own = first.spec, first.rungs[0]
    # Where a space can hold all there is, the next one may, and is then trusted by itself.
    if len(rungs) < 2 or abs(own[-1].second_order_hartree) < NOTHING_LEFT_HARTREE:
        return False
    if may_be_trusted(rungs, two_s=first.two_s, n_determinants=spec.max_determinants, growth=spec.growth):
        return False
    if extrapolate(own, two_s=first.two_s).trusted:
        return True
    return all(
        rung.n_determinants >= own[0].n_determinants
        and rung.energy_hartree + STEEPEST_SLOPE * min(rung.second_order_hartree, 0.0) > _energy_at(rung, own)
        for rung in rungs[-2:]
    )


def _energy_at(rung: Rung, others: Sequence[Rung]) -> float:
    """Energy of the others at the size of a rung, a line of the logarithm between two of them."""
    sizes = [math.log(other.n_determinants) for other in others]
    return float(np.interp(math.log(rung.n_determinants), sizes, [other.energy_hartree for other in others]))
