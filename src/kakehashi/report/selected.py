"""What selected configuration interaction added to the samples: the part of a result that carries the error bar."""

from __future__ import annotations

from dataclasses import dataclass

from kakehashi.core.errors import InputError
from kakehashi.energy.model import Estimate, Rung
from kakehashi.report.properties import StateProperties

__all__ = ["SelectedSummary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedSummary:
    """A growing space of determinants and the estimate of the exact energy that follows from it.

    Attributes:
        orbitals: Which orbitals the determinants are made of: ``"given"``, ``"natural"``, ``"broken-symmetry"``, or
            ``"optimized"`` ones that began as one of these; in a scan also ``"carried"`` from the point before.
        rungs: For each state, the spaces by size; every state has the same number.
        estimates: For each state, the exact energy with its interval.
        properties: For each state, what its density in the last space tells.
        converged: Whether the eigensolver reached its tolerance in the last space.
        stopped: Why the growth ended: ``"max_determinants"``, ``"max_wall_s"`` or ``"complete"``.
        wall_s: Wall time, orbitals included.
        cpu_s: Processor time of all threads, orbitals included.
    """

    orbitals: str
    rungs: tuple[tuple[Rung, ...], ...]
    estimates: tuple[Estimate, ...]
    properties: tuple[StateProperties, ...]
    converged: bool
    stopped: str
    wall_s: float
    cpu_s: float

    def __post_init__(self) -> None:
        states = {len(self.rungs), len(self.estimates), len(self.properties)}
        if not self.rungs or not all(self.rungs) or len(states) > 1:
            raise InputError(
                "Arguments `rungs`, `estimates` and `properties` must hold one entry or more for each state."
            )

    @property
    def last(self) -> Rung:
        """The last space of the lowest state."""
        return self.rungs[0][-1]

    @property
    def estimate(self) -> Estimate:
        """The exact energy of the lowest state."""
        return self.estimates[0]

    @property
    def natural_occupations(self) -> tuple[float, ...]:
        """Natural occupations of the lowest state, descending."""
        return self.properties[0].natural_occupations
