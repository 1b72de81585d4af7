"""A scan for people: its table, its figure with a caption, one HTML page, and the three files of its folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kakehashi.core.errors import InputError
from kakehashi.energy.model import Estimate
from kakehashi.report.captions import Caption
from kakehashi.report.html import page_environment, page_stylesheet, table_html
from kakehashi.report.model import HARTREE_TO_MHARTREE
from kakehashi.report.page_files import write_page
from kakehashi.report.scan import SCAN_NAME, SCAN_SCHEMA, Scan, ScanPoint
from kakehashi.report.scan_figure import plot_scan, scan_base
from kakehashi.report.scan_warnings import scan_warnings
from kakehashi.report.schema import EstimateDocument
from kakehashi.report.style import figure_to_svg
from kakehashi.report.tables import (
    Table,
    format_count,
    format_duration,
    format_energy,
    format_interval,
    format_mhartree,
    format_spin,
)
from kakehashi.report.toml import write_toml_text

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["caption_scan", "render_scan", "scan_table", "write_scan"]

NOTHING = "–"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def scan_table(scan: Scan, *, short: bool = False) -> Table:
    """One row for each point: energy, interval, spin, and whether the interval can be trusted.

    Args:
        scan: The scan.
        short: Whether to keep to what fits into a terminal.

    Example:
        >>> from kakehashi.report.example import example_scan
        >>> scan_table(example_scan()).rows[0][:4]
        ('0.7', '-1.13727017', '±0', 'yes')
        >>> scan_table(example_scan(), short=True).columns[0]
        'bond'
    """
    known = any(point.reference is not None for point in scan.finished)
    columns: dict[str, Callable[[ScanPoint], str]] = {
        scan.label: _described,
        "Energy (hartree)": _energy,
        "95 % interval (mHa)": _interval,
        "Trusted": _trusted,
        "⟨S²⟩": _spin,
        "Bound above it (mHa)": lambda point: _above(point, point.states[0].energy_hartree if point.states else None),
        "Samples above it (mHa)": lambda point: _above(point, point.energy_hartree),
        "Reference above it (mHa)": lambda point: _above(
            point, None if point.reference is None else point.reference.energy_hartree
        ),
        "Orbitals": lambda point: point.orbitals or NOTHING,
        "Time": lambda point: NOTHING if point.wall_s is None else format_duration(point.wall_s),
    }
    if not known:
        del columns["Reference above it (mHa)"]
    if short:
        names = (scan.label, "Energy (hartree)", "95 % interval (mHa)", "Trusted", "⟨S²⟩", "Orbitals")
        columns = {name.partition(" (")[0] if name == scan.label else name: columns[name] for name in names}
    cells = tuple(columns.values())
    return Table(columns=tuple(columns), rows=tuple(tuple(cell(point) for cell in cells) for point in scan.points))


def _described(point: ScanPoint) -> str:
    return _value(point.value)


def _energy(point: ScanPoint) -> str:
    return point.state if point.best_hartree is None else format_energy(point.best_hartree)


def _interval(point: ScanPoint) -> str:
    estimate = point.states[0].estimate if point.states else None
    return format_interval(_as_estimate(estimate)) if estimate is not None and estimate.trusted else NOTHING


def _trusted(point: ScanPoint) -> str:
    estimate = point.states[0].estimate if point.states else None
    return NOTHING if estimate is None else "yes" if estimate.trusted else "no"


def _spin(point: ScanPoint) -> str:
    spin = point.states[0].spin_squared if point.states else None
    return NOTHING if spin is None else format_spin(spin)


def _as_estimate(estimate: EstimateDocument) -> Estimate:
    return Estimate(**estimate.model_dump(), n_rungs=1)


def _above(point: ScanPoint, energy: float | None) -> str:
    base = point.best_hartree
    return NOTHING if energy is None or base is None else format_mhartree((energy - base) * HARTREE_TO_MHARTREE)


def caption_scan(scan: Scan) -> Caption:
    """The words around the figure.

    Example:
        >>> from kakehashi.report.example import example_scan
        >>> caption_scan(example_scan()).title
        'Energy along the scan'
    """
    _, base = scan_base(scan)
    bars = "The bars are its 95 % intervals. " if base == "the estimate" else "The bars are 95 % intervals. "
    if base == "the estimate" and any(point.state == "done" and _trusted(point) != "yes" for point in scan.points):
        bars += "Where the ground is grey there is none that can be trusted. "
    reading = (
        f"Above, total energies; below, how far they are from {base}, linear within 1 mHa and logarithmic beyond. "
        f"{bars}Selected CI and the samples are upper bounds; the samples alone are what the device and the loop found."
    )
    finished = [(point.best_hartree, point) for point in scan.finished if point.best_hartree is not None]
    if not finished:
        return Caption(title="Energy along the scan", reading=reading, alternative="No point is done.")
    energy, lowest = min(finished, key=lambda found: found[0])
    first, last = finished[0], finished[-1]
    return Caption(
        title="Energy along the scan",
        reading=reading,
        alternative=f"Line charts of energy against {scan.label}, {len(finished)} points: from "
        f"{format_energy(first[0])} hartree at {_value(first[1].value)} to {format_energy(last[0])} hartree at "
        f"{_value(last[1].value)}, lowest at {_value(lowest.value)} with {format_energy(energy)} hartree.",
    )


def _lead(scan: Scan) -> str:
    done, failed, waiting = scan.count("done"), scan.count("failed"), scan.count("waiting")
    parts = [f"{format_count(done)} {'point' if done == 1 else 'points'}"]
    parts += [f"{format_count(failed)} failed"] if failed else []
    parts += [f"{format_count(waiting)} not done"] if waiting else []
    chains = "one chain" if scan.n_chains == 1 else f"{scan.n_chains} chains"
    return f"Scan of {scan.label}: {', '.join(parts)}, in {chains} along which orbitals and determinants are carried."


def _svg(scan: Scan, *, title: bool) -> str:
    return figure_to_svg(plot_scan(scan, title=title), prefix="kscan", label=caption_scan(scan).alternative)


def _settings(scan: Scan) -> str:
    try:
        return write_toml_text(scan.spec).rstrip()
    except InputError:
        return json.dumps(scan.spec, indent=2, ensure_ascii=False)


def render_scan(scan: Scan) -> str:
    """The scan as one HTML page that needs no other file.

    Example:
        >>> from kakehashi.report.example import example_scan
        >>> render_scan(example_scan()).startswith("<!DOCTYPE html>")
        True
    """
    from markupsafe import Markup

    svg: Markup | str = ""
    if scan.finished:
        svg = Markup(_svg(scan, title=False))  # noqa: S704 - matplotlib escaped its text
    return (
        page_environment()
        .get_template("scan.html")
        .render(
            scan=scan,
            lead=_lead(scan),
            failures=[f"{scan.label} {_value(p.value)}: {p.error}" for p in scan.points if p.state == "failed"],
            svg=svg,
            caption=caption_scan(scan),
            table=table_html(scan_table(scan)),
            note="Energy: the estimate where it is trusted, or else the variational energy. ⟨S²⟩ is that of selected "
            "CI. Each row's folder holds the point's own report.",
            warnings=scan_warnings(scan),
            settings=_settings(scan) if scan.spec else "",
            schema=SCAN_SCHEMA,
            css=Markup(page_stylesheet()),  # noqa: S704 - our own file
        )
    )


def write_scan(scan: Scan, folder: Path | str) -> Path:
    """Write ``scan.json``, ``scan.svg`` and ``scan.html`` into a folder, each whole or not at all.

    The figure is left out where no point is done.

    Returns:
        Path of the page.

    Raises:
        InputError: The folder cannot be written.
        ResourceError: The disk is full.

    Example:
        >>> import tempfile
        >>> from kakehashi.report.example import example_scan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_scan(example_scan(), folder).name
        'scan.html'
    """
    svg = _svg(scan, title=True) if scan.finished else ""
    return write_page(folder, Path(SCAN_NAME).stem, table=scan.to_json(), svg=svg, page=render_scan(scan))
