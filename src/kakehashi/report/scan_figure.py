"""The figure of a scan: total energies against the key, and below them the distances that the first cannot show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kakehashi.report.axes import KCAL_PER_MOL_MHARTREE, Level, draw_levels
from kakehashi.report.model import HARTREE_TO_MHARTREE
from kakehashi.report.scan import Scan, ScanPoint
from kakehashi.report.style import COLORS, FONT_SIZE, WIDTH_INCH, LineLabel, add_line_labels, shorten, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_scan", "scan_base"]

Array = NDArray[np.float64]

LEFT, RIGHT = 0.068, 0.845
UPPER, GAP, BOTTOM = 0.42, 0.075, 0.095
"""Height of the upper axes, the space below them, and that below the lower ones, as shares of the figure's."""

HEIGHT_INCH = 6.0
MANY = 40
"""Points above which no marks are drawn."""

STYLES: dict[str, dict[str, Any]] = {
    "Hartree-Fock": {"color": COLORS["muted"], "dashes": (1.0, 1.6), "marker": ""},
    "samples": {"color": COLORS["run"], "dashes": (3.0, 2.0), "marker": "o", "mfc": COLORS["paper"]},
    "selected CI": {"color": COLORS["run"], "dashes": (1.0, 0.0), "marker": "o"},
    "estimate": {"color": COLORS["state"], "dashes": (1.0, 0.0), "marker": "D"},
    "reference": {"color": COLORS["ink"], "dashes": (1.0, 0.0), "marker": "_"},
}
"""Colours and marks are those of the other figures: dashes for what no selection made, purple for the estimate."""


@dataclass(frozen=True, slots=True)
class _Curve:
    """Energies at all points; not a number where there is none."""

    name: str
    energies: Array

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.energies).any())


def _curves(scan: Scan) -> list[_Curve]:
    def curve(name: str, energy: Callable[[ScanPoint], float | None]) -> _Curve:
        found = (energy(point) for point in scan.points)
        return _Curve(name, np.array([np.nan if value is None else value for value in found]))

    def bound(point: ScanPoint) -> float | None:
        return point.states[0].energy_hartree if point.orbitals is not None else None

    curves = [
        curve("Hartree-Fock", lambda point: point.hartree_fock_hartree),
        curve("samples", lambda point: point.energy_hartree),
        curve("selected CI", bound),
        curve("estimate", _trusted),
        curve("reference", lambda point: None if point.reference is None else point.reference.energy_hartree),
    ]
    return [each for each in curves if each.known]


def _trusted(point: ScanPoint, root: int = 0) -> float | None:
    """The estimate of a state where there is one with an error bar."""
    if root >= len(point.states):
        return None
    estimate = point.states[root].estimate
    return estimate.energy_hartree if estimate is not None and estimate.trusted else None


def scan_base(scan: Scan) -> tuple[Array, str]:
    """What the lower axes measure from: energies at all points, hartree, and their name.

    The reference where every point has one, or else the estimate, not a number where it is not trusted; without any
    of both, the lowest energy of each point.

    Example:
        >>> from kakehashi.report.example import example_scan
        >>> scan_base(example_scan())[1]
        'the estimate'
    """
    finished = scan.finished
    if finished and all(point.reference is not None for point in finished):
        found = [point.reference.energy_hartree if point.reference is not None else np.nan for point in scan.points]
        return np.array(found), "the reference"
    estimates = [_trusted(point) for point in scan.points]
    if any(energy is not None for energy in estimates):
        return np.array([np.nan if energy is None else energy for energy in estimates]), "the estimate"
    best = [point.best_hartree for point in scan.points]
    return np.array([np.nan if energy is None else energy for energy in best]), "the lowest energy"


def plot_scan(scan: Scan, *, title: bool = True) -> Figure:
    """Energies of all points against the key, in hartree and as distances in millihartree.

    Args:
        scan: The scan, with one finished point at least for there to be something to see.
        title: Whether to write a title above the axes.

    Example:
        >>> from kakehashi.report.example import example_scan
        >>> [axes.get_xlabel() for axes in plot_scan(example_scan()).axes]
        ['', 'bond (angstrom)']
    """
    places, names = _places(scan)
    curves = _curves(scan)
    base, base_name = scan_base(scan)
    with styled():
        figure, upper, lower = _two_axes(title=title, base=base_name, x_text=scan.label)
        _draw_energies(upper, scan, curves, places)
        _draw_distances(lower, scan, curves, places, base, base_name)
        for axes in (upper, lower):
            _scale_places(axes, places, names)
        upper.tick_params(labelbottom=False)
    return figure


