"""What the noise model leaves out of a circuit, in sentences with numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kakehashi.circuit.gates import GateCircuit
from kakehashi.circuit.unitaries import GATES
from kakehashi.device.noise.gates import GateErrors
from kakehashi.device.noise.options import NoiseOptions
from kakehashi.device.twins.model import Calibration, Twin

__all__ = ["REFERENCE_BIAS", "REFERENCE_DEVICE", "UNFOLDED_BIAS", "list_approximations"]

REFERENCE_DEVICE = "FakeFez"
REFERENCE_BIAS = {"GHZ-8": 0.09, "GHZ-10": 0.08, "TFIM-8": 0.11, "brickwork-8": 0.05}
"""Share of the noise's own effect by which twirling moves the outcomes, from ``verification/twirling.py``."""

UNFOLDED_BIAS = {"GHZ-8": 0.41, "GHZ-10": 0.47, "TFIM-8": 0.11, "brickwork-8": 0.05}
"""The same where relaxation right before measurements is twirled like all other."""


def list_approximations(
    circuit: GateCircuit,
    twin: Twin,
    calibration: Calibration,
    errors: GateErrors,
    options: NoiseOptions,
) -> tuple[str, ...]:
    """One sentence for each simplification that concerns this circuit.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> from kakehashi.device.noise.attach import attach_noise
        >>> from kakehashi.device.noise.example import line_twin
        >>> circuit = GateCircuit(n_qubits=1, operations=(Operation(name="sx", qubits=(0,)),))
        >>> attach_noise(circuit, line_twin(1), options=NoiseOptions(twirl=False)).approximations[0]
        'Qubits relax towards their ground state: thermal excitation is taken as 0.'
    """
    return (
        *_silent(circuit, twin, options),
        *_relaxation(options),
        *_excess(circuit, errors, options),
        *_crosstalk(twin, options),
        *_leakage(calibration, options),
        *_middle(circuit, options),
    )


def _silent(circuit: GateCircuit, twin: Twin, options: NoiseOptions) -> Iterator[str]:
    """Gates that the calibration does not mention; those that are turns about z are virtual on every machine."""
    if not options.gates:
        return
    given = twin.calibration
    for name, n_times in sorted(circuit.count().items()):
        if name not in GATES or (GATES[name].diagonal and GATES[name].n_qubits == 1):
            continue
        tables = (("error", given.gate_error), ("duration", given.gate_ns))
        lacks = " and no ".join(word for word, table in tables if name not in table)
        if lacks:
            yield f"The calibration holds no {lacks} of {name!r}, taken as 0, which comes {n_times} times."


def _relaxation(options: NoiseOptions) -> Iterator[str]:
    if options.twirl and (options.gates or options.idle):
        folds = options.fold and options.idle and options.readout
        bias = REFERENCE_BIAS if folds or not options.idle else UNFOLDED_BIAS
        measured = ", ".join(f"{name} {100 * share:.0f} %" for name, share in bias.items())
        yield (
            "Pauli twirling of relaxation replaces the decay towards 0 by flips both ways: its bias was up to "
            f"{100 * max(bias.values()):.0f} % of the noise's own effect (total variation distance on "
            f"{REFERENCE_DEVICE}: {measured}), and is half of it for a qubit that only waits in 1."
        )
        if folds:
            yield (
                "Relaxation right before a final measurement is not twirled but misreading, which is exact for each "
                "bit; crosstalk of readout lines sees the bits before it."
            )
    yield "Qubits relax towards their ground state: thermal excitation is taken as 0."


def _excess(circuit: GateCircuit, errors: GateErrors, options: NoiseOptions) -> Iterator[str]:
    """Gates whose T1 and T2 alone say more error than was calibrated."""
    if not options.gates:
        return
    places: dict[str, set[int]] = {}
    for operation in circuit.operations:
        if operation.name in errors.noise:
            places.setdefault(operation.name, set()).add(errors.place(operation))
    for gate, where in sorted(places.items()):
        noise, chosen = errors.noise[gate], np.array(sorted(where))
        over = chosen[noise.exceeds[chosen]]
        if len(over) == 0:
            continue
        given = errors.calibration.gate_error[gate][over]
        ratio = float(np.max(noise.full_infidelity[over] / np.maximum(given, 1e-300)))
        much = f"up to {ratio:.2g} times" if ratio < 1e6 else "although none is given,"
        what = (
            "so relaxation is shortened until the error is the calibrated one"
            if options.excess == "cap"
            else "and is left so: these gates are worse than calibrated"
        )
        yield (
            f"On {len(over)} of {len(chosen)} places of {gate!r}, relaxation over its duration exceeds the calibrated "
            f"error, {much} of it, {what}."
        )


def _crosstalk(twin: Twin, options: NoiseOptions) -> Iterator[str]:
    if twin.calibration.zz_khz is None:
        yield f"ZZ coupling of neighbours is not known for {twin.name!r} and left out."
    elif options.crosstalk == "twirled":
        yield (
            "ZZ coupling of neighbours acts by chance instead of as a turn, with the same fidelity: errors that add up "
            "in amplitude over several steps are underestimated, by up to the number of steps."
        )
    if options.gates and options.coherent_share == 0:
        yield "Errors of two-qubit gates beside relaxation are taken as depolarizing: over-rotations are 0."


def _leakage(calibration: Calibration, options: NoiseOptions) -> Iterator[str]:
    if not (options.leakage and options.gates and calibration.leakage):
        return
    given = ", ".join(f"{probability:.2g} for {gate!r}" for gate, probability in calibration.leakage.items())
    yield (
        f"Leakage ({given} at each use and qubit) is simulated with two levels: a leaked qubit is depolarized at once "
        "and reads as 1, its partners in later gates are not disturbed, and it comes back only by a reset."
    )


def _middle(circuit: GateCircuit, options: NoiseOptions) -> Iterator[str]:
    """Measurements in the middle, resets and conditions."""
    names = {operation.name for operation in circuit.operations}
    if "reset" in names:
        yield (
            "A reset takes as long as a readout and leaves the wrong state as often as the readout errs on average "
            "over 0 and 1."
        )
    if any(operation.condition is not None for operation in circuit.operations):
        if options.readout:
            yield "Conditions read the true bit: misreading is applied at the end only."
        yield "Gates with a condition have their errors whether or not they are carried out, and no extra latency."
