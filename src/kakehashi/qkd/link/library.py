"""Links by name: those that come with kakehashi, and the user's own files."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from kakehashi.core.errors import SpecError
from kakehashi.core.registry import Registry
from kakehashi.core.spec import parse_spec, read_toml
from kakehashi.qkd.link.spec import LinkSpec, SourcedNumber

__all__ = ["list_links", "load_link", "source_of"]


def list_links() -> tuple[str, ...]:
    """Names that :func:`load_link` knows.

    Example:
        >>> list_links()[0]
        'laboratory-50km'
    """
    return tuple(_known())


def load_link(name: str | Path) -> LinkSpec:
    """A link by its name, or from a TOML file.

    Args:
        name: A name of :func:`list_links`, or the path of a file that ends in ``.toml``.

    Raises:
        InputError: The name is unknown, or there is no such file.
        SpecError: The file is wrong; the message says where.

    Example:
        >>> load_link("tokyo-koganei-loop-ntt").protocol
        'dps'
    """
    path = Path(name) if str(name).endswith(".toml") else _known()[str(name)]
    table = read_toml(path)
    if "link" in table and isinstance(table["link"], dict) and len(table) == 1:
        table = table["link"]
    if "node" in table and "protocol" not in table:
        raise SpecError(f"{name}: this is a network, not a link; see it with: kakehashi qkd network table {name}")
    link = parse_spec(LinkSpec, table, source=str(path) if str(name).endswith(".toml") else str(name))
    for key in link.numbers:
        if not _exists(link, key):
            raise SpecError(f"{name}: 'numbers' speaks of '{key}', but the link has no such key.")
    return link


def source_of(link: LinkSpec, key: str) -> SourcedNumber | None:
    """Where a number of a link comes from, or None where the link does not say.

    Args:
        link: The link.
        key: Its key, such as ``"fibre.loss_db"``; a line about a whole table holds for each of its numbers.

    Example:
        >>> source = source_of(load_link("tokyo-koganei-otemachi-toshiba"), "fibre.loss_db")
        >>> source.grade
        'published'
    """
    parts = key.split(".")
    for n in range(len(parts), 0, -1):
        found = link.numbers.get(".".join(parts[:n]))
        if found is not None:
            return found
    return None


def _known() -> Registry[Path]:
    registry: Registry[Path] = Registry("link")
    with resources.as_file(resources.files("kakehashi.qkd.link") / "data") as folder:
        for path in folder.glob("*.toml"):
            registry.add(path.stem, path)
    return registry


def _exists(link: LinkSpec, key: str) -> bool:
    value: object = link
    for part in key.split("."):
        if not hasattr(value, part):
            return False
        value = getattr(value, part)
    return True
