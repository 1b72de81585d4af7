"""What every mitigation gives: never a value alone."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Mitigated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitigated:
    """A mitigated value beside what it was made from.

    Attributes:
        value: The mitigated value.
        error: Its standard error, from the shots.
        unmitigated: The value without mitigation.
        unmitigated_error: Its standard error.
        overhead: By which factor the shots would have to grow to keep the unmitigated error: the mitigated variance
            times the shots it took, over the unmitigated variance times the shots that took.
        method: What was done, in words.

    Example:
        >>> found = Mitigated(value=0.99, error=0.04, unmitigated=0.8, unmitigated_error=0.02, overhead=4.0,
        ...                   method="readout")
        >>> print(found)
        0.990 ± 0.040 (0.800 ± 0.020 without readout mitigation, which costs 4 times the shots)
    """

    value: float
    error: float
    unmitigated: float
    unmitigated_error: float
    overhead: float
    method: str

    def __str__(self) -> str:
        return (
            f"{self.value:.3f} ± {self.error:.3f} ({self.unmitigated:.3f} ± {self.unmitigated_error:.3f} without "
            f"{self.method} mitigation, which costs {self.overhead:.3g} times the shots)"
        )
