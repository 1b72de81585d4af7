"""How far Pauli twirling leads from the exact noise, measured by density matrices."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.channels import pauli_matrices
from kakehashi.device.noise.compact import compact
from kakehashi.device.noise.density import exact_distribution
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel
from kakehashi.device.noise.superoperators import kraus_of

__all__ = ["REFERENCE_BIAS", "REFERENCE_DEVICE", "TwirlingBias", "twirl_channels", "twirling_bias"]

REFERENCE_DEVICE = "FakeFez"
REFERENCE_BIAS = {"GHZ-8": 0.14, "TFIM-8": 0.06, "brickwork-8": 0.05}
"""Share of the noise's own effect by which twirling moves the outcomes, from ``verification/twirling.py``."""

MAX_QUBITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TwirlingBias:
    """Distances between distributions of outcomes.

    Attributes:
        bias: Total variation distance between exact and twirled noise.
        effect: Total variation distance between no noise and exact noise.
    """

    bias: float
    effect: float

    @property
    def share(self) -> float:
        """The bias as a share of the noise's own effect; 0 where there is no noise."""
        return self.bias / self.effect if self.effect > 0 else 0.0


def twirl_channels(circuit: NoisyCircuit) -> NoisyCircuit:
    """The same circuit with every channel replaced by its Pauli twirl: the diagonal of its chi matrix.

    Example:
        >>> from kakehashi.device.noise.channels import relaxation_kraus
        >>> decay = KrausChannel(qubits=(0,), operators=relaxation_kraus(100.0, 50.0, 1000.0))
        >>> twirled = twirl_channels(NoisyCircuit(n_qubits=1, n_bits=0, steps=(decay,)))
        >>> twirled.steps[0].probabilities.round(5)
        array([0.98761, 0.00249, 0.00249, 0.00741])
    """
    made: dict[int, PauliChannel] = {}
    for step in circuit.steps:
        if isinstance(step, KrausChannel) and id(step) not in made:
            size = step.operators.shape[1]
            overlaps = np.einsum("pij,kji->kp", pauli_matrices(len(step.qubits)), kraus_of(step)) / size
            probabilities = (np.abs(overlaps) ** 2).sum(axis=0)
            made[id(step)] = PauliChannel(
                qubits=step.qubits, probabilities=probabilities / probabilities.sum(), origin=step.origin
            )
    return replace(circuit, steps=tuple(made.get(id(step), step) for step in circuit.steps))


def twirling_bias(exact: NoisyCircuit) -> TwirlingBias:
    """Compare a circuit with exact noise, with twirled noise and without noise, misreading left out.

    Args:
        exact: From :func:`~kakehashi.device.noise.attach.attach_noise` with ``twirl=False``; at most 10 touched qubits.

    Raises:
        InputError: It touches more qubits.

    Example:
        >>> from kakehashi.device.noise.channels import relaxation_kraus
        >>> decay = KrausChannel(qubits=(0,), operators=relaxation_kraus(100.0, 100.0, 5000.0))
        >>> one = (Operation(name="x", qubits=(0,)), decay, Operation(name="measure", qubits=(0,), bits=(0,)))
        >>> round(twirling_bias(NoisyCircuit(n_qubits=1, n_bits=1, steps=one)).share, 3)  # half the flips go back up
        0.5
    """
    small, qubits = compact(replace(exact, readout=None))
    if len(qubits) > MAX_QUBITS:
        raise InputError(f"The bias of twirling is computed on {MAX_QUBITS} qubits at most, not on {len(qubits)}.")
    without = compact(_without_coherent(exact), keep=qubits)[0]
    ideal = tuple(step for step in without.steps if isinstance(step, Operation))
    noisy = exact_distribution(small).probabilities
    twirled = exact_distribution(twirl_channels(small)).probabilities
    clean = exact_distribution(replace(small, steps=ideal)).probabilities
    return TwirlingBias(bias=float(np.abs(noisy - twirled).sum() / 2), effect=float(np.abs(clean - noisy).sum() / 2))


def _without_coherent(circuit: NoisyCircuit) -> NoisyCircuit:
    kept = tuple(step for k, step in enumerate(circuit.steps) if k not in circuit.coherent)
    return replace(circuit, steps=kept, coherent={})
