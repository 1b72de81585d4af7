"""The figures of a report. Each is made from a result alone and belongs to nobody's global state."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kakehashi.core.registry import Registry
from kakehashi.report.model import HARTREE_TO_MHARTREE, Result, SizePoint
from kakehashi.report.style import (
    COLORS,
    LineLabel,
    add_key,
    add_line_labels,
    format_power,
    new_figure,
    shorten,
    styled,
)
from kakehashi.report.tables import format_energy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "plot_convergence", "plot_occupancies", "plot_size", "plot_weights"]

KCAL_PER_MOL_MHARTREE = 1.5936
"""1 kcal/mol, the usual mark of chemical accuracy, in millihartree (CODATA 2018)."""

FLOOR_MHARTREE = 1e-4
"""Errors below this are drawn at it: no reference is known so well, and logarithms need positive numbers."""

MAX_METHOD = 22
"""Characters of a reference's method that fit above the axes."""

REFERENCE = "reference"
RANDOM_STRINGS = "random strings"
RANDOM_BITS = "random bits"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """A horizontal line to compare with, in millihartree above the base of the axis."""

    y: float
    text: str
    color: str
    dashes: tuple[float, float] = (4.0, 2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """What the energy axis shows: millihartree above the reference, or above this run's energy."""

    base: float
    text: str
    known: bool

    def convert(self, energy_hartree: float) -> float:
        return (energy_hartree - self.base) * HARTREE_TO_MHARTREE


def _energy_text(energy_hartree: float) -> str:
    return f"{format_energy(energy_hartree).replace('-', '−')} hartree"


def _energy_scale(result: Result) -> _Scale:
    if result.reference is not None:
        base = result.reference.energy_hartree
        method = shorten(result.reference.method, MAX_METHOD)
        text = f"mHa above {method} ({_energy_text(base)})"
        return _Scale(base=base, text=text, known=True)
    base = result.energy_hartree
    return _Scale(base=base, text=f"mHa above the result ({_energy_text(base)})", known=False)


def _levels(result: Result, scale: _Scale, *, with_control: bool) -> list[_Level]:
    levels = [_Level(y=scale.convert(result.hartree_fock_hartree), text="Hartree-Fock", color=COLORS["muted"])]
    if scale.known:
        levels.append(_Level(y=KCAL_PER_MOL_MHARTREE, text="1 kcal/mol", color=COLORS["muted"], dashes=(1.0, 2.0)))
        levels.append(_Level(y=0.0, text=REFERENCE, color=COLORS["ink"], dashes=(1.0, 0.0)))
    if result.reference is not None and result.error_mhartree is not None:
        y = result.reference.uncertainty_hartree * HARTREE_TO_MHARTREE
        if y > FLOOR_MHARTREE and y > abs(result.error_mhartree) / 10:  # else it matters to nobody
            levels.append(_Level(y=y, text="reference ±", color=COLORS["ink"], dashes=(1.0, 2.0)))
    control = result.control
    if control is not None and with_control:
        levels.append(_Level(y=scale.convert(control.energy_hartree), text=RANDOM_STRINGS, color=COLORS["control"]))
    if control is not None and control.loop_energy_hartree is not None:
        y = scale.convert(control.loop_energy_hartree)
        levels.append(_Level(y=y, text=RANDOM_BITS, color=COLORS["control"], dashes=(1.5, 1.5)))
    return levels


def _is_logarithmic(levels: Sequence[_Level], data: Sequence[float]) -> bool:
    """Whether all heights are errors that a logarithmic axis can show."""
    others = [level.y for level in levels if level.text != REFERENCE]
    return len(others) < len(levels) and min((*data, *others)) > -FLOOR_MHARTREE


def _raise(levels: Sequence[_Level], data: Sequence[float]) -> list[float]:
    """The data as drawn: on a logarithmic axis, what is below its floor stands on it."""
    return [max(value, FLOOR_MHARTREE) for value in data] if _is_logarithmic(levels, data) else list(data)


def _draw_levels(axes: Axes, levels: Sequence[_Level], data: Sequence[float]) -> list[LineLabel]:
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


def plot_convergence(result: Result, *, title: bool = True) -> Figure:
    """Energy against the turns of the loop: batches as dots, the best of them as a line.

    Where a reference is known, the axis is the error on a logarithmic scale.

    Args:
        result: The result.
        title: Whether to write a title above the axes.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> figure = plot_convergence(example_result())
        >>> figure.axes[0].get_xlabel()
        'turn of the loop'
    """
    from matplotlib.ticker import FixedLocator, MaxNLocator

    scale = _energy_scale(result)
    levels = _levels(result, scale, with_control=True)
    turns = [turn.index for turn in result.iterations]
    dot_turns = [turn.index for turn in result.iterations for _ in turn.batch_energies_hartree]
    dots = [scale.convert(e) for turn in result.iterations for e in turn.batch_energies_hartree]
    best = [scale.convert(turn.energy_hartree) for turn in result.iterations]
    heights = _raise(levels, best + dots)
    best, dots = heights[: len(best)], heights[len(best) :]
    with styled():
        heading = "Energy in each turn of the loop" if title else ""
        figure, axes = new_figure(title=heading, y_text=scale.text, x_text="turn of the loop")
        size = 5.0 if len(turns) <= 30 else 2.5
        axes.plot(dot_turns, dots, "o", ms=size * 0.8, mew=0, color=COLORS["run"], alpha=0.35, zorder=2)
        axes.plot(turns, best, "-o", ms=size, color=COLORS["run"], zorder=3)
        labels = _draw_levels(axes, levels, heights)
        labels.append(LineLabel(y=best[-1], text="this run", color=COLORS["run"], strong=True))
        axes.set_xlim(turns[0] - 0.3, turns[-1] + 0.3)
        few = len(turns) <= 8
        axes.xaxis.set_major_locator(FixedLocator(turns) if few else MaxNLocator(integer=True, nbins=8))
        add_line_labels(axes, labels)
    return figure


def _curve(points: Sequence[SizePoint], n_determinants: int, energy: float) -> list[tuple[int, float]]:
    """A size curve that ends with the whole subspace."""
    curve = [(point.n_determinants, point.energy_hartree) for point in points]
    if not curve or curve[-1][0] < n_determinants:
        curve.append((n_determinants, energy))
    return curve


def plot_size(result: Result, *, title: bool = True) -> Figure:
    """Energy against the size of the subspace: this run's strings beside random ones.

    Args:
        result: The result.
        title: Whether to write a title above the axes.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> figure = plot_size(example_result())
        >>> figure.axes[0].get_xlabel()
        'determinants in the subspace'
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    scale = _energy_scale(result)
    levels = [level for level in _levels(result, scale, with_control=False) if level.text != RANDOM_BITS]
    control = result.control
    curves = [("this run", COLORS["run"], _curve(result.size_curve, result.n_determinants, result.energy_hartree))]
    if control is not None:
        points = _curve(control.size_curve, control.n_determinants, control.energy_hartree)
        curves.append((RANDOM_STRINGS, COLORS["control"], points))
    sizes = [size for _, _, curve in curves for size, _ in curve]
    heights = _raise(levels, [scale.convert(energy) for _, _, curve in curves for _, energy in curve])
    with styled():
        heading = "Energy against the size of the subspace" if title else ""
        figure, axes = new_figure(title=heading, y_text=scale.text, x_text="determinants in the subspace")
        ends, start = [], 0
        for name, color, curve in curves:
            part = slice(start, start := start + len(curve))
            marker = "o" if name == "this run" else "s"
            axes.plot(sizes[part], heights[part], marker=marker, ms=4.5, color=color, zorder=3)
            ends.append(LineLabel(y=heights[part][-1], text=name, color=color, strong=name == "this run"))
        labels = _draw_levels(axes, levels, heights)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(base=10, numticks=8))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_power(value)))
        air = 1.6 if max(sizes) > 20 * min(sizes) else 10.0  # a tick or two must fit
        axes.set_xlim(min(sizes) / air, max(sizes) * air)
        add_line_labels(axes, [*labels, *ends])
    return figure


def plot_occupancies(result: Result, *, title: bool = True) -> Figure:
    """Mean occupation of each orbital: alpha upwards, beta downwards, Hartree-Fock pale behind them.

    Args:
        result: The result.
        title: Whether to write a title above the axes.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> figure = plot_occupancies(example_result())
        >>> figure.axes[0].get_xlabel()
        'orbital'
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    orbitals = np.arange(1, result.n_orb + 1)
    with styled():
        heading = "Occupation of the orbitals" if title else ""
        figure, axes = new_figure(title=heading, y_text="electrons per orbital", x_text="orbital", right=0.86)
        labels = []
        for spin, (name, sign) in enumerate((("alpha", 1), ("beta", -1))):
            color = COLORS["run"] if name == "alpha" else COLORS["state"]
            n_occupied = result.n_elec[spin]
            lowest = np.where(orbitals <= n_occupied, 1.0, 0.0)
            axes.bar(orbitals, sign * lowest, width=0.86, color=COLORS["pale"], zorder=1.5)
            axes.bar(orbitals, sign * result.occupancies[spin], width=0.56, color=color, zorder=2)
            labels.append(LineLabel(y=0.5 * sign, text=name, color=color, strong=True))
        axes.axhline(0, color=COLORS["muted"], lw=0.8, zorder=3)
        axes.set_ylim(-1.06, 1.06)
        axes.set_xlim(0.3, result.n_orb + 0.7)
        axes.yaxis.set_major_locator(FixedLocator([-1, -0.5, 0, 0.5, 1]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9, min_n_ticks=1))
        add_line_labels(axes, labels)
    return figure


def _used_bins(histograms: Sequence[np.ndarray], edges: np.ndarray) -> tuple[float, float]:
    """The range of bins that hold something, with a little air."""
    used = np.flatnonzero(np.sum(histograms, axis=0))
    if len(used) == 0:
        return float(edges[0]), float(edges[-1])
    return float(edges[used[0]]) - 0.3, float(edges[used[-1] + 1]) + 0.3


def plot_weights(result: Result, *, title: bool = True) -> Figure:
    """Histogram of the weights of sampled configurations and of the state's determinants.

    Args:
        result: The result.
        title: Whether to write a title above the axes.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> figure = plot_weights(example_result())
        >>> figure.axes[0].get_xlabel()
        'weight of a configuration'
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    sampling = result.sampling
    edges = sampling.weight_bins_log10
    state, sampled = sampling.state_histogram, sampling.sampled_histogram
    with styled():
        heading = "Weights sampled and weights needed" if title else ""
        figure, axes = new_figure(title=heading, y_text="", x_text="weight of a configuration", right=0.97)
        axes.stairs(state, edges, baseline=0.5, fill=True, color=COLORS["state"], alpha=0.22, lw=0)
        axes.stairs(state, edges, baseline=0.5, color=COLORS["state"], lw=1.6)
        axes.stairs(sampled, edges, baseline=0.5, fill=True, color=COLORS["run"], alpha=0.30, lw=0)
        axes.stairs(sampled, edges, baseline=0.5, color=COLORS["run"], lw=1.8)
        axes.set_yscale("log")
        axes.set_ylim(0.5, max(int(state.max()), int(sampled.max()), 10) * 2.0)
        axes.yaxis.set_major_locator(LogLocator(base=10, numticks=8))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_power(value)))
        low, high = _used_bins([state, sampled], edges)
        n_valid = sampling.n_shots * sampling.in_sector_fraction
        if n_valid >= 1:
            one = -math.log10(n_valid)
            low = min(low, one - 0.6)
            axes.axvline(one, color=COLORS["muted"], lw=1.1, dashes=(4, 2.5))
            axes.annotate(
                "one shot",
                xy=(one, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(4, -2),
                textcoords="offset points",
                color=COLORS["muted"],
                fontsize=10,
                va="top",
            )
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        collects = "≤ " if state[0] + sampled[0] else ""  # the first bin holds what is smaller, too
        first = float(edges[0])
        axes.xaxis.set_major_formatter(
            FuncFormatter(
                lambda value, _: (collects if abs(value - first) < 1e-9 else "") + format_power(10.0**value, plain=0)
            )
        )
        shots = ("sampled: share of shots" if sampled.any() else "sampled: none", COLORS["run"])
        add_key(axes, [("configurations", COLORS["muted"]), shots, ("in the state: |c|²", COLORS["state"])])
    return figure


FIGURES: Registry[Callable[..., Figure]] = Registry("figure")
"""The figures by the names that ``Result.plot`` takes."""

FIGURES.add("convergence", plot_convergence)
FIGURES.add("size", plot_size)
FIGURES.add("occupancies", plot_occupancies)
FIGURES.add("weights", plot_weights)
