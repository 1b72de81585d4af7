"""The proofs by name."""

from __future__ import annotations

from typing import cast

from kakehashi.core.registry import Registry
from kakehashi.qkd.security import differential, entangled, lim, rusca, wiesemann
from kakehashi.qkd.security.model import Bound

__all__ = ["BOUNDS"]

BOUNDS: Registry[Bound] = Registry("bound")
"""Bounds that a link's file can name."""

BOUNDS.add(wiesemann.NAME, cast("Bound", wiesemann.wiesemann_length))
BOUNDS.add(lim.NAME, lim.lim_length)
BOUNDS.add(rusca.NAME, rusca.rusca_length)
BOUNDS.add(entangled.NAME, entangled.entangled_length)
BOUNDS.add(differential.NAME, differential.differential_length)
