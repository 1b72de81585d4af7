"""OQTOPUS device topology as it is written: its fields, what cannot be, and what was never measured."""

from __future__ import annotations

import pydantic

from kakehashi.core.spec import Spec

__all__ = ["Coupling", "Lifetime", "Misreading", "Position", "Qubit", "Topology", "find_faults", "find_placeholders"]

LONGEST_LIFETIME_US = 10_000.0
"""No superconducting qubit lives so long: a greater number is one of nanoseconds, which one generator copies over."""


class _Tolerant(Spec):
    """Fields that are not known are left out, for the format grows."""

    model_config = pydantic.ConfigDict(extra="ignore")


class Position(_Tolerant):
    """Where a qubit is drawn.

    Attributes:
        x: To the right.
        y: Upwards.
    """

    x: float = 0.0
    y: float = 0.0


class Misreading(_Tolerant):
    """Errors of the readout; ``readout_assignment_error`` is not read, for it lags behind the other two.

    Attributes:
        prob_meas1_prep0: Probability that a 0 is read as 1.
        prob_meas0_prep1: Probability that a 1 is read as 0.
    """

    prob_meas1_prep0: float | None = None
    prob_meas0_prep1: float | None = None


class Lifetime(_Tolerant):
    """Times of decay, microseconds.

    Attributes:
        t1: Relaxation.
        t2: Dephasing; by echo.
        t2_echo: The same in newer files.
    """

    t1: float | None = None
    t2: float | None = None
    t2_echo: float | None = None


class Qubit(_Tolerant):
    """A qubit.

    Attributes:
        id: Its dense number.
        physical_id: Its number on the chip.
        position: Where it is drawn.
        fidelity: Of the quarter turn.
        meas_error: Errors of its readout.
        qubit_lifetime: Times of decay.
        gate_duration: By gate, nanoseconds.
    """

    id: int
    physical_id: int | None = None
    position: Position = Position()
    fidelity: float | None = None
    meas_error: Misreading = Misreading()
    qubit_lifetime: Lifetime = Lifetime()
    gate_duration: dict[str, float | None] = pydantic.Field(default_factory=dict)

    @property
    def chip_number(self) -> int:
        """Its number on the chip."""
        return self.id if self.physical_id is None else self.physical_id

    def value(self, field: str) -> float:
        """A value by the name of its field, such as ``"qubit_lifetime.t1"``; not-a-number where it is not stated."""
        group, _, name = field.partition(".")
        found: float | None
        if not name:
            found = self.fidelity
        elif group == "gate_duration":
            found = self.gate_duration.get(name)
        elif field == "qubit_lifetime.t2" and self.qubit_lifetime.t2 is None:
            found = self.qubit_lifetime.t2_echo
        else:
            found = getattr(getattr(self, group), name)
        return float("nan") if found is None else float(found)


class Coupling(_Tolerant):
    """A pair of joined qubits.

    Attributes:
        control: ``id`` of the control.
        target: ``id`` of the target.
        fidelity: Of the gate on both.
        gate_duration: By gate, nanoseconds.
    """

    control: int
    target: int
    fidelity: float | None = None
    gate_duration: dict[str, float | None] = pydantic.Field(default_factory=dict)

    def value(self, field: str) -> float:
        """A value by the name of its field; not-a-number where it is not stated."""
        found = self.fidelity if field == "fidelity" else self.gate_duration.get(field.partition(".")[2])
        return float("nan") if found is None else float(found)


class Topology(_Tolerant):
    """A device.

    Attributes:
        name: Its name.
        device_id: Another one.
        calibrated_at: When it was calibrated, ISO 8601.
        timestamp: The same in older files.
        qubits: Its qubits.
        couplings: Its couplings.
    """

    name: str = pydantic.Field(min_length=1)
    device_id: str | None = None
    calibrated_at: str | None = None
    timestamp: str | None = None
    qubits: tuple[Qubit, ...] = pydantic.Field(min_length=1)
    couplings: tuple[Coupling, ...] = ()

    @property
    def taken(self) -> str:
        """When it was calibrated; ``"unknown"`` where it is not said."""
        return self.calibrated_at or self.timestamp or "unknown"


