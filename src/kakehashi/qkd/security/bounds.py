"""The proofs by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from kakehashi.core.registry import Registry
from kakehashi.qkd.security import differential, entangled, lim, rusca, wiesemann
from kakehashi.qkd.security.model import Bound

__all__ = ["BOUNDS", "is_composable", "weakest"]

BOUNDS: Registry[Bound] = Registry("bound")
"""Bounds that a link's file can name."""

BOUNDS.add(wiesemann.NAME, cast("Bound", wiesemann.wiesemann_length))
BOUNDS.add(lim.NAME, lim.lim_length)
BOUNDS.add(rusca.NAME, rusca.rusca_length)
BOUNDS.add(entangled.NAME, entangled.entangled_length)
BOUNDS.add(differential.NAME, differential.differential_length)

COMPOSABLE = frozenset({wiesemann.NAME, lim.NAME, rusca.NAME, entangled.NAME})
"""Those whose failure probabilities hold against any attack, and add up whatever keys are used for."""


def is_composable(bound: str) -> bool:
    """Whether keys by a bound are composable; those by a bound that is not known here are not.

    Example:
        >>> is_composable("wiesemann"), is_composable("differential"), is_composable("")
        (True, False, False)
    """
    return bound in COMPOSABLE


def weakest(bounds: Iterable[str]) -> str:
    """The bound that a key keeps which was made of several: the weakest, and the first by name where they are alike.

    What is not known here proves nothing, and is weaker than all that is.

    Example:
        >>> weakest(["wiesemann", "differential", "lim"]), weakest(["wiesemann", "lim"])
        ('differential', 'lim')
    """
    return min(bounds, key=lambda name: (is_composable(name), name in BOUNDS, name), default="")
