"""How all figures look: one palette, one layout, labels beside the lines, SVG that follows the page's theme."""

from __future__ import annotations

import contextlib
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kakehashi.report.tables import SUPERSCRIPTS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLORS",
    "LineLabel",
    "add_key",
    "add_line_labels",
    "figure_to_svg",
    "format_power",
    "new_figure",
    "shorten",
    "styled",
]

COLORS = {
    "paper": "#fefefe",
    "ink": "#1a2330",
    "muted": "#5b6675",
    "grid": "#e3e7ec",
    "run": "#0b62a8",
    "control": "#c2490a",
    "state": "#8a4b9e",
    "pale": "#d5dde6",
}
"""Colours by role. Blue, vermilion and purple stay apart for colour-blind readers (after Okabe and Ito,
Color Universal Design, 2008), and each has a contrast of 4.5 or more with the paper."""

FONT_SIZE = 10.5
WIDTH_INCH, HEIGHT_INCH = 5.2, 3.3
LEFT, BOTTOM = 0.092, 0.155
LABEL_HEIGHT = 0.083
"""Height of one line of a label, as a share of the axes' height."""


def _settings() -> Any:  # matplotlib's type for this lists every key that it knows
    return {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": FONT_SIZE,
        "text.color": COLORS["ink"],
        "axes.edgecolor": COLORS["muted"],
        "axes.labelcolor": COLORS["muted"],
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "grid.color": COLORS["grid"],
        "grid.linewidth": 0.8,
        "xtick.color": COLORS["muted"],
        "ytick.color": COLORS["muted"],
        "xtick.labelsize": FONT_SIZE - 0.5,
        "ytick.labelsize": FONT_SIZE - 0.5,
        "xtick.major.size": 3.5,
        "ytick.major.size": 0,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "lines.linewidth": 1.8,
        "lines.solid_capstyle": "round",
        "figure.facecolor": COLORS["paper"],
        "axes.facecolor": COLORS["paper"],
        "savefig.facecolor": "auto",
        "figure.dpi": 100,
        "text.parse_math": False,  # names come from users, and may hold a dollar sign
        "svg.fonttype": "none",
        "svg.hashsalt": "kakehashi",
    }


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Matplotlib's settings of this project, put back afterwards."""
    import matplotlib as mpl

    with mpl.rc_context(_settings()):
        yield


def new_figure(*, title: str, y_text: str, x_text: str, right: float = 0.735) -> tuple[Figure, Axes]:
    """A figure with one pair of axes; what y is stands above them, where it can be read without turning.

    Args:
        title: Title, or nothing where the page around it has one.
        y_text: What the y axis shows, with its unit.
        x_text: What the x axis shows, with its unit.
        right: Right edge of the axes, as a share of the figure's width; labels stand beyond it.
    """
    from matplotlib.figure import Figure

    # Margins are fixed, so that figures side by side line up whatever their labels say.
    top = 0.81 if title else 0.885
    figure = Figure(figsize=(WIDTH_INCH, HEIGHT_INCH))
    axes = figure.add_axes((LEFT, BOTTOM, right - LEFT, top - BOTTOM))
    if title:
        size = FONT_SIZE + 2
        figure.text(0.012, 0.985, title, fontsize=size, fontweight="bold", va="top")
    place = (0.012 - LEFT) / (right - LEFT)
    axes.text(place, 1.04, y_text, transform=axes.transAxes, color=COLORS["muted"], va="bottom")
    axes.set_xlabel(x_text)
    # Said again, because matplotlib makes some ticks only when it draws, when its settings may be others.
    axes.tick_params(colors=COLORS["muted"], labelsize=FONT_SIZE - 0.5)
    axes.grid(visible=True, axis="y", color=COLORS["grid"], linewidth=0.8)
    return figure, axes


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLabel:
    """A label at the right end of a line.

    Attributes:
        y: Where the line ends, in data coordinates.
        text: What it says.
        color: Its colour, the line's.
        strong: Whether it is set in bold.
    """

    y: float
    text: str
    color: str
    strong: bool = False


def _spread(wanted: Sequence[float], *, gap: float) -> list[float]:
    """Positions near the wanted ones (ascending), at least ``gap`` apart, from 0 to 1 where they fit."""
    room = max(1.0 - (len(wanted) - 1) * gap, 0.0)
    bounded = [min(max(height, i * gap), i * gap + room) for i, height in enumerate(wanted)]
    # Runs of labels that touch are moved together, centred on what they label (pool adjacent violators).
    groups: list[list[float]] = []
    for position in bounded:
        groups.append([position])
        while len(groups) > 1:
            low, high = groups[-2], groups[-1]
            reach = (len(low) + len(high)) / 2 * gap
            if sum(high) / len(high) - sum(low) / len(low) >= reach - 1e-12:
                break
            groups[-2:] = [low + high]
    return [sum(group) / len(group) + (i - (len(group) - 1) / 2) * gap for group in groups for i in range(len(group))]


