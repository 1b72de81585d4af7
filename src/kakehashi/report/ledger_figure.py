"""The figure of the ledger: energy against the number of determinants, and against processor time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kakehashi.core.errors import InputError
from kakehashi.problem.model import Reference
from kakehashi.report.axes import Level, draw_levels, make_scale, raise_to_floor, reference_levels, scale_sizes
from kakehashi.report.ledger import ARMS, LEAST_CPU_S, Ledger
from kakehashi.report.model import Result
from kakehashi.report.style import (
    BOTTOM,
    COLORS,
    FONT_SIZE,
    HEIGHT_INCH,
    WIDTH_INCH,
    LineLabel,
    add_line_labels,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ledger_scale", "plot_ledger", "plot_ledger_alone"]

STYLES: dict[str, dict[str, Any]] = {
    "samples": {"color": COLORS["run"], "dashes": (3.0, 2.0), "marker": "o", "mfc": COLORS["paper"]},
    "random": {"color": COLORS["control"], "dashes": (3.0, 2.0), "marker": "s", "mfc": COLORS["paper"]},
    "heat-bath": {"color": COLORS["ink"], "dashes": (1.0, 0.0), "marker": "^"},
    "samples + heat-bath": {"color": COLORS["run"], "dashes": (1.0, 0.0), "marker": "o"},
    "random + heat-bath": {"color": COLORS["control"], "dashes": (1.0, 0.0), "marker": "s"},
}
"""Colours say where the first determinants come from, dashes that nothing was selected."""

LEFT, MIDDLE, RIGHT = 0.05, 0.455, 0.80
"""Left edge of the first panel, of the second, and right edge of the second, as shares of the figure's width."""

GAP = 0.045
CHEMICAL_ACCURACY = "1 kcal/mol"


def plot_ledger(result: Result, *, title: bool = True) -> Figure:
    """The ledger of a result, above the reference, or else above the estimate or the lowest energy.

    Args:
        result: The result.
        title: Whether to write a title above the axes.

    Raises:
        InputError: The run traced no ledger.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> [axes.get_xlabel() for axes in plot_ledger(example_result()).axes]
        ['determinants', 'processor time (s)']
    """
    if result.ledger is None:
        raise InputError("This result has no ledger to show: set ledger.enabled to true.")
    selected = result.selected
    known = None if selected is None or not selected.estimate.trusted else selected.estimate.energy_hartree
    return plot_ledger_alone(result.ledger, reference=result.reference, estimate_hartree=known, title=title)


def ledger_scale(ledger: Ledger, reference: Reference | None, estimate_hartree: float | None) -> tuple[float, str]:
    """The energy that a ledger is measured from, hartree, and its name.

    Example:
        >>> from kakehashi.report.example import example_ledger
        >>> ledger_scale(example_ledger(), None, None)
        (-1.137270174660903, 'the lowest energy')
    """
    if reference is not None:
        return reference.energy_hartree, reference.method
    if estimate_hartree is not None:
        return estimate_hartree, "the estimate"
    return ledger.lowest_hartree, "the lowest energy"


def plot_ledger_alone(
    ledger: Ledger,
    *,
    reference: Reference | None = None,
    estimate_hartree: float | None = None,
    title: bool = True,
) -> Figure:
    """A ledger that belongs to no result.

    Args:
        ledger: The ledger.
        reference: The known answer.
        estimate_hartree: What the exact energy is estimated to be, for a problem without a reference.
        title: Whether to write a title above the axes.

    Example:
        >>> from kakehashi.report.example import example_ledger
        >>> len(plot_ledger_alone(example_ledger()).axes)
        2
    """
    base, name = ledger_scale(ledger, reference, estimate_hartree)
    scale = make_scale(reference, other_hartree=base, other=name)
    energies = [scale.convert(point.energy_hartree) for arm in ledger.arms for point in arm.points]
    levels = reference_levels(reference, error_mhartree=min(energies))
    heights = dict(zip(ARMS, _heights(ledger, levels, energies), strict=True))
    with styled():
        figure, panels = _two_panels(title=title, y_text=scale.text)
        for axes, along in zip(panels, ("n_determinants", "cpu_s"), strict=True):
            places = [[max(getattr(point, along), LEAST_CPU_S) for point in arm.points] for arm in ledger.arms]
            for arm, x in zip(ledger.arms, places, strict=True):
                axes.plot(x, heights[arm.name], lw=1.7, ms=4.5, zorder=3, **STYLES[arm.name])
            labels = draw_levels(axes, levels, [y for ys in heights.values() for y in ys])
            scale_sizes(axes, [x for xs in places for x in xs])
        panels[1].set_yticklabels([])
        labels = [label for label in labels if label.text == CHEMICAL_ACCURACY]
        ends = [
            LineLabel(y=heights[name][-1], text=name, color=STYLES[name]["color"], strong="+" in name) for name in ARMS
        ]
        add_line_labels(panels[1], [*labels, *ends])
    return figure


def _heights(ledger: Ledger, levels: list[Level], energies: list[float]) -> list[list[float]]:
    """The energies of each arm as drawn."""
    raised = iter(raise_to_floor(levels, energies))
    return [[next(raised) for _ in arm.points] for arm in ledger.arms]


def _two_panels(*, title: bool, y_text: str) -> tuple[Figure, tuple[Axes, Axes]]:
    """Two pairs of axes side by side, in a figure twice as wide as the others."""
    from matplotlib.figure import Figure

    top = 0.81 if title else 0.885
    figure = Figure(figsize=(2 * WIDTH_INCH, HEIGHT_INCH))
    first = figure.add_axes((LEFT, BOTTOM, MIDDLE - GAP - LEFT, top - BOTTOM))
    second = figure.add_axes((MIDDLE, BOTTOM, RIGHT - MIDDLE, top - BOTTOM))
    if title:
        heading = "What the samples are worth"
        figure.text(0.006, 0.985, heading, fontsize=FONT_SIZE + 2, fontweight="bold", va="top")
    first.text(-0.12, 1.04, y_text, transform=first.transAxes, color=COLORS["muted"], va="bottom")
    for axes, text in ((first, "determinants"), (second, "processor time (s)")):
        axes.set_xlabel(text)
        axes.tick_params(colors=COLORS["muted"], labelsize=FONT_SIZE - 0.5)
        axes.grid(visible=True, axis="y", color=COLORS["grid"], linewidth=0.8)
    return figure, (first, second)