def find_faults(topology: Topology) -> list[str]:
    """Sentences about what cannot be, the first fault first; numbers of qubits are their ``id``.

    Example:
        >>> find_faults(Topology(name="x", qubits=(Qubit(id=0), Qubit(id=0))))
        ['qubits: the id 0 occurs twice.', 'qubits: the physical_id 0 occurs twice.']
    """
    faults: list[str] = []
    for what in ("id", "chip_number"):
        seen: set[int] = set()
        for qubit in topology.qubits:
            number = getattr(qubit, what)
            if number < 0:
                faults.append(f"qubits: the {'id' if what == 'id' else 'physical_id'} {number} is negative.")
            if number in seen:
                faults.append(f"qubits: the {'id' if what == 'id' else 'physical_id'} {number} occurs twice.")
            seen.add(number)
    known = {qubit.id for qubit in topology.qubits}
    if known != set(range(len(known))) and not faults:
        faults.append(f"qubits: ids must run from 0 to {len(known) - 1}, but the greatest is {max(known)}.")
    for qubit in topology.qubits:
        faults += _qubit_faults(qubit)
    pairs: set[tuple[int, int]] = set()
    for k, coupling in enumerate(topology.couplings):
        faults += _coupling_faults(f"couplings[{k}]", coupling, known, pairs)
        pairs.add((coupling.control, coupling.target))
    return faults


def _qubit_faults(qubit: Qubit) -> list[str]:
    where, faults = f"qubits[{qubit.id}]", []
    for field in ("fidelity", "meas_error.prob_meas1_prep0", "meas_error.prob_meas0_prep1"):
        if qubit.value(field) < 0 or qubit.value(field) > 1:
            faults.append(f"{where}.{field}: must be in [0, 1], but is {qubit.value(field):g}.")
    for field in ("qubit_lifetime.t1", "qubit_lifetime.t2"):
        value = qubit.value(field)
        if value <= 0:
            faults.append(f"{where}.{field}: must be positive, but is {value:g} us.")
        if value > LONGEST_LIFETIME_US:
            faults.append(f"{where}.{field}: {value:g} us looks like nanoseconds; the format has microseconds.")
    for gate, time in qubit.gate_duration.items():
        if time is not None and time < 0:
            faults.append(f"{where}.gate_duration.{gate}: must be 0 or more, but is {time:g} ns.")
    return faults


def _coupling_faults(where: str, coupling: Coupling, known: set[int], pairs: set[tuple[int, int]]) -> list[str]:
    faults = [
        f"{where}.{end}: there is no qubit with the id {number}."
        for end, number in (("control", coupling.control), ("target", coupling.target))
        if number not in known
    ]
    if coupling.control == coupling.target:
        faults.append(f"{where}: control and target are both {coupling.control}.")
    if (coupling.control, coupling.target) in pairs:
        faults.append(f"{where}: the pair {coupling.control}, {coupling.target} occurs twice.")
    if coupling.value("fidelity") < 0 or coupling.value("fidelity") > 1:
        faults.append(f"{where}.fidelity: must be in [0, 1], but is {coupling.value('fidelity'):g}.")
    for gate, time in coupling.gate_duration.items():
        if time is not None and time < 0:
            faults.append(f"{where}.gate_duration.{gate}: must be 0 or more, but is {time:g} ns.")
    return faults


def find_placeholders(topology: Topology) -> tuple[str, ...]:
    """Fields that hold what the operators' software writes where nothing was measured, or not for a day.

    qdash writes a fidelity of 0.25, misreading of 0.25 both ways, T1 = T2 = 100 us and durations of 20 ns of gates on
    two qubits; device-gateway a fidelity of 0.99 of one qubit and 0.9 of two, misreading of 0.5 both ways and
    T1 = T2 = 10 us. Pairs count together, for one of two may be a measurement.

    Example:
        >>> find_placeholders(Topology(name="x", qubits=(Qubit(id=0, fidelity=0.25), Qubit(id=1, fidelity=0.998))))
        ('qubits[0].fidelity',)
    """
    found: list[str] = []
    for qubit in topology.qubits:
        where = f"qubits[{qubit.id}]"
        if qubit.fidelity in (0.25, 0.99):
            found.append(f"{where}.fidelity")
        for fields, values in (
            (("meas_error.prob_meas1_prep0", "meas_error.prob_meas0_prep1"), (0.25, 0.5, 0.75)),
            (("qubit_lifetime.t1", "qubit_lifetime.t2"), (10.0, 100.0)),
        ):
            first, second = (qubit.value(field) for field in fields)
            if first == second and first in values:
                found += [f"{where}.{field}" for field in fields]
    for k, coupling in enumerate(topology.couplings):
        if coupling.fidelity in (0.25, 0.9):
            found.append(f"couplings[{k}].fidelity")
        found += [
            f"couplings[{k}].gate_duration.{gate}" for gate, time in coupling.gate_duration.items() if time == 20.0
        ]
    return tuple(found)
