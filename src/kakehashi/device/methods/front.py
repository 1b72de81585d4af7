"""``front``: shots of shallow circuits of any width, exactly, by sweeping over them.

Each qubit is measured as soon as all that its result needs is done, and leaves the state; others join it when a gate
first links them. Of a circuit of few layers on a plane only the qubits along a line are alive at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Reporter
from kakehashi.core.resources import available_memory_bytes, format_bytes, n_processors
from kakehashi.device.methods.front_order import Sweep, find_sweep
from kakehashi.device.methods.front_program import draw_signs, find_sign_effects, write_program
from kakehashi.device.methods.model import Cost, Expectation, Method, Observable, Refusal, Sampled, Verdict
from kakehashi.device.methods.pauli_rotations import Unravelled, unravel
from kakehashi.device.noise.model import NoisyCircuit
from kakehashi.device.noise.readout import misread, readout_of
from kakehashi.device.sampler.front import Precision
from kakehashi.device.sampler.measurements import Compact, compact
from kakehashi.device.sampler.rotations import RotationCircuit, to_rotations

__all__ = ["FrontMethod"]

MOST = 30
"""Qubits alive at once: more would take minutes a shot."""

LANES = {"double": 8, "single": 16}
"""Shots that are simulated together, at most."""

NS_PER_BYTE = ((2**20, 0.014), (2**25, 0.022), (2**63, 0.07))
"""Up to a size of the states that are simulated together, nanoseconds per byte of a state, rotation about two qubits,
and shot, measured on one core: within its second cache, within the last, and beyond."""

SECONDS_PER_STEP_AND_SHOT = 1e-8
SECONDS_PER_STEP = 3e-5
"""To get a circuit ready."""

SHOTS_AT_ONCE = 4096

EXACT = "exact: every shot is drawn from the noise model's own distribution"
SINGLE = "exact up to the rounding of single precision, a total variation distance of about 1e-7 per hundred gates"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Plan:
    """A circuit as rotations, as it was and unravelled, with the order in which it is swept."""

    small: Compact
    rotations: RotationCircuit
    unravelled: Unravelled
    sweep: Sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMethod(Method):
    """Shots by a sweep, with Pauli noise.

    Attributes:
        precision: ``"double"``, or ``"single"`` for half the time and memory.
        n_threads: Threads; all processors where not given. No result depends on it.
        memory_bytes: Memory that states may take; what is free where not given.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> steps = [Operation(name="h", qubits=(q,)) for q in range(100)]
        >>> steps += [Operation(name="rzz", qubits=(q, q + 1), parameters=(0.4,)) for q in range(99)]
        >>> steps += [Operation(name="rx", qubits=(q,), parameters=(0.7,)) for q in range(100)]
        >>> steps += [Operation(name="measure", qubits=tuple(range(100)), bits=tuple(range(100)))]
        >>> circuit = NoisyCircuit(n_qubits=100, n_bits=100, steps=tuple(steps))
        >>> FrontMethod().consider_shots(circuit, 1000).reason
        'of 100 qubits at most 2 are alive at once in a sweep that measures each as early as it can'
        >>> FrontMethod().sample(circuit, 1000, rng=np.random.default_rng(1), reporter=Reporter()).bits.shape
        (1000, 13)
    """

    precision: Precision = "double"
    n_threads: int | None = None
    memory_bytes: int | None = None

    @property
    def name(self) -> str:
        """``"front"``."""
        return "front"

    def _plan(self, circuit: NoisyCircuit) -> _Plan | Refusal:
        small = compact(circuit)
        if small.outputs is None:
            return Refusal(method=self.name, reason="Something follows a measurement, which is not supported.")
        if not small.is_rotational:
            return Refusal(
                method=self.name,
                reason="Only gates on one or two qubits and Pauli errors are taken, but there are others.",
            )
        rotations = to_rotations(small.steps, n_qubits=small.n_qubits)
        unravelled = unravel(rotations)
        free = self._free()
        most = max(1, min(MOST, (max(free, 1) // self._state_bytes(0)).bit_length() - 1))
        sweep = find_sweep(unravelled, most=most)
        if sweep is None:
            size = format_bytes(float(self._state_bytes(most + 1)))
            why = "which takes minutes a shot"
            if most < MOST:
                why = f"which takes {size} or more, and {format_bytes(float(free))} are free"
            reason = f"However it is swept, more than {most} of {small.n_qubits} qubits are alive at once, {why}."
            return Refusal(method=self.name, reason=reason)
        return _Plan(small=small, rotations=rotations, unravelled=unravelled, sweep=sweep)

    def _free(self) -> int:
        return available_memory_bytes() if self.memory_bytes is None else self.memory_bytes

    def _state_bytes(self, width: int) -> int:
        return int(LANES[self.precision] * (16 if self.precision == "double" else 8) * 2**width)

    def _threads(self, width: int) -> int:
        threads = n_processors() if self.n_threads is None else self.n_threads
        return max(1, min(threads, self._free() // self._state_bytes(width)))

    def _seconds_per_shot(self, plan: _Plan) -> float:
        n_steps = len(plan.unravelled.rotations) + plan.small.n_qubits
        size = self._state_bytes(plan.sweep.width)
        rate = next(rate for most, rate in NS_PER_BYTE if size <= most)
        work = plan.sweep.work * self._state_bytes(0) / LANES[self.precision]
        return rate * 1e-9 * work + SECONDS_PER_STEP_AND_SHOT * n_steps

    @override
    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """What shots would take."""
        plan = self._plan(circuit)
        if isinstance(plan, Refusal):
            return plan
        width = plan.sweep.width
        threads = self._threads(width)
        n_steps = len(plan.unravelled.rotations) + plan.small.n_qubits
        single = self.precision == "single"
        return Cost(
            time_s=SECONDS_PER_STEP * (len(plan.small.steps) + n_steps)
            + max(n_shots, LANES[self.precision]) * self._seconds_per_shot(plan) / threads,
            memory_bytes=threads * self._state_bytes(width) + min(n_shots, SHOTS_AT_ONCE) * 4 * n_steps,
            error=SINGLE if single else EXACT,
            error_bound=1e-5 if single else 0.0,
            reason=f"of {plan.small.n_qubits} qubits at most {width} are alive at once in a sweep that measures each "
            "as early as it can",
        )

    @override
    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """Refused: light cones give expectation values without statistical errors."""
        return Refusal(method=self.name, reason="A sweep gives shots; light cones give expectation values.")

    @override
    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """Draw shots, readout errors included.

        Raises:
            ResourceError: Too many qubits would be alive at once, or the circuit has steps that are not supported.
        """
        if n_shots < 1:
            raise InputError(f"Argument `n_shots` must be positive, but is {n_shots}.")
        plan = self._plan(circuit)
        if isinstance(plan, Refusal):
            raise ResourceError(plan.reason)
        threads = self._threads(plan.sweep.width)
        group = LANES[self.precision] * threads
        per_second = threads / self._seconds_per_shot(plan)
        at_once = min(SHOTS_AT_ONCE, group * max(1, int(per_second / group)))
        parts = []
        written = write_program(plan.unravelled, plan.sweep)
        effects = find_sign_effects(plan.rotations, written)
        for done in range(0, n_shots, at_once):
            n = min(at_once, n_shots - done)
            signs, flips = draw_signs(plan.rotations, written, effects, n, rng)
            uniforms = rng.random((plan.small.n_qubits, n))
            found = written.program.sample(signs, uniforms, precision=self.precision, n_threads=threads)
            parts.append(_pack(found ^ flips, plan))
            alive = f"at most {plan.sweep.width} qubits alive"
            reporter.step("sample", alive, step=done + n, total=n_shots)
        read = misread(np.concatenate(parts), readout_of(circuit), rng=rng)
        error = SINGLE if self.precision == "single" else EXACT
        return Sampled(bits=read, counts=np.ones(n_shots, dtype=np.int64), error=error)

    @override
    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """Refused, see :meth:`consider_expectation`."""
        raise InputError("A sweep gives shots, not expectation values.")


def _pack(found: NDArray[np.uint8], plan: _Plan) -> NDArray[np.uint8]:
    """Packed rows of classical bits from what was found of each qubit, where the rotations have it."""
    outputs = plan.small.outputs or {}
    bits = np.zeros((found.shape[1], plan.small.n_bits), dtype=np.bool_)
    bits[:, list(outputs)] = found[[plan.rotations.position[q] for q in outputs.values()]].T
    return np.packbits(bits, axis=1, bitorder="little")
