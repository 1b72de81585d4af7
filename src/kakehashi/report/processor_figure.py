"""The figures of a processor: its map with the circuit's place, and the errors of a shot by their source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kakehashi.core.errors import InputError
from kakehashi.report.chip_map import LABELLED_QUBITS, draw_chip_map
from kakehashi.report.model import Result
from kakehashi.report.processor import ProcessorSummary
from kakehashi.report.style import COLORS, FONT_SIZE, WIDTH_INCH, styled
from kakehashi.report.tables import format_share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_chip", "plot_errors", "processor_of"]

BAR_INCH, HEAD_INCH, FOOT_INCH = 0.36, 0.34, 0.5
LEFT, RIGHT = 0.245, 0.97
ROOM = 1.9
"""Width of the axes in lengths of the longest bar: what is written behind it needs room."""

ON_PAGE_POINTS = 2.5
"""By how much the words of a map's key are larger on a page."""


def processor_of(result: Result) -> ProcessorSummary:
    """The processor of a result.

    Raises:
        InputError: The shots did not come from a twin.
    """
    if result.processor is None:
        raise InputError('This result has no processor to show: take a device such as "ibm-kobe".')
    return result.processor


def plot_chip(result: Result, *, title: bool = True) -> Figure:
    """The map of the processor with the circuit's place: its qubits are ringed and carry their orbitals.

    Args:
        result: The result.
        title: Whether to write a title above the map.

    Raises:
        InputError: The shots did not come from a twin, or what its map shows is not known.

    Example:
        >>> import dataclasses
        >>> from kakehashi.report.example import example_processor, example_result
        >>> figure = plot_chip(dataclasses.replace(example_result(), processor=example_processor()))
        >>> [text.get_text() for text in figure.axes[0].texts][:4]
        ['α1', 'β1', 'α2', 'β2']
    """
    processor = processor_of(result)
    twin = processor.to_twin()
    if twin is None:
        raise InputError(f"What the map of {processor.name} shows was not kept with the shots.")
    place = processor.placement
    figure = draw_chip_map(twin, used=None if place is None else place.used_qubits, title=title)
    if place is not None and twin.n_qubits <= LABELLED_QUBITS:
        orbitals = {str(q): _orbital(k, result.n_orb) for k, q in enumerate(place.layout) if k < 2 * result.n_orb}
        for text in figure.axes[0].texts:
            text.set_text(orbitals.get(text.get_text(), text.get_text()))
    if not title:
        # A page shows it smaller than a file does: the words around it must stay readable.
        for text in figure.texts:
            text.set_fontsize(float(text.get_fontsize()) + ON_PAGE_POINTS)
    # The page's paper shows through, whatever its theme.
    figure.patch.set_alpha(0.0)
    return figure


def _orbital(k: int, n_orb: int) -> str:
    return f"α{k + 1}" if k < n_orb else f"β{k - n_orb + 1}"


def plot_errors(result: Result, *, title: bool = True) -> Figure:
    """Bars of the mean number of errors in a shot, by their source.

    Args:
        result: The result.
        title: Whether to write a title above the axes.

    Raises:
        InputError: The shots did not come from a twin.

    Example:
        >>> import dataclasses
        >>> from kakehashi.report.example import example_processor, example_result
        >>> figure = plot_errors(dataclasses.replace(example_result(), processor=example_processor()))
        >>> figure.axes[0].get_xlabel()
        'errors in a shot, mean'
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, MaxNLocator

    processor = processor_of(result)
    means = processor.mean_errors
    names, values = list(means), list(means.values())
    head = HEAD_INCH if title else 0.06
    height = head + BAR_INCH * max(len(names), 1) + FOOT_INCH
    with styled():
        figure = Figure(figsize=(WIDTH_INCH, height))
        axes = figure.add_axes((LEFT, FOOT_INCH / height, RIGHT - LEFT, 1 - (head + FOOT_INCH) / height))
        if title:
            size = FONT_SIZE + 2
            figure.text(0.012, 1 - 0.05 / height, "Errors by source", fontsize=size, fontweight="bold", va="top")
        longest = max(values, default=0.0) or 1.0
        axes.barh(range(len(names)), values, height=0.6, color=COLORS["control"], zorder=2)
        for k, (name, mean) in enumerate(means.items()):
            text = f"{mean:.2g}, in {format_share(processor.error_budget[name])} of shots"
            axes.text(mean + 0.015 * ROOM * longest, k, text, va="center", fontsize=FONT_SIZE - 0.5)
        axes.set(xlim=(0, ROOM * longest), ylim=(max(len(names), 1) - 0.5, -0.5))
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("errors in a shot, mean")
        ticks = MaxNLocator(nbins=4, steps=[1, 2, 5, 10]).tick_values(0, longest)
        # None where words stand.
        axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if 0 <= tick <= longest]))
        axes.tick_params(colors=COLORS["muted"], labelsize=FONT_SIZE - 0.5)
        axes.tick_params(axis="y", colors=COLORS["ink"], length=0)
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x", color=COLORS["grid"], linewidth=0.8)
    return figure
