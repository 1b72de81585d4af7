"""A result as one self-contained HTML page, and as a fragment for a notebook.

The page needs no script, no font and no other file; its content security policy makes a browser refuse any
request. Everything that a user named (problem, device, reference, warnings, settings) is escaped.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kakehashi.core.errors import InputError
from kakehashi.core.files import write_text
from kakehashi.report.captions import caption_figure
from kakehashi.report.citations import citations, format_bibtex
from kakehashi.report.classical import classical_table
from kakehashi.report.document import write_json
from kakehashi.report.figures import FIGURES, figures_of
from kakehashi.report.headline import make_facts, make_headline
from kakehashi.report.ledger_figure import ledger_scale
from kakehashi.report.model import Result
from kakehashi.report.processor_words import (
    count_notes,
    describe_processor,
    processor_notes,
    processor_table,
)
from kakehashi.report.properties_table import atom_table, spin_atoms, state_table
from kakehashi.report.schema import SCHEMA_NAME
from kakehashi.report.style import figure_to_svg
from kakehashi.report.summary import summary_rows
from kakehashi.report.tables import (
    Table,
    energy_table,
    format_duration,
    iteration_table,
    ledger_table,
    own_row,
    rung_table,
)
from kakehashi.report.toml import write_toml_text
from kakehashi.report.verdict import judge

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

__all__ = [
    "JSON_NAME",
    "REPORT_NAME",
    "page_environment",
    "page_stylesheet",
    "render_fragment",
    "render_html",
    "table_html",
    "write_report",
]

REPORT_NAME = "report.html"
JSON_NAME = "result.json"

PAGE_FIGURES = ("convergence", "size", "occupancies", "weights")
PROCESSOR_FIGURES = ("chip", "errors")
FRAGMENT_FIGURES = ("convergence", "size")
FRAGMENT_FIGURES_WITH_ESTIMATE = ("estimate", "convergence")

LABELS = {
    "kakehashi": "kakehashi",
    "commit": "commit",
    "created_utc": "made (UTC)",
    "python": "Python",
    "packages": "",
    "machine": "",
    "n_processors": "processors",
    "quantum_machine": "quantum machine",
}
"""Names of provenance keys for a person; a table with an empty name is shown by its own keys alone."""


@cache
def page_environment() -> jinja2.Environment:
    """The templates, with everything escaped that they are filled with."""
    import jinja2

    # Not PackageLoader: it looks for a folder of templates, and these lie beside the code that fills them.
    files = resources.files("kakehashi.report")
    names = ("template.html", "fragment.html", "ledger.html", "scan.html")
    texts = {name: files.joinpath(name).read_text(encoding="utf-8") for name in names}
    return jinja2.Environment(
        loader=jinja2.DictLoader(texts),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def page_stylesheet() -> str:
    """The style sheet of all pages."""
    return resources.files("kakehashi.report").joinpath("report.css").read_text(encoding="utf-8")


def _figures(result: Result, kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    """Those of the figures that the result has something for."""
    from markupsafe import Markup

    made = []
    for kind in kinds:
        if kind not in figures_of(result):
            continue
        caption = caption_figure(result, kind)
        prefix = f"k{re.sub('[^0-9a-zA-Z]', '', result.run_id)[:8]}-{kind}"
        svg = figure_to_svg(FIGURES[kind](result, title=False), prefix=prefix, label=caption.alternative)
        made.append({"kind": kind, "caption": caption, "svg": Markup(svg)})  # noqa: S704 - matplotlib escaped its text
    return made


def table_html(table: Table, *, own_row: str = "") -> Markup:
    """A table whose first column names the row and whose others are numbers.

    Args:
        table: The table.
        own_row: First cell of the row that stands out.
    """
    from markupsafe import Markup

    def cells(first: Markup, other: Markup, texts: tuple[str, ...]) -> Markup:
        return first.format(texts[0]) + Markup("").join(other.format(text) for text in texts[1:])

    head = cells(Markup('<th scope="col">{}</th>'), Markup('<th scope="col" class="number">{}</th>'), table.columns)
    first, other = Markup('<th scope="row">{}</th>'), Markup('<td class="number">{}</td>')
    rows = [
        Markup('<tr class="{}">{}</tr>').format("own" if row[0] == own_row else "", cells(first, other, row))
        for row in table.rows
    ]
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, Markup("").join(rows))


def _arms(result: Result) -> Markup | None:
    """The table of the ledger."""
    if result.ledger is None:
        return None
    selected = result.selected
    known = None if selected is None or not selected.estimate.trusted else selected.estimate.energy_hartree
    base, name = ledger_scale(result.ledger, result.reference, known)
    return table_html(ledger_table(result.ledger, reference=result.reference, base_hartree=base, base=name))


def _properties(result: Result) -> dict[str, Any] | None:
    """The tables of states and of atoms."""
    if result.selected is None:
        return None
    atoms = atom_table(result.selected)
    return {
        "states": table_html(state_table(result.selected)),
        "atoms": None if atoms is None else table_html(atoms),
        "spins": any(spin_atoms(state) for state in result.selected.properties),
    }


def _processor(result: Result) -> dict[str, Any] | None:
    """What stands about the processor."""
    if result.processor is None:
        return None
    first, *others = describe_processor(result)
    return {
        "first": first,
        "others": others,
        "figures": _figures(result, PROCESSOR_FIGURES),
        "rows": processor_table(result.processor).rows,
        "notes": processor_notes(result.processor),
        "counted": count_notes(result.processor),
    }


def _stages(result: Result) -> list[dict[str, str]]:
    longest = max(result.stage_s.values(), default=0.0)
    return [
        {
            "name": name,
            "time": format_duration(seconds),
            "width": f"{100 * seconds / longest if longest > 0 else 0:.1f}",
        }
        for name, seconds in result.stage_s.items()
    ]


def _flatten(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            name = LABELS.get(key, key)
            for label, text in _flatten(value):
                yield (f"{name}.{label}" if name else label), text
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield LABELS.get(key, key), text


def _created(result: Result) -> dict[str, str] | None:
    text = result.provenance.get("created_utc")
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return {"machine": moment.isoformat(), "person": f"{moment.day} {moment:%B %Y, %H:%M} UTC"}


def _settings(result: Result) -> str:
    try:
        return write_toml_text(result.spec).rstrip()
    except InputError:
        return json.dumps(result.spec, indent=2, ensure_ascii=False, default=str)


def _repeat(result: Result) -> dict[str, str]:
    name = re.sub(r"[^a-z0-9]+", "-", result.problem.lower()).strip("-")[:60] or "run"
    command = f"kakehashi run {name}.toml"
    if result.spec.get("seed") != result.seed:
        command += f" --set seed={result.seed}"
    return {"file": f"{name}.toml", "command": command}


def render_html(result: Result) -> str:
    """The report as one HTML page that needs no other file.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> render_html(example_result()).startswith("<!DOCTYPE html>")
        True
    """
    from markupsafe import Markup

    works = citations(result)
    return (
        page_environment()
        .get_template("template.html")
        .render(
            result=result,
            headline=make_headline(result),
            facts=make_facts(result),
            verdict=judge(result),
            figures=_figures(result, PAGE_FIGURES),
            estimate=_figures(result, ("estimate",)),
            spaces=None if result.selected is None else table_html(rung_table(result)),
            ledger=_figures(result, ("ledger",)),
            arms=_arms(result),
            properties=_properties(result),
            processor=_processor(result),
            classical=table_html(classical_table(result)) if result.classical else None,
            energies=table_html(energy_table(result), own_row=own_row(result)),
            stages=_stages(result),
            rows=summary_rows(result),
            iterations=table_html(iteration_table(result)),
            settings=_settings(result) if result.spec else "",
            provenance=list(_flatten(result.provenance)),
            created=_created(result),
            repeat=_repeat(result),
            works=works,
            reference_source=result.reference.source if result.reference is not None else "",
            bibtex=format_bibtex(works),
            schema=SCHEMA_NAME,
            css=Markup(page_stylesheet()),  # noqa: S704 - our own file
        )
    )


def render_fragment(result: Result) -> str:
    """The result as a notebook shows it: headline, verdict, two figures and a table.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> "hartree" in render_fragment(example_result())
        True
    """
    return (
        page_environment()
        .get_template("fragment.html")
        .render(
            result=result,
            headline=make_headline(result),
            verdict=judge(result),
            figures=_figures(result, FRAGMENT_FIGURES if result.selected is None else FRAGMENT_FIGURES_WITH_ESTIMATE),
            ledger=_figures(result, ("ledger",)),
            rows=summary_rows(result),
        )
    )


def write_report(result: Result, folder: Path | str) -> Path:
    """Write ``report.html`` and ``result.json`` into a folder, each whole or not at all.

    Returns:
        Path of the HTML page.

    Raises:
        InputError: The folder cannot be written.
        ResourceError: The disk is full.

    Example:
        >>> import tempfile
        >>> from kakehashi.report.example import example_result
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(example_result(), folder).name
        'report.html'
    """
    folder = Path(folder)
    # The numbers first: a page can be made from them again.
    write_json(result, folder / JSON_NAME)
    path = folder / REPORT_NAME
    write_text(path, render_html(result))
    return path
