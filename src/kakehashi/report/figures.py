"""The figures of a report. Each is made from a result alone and belongs to nobody's global state."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kakehashi.core.registry import Registry
from kakehashi.report.axes import (
    EnergyScale,
    Level,
    draw_levels,
    make_scale,
    raise_to_floor,
    reference_levels,
    scale_sizes,
)
from kakehashi.report.estimate_figure import plot_estimate
from kakehashi.report.ledger_figure import plot_ledger
from kakehashi.report.model import Result, SizePoint
from kakehashi.report.processor_figure import plot_chip, plot_errors
from kakehashi.report.style import COLORS, LineLabel, add_key, add_line_labels, format_power, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "figures_of", "plot_convergence", "plot_occupancies", "plot_size", "plot_weights"]

RANDOM_STRINGS = "random strings"
RANDOM_BITS = "random bits"


def _energy_scale(result: Result) -> EnergyScale:
    return make_scale(result.reference, other_hartree=result.energy_hartree, other="the result")


def _levels(result: Result, scale: EnergyScale, *, with_control: bool) -> list[Level]:
    levels = [Level(y=scale.convert(result.hartree_fock_hartree), text="Hartree-Fock", color=COLORS["muted"])]
    levels += reference_levels(result.reference, error_mhartree=result.error_mhartree or 0.0)
    control = result.control
    if control is not None and with_control:
        levels.append(Level(y=scale.convert(control.energy_hartree), text=RANDOM_STRINGS, color=COLORS["control"]))
    if control is not None and control.loop_energy_hartree is not None:
        y = scale.convert(control.loop_energy_hartree)
        levels.append(Level(y=y, text=RANDOM_BITS, color=COLORS["control"], dashes=(1.5, 1.5)))
    return levels


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
    heights = raise_to_floor(levels, best + dots)
    best, dots = heights[: len(best)], heights[len(best) :]
    with styled():
        heading = "Energy in each turn of the loop" if title else ""
        figure, axes = new_figure(title=heading, y_text=scale.text, x_text="turn of the loop")
        size = 5.0 if len(turns) <= 30 else 2.5
        axes.plot(dot_turns, dots, "o", ms=size * 0.8, mew=0, color=COLORS["run"], alpha=0.35, zorder=2)
        axes.plot(turns, best, "-o", ms=size, color=COLORS["run"], zorder=3)
        labels = draw_levels(axes, levels, heights)
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
    scale = _energy_scale(result)
    levels = [level for level in _levels(result, scale, with_control=False) if level.text != RANDOM_BITS]
    control = result.control
    curves = [("this run", COLORS["run"], _curve(result.size_curve, result.n_determinants, result.energy_hartree))]
    if control is not None:
        points = _curve(control.size_curve, control.n_determinants, control.energy_hartree)
        curves.append((RANDOM_STRINGS, COLORS["control"], points))
    sizes = [size for _, _, curve in curves for size, _ in curve]
    heights = raise_to_floor(levels, [scale.convert(energy) for _, _, curve in curves for _, energy in curve])
    with styled():
        heading = "Energy against the size of the subspace" if title else ""
        figure, axes = new_figure(title=heading, y_text=scale.text, x_text="determinants in the subspace")
        ends, start = [], 0
        for name, color, curve in curves:
            part = slice(start, start := start + len(curve))
            marker = "o" if name == "this run" else "s"
            axes.plot(sizes[part], heights[part], marker=marker, ms=4.5, color=color, zorder=3)
            ends.append(LineLabel(y=heights[part][-1], text=name, color=color, strong=name == "this run"))
        labels = draw_levels(axes, levels, heights)
        scale_sizes(axes, sizes)
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
FIGURES.add("estimate", plot_estimate)
FIGURES.add("ledger", plot_ledger)
FIGURES.add("chip", plot_chip)
FIGURES.add("errors", plot_errors)


def figures_of(result: Result) -> tuple[str, ...]:
    """Names of the figures that a result has something for.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> figures_of(example_result())
        ('convergence', 'estimate', 'ledger', 'occupancies', 'size', 'weights')
    """
    missing = {"estimate"} if result.selected is None else set()
    missing |= {"ledger"} if result.ledger is None else set()
    missing |= {"chip", "errors"} if result.processor is None else set()
    missing |= {"chip"} if result.processor is not None and result.processor.chip is None else set()
    return tuple(name for name in FIGURES if name not in missing)
