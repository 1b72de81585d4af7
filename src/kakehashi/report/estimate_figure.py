"""The figure of the estimate: variational energy against second-order energy, and the line to zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kakehashi.core.errors import InputError
from kakehashi.energy.model import Rung
from kakehashi.problem.model import Reference
from kakehashi.report.axes import make_scale
from kakehashi.report.model import HARTREE_TO_MHARTREE, Result
from kakehashi.report.selected import SelectedSummary
from kakehashi.report.style import COLORS, FONT_SIZE, LineLabel, add_line_labels, new_figure, styled
from kakehashi.report.tables import format_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_estimate", "shown_rungs"]

MOST_RUNGS = 4
"""The estimate uses no more, and with the earlier ones, far away, the last would be squeezed into a corner."""

LINE_STYLE: dict[str, Any] = {"color": COLORS["state"], "lw": 1.3, "dashes": (5.0, 2.5), "zorder": 2.0}

LINE_RUNGS = 3
"""Spaces that the line is drawn through."""


def shown_rungs(selected: SelectedSummary) -> tuple[Rung, ...]:
    """The spaces of the lowest state that the figure shows: the last ones.

    Example:
        >>> from kakehashi.report.example import example_selected
        >>> [rung.n_determinants for rung in shown_rungs(example_selected())]
        [1, 2]
    """
    return selected.rungs[0][-MOST_RUNGS:]


def plot_estimate(result: Result, *, title: bool = True) -> Figure:
    """Energy of the growing spaces against what perturbation theory finds outside; zero is the exact energy.

    Args:
        result: The result.
        title: Whether to write a title above the axes.

    Raises:
        InputError: The run made no estimate.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> plot_estimate(example_result()).axes[0].get_xlabel()
        'second-order energy (mHa)'
    """
    selected = result.selected
    if selected is None:
        raise InputError("This result has no estimate to show: set energy.max_determinants to a number above 0.")
    estimate, rungs = selected.estimate, shown_rungs(selected)
    other = estimate.energy_hartree if estimate.trusted else rungs[-1].energy_hartree
    name = "the estimate" if estimate.trusted else "the largest space"
    scale = make_scale(result.reference, other_hartree=other, other=name)
    x = [rung.second_order_hartree * HARTREE_TO_MHARTREE for rung in rungs]
    y = [scale.convert(rung.energy_hartree) for rung in rungs]
    with styled():
        heading = "The line to the exact energy" if title else ""
        figure, axes = new_figure(title=heading, y_text=scale.text, x_text="second-order energy (mHa)")
        axes.plot(x, y, "o", ms=5, color=COLORS["run"], zorder=3)
        width = max(abs(value) for value in x) or 1.0
        axes.set_xlim(-1.08 * width, 0.06 * width)
        low, high = min(y), max(y)
        labels = [LineLabel(y=y[-1], text="selected CI", color=COLORS["muted"])]
        if estimate.trusted:
            ends = [scale.convert(energy) for energy in (estimate.low_hartree, estimate.high_hartree)]
            centre = scale.convert(estimate.energy_hartree)
            axes.plot([-1.04 * width, 0], [centre + 1.04 * width * _slope(rungs, selected), centre], **LINE_STYLE)
            axes.plot([0, 0], ends, "-", lw=5, color=COLORS["state"], alpha=0.45, zorder=2.5, solid_capstyle="butt")
            axes.plot([0], [centre], "D", ms=5, color=COLORS["state"], zorder=4)
            labels = [LineLabel(y=centre, text="estimate", color=COLORS["state"], strong=True)]
            low, high = min(low, ends[0]), max(high, ends[1])
        else:
            axes.axhline(y[-1], color=COLORS["muted"], lw=1.2, dashes=(4.0, 2.5), zorder=1.5)
        labels += _reference_label(axes, result.reference, low=low, high=high)
        low, high = (min(low, 0.0), max(high, 0.0)) if scale.known else (low, high)
        air = 0.09 * (high - low) or 1.0
        axes.set_ylim(low - air, high + 1.6 * air)
        _name_spaces(axes, rungs, x, y)
        add_line_labels(axes, labels)
    return figure


def _slope(rungs: tuple[Rung, ...], selected: SelectedSummary) -> float:
    """Millihartree of energy per millihartree of second-order energy, from the estimate to the last spaces."""
    exact = selected.estimate.energy_hartree
    gained = np.array([[rung.energy_hartree - exact, -rung.second_order_hartree] for rung in rungs[-LINE_RUNGS:]])
    inside = gained[gained[:, 1] > 0]
    return float(np.mean(inside[:, 0] / inside[:, 1])) if len(inside) else 0.0


def _reference_label(axes: Axes, reference: Reference | None, *, low: float, high: float) -> list[LineLabel]:
    """Draw the reference where it is not far outside of what is shown."""
    if reference is None or not low - 3 * (high - low) <= 0 <= high + 3 * (high - low):
        return []
    axes.axhline(0.0, color=COLORS["ink"], lw=1.2, zorder=1.5)
    return [LineLabel(y=0.0, text="reference", color=COLORS["ink"])]


def _name_spaces(axes: Axes, rungs: tuple[Rung, ...], x: list[float], y: list[float]) -> None:
    """Write the number of determinants at each space that is not too near to the one before."""
    left, right = axes.get_xlim()
    last = -np.inf
    for index in reversed(range(len(rungs))):  # the largest space is named for sure
        place = (x[index] - left) / (right - left)
        if index < len(rungs) - 1 and abs(place - last) < 0.13:
            continue
        last = place
        axes.annotate(
            format_count(rungs[index].n_determinants),
            xy=(x[index], y[index]),
            xytext=(5, 4),  # the line falls to the right: it leaves this side free
            textcoords="offset points",
            color=COLORS["muted"],
            fontsize=FONT_SIZE - 1.5,
        )
