"""What the user of a scan must know: the warnings of its points, alike ones once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from kakehashi.report.scan import Scan, ScanPoint
from kakehashi.report.tables import format_count

__all__ = ["LOOP_AT_LIMIT", "scan_warnings"]

LOOP_AT_LIMIT: Final = "The loop was stopped at its limit of"
"""How the warning of a loop that was cut short begins, in every run's result."""


def scan_warnings(scan: Scan) -> tuple[str, ...]:
    """Points without an error bar, and each point's own warnings, alike ones once.

    Loops that ended at their limit come last, counted and not listed: with default settings most do, and the estimates
    come from selected configuration interaction.

    Example:
        >>> from kakehashi.report.example import example_scan
        >>> scan_warnings(example_scan())
        ()
    """
    places: dict[str, list[str]] = {}
    for point in scan.finished:
        found = point.states[0].estimate if point.states else None
        doubts = [f"There is no error bar: {found.reason}."] if found is not None and not found.trusted else []
        for text in (*doubts, *(text for text in point.warnings if not text.startswith(LOOP_AT_LIMIT))):
            # Only numbers tell sentences of the same kind apart: the first stands for all.
            kind = re.sub(r"\d+(\.\d+)?(e[-+]\d+)?", "#", text)
            value = str(point.value).lower() if isinstance(point.value, bool) else str(point.value)
            places.setdefault(kind, [text]).append(value)
    alike = (
        f"At {', '.join(values)}: {text}" + (" (So at the first; the numbers differ.)" if len(values) > 1 else "")
        for text, *values in places.values()
    )
    return *alike, *_loops_at_limit(scan.finished)


def _loops_at_limit(points: Sequence[ScanPoint]) -> tuple[str, ...]:
    """One sentence for all points whose loop ended at its limit."""
    cut = [(point, text) for point in points for text in point.warnings if text.startswith(LOOP_AT_LIMIT)]
    if not cut:
        return ()
    count = f"{format_count(len(cut))} of {format_count(len(points))} points"
    said = f"At {count} the loop was stopped at its limit while the samples' energy still fell"
    if all(point.states and point.states[0].estimate is not None for point, _ in cut):
        return (f"{said}; the estimates are selected CI's, which goes on from there.",)
    limits = sorted({name for _, text in cut for name in re.findall(r"subspace\.\w+", text)})
    return (f"{said}. A higher {' or '.join(limits) or 'limit'} may lower it further.",)
