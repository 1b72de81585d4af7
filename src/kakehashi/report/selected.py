"""What selected configuration interaction added to the samples: the part of a result that carries the error bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.energy.model import Estimate, Rung

__all__ = ["SelectedSummary"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelectedSummary:
    """A growing space of determinants and the estimate of the exact energy that follows from it.

    Attributes:
        orbitals: Which orbitals the determinants are made of: ``"given"``, ``"natural"``, ``"broken-symmetry"``, or
            ``"optimized"`` ones that began as one of these; in a scan also ``"carried"`` from the point before.
        rungs: For each state, the spaces by size; every state has the same number.
        estimates: For each state, the exact energy with its interval.
        natural_occupations: Of the lowest state, descending, shape ``(n_orb,)``.
        converged: Whether the eigensolver reached its tolerance in the last space.
        stopped: Why the growth ended: ``"max_determinants"``, ``"max_wall_s"`` or ``"complete"``.
        wall_s: Wall time, orbitals included.
        cpu_s: Processor time of all threads, orbitals included.
    """

    orbitals: str
    rungs: tuple[tuple[Rung, ...], ...]
    estimates: tuple[Estimate, ...]
    natural_occupations: NDArray[np.float64]
    converged: bool
    stopped: str
    wall_s: float
    cpu_s: float

    def __post_init__(self) -> None:
        if not self.rungs or not all(self.rungs) or len(self.rungs) != len(self.estimates):
            raise InputError("Arguments `rungs` and `estimates` must hold one entry or more for each state.")
        occupations = np.array(self.natural_occupations, dtype=np.float64)
        occupations.flags.writeable = False
        object.__setattr__(self, "natural_occupations", occupations)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SelectedSummary):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            if name == "natural_occupations"
            else getattr(self, name) == getattr(other, name)
            for name in self.__slots__
        )

    @property
    def last(self) -> Rung:
        """The last space of the lowest state."""
        return self.rungs[0][-1]

    @property
    def estimate(self) -> Estimate:
        """The exact energy of the lowest state."""
        return self.estimates[0]
