"""The memory that one pass over the determinants outside a space may take."""

from __future__ import annotations

from typing import TypeAlias

from kakehashi.core.errors import ResourceError
from kakehashi.core.resources import available_memory_bytes, format_bytes

__all__ = ["Sums", "checked", "half_of_the_memory"]

Sums: TypeAlias = tuple[float, float, int, int, int, int]
"""Energy, coarse energy, determinants, contributions, determinants kept; the memory needed where it was too little."""


def checked(sums: Sums, n_determinants: int, budget_bytes: int) -> Sums:
    """What a pass over the outside has found, if its budget was large enough.

    Raises:
        ResourceError: It was not.
    """
    if sums[5]:
        raise ResourceError(
            f"Perturbation theory outside {n_determinants} determinants needs at least {format_bytes(sums[5])} of "
            f"memory, but {format_bytes(budget_bytes)} is given."
        )
    return sums


def half_of_the_memory(n_processes: int = 1) -> int:
    """What perturbation theory takes at most where no budget is given: half of the free memory, in bytes.

    Args:
        n_processes: How many share the memory.
    """
    return available_memory_bytes() // (2 * n_processes)
