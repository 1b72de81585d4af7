"""A ledger that belongs to no run's result: its JSON file, its figure, and one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kakehashi.problem.model import Reference
from kakehashi.report.captions import caption_ledger
from kakehashi.report.document import ledger_to_json
from kakehashi.report.html import page_environment, page_stylesheet, table_html
from kakehashi.report.ledger import Ledger
from kakehashi.report.ledger_figure import plot_ledger_alone
from kakehashi.report.page_files import write_page
from kakehashi.report.style import figure_to_svg
from kakehashi.report.tables import format_count, ledger_table

__all__ = ["LEDGER_SCHEMA", "Comparison", "write_comparison"]

LEDGER_SCHEMA = "kakehashi.ledger/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A ledger with all that is needed to judge and repeat it.

    Attributes:
        problem: Name of the problem.
        device: Name of the device.
        reference: The known answer, where there is one.
        ledger: The ledger.
        seed: Seed of the random numbers.
        spec: The spec, as plain JSON values.
        provenance: Code, packages, machine, time; see :mod:`kakehashi.core.provenance`.
    """

    problem: str
    device: str
    reference: Reference | None
    ledger: Ledger
    seed: int
    spec: Mapping[str, object]
    provenance: Mapping[str, object]

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain JSON values; the key `ledger` is that of a result.

        Example:
            >>> from kakehashi.report.example import example_ledger
            >>> about = {"problem": "H2", "device": "exact", "reference": None, "spec": {}, "provenance": {}}
            >>> list(Comparison(ledger=example_ledger(), seed=1, **about).to_json())[:3]
            ['schema', 'problem', 'device']
        """
        return {
            "schema": LEDGER_SCHEMA,
            "problem": self.problem,
            "device": self.device,
            "reference": None if self.reference is None else asdict(self.reference),
            "ledger": ledger_to_json(self.ledger),
            "seed": self.seed,
            "spec": dict(self.spec),
            "provenance": dict(self.provenance),
        }

    def to_svg(self) -> str:
        """The figure as one SVG file."""
        return _svg(self, title=True)

    def to_html(self) -> str:
        """The comparison as one HTML page that needs no other file."""
        from markupsafe import Markup

        ledger = self.ledger
        supply = (
            f"{format_count(ledger.n_shots)} shots of the device {self.device!r}: {format_count(ledger.n_in_sector)} "
            f"configurations with the right electron numbers, {format_count(ledger.n_configurations)} after recovery."
        )
        return (
            page_environment()
            .get_template("ledger.html")
            .render(
                problem=self.problem,
                supply=supply,
                verdict=ledger.verdict,
                caption=caption_ledger(ledger, self.reference),
                svg=Markup(_svg(self, title=False)),  # noqa: S704 - matplotlib escaped its text
                arms=table_html(ledger_table(ledger, reference=self.reference)),
                schema=LEDGER_SCHEMA,
                css=Markup(page_stylesheet()),  # noqa: S704 - our own file
            )
        )


def _svg(comparison: Comparison, *, title: bool) -> str:
    caption = caption_ledger(comparison.ledger, comparison.reference)
    figure = plot_ledger_alone(comparison.ledger, reference=comparison.reference, title=title)
    return figure_to_svg(figure, prefix="kledger", label=caption.alternative)


def write_comparison(comparison: Comparison, folder: Path | str) -> Path:
    """Write ``ledger.json``, ``ledger.svg`` and ``ledger.html`` into a folder, each whole or not at all.

    Returns:
        Path of the page.

    Raises:
        InputError: The folder cannot be written.
        ResourceError: The disk is full.

    Example:
        >>> import tempfile
        >>> from kakehashi.report.example import example_ledger
        >>> about = {"problem": "H2", "device": "exact", "reference": None, "spec": {}, "provenance": {}}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_comparison(Comparison(ledger=example_ledger(), seed=1, **about), folder).name
        'ledger.html'
    """
    table, svg, page = comparison.to_json(), comparison.to_svg(), comparison.to_html()
    return write_page(folder, "ledger", table=table, svg=svg, page=page)
