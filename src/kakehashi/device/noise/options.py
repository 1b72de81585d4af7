"""What of a twin's noise is written into a circuit, and the names of its sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from kakehashi.core.errors import InputError

__all__ = ["ORIGINS", "Crosstalk", "Excess", "NoiseOptions", "Policy"]

Policy: TypeAlias = Literal["alap", "asap"]
"""When operations start: as late as possible, or as soon as possible."""

Crosstalk: TypeAlias = Literal["off", "twirled", "coherent"]
"""How the always-on ZZ coupling of neighbours acts: not at all, as Z Z by chance, or as a turn."""

Excess: TypeAlias = Literal["cap", "keep"]
"""What happens where T1 and T2 alone make a gate worse than its calibrated error: see :class:`NoiseOptions`."""

ORIGINS = ("one-qubit gates", "two-qubit gates", "idling", "crosstalk", "leakage", "reset", "readout")
"""Every ``origin`` that channels of a twin's noise have, and the keys of a budget of errors, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseOptions:
    """Which errors there are, and in which form.

    Attributes:
        twirl: Relaxation as Pauli operators by chance, which every fast method can sample, or else by its exact Kraus
            operators.
        gates: Whether gates have errors.
        idle: Whether qubits that wait relax.
        fold: Whether relaxation right before a final measurement becomes misreading of 1 as 0, which it is exactly, so
            that twirling does not touch it. It needs ``twirl``, ``idle`` and ``readout``.
        readout: Whether bits are misread.
        crosstalk: Form of the ZZ coupling; nothing happens where the twin does not know it.
        coherent_share: Share, in [0, 1], of what two-qubit gates do wrong beside relaxation that is a constant
            over-rotation instead of chance.
        leakage: Whether gates lose qubits from their two levels; nothing happens where the twin does not know how
            often.
        policy: When operations start.
        excess: Where relaxation over a gate's duration alone exceeds the calibrated error, ``"cap"`` shortens the
            relaxation until the error is the calibrated one; ``"keep"`` leaves it, as Qiskit Aer does, and the gate is
            then worse than calibrated.
        seed: Of the signs of over-rotations.

    Example:
        >>> NoiseOptions(twirl=False).crosstalk
        'twirled'
    """

    twirl: bool = True
    gates: bool = True
    idle: bool = True
    fold: bool = True
    readout: bool = True
    crosstalk: Crosstalk = "twirled"
    coherent_share: float = 0.0
    leakage: bool = False
    policy: Policy = "alap"
    excess: Excess = "cap"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.coherent_share <= 1:
            raise InputError(f"Option `coherent_share` must be in [0, 1], but is {self.coherent_share:g}.")
        for name, known in (
            ("crosstalk", ("off", "twirled", "coherent")),
            ("policy", ("alap", "asap")),
            ("excess", ("cap", "keep")),
        ):
            if getattr(self, name) not in known:
                raise InputError(f"Option `{name}` must be one of {', '.join(known)}, not {getattr(self, name)!r}.")
