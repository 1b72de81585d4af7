"""The energy axis of the figures: what it is measured from, how it is scaled, and the levels drawn across it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kakehashi.problem.model import Reference
from kakehashi.report.model import HARTREE_TO_MHARTREE
from kakehashi.report.style import COLORS, LineLabel, format_power, shorten
from kakehashi.report.tables import format_energy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "FLOOR_MHARTREE",
    "KCAL_PER_MOL_MHARTREE",
    "EnergyScale",
    "Level",
    "draw_levels",
    "make_scale",
    "raise_to_floor",
    "reference_levels",
    "scale_sizes",
]

KCAL_PER_MOL_MHARTREE = 1.5936
"""1 kcal/mol, the usual mark of chemical accuracy, in millihartree (CODATA 2018)."""

FLOOR_MHARTREE = 1e-4
"""Errors below this are drawn at it: no reference is known so well, and logarithms need positive numbers."""

MAX_METHOD = 22
"""Characters of a reference's method that fit above the axes."""

REFERENCE = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A horizontal line to compare with.

    Attributes:
        y: Its height, in millihartree above the base of the axis.
        text: What it says.
        color: Its colour.
        dashes: Lengths of a dash and of the gap behind it, in points.
    """

    y: float
    text: str
    color: str
    dashes: tuple[float, float] = (4.0, 2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyScale:
    """What the energy axis shows.

    Attributes:
        base: Energy of its zero, hartree.
        text: What stands above the axis.
        known: Whether the zero is the reference.
    """

    base: float
    text: str
    known: bool

    def convert(self, energy_hartree: float) -> float:
        """An energy in millihartree above the base."""
        return (energy_hartree - self.base) * HARTREE_TO_MHARTREE


def make_scale(reference: Reference | None, *, other_hartree: float, other: str) -> EnergyScale:
    """The axis above the reference, or above another energy where there is none.

    Args:
        reference: The known answer.
        other_hartree: The other energy.
        other: What it is, in words that continue "mHa above".

    Example:
        >>> make_scale(None, other_hartree=-1.0, other="the result").text
        'mHa above the result (−1.00000000 hartree)'
    """
    base, name = other_hartree, other
    if reference is not None:
        base, name = reference.energy_hartree, shorten(reference.method, MAX_METHOD)
    number = format_energy(base).replace("-", "−")
    return EnergyScale(base=base, text=f"mHa above {name} ({number} hartree)", known=reference is not None)


def reference_levels(reference: Reference | None, *, error_mhartree: float) -> list[Level]:
    """The lines that belong to a reference: itself, chemical accuracy, and its uncertainty where it matters.

    Args:
        reference: The known answer.
        error_mhartree: Least distance from it that the figure shows.
    """
    if reference is None:
        return []
    levels = [
        Level(y=KCAL_PER_MOL_MHARTREE, text="1 kcal/mol", color=COLORS["muted"], dashes=(1.0, 2.0)),
        Level(y=0.0, text=REFERENCE, color=COLORS["ink"], dashes=(1.0, 0.0)),
    ]
    y = reference.uncertainty_hartree * HARTREE_TO_MHARTREE
    if y > FLOOR_MHARTREE and y > abs(error_mhartree) / 10:  # else it matters to nobody
        levels.append(Level(y=y, text="reference ±", color=COLORS["ink"], dashes=(1.0, 2.0)))
    return levels


def _is_logarithmic(levels: Sequence[Level], data: Sequence[float]) -> bool:
    """Whether all heights are errors that a logarithmic axis can show."""
    others = [level.y for level in levels if level.text != REFERENCE]
    return len(others) < len(levels) and min((*data, *others)) > -FLOOR_MHARTREE


def raise_to_floor(levels: Sequence[Level], data: Sequence[float]) -> list[float]:
    """The data as drawn: on a logarithmic axis, what is below its floor stands on it."""
    return [max(value, FLOOR_MHARTREE) for value in data] if _is_logarithmic(levels, data) else list(data)


def draw_levels(axes: Axes, levels: Sequence[Level], data: Sequence[float]) -> list[LineLabel]:
    """Draw the levels, choose the y axis, and return the labels of the lines."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

    values = [*data, *(level.y for level in levels)]
    shown = levels
    if _is_logarithmic(levels, data):
        shown = [level for level in levels if level.y > 0]
        values = [*data, *(level.y for level in shown)]
        axes.set_yscale("log")
        axes.set_ylim(10 ** (math.log10(min(values)) - 0.25), 10 ** (math.log10(max(values)) + 0.15))
        axes.yaxis.set_major_locator(LogLocator(base=10, numticks=12))
    else:
        # Below 1 mHa in size the axis is linear, so that zero and what lies under it can be shown.
        axes.set_yscale("symlog", linthresh=1.0, linscale=0.8)
        top, bottom = max(*values, 1.0) * 1.5, min(*values, 0.0) * 1.5
        axes.set_ylim(bottom - 0.3, top)
        powers = [10.0**k for k in range(7)]
        ticks = [-power for power in powers if -power >= bottom] + [0.0] + [p for p in powers if p <= top]
        axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_power(value)))
    for level in shown:
        axes.axhline(level.y, color=level.color, lw=1.2, dashes=level.dashes, zorder=1.5)
    return [LineLabel(y=level.y, text=level.text, color=level.color) for level in shown]


def scale_sizes(axes: Axes, sizes: Sequence[float]) -> None:
    """Make the x axis logarithmic, with powers of ten for ticks and some air at both ends."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(base=10, numticks=8))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_power(value)))
    air = 1.6 if max(sizes) > 20 * min(sizes) else 10.0  # a tick or two must fit
    axes.set_xlim(min(sizes) / air, max(sizes) * air)
