"""How far Pauli twirling leads from the exact noise, measured by density matrices."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kakehashi.circuit.gates import GateCircuit
from kakehashi.core.errors import InputError
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.channels import pauli_matrices
from kakehashi.device.noise.density import exact_distribution
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel
from kakehashi.device.noise.options import NoiseOptions
from kakehashi.device.noise.superoperators import kraus_of
from kakehashi.device.twins.model import Twin

__all__ = ["TwirlingBias", "twirl_channels", "twirling_bias"]

FULL = NoiseOptions()
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


def twirling_bias(circuit: GateCircuit, twin: Twin, *, options: NoiseOptions = FULL) -> TwirlingBias:
    """Compare a circuit's outcomes with exact noise, with twirled noise and without noise, misreading left out.

    Args:
        circuit: Compiled to the twin; at most 10 used qubits, measured.
        twin: The processor.
        options: Which errors; the twirled side has them as they are, the exact one with ``twirl=False``.

    Raises:
        InputError: The circuit uses more qubits, or the twin cannot run it.

    Example:
        >>> from kakehashi.device.noise.example import line_twin
        >>> from kakehashi.circuit.gates import Operation
        >>> one = GateCircuit(n_qubits=1, n_bits=1, operations=(
        ...     Operation(name="x", qubits=(0,)), Operation(name="delay", qubits=(0,), parameters=(5000.0,)),
        ...     Operation(name="measure", qubits=(0,), bits=(0,))))
        >>> gates = NoiseOptions(gates=False, fold=False)
        >>> round(twirling_bias(one, line_twin(1), options=gates).share, 3)  # half the flips go back up
        0.5
        >>> twirling_bias(one, line_twin(1), options=NoiseOptions(gates=False)).share < 1e-12  # folded: no twirl
        True
    """
    if len(circuit.used_qubits) > MAX_QUBITS:
        raise InputError(
            f"The bias of twirling is computed on {MAX_QUBITS} qubits at most, not on {len(circuit.used_qubits)}."
        )
    perfect = np.zeros(twin.n_qubits)
    calibration = replace(twin.calibration, prob_meas1_prep0=perfect, prob_meas0_prep1=perfect, line_crosstalk=0.0)
    silent = replace(twin, calibration=calibration)
    clean = NoiseOptions(gates=False, idle=False, readout=False, crosstalk="off")
    exact, twirled, ideal = (
        exact_distribution(attach_noise(circuit, silent, options=chosen)).probabilities
        for chosen in (replace(options, twirl=False), replace(options, twirl=True, readout=True), clean)
    )
    return TwirlingBias(bias=float(np.abs(exact - twirled).sum() / 2), effect=float(np.abs(ideal - exact).sum() / 2))