def _height(axes: Axes, y: float) -> float:
    """Height of a data value above the bottom of the axes, as a share of their height."""
    pixels = axes.transData.transform((axes.get_xlim()[1], y))
    height = float(axes.transAxes.inverted().transform(pixels)[1])
    return min(max(height, 0.0), 1.0)


def add_line_labels(axes: Axes, labels: Sequence[LineLabel]) -> None:
    """Write labels beside the right edge of the axes, moved apart where they would touch."""
    ordered = sorted(labels, key=lambda label: label.y)
    heights = [_height(axes, label.y) for label in ordered]
    for label, height, place in zip(ordered, heights, _spread(heights, gap=LABEL_HEIGHT), strict=True):
        moved = abs(place - height) > 0.02
        axes.annotate(
            label.text,
            xy=(1.005, height),
            xytext=(1.055, place) if moved else (1.02, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=label.color,
            fontsize=FONT_SIZE - 0.5,
            fontweight="bold" if label.strong else "normal",
            va="center",
            ha="left",
            arrowprops={"arrowstyle": "-", "color": label.color, "lw": 0.7, "shrinkA": 1, "shrinkB": 0}
            if moved
            else None,
            annotation_clip=False,
        )


def add_key(axes: Axes, entries: Sequence[tuple[str, str]]) -> None:
    """Write coloured names in a row above the axes: ``(text, colour)`` each."""
    box = axes.get_position()
    from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea

    boxes: list[Artist] = [TextArea(text, textprops={"color": color, "fontsize": FONT_SIZE}) for text, color in entries]
    row = AnchoredOffsetbox(
        loc="lower left",
        child=HPacker(children=boxes, pad=0, sep=9, align="baseline"),
        bbox_to_anchor=((0.012 - box.x0) / box.width, 1.03),
        bbox_transform=axes.transAxes,
        frameon=False,
        pad=0,
        borderpad=0,
    )
    axes.add_artist(row)


def shorten(text: str, length: int) -> str:
    """Text cut to a length, with an ellipsis where something is missing.

    Example:
        >>> shorten("DMRG, bond dimension 4000", 12)
        'DMRG, bond …'
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def format_power(value: float, *, plain: int = 3) -> str:
    """A tick of a logarithmic axis, as text that any font can show.

    Args:
        value: The tick: a power of ten, its negative, or zero.
        plain: Exponents up to this size are written out.

    Example:
        >>> [format_power(x) for x in (0.001, 0.1, 0, -10, 1000, 1e6)]
        ['0.001', '0.1', '0', '−10', '1,000', '10⁶']
    """
    if value == 0:
        return "0"
    sign = "−" if value < 0 else ""
    exponent = round(math.log10(abs(value)))
    if abs(exponent) <= plain:
        return f"{sign}{10.0**exponent:,.{max(-exponent, 0)}f}"
    return f"{sign}10{str(exponent).translate(SUPERSCRIPTS)}"


def figure_to_svg(figure: Figure, *, prefix: str, label: str) -> str:
    """A figure as an ``<svg>`` element for an HTML page.

    Text stays text. Colours become CSS variables (``--figure-ink`` and so on) with the palette as fallback, so
    that the page's theme can change them. Names inside it get a prefix, so that several can share a page.

    Args:
        figure: The figure.
        prefix: Put before all identifiers; letters, digits and hyphens.
        label: What the figure shows, in words, for those who cannot see it.
    """
    from xml.sax.saxutils import escape

    buffer = io.StringIO()
    with styled():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    # Its rule would hold for the whole page; the root element passes the same on.
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    view = re.search(r'viewBox="([^"]+)"', text)
    box = view.group(1) if view else f"0 0 {WIDTH_INCH * 72} {HEIGHT_INCH * 72}"
    title = f"{prefix}-title"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img" aria-labelledby="{title}" '
        f'stroke-linejoin="round" stroke-linecap="butt">'
        f'<title id="{title}">{escape(label)}</title>'
    )
    body = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', text[text.index(">") + 1 :])
    body = re.sub(r'(?:xlink:)?href="#([^"]+)"', rf'href="#{prefix}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", body)
    for name, color in COLORS.items():
        body = re.sub(rf"(?<=: ){color}\b", f"var(--figure-{name}, {color})", body)
    return head + body.strip()
