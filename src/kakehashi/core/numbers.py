"""Numbers as people read them, in one style everywhere."""

from __future__ import annotations

__all__ = ["percent"]


def percent(share: float, digits: int = 2) -> str:
    """A share in per cent, with a space before the sign as SI has it.

    Args:
        share: From 0 to 1.
        digits: Digits after the point.

    Example:
        >>> percent(0.02254), percent(0.5, 0)
        ('2.25 %', '50 %')
    """
    return f"{100 * share:.{digits}f} %"
