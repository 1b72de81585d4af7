"""The ledger in one sentence: the gains that are larger than what chance makes, and those that are not."""

from __future__ import annotations

from dataclasses import dataclass

from kakehashi.report.ledger import Arm, Ledger
from kakehashi.report.model import HARTREE_TO_MHARTREE
from kakehashi.report.tables import format_count, format_mhartree

__all__ = ["LEAST_DIFFERENCE_MHARTREE", "LEAST_TIME_S", "judge_ledger"]

LEAST_DIFFERENCE_MHARTREE = 0.5
"""Differences up to this count as none, and so do those up to what two draws of random determinants differ by."""

LEAST_TIME_S = 0.05
"""Shorter times are those of starting up, and are not compared."""

CLOCK_SHARE = 0.8
"""Processor times repeat to about a fifth: what an arm gains in that share of the time is no difference."""

FEWEST_TO_COMPARE = 2
"""With the Hartree-Fock determinant alone there is nothing to compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """How much lower one arm ends than another.

    Attributes:
        place: Size or time at which they were compared.
        mhartree: Positive where the first is lower; 0 where the difference means nothing.
    """

    place: float
    mhartree: float

    def describe(self, other: str) -> str:
        """The gap in words that continue "ends"."""
        if self.mhartree == 0:
            return f"at the same energy as {other}"
        amount = format_mhartree(abs(self.mhartree), signed=False)
        return f"{amount} mHa {'lower' if self.mhartree > 0 else 'higher'} than {other}"


def _clip(difference_hartree: float, scatter_hartree: float) -> float:
    difference, scatter = difference_hartree * HARTREE_TO_MHARTREE, scatter_hartree * HARTREE_TO_MHARTREE
    return difference if abs(difference) > max(LEAST_DIFFERENCE_MHARTREE, scatter) else 0.0


def _compare_sizes(first: Arm, second: Arm) -> _Gap | None:
    """At the largest size that both reach."""
    size = min(first.last.n_determinants, second.last.n_determinants)
    mine, other = first.energy_at(size), second.energy_at(size)
    if mine is None or other is None or size < FEWEST_TO_COMPARE:
        return None
    scatter = max(first.scatter_at(size), second.scatter_at(size))
    return _Gap(place=size, mhartree=_clip(other - mine, scatter))


def _compare_times(first: Arm, second: Arm) -> _Gap | None:
    """After the longest time that both take."""
    time = min(first.last.cpu_s, second.last.cpu_s)
    mine, other = first.energy_after(time), second.energy_after(time)
    if mine is None or other is None or time < LEAST_TIME_S:
        return None
    earlier = [arm.energy_after(CLOCK_SHARE * time) for arm in (first, second)]
    by_clock = [abs(was - now) for was, now in zip(earlier, (mine, other), strict=True) if was is not None]
    scatter = max(first.scatter_after(time), second.scatter_after(time), *by_clock)
    return _Gap(place=time, mhartree=_clip(other - mine, scatter))


def _claim(alone: float, random: float) -> str:
    """What follows for selection from the samples, from its gains over selection alone and over random starts."""
    if alone < 0:
        more = "" if random < 0 else " no more than random determinants do" if random == 0 else ""
        return f"The samples harm heat-bath selection{more}"
    if alone == 0:
        return "The samples make no measurable difference to heat-bath selection"
    if random > 0:
        return "The samples help heat-bath selection"
    return "The samples help heat-bath selection no more than random determinants do"


def judge_ledger(ledger: Ledger) -> str:
    """Say in one sentence what the samples were worth, at equal size and at equal processor time.

    Differences up to 0.5 mHa, or up to what the draws of random determinants differ by, are called none.

    Example:
        >>> from kakehashi.report.example import example_ledger
        >>> judge_ledger(example_ledger())[:64]
        'The samples make no measurable difference to heat-bath selection'
    """
    both = ledger.arm("samples + heat-bath")
    alone, seeded = ledger.arm("heat-bath"), ledger.arm("random + heat-bath")
    gaps = [_compare_sizes(both, other) for other in (alone, seeded)]
    parts = []
    if gaps[0] is None or gaps[1] is None:
        parts.append("The ledger has no size at which selection from the samples can be compared")
    else:
        parts.append(
            f"{_claim(gaps[0].mhartree, gaps[1].mhartree)}: at {format_count(gaps[0].place)} determinants, selection "
            f"that starts from the {_seeds(ledger.n_seeds)} ends {_describe_both(gaps[0], gaps[1])}"
        )
        times = [_compare_times(both, other) for other in (alone, seeded)]
        if times[0] is not None and times[1] is not None:
            alike = all(gap is not None and gap.mhartree == 0 for gap in (*gaps, *times))
            same = "it does so at equal processor time, too"
            parts.append(same if alike else f"at equal processor time it ends {_describe_both(times[0], times[1])}")
    parts.append(_about_samples(ledger))
    return "; ".join(part for part in parts if part) + "."


def _describe_both(alone: _Gap, random: _Gap) -> str:
    """Two gaps in words that continue "ends"."""
    if alone.mhartree == random.mhartree == 0:
        return "at the same energy as selection alone and as selection from as many random ones"
    return f"{alone.describe('selection alone')}, and {random.describe('selection from as many random ones')}"


def _seeds(n_seeds: int) -> str:
    if n_seeds == 0:
        return "Hartree-Fock determinant, for want of samples,"
    return "heaviest sample" if n_seeds == 1 else f"{n_seeds:,} heaviest sampled determinants"


def _about_samples(ledger: Ledger) -> str:
    """What the samples are worth without selection."""
    gap = _compare_sizes(ledger.arm("samples"), ledger.arm("random"))
    if gap is None:
        return "the samples hold nothing but the Hartree-Fock determinant"
    source = ""
    if ledger.n_configurations > ledger.n_in_sector:
        share = 1 - ledger.n_in_sector / ledger.n_configurations
        source = f" ({100 * share:.0f} % of which recovery made from shots with wrong electron numbers)"
    return (
        f"without selection, {format_count(gap.place)} determinants from the samples{source} end "
        f"{gap.describe('as many random ones')}"
    )
