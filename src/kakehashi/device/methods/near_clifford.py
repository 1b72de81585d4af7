"""``near-clifford``: Clifford circuits with few other gates, by clifft.

Its cost is ``2**width`` a shot, where the width is how many qubits' worth of state the other gates span at once; clifft
tells it before a shot is drawn. https://arxiv.org/abs/2604.27058.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import numpy as np
from typing_extensions import override

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError, MissingDependencyError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.model import Cost, Expectation, Method, Observable, Refusal, Sampled, Verdict
from kakehashi.device.methods.stim_program import (
    StimProgram,
    clifford_gates,
    find_obstacle,
    packed_bits,
    readout_asymmetry,
    readout_left,
    to_stim,
)
from kakehashi.device.noise.model import NoisyCircuit
from kakehashi.device.noise.readout import misread

__all__ = ["MOST_WIDTH", "NearCliffordMethod", "near_clifford_gates"]

MOST_WIDTH = 24
"""2^24 amplitudes are 256 MiB."""

PLANNED_WIDTH = 60
"""clifft plans no further."""

MOST_OTHER_GATES = 2000
"""More gates that are not Clifford are refused before the program is compiled for its width."""

SECONDS_PER_STEP = 1e-5
SECONDS_PER_STEP_AND_SHOT = 1e-9
SECONDS_PER_AMPLITUDE_AND_SHOT = 1e-9
"""Measured on one core, 100 to 256 qubits with 8 to 400 gates that are not Clifford, widths 4 to 11."""

Line = tuple[str, tuple[int, ...]]


def _turn(axes: str, angle: float, *qubits: int) -> Line:
    """A rotation; clifft counts angles in half turns."""
    return f"R_{axes}({float(angle) / np.pi!r})", qubits


def near_clifford_gates(operation: Operation) -> tuple[Line, ...] | None:
    """A gate as Clifford gates and Pauli rotations on its own qubits 0, 1, ..., or None.

    Example:
        >>> near_clifford_gates(Operation(name="rz", qubits=(5,), parameters=(np.pi / 4,)))
        (('R_Z(0.25)', (0,)),)
        >>> near_clifford_gates(Operation(name="s", qubits=(5,)))
        (('S', (0,)),)
    """
    clifford = clifford_gates(operation)
    if clifford is not None:
        return clifford
    name, angles = operation.name, operation.parameters
    if name in ("t", "tdg"):
        return (("T" if name == "t" else "T_DAG", (0,)),)
    if name in ("rx", "ry", "rz", "p"):
        return (_turn("Z" if name == "p" else name[1:].upper(), angles[0], 0),)
    if name in ("rxx", "ryy", "rzz"):
        return (_turn(name[1:].upper(), angles[0], 0, 1),)
    if name == "rzx":
        return (("H", (1,)), _turn("ZZ", angles[0], 0, 1), ("H", (1,)))
    if name == "u":
        theta, phi, lam = angles
        return (_turn("Z", lam, 0), _turn("Y", theta, 0), _turn("Z", phi, 0))
    if name == "r":
        theta, phi = angles
        return (_turn("Z", -phi, 0), _turn("X", theta, 0), _turn("Z", phi, 0))
    if name in ("cp", "crz"):
        half = angles[0] / 2
        first = (_turn("Z", half, 0),) if name == "cp" else ()
        return (*first, _turn("Z", half, 1), _turn("ZZ", -half, 0, 1))
    return None


class NearCliffordMethod(Method):
    """Shots of circuits with few gates that are not Clifford, to a thousand qubits.

    Example:
        >>> odd = Operation(name="unitary", qubits=(0,), matrix=np.diag([1, np.exp(0.1j)]))
        >>> circuit = NoisyCircuit(n_qubits=1, n_bits=1, steps=(odd,))
        >>> NearCliffordMethod().consider_shots(circuit, 10).method
        'near-clifford'
    """

    def __init__(self) -> None:
        self._compiled: tuple[NoisyCircuit, StimProgram, Any] | None = None

    @property
    def name(self) -> str:
        """``"near-clifford"``."""
        return "near-clifford"

    def _missing(self) -> str:
        if importlib.util.find_spec("clifft") is not None:
            return ""
        if sys.version_info < (3, 12):
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            return f"It needs clifft, which needs Python 3.12 or later; this is {version}."
        return "It needs clifft; `pip install 'kakehashi[near-clifford]'` brings it."

    def _compile(self, circuit: NoisyCircuit) -> tuple[StimProgram, Any]:
        # The width is asked for first and the shots are drawn later, of one and the same circuit.
        if self._compiled is None or self._compiled[0] is not circuit:
            import clifft

            program = to_stim(circuit, near_clifford_gates)
            self._compiled = circuit, program, clifft.compile(program.text)
        return self._compiled[1], self._compiled[2]

    @override
    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """What shots would take; the program is compiled to learn its width."""
        missing = self._missing()
        if missing:
            return Refusal(method=self.name, reason=missing)
        obstacle = find_obstacle(circuit, near_clifford_gates, "Clifford gates or Pauli rotations")
        if obstacle:
            return Refusal(method=self.name, reason=obstacle)
        gates = [step for step in circuit.steps if isinstance(step, Operation) and step.is_unitary]
        n_other = sum(clifford_gates(gate) is None for gate in gates)
        if not n_other:
            return Refusal(method=self.name, reason="All gates are Clifford: the stabilizer method does that.")
        if n_other > MOST_OTHER_GATES:
            return Refusal(
                method=self.name,
                reason=f"{n_other:,} gates are not Clifford; no width is looked for beyond {MOST_OTHER_GATES:,}.",
            )
        try:
            width = int(self._compile(circuit)[1].peak_active_width)
        except OverflowError:  # clifft does not plan for more
            width = PLANNED_WIDTH
        if width > MOST_WIDTH:
            more = " or more" if width == PLANNED_WIDTH else ""
            return Refusal(
                method=self.name,
                reason=f"{n_other:,} gates are not Clifford and span 2^{width}{more} amplitudes; at most "
                f"2^{MOST_WIDTH}.",
            )
        bias = readout_asymmetry(circuit)
        n_steps = len(circuit.steps) + circuit.n_bits
        shot = n_steps * SECONDS_PER_STEP_AND_SHOT + 2.0**width * SECONDS_PER_AMPLITUDE_AND_SHOT * max(1, n_other)
        return Cost(
            time_s=n_steps * SECONDS_PER_STEP + n_shots * shot,
            memory_bytes=2 * 16 * 2**width + n_shots * circuit.n_bits + n_steps * 1000,
            error="exact" if not bias else f"bits that gates wait for are misread symmetrically: at most {bias:.2g}",
            error_bound=bias,
            reason=f"{n_other:,} gates are not Clifford, and span 2^{width} amplitudes at a time",
        )

    @override
    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """Refused: it draws shots."""
        return Refusal(
            method=self.name,
            reason=f"Shots only; {len(observable.paulis)} letters are for the light cone or Pauli propagation.",
        )

    @override
    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """Draw shots.

        Raises:
            InputError: The circuit holds what clifft does not know, or is too wide.
            MissingDependencyError: clifft is not installed.
        """
        missing = self._missing()
        if missing:
            raise MissingDependencyError(missing)
        verdict = self.consider_shots(circuit, n_shots)
        if isinstance(verdict, Refusal):
            raise InputError(verdict.reason)
        import clifft

        program, compiled = self._compile(circuit)
        reporter.step("sample", verdict.reason, step=0, total=1)
        drawn = clifft.sample(compiled, n_shots, seed=int(rng.integers(2**63)))
        records = np.packbits(np.asarray(drawn.measurements, dtype=np.bool_), axis=1, bitorder="little")
        bits = packed_bits(records, program)
        bits = misread(bits, readout_left(circuit, program), rng=rng)
        reporter.step("sample", "done", step=1, total=1)
        return Sampled(bits=bits, counts=np.ones(n_shots, dtype=np.int64), error=verdict.error)

    @override
    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """Refused, see :meth:`consider_expectation`."""
        raise InputError("The near-Clifford method draws shots only.")
