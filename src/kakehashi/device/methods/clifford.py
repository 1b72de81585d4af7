"""``stabilizer``: Clifford gates, Pauli channels, measurement, reset and Pauli feedback, by stim.

C. Gidney, Quantum 5, 497 (2021), https://doi.org/10.22331/q-2021-07-06-497.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from kakehashi.core.errors import InputError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.model import Cost, Expectation, Method, Observable, Refusal, Sampled, Verdict
from kakehashi.device.methods.stim_program import (
    StimProgram,
    find_obstacle,
    packed_bits,
    readout_asymmetry,
    readout_left,
    to_stim,
)
from kakehashi.device.noise.model import NoisyCircuit
from kakehashi.device.noise.readout import misread

__all__ = ["StabilizerMethod"]

SECONDS_PER_STEP = 2e-5
SECONDS_PER_STEP_AND_SHOT = 1.5e-9
"""Conversion and sampling; measured on one core, noisy GHZ states of 100 to 1,000 qubits."""


class StabilizerMethod(Method):
    """Clifford circuits with Pauli noise, to thousands of qubits.

    Example:
        >>> from kakehashi.circuit.gates import Operation
        >>> steps = (Operation(name="h", qubits=(0,)), Operation(name="cx", qubits=(0, 1)),
        ...          Operation(name="measure", qubits=(0, 1), bits=(0, 1)))
        >>> circuit = NoisyCircuit(n_qubits=2, n_bits=2, steps=steps)
        >>> StabilizerMethod().consider_shots(circuit, 1000).error
        'exact'
    """

    @property
    def name(self) -> str:
        """``"stabilizer"``."""
        return "stabilizer"

    @override
    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """What shots would take."""
        obstacle = find_obstacle(circuit)
        if obstacle:
            return Refusal(method=self.name, reason=obstacle)
        n_steps = len(circuit.steps) + circuit.n_bits
        # stim keeps the records of all shots packed, and the frames of 1,024 shots at a time.
        memory = n_shots * (2 * (circuit.n_bits + 7) // 8 + 8) + circuit.n_qubits * 512 + n_steps * 400
        bias = readout_asymmetry(circuit)
        return Cost(
            time_s=n_steps * (SECONDS_PER_STEP + SECONDS_PER_STEP_AND_SHOT * n_shots),
            memory_bytes=memory,
            error="exact" if not bias else f"bits that gates wait for are misread symmetrically: at most {bias:.2g}",
            error_bound=bias,
            reason="all gates are Clifford and all channels Pauli",
        )

    @override
    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """Refused: Pauli propagation does it exactly with one term."""
        return Refusal(
            method=self.name,
            reason=f"Shots only; of {len(observable.paulis)} letters, Pauli propagation follows one product exactly.",
        )

    @override
    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """Draw shots.

        Raises:
            InputError: The circuit is not Clifford with Pauli noise.
        """
        program = to_stim(circuit)
        reporter.step("sample", f"drawing {n_shots} shots with stim", step=0, total=1)
        bits = _draw(program, n_shots, rng)
        bits = misread(bits, readout_left(circuit, program), rng=rng)
        reporter.step("sample", "done", step=1, total=1)
        bias = readout_asymmetry(circuit)
        error = "exact" if not bias else f"bits that gates wait for are misread symmetrically: at most {bias:.2g}"
        return Sampled(bits=bits, counts=np.ones(n_shots, dtype=np.int64), error=error)

    @override
    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """Refused, see :meth:`consider_expectation`."""
        raise InputError("The stabilizer method draws shots only; Pauli propagation gives the expectation value.")


def _draw(program: StimProgram, n_shots: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Packed bits, one row per shot."""
    import stim

    if not program.n_records:
        return np.zeros((n_shots, -(-len(program.records) // 8)), dtype=np.uint8)
    sampler: Any = stim.Circuit(program.text).compile_sampler(seed=int(rng.integers(2**63)))
    return packed_bits(sampler.sample(n_shots, bit_packed=True), program)
