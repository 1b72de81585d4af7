"""What one pass over the determinants outside a space finds, and the memory that it may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings
from kakehashi.core.errors import ResourceError
from kakehashi.core.resources import available_memory_bytes, format_bytes

__all__ = ["Criterion", "Outside", "Sums", "checked", "half_of_the_memory"]

Criterion = Literal["perturbation", "heat-bath"]
"""What makes a determinant outside the space important: the size of its Epstein-Nesbet energy,
``(sum_i H_ai c_i)^2 / (E - E_a)``, or the largest single ``|H_ai c_i|``, as in heat-bath configuration interaction."""

Sums: TypeAlias = tuple[float, float, int, int, int, int]
"""Energy, coarse energy, determinants, contributions, determinants kept; the memory needed where it was too little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What one pass over the determinants outside the space found.

    Attributes:
        energy_hartree: Epstein-Nesbet energy of those that were met.
        coarse_energy_hartree: The same from contributions above the coarse threshold alone.
        n_determinants: How many were met.
        n_contributions: How many elements ``H_ai c_i`` were summed, those onto determinants of the space included.
        alpha: Alpha strings of the most important ones, shape ``(n, 2)``, the best first.
        beta: Their beta strings.
        importance: Their importance, shape ``(n,)``, descending, hartree.
    """

    energy_hartree: float
    coarse_energy_hartree: float
    n_determinants: int
    n_contributions: int
    alpha: Strings
    beta: Strings
    importance: NDArray[np.float64]


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
