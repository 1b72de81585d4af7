"""The map of a chip: qubits and couplings where they lie, coloured by how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.core.files import replace_file
from kakehashi.device.twins.metrics import METRICS, Metric, source_of
from kakehashi.device.twins.model import Twin
from kakehashi.report.style import COLORS, FONT_SIZE, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

__all__ = ["MAP_FORMATS", "draw_chip_map", "save_chip_map"]

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

MAP_FORMATS = (".svg", ".png", ".pdf")
"""Endings of the files that a map can be saved to."""

WIDTH_INCH = 7.6
MARGIN_INCH = 0.28
HEAD_INCH, FOOT_INCH = 0.62, 0.98
LARGEST_CELL_INCH = 0.62
LABELLED_QUBITS = 300
"""On larger chips numbers inside the circles could not be read; the ends of each row are numbered instead."""

RADIUS = 0.36
"""Of a circle, in steps of the lattice."""

COMMON_SHARE = 0.02
"""The scale ends where so few parts lie beyond, on each side: one outlier must not turn all others into one colour."""

SMALL = 1e-2
"""Numbers are written with a power of ten where the least is below this."""

FADED = 0.25
STRIPS = 64
"""Of colour in the bar of a key."""

POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """How the values of one metric become colours."""

    metric: Metric
    norm: Normalize
    colors: Colormap
    low: float
    middle: float
    high: float

    def paint(self, values: Floats) -> Floats:
        """Colours, shape ``(n, 4)``; what is not known is transparent."""
        found = np.asarray(self.colors(self.norm(np.nan_to_num(values, nan=self.middle))), dtype=np.float64)
        found[np.isnan(values), 3] = 0.0
        return found


def draw_chip_map(
    twin: Twin,
    *,
    qubits: str | None = "readout_error",
    edges: str | None = "two_qubit_error",
    used: Sequence[int] | None = None,
    used_edges: Sequence[tuple[int, int]] | None = None,
    title: bool = True,
) -> Figure:
    """The map of a processor.

    The median is pale; what is better is blue, what is worse vermilion. Dead couplings are dashed and crossed, absent
    qubits are crossed circles, and a white circle or a thin grey line is a value that is not known.

    Args:
        twin: The processor.
        qubits: Metric that colours the qubits; None for none.
        edges: Metric that colours the couplings; None for none.
        used: Qubits that a circuit lies on: they are ringed, and the rest fades.
        used_edges: Pairs that its gates join, in either order; all between used qubits where not given.
        title: Whether name and description stand above it.

    Raises:
        InputError: A metric is unknown or belongs to the other kind of part, or a used qubit is not there.

    Example:
        >>> from kakehashi.device.twins.library import load_twin
        >>> figure = draw_chip_map(load_twin("riken-64"), qubits="t1_us")
        >>> len(figure.axes[0].texts)
        63
    """
    scales = [_scale(twin, name, place) for name, place in ((qubits, "qubit"), (edges, "edge")) if name is not None]
    shown = _shown(twin, used)
    by_place = {scale.metric.place: scale for scale in scales}
    with styled():
        frame = _new_frame(twin, title=title)
        _draw_edges(frame, twin, by_place.get("edge"), _shown_edges(twin, shown, used_edges))
        colors = _draw_qubits(frame, twin, by_place.get("qubit"), shown, ringed=used is not None)
        _label(frame, twin, colors, shown)
        if title:
            _write_head(frame, twin)
        for index, scale in enumerate(scales):
            _draw_key(frame, scale, index)
        _write_foot(frame, twin)
    return frame.figure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """The sheet that a map is drawn on.

    Attributes:
        figure: The figure.
        axes: Axes of the chip, in steps of the lattice, rows downwards.
        height: Height of the figure, inches.
        cell: Size of one step of the lattice, inches.
        step: The same in the units of the positions.
    """

    figure: Figure
    axes: Axes
    height: float
    cell: float
    step: float


def _new_frame(twin: Twin, *, title: bool) -> _Frame:
    from matplotlib.figure import Figure

    step = _step(twin)
    columns, rows = (np.ptp(twin.positions, axis=0) / step) + 1 if twin.n_qubits else (1.0, 1.0)
    width = WIDTH_INCH - 2 * MARGIN_INCH
    # Small chips are not blown up; tall ones keep their shape.
    cell = min(width / max(columns, 6.0), LARGEST_CELL_INCH)
    foot, high = FOOT_INCH, cell * rows
    total = (HEAD_INCH if title else 0.12) + high + foot
    figure = Figure(figsize=(WIDTH_INCH, total))
    axes = figure.add_axes((MARGIN_INCH / WIDTH_INCH, foot / total, width / WIDTH_INCH, high / total))
    axes.set_axis_off()
    axes.set_aspect("equal")
    centre = (twin.positions.min(axis=0) + twin.positions.max(axis=0)) / 2
    reach = step * width / cell / 2
    axes.set_xlim(centre[0] - reach, centre[0] + reach)
    axes.set_ylim(centre[1] + step * rows / 2, centre[1] - step * rows / 2)
    return _Frame(figure=figure, axes=axes, height=total, cell=cell, step=step)


def _scale(twin: Twin, name: str, place: str) -> _Scale:
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize, TwoSlopeNorm

    metric = METRICS[name]
    if metric.place != place:
        right = ", ".join(key for key in METRICS if METRICS[key].place == place)
        raise InputError(f"The metric {name!r} belongs to {metric.place}s; for {place}s there are {right}.")
    values = metric.values(twin)
    known = values[~np.isnan(values)]
    if not len(known):
        known = np.ones(1)
    low, middle, high = (float(q) for q in np.quantile(known, [COMMON_SHARE, 0.5, 1 - COMMON_SHARE]))
    good, bad = COLORS["run"], COLORS["control"]
    norm: Normalize
    if metric.better == "neither":
        colors = LinearSegmentedColormap.from_list("map", ["#f1ecf5", COLORS["state"]])
        norm = Normalize(low, high if high > low else low + 1, clip=True)
    else:
        ends = (bad, good) if metric.better == "high" else (good, bad)
        colors = LinearSegmentedColormap.from_list("map", [ends[0], "#eef1f4", ends[1]])
        if low > 0:
            # On a logarithmic scale, and evenly far to both sides of the median.
            far = max(high / middle, middle / low, 1.05)
            norm = LogNorm(middle / far, middle * far, clip=True)
        else:
            far = max(high - middle, middle - low, 1e-12)
            norm = TwoSlopeNorm(middle, middle - far, middle + far)
    return _Scale(metric=metric, norm=norm, colors=colors, low=low, middle=middle, high=high)


def _shown(twin: Twin, used: Sequence[int] | None) -> Flags:
    """Which qubits do not fade."""
    if used is None:
        return np.ones(twin.n_qubits, dtype=bool)
    wrong = [q for q in used if not 0 <= q < twin.n_qubits]
    if wrong:
        raise InputError(f"{twin.name} has no qubit {wrong[0]}: they are numbered from 0 to {twin.n_qubits - 1}.")
    shown = np.zeros(twin.n_qubits, dtype=bool)
    shown[list(used)] = True
    return shown


def _shown_edges(twin: Twin, shown: Flags, used_edges: Sequence[tuple[int, int]] | None) -> Flags:
    """Which couplings do not fade."""
    between = shown[twin.edges].all(axis=1)
    if used_edges is None:
        return np.asarray(between)
    wanted = {frozenset(pair) for pair in used_edges}
    return np.asarray(between & np.array([frozenset(edge) in wanted for edge in twin.edges.tolist()], dtype=bool))


def _step(twin: Twin) -> float:
    """The step between neighbours: the common distance from a qubit to the nearest other."""
    if twin.n_qubits < 2:
        return 1.0
    from scipy.spatial import cKDTree

    distances, _ = cKDTree(twin.positions).query(twin.positions, k=2)
    step = float(np.median(distances[:, 1]))
    return step if step > 0 else 1.0


def _draw_edges(frame: _Frame, twin: Twin, scale: _Scale | None, shown: Flags) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    axes, ends = frame.axes, twin.positions[twin.edges]
    usable = twin.usable_edges
    dead = ~usable & twin.present[twin.edges].all(axis=1)
    width = POINTS_PER_INCH * frame.cell
    colors = np.tile(to_rgba(COLORS["muted"], 0.55), (len(ends), 1))
    if scale is not None:
        values = scale.metric.values(twin)
        known = ~np.isnan(values)
        colors[known] = scale.paint(values)[known]
    colors[~shown, 3] *= FADED
    thick = 0.16 * width if scale is not None else 0.06 * width
    # A dark line below keeps pale edges visible on the paper.
    below = np.tile(to_rgba(COLORS["muted"], 0.55), (len(ends), 1))
    below[~shown, 3] *= FADED
    plain: Any = {"capstyle": "butt", "zorder": 1}
    axes.add_collection(LineCollection(list(ends[usable]), colors=below[usable], linewidths=thick + 0.9, **plain))
    axes.add_collection(LineCollection(list(ends[usable]), colors=colors[usable], linewidths=thick, **plain))
    fade = np.where(shown[dead], 1.0, FADED)
    gone = [to_rgba(COLORS["ink"], alpha) for alpha in fade]
    dashes: Any = (0, (1.5, 1.5))
    axes.add_collection(LineCollection(list(ends[dead]), colors=gone, linewidths=0.9, linestyles=[dashes], zorder=1))
    middle = ends[dead].mean(axis=1)
    axes.scatter(middle[:, 0], middle[:, 1], marker="x", s=(0.13 * width) ** 2, c=gone, linewidths=1.1, zorder=2)


def _draw_qubits(frame: _Frame, twin: Twin, scale: _Scale | None, shown: Flags, *, ringed: bool) -> Floats:
    """Draw the circles; returns what they are filled with, shape ``(n_qubits, 4)``."""
    from matplotlib.colors import to_rgba

    axes, positions, radius = frame.axes, twin.positions, RADIUS * frame.step
    paper = to_rgba(COLORS["paper"])
    fills = np.tile(to_rgba(COLORS["pale"]), (twin.n_qubits, 1))
    if scale is not None:
        values = scale.metric.values(twin)
        fills = np.where(np.isnan(values)[:, None], paper, scale.paint(values))
    fills[~twin.present] = paper
    alpha = np.where(shown, 1.0, FADED)[:, None]
    fills[:, :3] = alpha * fills[:, :3] + (1 - alpha) * np.array(paper[:3])
    rings = np.tile(to_rgba(COLORS["ink" if ringed else "muted"]), (twin.n_qubits, 1))
    rings[~shown] = to_rgba(COLORS["pale"])
    rings[~twin.present] = to_rgba(COLORS["muted"], 0.6)
    widths = np.where(shown & ringed, 1.6, 0.5)
    # Markers, because an SVG then holds one circle that all the others refer to.
    across = 2 * RADIUS * frame.cell * POINTS_PER_INCH
    drawn = axes.scatter(positions[:, 0], positions[:, 1], s=across**2, zorder=3)
    drawn.set(facecolors=fills, edgecolors=rings, linewidths=widths)
    absent = positions[~twin.present]
    reach = 0.5 * radius
    for column, row in absent:
        for slope in (1, -1):
            line = ([column - reach, column + reach], [row - slope * reach, row + slope * reach])
            axes.plot(*line, color=COLORS["muted"], lw=1.0, zorder=4, solid_capstyle="round")
    return np.asarray(fills)


def _label(frame: _Frame, twin: Twin, colors: Floats, shown: Flags) -> None:
    """Numbers inside the circles, or on large chips at both ends of each row."""
    axes, positions = frame.axes, twin.positions
    size = min(POINTS_PER_INCH * frame.cell * 0.27, FONT_SIZE - 1.5)
    if twin.n_qubits <= LABELLED_QUBITS:
        dark = colors[:, :3] @ np.array([0.299, 0.587, 0.114]) < 0.5
        for q, (column, row) in enumerate(positions):
            if not twin.present[q]:
                continue
            color = COLORS["muted"] if not shown[q] else COLORS["paper"] if dark[q] else COLORS["ink"]
            style: Any = {"ha": "center", "va": "center_baseline", "fontsize": size, "zorder": 5}
            axes.text(column, row, str(q), color=color, alpha=1.0 if shown[q] else 0.6, **style)
        return
    size = max(size, 5.0)
    for row in np.unique(positions[:, 1]):
        on_row = np.flatnonzero(positions[:, 1] == row)
        left, right = (on_row[pick(positions[on_row, 0])] for pick in (np.argmin, np.argmax))
        for q, side, anchor in ((left, -0.55, "right"), (right, 0.55, "left")):
            place = positions[q, 0] + side * frame.step
            axes.text(place, row, str(q), ha=anchor, va="center_baseline", fontsize=size, color=COLORS["muted"])


def _write_head(frame: _Frame, twin: Twin) -> None:
    figure, total = frame.figure, frame.height
    left = MARGIN_INCH / WIDTH_INCH
    size = FONT_SIZE + 2
    figure.text(left, 1 - 0.1 / total, twin.name, fontsize=size, fontweight="bold", va="top")
    source = source_of(twin, "calibration")
    words = {
        "measured": "measured",
        "published": "published",
        "inferred": "inferred",
        "assumed": "assumed, not measured",
    }
    date = twin.calibration.taken_utc[:10]
    text = f"{twin.n_qubits:,} qubits, calibration {words[source.grade]}"
    text += f", {date}" if date[:1].isdigit() else ""
    figure.text(left, 1 - 0.34 / total, text, color=COLORS["muted"], va="top", fontsize=FONT_SIZE - 0.5)


def _draw_key(frame: _Frame, scale: _Scale, index: int) -> None:
    """A bar of colours with the values at its ends and in its middle."""
    from matplotlib.patches import Rectangle

    figure, total = frame.figure, frame.height
    left = (MARGIN_INCH + 3.7 * index) / WIDTH_INCH
    width = 3.2 / WIDTH_INCH
    bar = figure.add_axes((left, 0.50 / total, width, 0.09 / total))
    bar.set_axis_off()
    low, high = scale.low, scale.high
    ramp = np.geomspace(low, high, 256) if low > 0 and scale.metric.better != "neither" else np.linspace(low, high, 256)
    bar.set(xlim=(0, 1), ylim=(0, 1))
    # Strips that reach to the end, each over the one before: no seams, and no picture inside the SVG.
    for start, color in zip(
        np.linspace(0, 1, STRIPS, endpoint=False), scale.paint(ramp[:: 256 // STRIPS]), strict=True
    ):
        bar.add_patch(Rectangle((start, 0), 1 - start, 1, facecolor=color, linewidth=0))
    unit = f" ({scale.metric.unit})" if scale.metric.unit else ""
    kind = "qubits" if scale.metric.place == "qubit" else "couplings"
    figure.text(left, 0.65 / total, f"{kind}: {scale.metric.words}{unit}", fontsize=FONT_SIZE - 0.5)
    size = FONT_SIZE - 1.5
    middle = float(np.interp(scale.middle, ramp, np.linspace(0, 1, 256)))
    bar.axvline(middle, color=COLORS["ink"], lw=1.0)
    # The median's number keeps clear of those at the ends.
    for place, value, words, anchor in (
        (0.0, low, "", "left"),
        (min(max(middle, 0.43), 0.57), scale.middle, "median ", "center"),
        (1.0, high, "", "right"),
    ):
        text = f"{words}{_number(value, small=0 < low < SMALL)}"
        figure.text(left + width * place, 0.33 / total, text, ha=anchor, fontsize=size, color=COLORS["muted"])


def _write_foot(frame: _Frame, twin: Twin) -> None:
    dead = int((~twin.usable_edges & twin.present[twin.edges].all(axis=1)).sum())
    absent = int((~twin.present).sum())
    parts = [f"× dashed: {dead} dead coupling{'s' * (dead != 1)}"] * bool(dead)
    parts += [f"× in a circle: {absent} absent qubit{'s' * (absent != 1)}"] * bool(absent)
    frame.figure.text(
        MARGIN_INCH / WIDTH_INCH,
        0.07 / frame.height,
        "    ".join(parts),
        fontsize=FONT_SIZE - 1.5,
        color=COLORS["muted"],
    )


def _number(value: float, *, small: bool) -> str:
    """Three digits, as text that people read; of small numbers with the power of ten."""
    return f"{value:.2e}".replace("e-0", "e-").replace("-", "−") if small else f"{value:.3g}"


def save_chip_map(path: Path | str, figure: Figure) -> None:
    """Write a map to a file; the ending says in which format.

    Args:
        path: File that ends in ``.svg``, ``.png`` or ``.pdf``.
        figure: A figure of :func:`draw_chip_map`.

    Raises:
        InputError: The ending is another one, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in MAP_FORMATS:
        raise InputError(f"A map is written to a file that ends in {', '.join(MAP_FORMATS)}, not to {path}.")
    # Without the time of writing, so that equal maps are equal files.
    metadata: dict[str, Any] = {
        ".svg": {"Creator": "kakehashi", "Date": None},
        ".pdf": {"Creator": "kakehashi", "CreationDate": None},
    }.get(path.suffix.lower(), {})
    with replace_file(path) as temporary, styled():
        figure.savefig(temporary, format=path.suffix.lower()[1:], dpi=200, metadata=metadata)
