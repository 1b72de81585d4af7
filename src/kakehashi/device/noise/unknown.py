"""Numbers that a calibration lacks: an absent number must not read as a perfect one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.device.twins.model import Calibration, Twin

__all__ = ["fill_unknown"]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filler:
    """Puts medians where nothing is known, and remembers for whom."""

    used: Sequence[int]
    used_edges: NDArray[np.bool_]
    notes: list[str]

    def fill(self, values: Floats, what: str, *, nothing: float, meaning: str, on_edges: bool = False) -> Floats:
        unknown = np.isnan(values)
        if not unknown.any():
            return values
        if unknown.all():
            if len(self.used):
                self.notes.append(f"{what} is not known for any {'edge' if on_edges else 'qubit'}: {meaning}.")
            return np.full_like(values, nothing)
        median = float(np.median(values[~unknown]))
        concerned = int((unknown & self.used_edges).sum()) if on_edges else int(unknown[list(self.used)].sum())
        if concerned:
            self.notes.append(
                f"{what} is not known for {concerned} used {'edges' if on_edges else 'qubits'}, and the median of the "
                f"others, {median:.3g}, stands in."
            )
        return np.where(unknown, median, values)


def fill_unknown(twin: Twin, used: Sequence[int]) -> tuple[Calibration, tuple[str, ...]]:
    """The calibration without not-a-numbers, and a sentence for each kind of number that a used qubit lacks.

    A number that is missing is the median of those that are there. A kind of number that is missing everywhere means no
    such error, and the sentence says so.

    Args:
        twin: The twin.
        used: Qubits that the circuit uses.

    Example:
        >>> from dataclasses import replace
        >>> from kakehashi.device.noise.example import line_twin
        >>> twin = line_twin(3)
        >>> t1_us = np.array([100.0, np.nan, 300.0])
        >>> partly = replace(twin, calibration=replace(twin.calibration, t1_us=t1_us))
        >>> fill_unknown(partly, [1])[1]
        ('T1 in us is not known for 1 used qubits, and the median of the others, 200, stands in.',)
    """
    given = twin.calibration
    in_use = np.zeros(twin.n_qubits, dtype=np.bool_)
    in_use[list(used)] = True
    notes: list[str] = []
    between = in_use[twin.edges[:, 0]] & in_use[twin.edges[:, 1]]
    filler = _Filler(used=used, used_edges=between, notes=notes)
    t1 = filler.fill(given.t1_us, "T1 in us", nothing=np.inf, meaning="qubits do not decay")
    t2 = filler.fill(given.t2_us, "T2 in us", nothing=np.inf, meaning="qubits dephase by their decay alone")
    two = twin.two_qubit_gate
    made = replace(
        given,
        t1_us=t1,
        t2_us=np.minimum(t2, 2 * t1),
        prob_meas1_prep0=filler.fill(
            given.prob_meas1_prep0, "The probability that 0 is read as 1", nothing=0.0, meaning="it never is"
        ),
        prob_meas0_prep1=filler.fill(
            given.prob_meas0_prep1, "The probability that 1 is read as 0", nothing=0.0, meaning="it never is"
        ),
        readout_ns=filler.fill(
            given.readout_ns, "The duration of a readout in ns", nothing=0.0, meaning="it takes no time"
        ),
        gate_error={
            gate: filler.fill(
                values,
                f"The error of {gate!r}",
                nothing=0.0,
                meaning="it has none",
                on_edges=gate == two,
            )
            for gate, values in given.gate_error.items()
        },
        gate_ns={
            gate: filler.fill(
                values,
                f"The duration of {gate!r} in ns",
                nothing=0.0,
                meaning="it takes no time",
                on_edges=gate == two,
            )
            for gate, values in given.gate_ns.items()
        },
    )
    return made, tuple(notes)
