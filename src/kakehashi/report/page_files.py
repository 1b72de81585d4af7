"""The files of a page: its numbers, its figure and the page itself, side by side in one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kakehashi.core.files import write_text

__all__ = ["write_page"]


def write_page(folder: Path | str, stem: str, *, table: Mapping[str, Any], svg: str, page: str) -> Path:
    """Write ``STEM.json``, ``STEM.svg`` and ``STEM.html`` into a folder, each whole or not at all.

    Args:
        folder: The folder; made where it is not there.
        stem: Name of the files without their ending.
        table: The numbers, as plain JSON values.
        svg: The figure; where it is empty, no file is written.
        page: The page.

    Returns:
        Path of the page.

    Raises:
        InputError: The folder cannot be written.
        ResourceError: The disk is full.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = write_page(folder, "scan", table={"seed": 1}, svg="", page="<!DOCTYPE html>")
        ...     path.name, path.with_suffix(".json").exists(), path.with_suffix(".svg").exists()
        ('scan.html', True, False)
    """
    folder = Path(folder)
    # The numbers first: figure and page can be made from them again.
    write_text(folder / f"{stem}.json", json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    if svg:
        write_text(folder / f"{stem}.svg", svg + "\n")
    path = folder / f"{stem}.html"
    write_text(path, page)
    return path