def _places(scan: Scan) -> tuple[Array, list[str]]:
    """Where the points stand, and what stands below them where their values are words."""
    values = [point.value for point in scan.points]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=np.float64), []
    return np.arange(len(values), dtype=np.float64), [shorten(str(value), 14) for value in values]


def _two_axes(*, title: bool, base: str, x_text: str) -> tuple[Figure, Axes, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2 * WIDTH_INCH, HEIGHT_INCH))
    top = 0.90 if title else 0.955
    upper = figure.add_axes((LEFT, top - UPPER, RIGHT - LEFT, UPPER))
    lower = figure.add_axes((LEFT, BOTTOM, RIGHT - LEFT, top - UPPER - GAP - BOTTOM))
    if title:
        figure.text(0.006, 0.985, "Energy along the scan", fontsize=FONT_SIZE + 2, fontweight="bold", va="top")
    for axes, text in ((upper, "energy (hartree)"), (lower, f"mHa above {base}")):
        place = (0.006 - LEFT) / (RIGHT - LEFT)
        axes.text(place, 1.03, text, transform=axes.transAxes, color=COLORS["muted"], va="bottom")
        axes.tick_params(colors=COLORS["muted"], labelsize=FONT_SIZE - 0.5)
        axes.grid(visible=True, axis="y", color=COLORS["grid"], linewidth=0.8)
    lower.set_xlabel(x_text)
    return figure, upper, lower


def _line(axes: Axes, places: Array, heights: Array, name: str, **changes: Any) -> None:
    """One curve, along the axis whatever the order of the values; a gap where nothing is known."""
    order = np.argsort(places, kind="stable")
    style = {"lw": 1.6, "ms": 4.0, "zorder": 3, **STYLES[name], **changes}
    if len(places) > MANY:
        style["marker"] = ""
    if style["marker"] == "_":  # beside marks of the others, which it would hide
        style |= {"ms": 11.0, "mew": 1.6, "lw": 0.0}
    axes.plot(places[order], heights[order], **style)


def _last(places: Array, heights: Array) -> float:
    """Height of a curve at its right end."""
    known = np.flatnonzero(np.isfinite(heights))
    return float(heights[known[np.argmax(places[known])]])


def _draw_energies(axes: Axes, scan: Scan, curves: Sequence[_Curve], places: Array) -> None:
    labels = []
    for curve in curves:
        _line(axes, places, curve.energies, curve.name)
        if curve.name != "reference":
            strong = curve.name == "estimate"
            y = _last(places, curve.energies)
            labels.append(LineLabel(y=y, text=curve.name, color=STYLES[curve.name]["color"], strong=strong))
    for root in range(1, max((len(point.states) for point in scan.points), default=0)):
        found = [_upper_state(point, root) for point in scan.points]
        _line(axes, places, np.array(found), "estimate", lw=1.1, alpha=0.75)
        labels.append(LineLabel(y=_last(places, np.array(found)), text=f"state {root}", color=COLORS["state"]))
    for curve in curves:
        if curve.name == "reference":
            _name_references(axes, places, curve.energies)
    axes.margins(y=0.06)
    axes.autoscale_view()
    add_line_labels(axes, labels)


def _name_references(axes: Axes, places: Array, energies: Array) -> None:
    """Say beside the first mark what the marks are: they may be few, and far from the right end."""
    known = np.flatnonzero(np.isfinite(energies))
    first = known[np.argmin(places[known])]
    axes.annotate(
        "reference",
        xy=(places[first], energies[first]),
        xytext=(0, -9),
        textcoords="offset points",
        ha="center",
        va="top",
        color=COLORS["ink"],
        fontsize=FONT_SIZE - 0.5,
    )


