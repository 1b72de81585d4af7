"""What the energy room ends with: a sequence of spaces, and the estimate that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kakehashi.core.errors import InputError

__all__ = ["Estimate", "Rung"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One space of a growing sequence, for one state.

    Attributes:
        n_determinants: Its size.
        energy_hartree: Variational total energy.
        second_order_hartree: Epstein-Nesbet energy of what lies outside, not positive as a rule.
        second_order_error_hartree: Standard error of its random part.
        spin_squared: ``<S^2>``.
        elapsed_s: Wall time since the growth began.
        cpu_s: Processor time since then, all threads.
    """

    n_determinants: int
    energy_hartree: float
    second_order_hartree: float
    second_order_error_hartree: float = 0.0
    spin_squared: float
    elapsed_s: float = 0.0
    cpu_s: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.energy_hartree, self.second_order_hartree, self.second_order_error_hartree, self.spin_squared)
        if not np.isfinite(numbers).all():
            raise InputError(
                f"A space of {self.n_determinants:,} determinants has energies that are not finite: {numbers}."
            )
        if self.n_determinants < 1:
            raise InputError(f"Argument `n_determinants` must be positive, but is {self.n_determinants}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The exact energy as far as a sequence of spaces tells it.

    Attributes:
        energy_hartree: The most likely value.
        low_hartree: Lower end of the interval; of 95 % where ``trusted``, a mere hint otherwise.
        high_hartree: Upper end, never above the variational energy.
        trusted: Whether the sequence is in the regime in which the interval was calibrated.
        reason: Why it is, or is not, in words that continue "because".
        n_rungs: Spaces that were used.
    """

    energy_hartree: float
    low_hartree: float
    high_hartree: float
    trusted: bool
    reason: str
    n_rungs: int

    def __post_init__(self) -> None:
        if not self.low_hartree <= self.energy_hartree <= self.high_hartree:
            raise InputError(
                f"An estimate must lie in its interval, but {self.energy_hartree} is not within "
                f"{self.low_hartree} to {self.high_hartree}."
            )

    @property
    def half_width_hartree(self) -> float:
        """The larger distance from the estimate to an end of the interval."""
        return max(self.energy_hartree - self.low_hartree, self.high_hartree - self.energy_hartree)

    def covers(self, energy_hartree: float) -> bool:
        """Whether an energy lies in the interval."""
        return self.low_hartree <= energy_hartree <= self.high_hartree
