"""The two places where commands print: data on standard output, words on standard error."""

from __future__ import annotations

from rich.console import Console, ConsoleDimensions

__all__ = ["MAX_WIDTH", "Terminal", "data", "tell", "words"]

MAX_WIDTH = 100
"""Columns of the longest line, however wide the terminal is: longer ones are hard to read."""


class Terminal(Console):
    """A console whose lines never grow longer than people like to read.

    Example:
        >>> Terminal(width=200, height=50).width
        100
    """

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and lines."""
        width, height = super().size
        return ConsoleDimensions(min(width, MAX_WIDTH), height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


words = Terminal(stderr=True)
data = Terminal()


def tell(sentence: str) -> None:
    """Say a sentence in words: wrapped between words on a terminal, one line for whoever else reads it.

    Args:
        sentence: With rich's markup; escape what comes from outside.
    """
    words.print(sentence, highlight=False, soft_wrap=not words.is_terminal)