def _upper_state(point: ScanPoint, root: int) -> float:
    """Energy of an excited state: the estimate, or the bound where there is no error bar."""
    if root >= len(point.states):
        return np.nan
    trusted = _trusted(point, root)
    return point.states[root].energy_hartree if trusted is None else trusted


def _draw_distances(
    axes: Axes, scan: Scan, curves: Sequence[_Curve], places: Array, base: Array, base_name: str
) -> None:
    heights = {curve.name: (curve.energies - base) * HARTREE_TO_MHARTREE for curve in curves}
    zero = base_name.removeprefix("the ")
    shown = [name for name in heights if name != zero and np.isfinite(heights[name]).any()]
    shown = [name for name in shown if name != "reference" or zero == "lowest energy"]
    data = [float(y) for name in shown for y in heights[name] if np.isfinite(y)]
    low, high = (_interval(scan, base, end) for end in ("low_hartree", "high_hartree"))
    data += [float(y) for y in (*low, *high) if np.isfinite(y)]
    level = Level(y=KCAL_PER_MOL_MHARTREE, text="1 kcal/mol", color=COLORS["muted"], dashes=(1.0, 2.0))
    labels = draw_levels(axes, [level], data or [0.0])  # linear around zero, so that what lies below it is seen
    color = COLORS["state" if zero == "estimate" else "ink"]
    axes.axhline(0.0, color=color, lw=1.2, zorder=1.5)
    labels.append(LineLabel(y=0.0, text=zero, color=color, strong=zero == "estimate"))
    _draw_interval(axes, places, low, high)
    if zero == "estimate":
        _shade_unknown(axes, places, [_trusted(point) is None for point in scan.points])
    for name in shown:
        _line(axes, places, heights[name], name)
        labels.append(LineLabel(y=_last(places, heights[name]), text=name, color=STYLES[name]["color"]))
    add_line_labels(axes, labels)


def _interval(scan: Scan, base: Array, end: str) -> Array:
    """An end of the trusted intervals, millihartree above the base."""
    ends = []
    for point in scan.points:
        estimate = point.states[0].estimate if point.states else None
        ends.append(getattr(estimate, end) if estimate is not None and estimate.trusted else np.nan)
    return (np.array(ends) - base) * HARTREE_TO_MHARTREE


def _draw_interval(axes: Axes, places: Array, low: Array, high: Array) -> None:
    """The intervals as bars: between the points nothing is known of them."""
    known = np.isfinite(low)
    axes.vlines(places[known], low[known], high[known], color=COLORS["state"], lw=6.0, alpha=0.45, zorder=2.5)


def _shade_unknown(axes: Axes, places: Array, unknown: Sequence[bool]) -> None:
    """Shade where there is no estimate with an error bar, so that a gap does not look like an oversight."""
    order = np.argsort(places, kind="stable")
    at, hidden = places[order], np.array(unknown)[order]
    middles = (at[1:] + at[:-1]) / 2
    width = float(np.ptp(at)) or 1.0
    edges = np.concatenate([[at[0] - width], middles, [at[-1] + width]])
    widest, place = 0.0, None
    for first, last in _runs(hidden):
        left, right = float(edges[first]), float(edges[last + 1])
        axes.axvspan(left, right, color=COLORS["grid"], alpha=0.6, lw=0, zorder=0.5)
        shown = min(right, float(at[-1])) - max(left, float(at[0]))
        if shown > widest:
            widest, place = shown, (max(left, float(at[0])) + min(right, float(at[-1]))) / 2
    if place is not None and widest > 0.12 * width:
        style: dict[str, Any] = {"color": COLORS["muted"], "fontsize": FONT_SIZE - 0.5, "ha": "center", "va": "center"}
        axes.text(place, 0.5, "no error bar", transform=axes.get_xaxis_transform(), **style)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of each unbroken row of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(last) - 1) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def _scale_places(axes: Axes, places: Array, names: Sequence[str]) -> None:
    width = float(np.ptp(places)) or 1.0
    axes.set_xlim(float(places.min()) - 0.03 * width, float(places.max()) + 0.03 * width)
    if names:
        axes.set_xticks(places, names)
    elif len(places) <= 4 or all(float(x).is_integer() for x in places):
        axes.set_xticks(places[:: max(1, len(places) // 12)])
