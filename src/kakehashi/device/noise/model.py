"""A circuit with its errors written out: what every simulation method reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError

__all__ = ["KrausChannel", "NoisyCircuit", "PauliChannel", "Readout", "Step"]

Floats: TypeAlias = NDArray[np.float64]

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PauliChannel:
    """One of several Pauli operators, by chance.

    Attributes:
        qubits: One or two qubits.
        probabilities: Of each operator, shape ``(4**k,)``, summing to 1. The number of an operator is
            ``sum(p_j * 4**j)``, where ``p_j`` is 0 for I, 1 for X, 2 for Y and 3 for Z on ``qubits[j]``.
        origin: What the error stands for, such as ``"gate"`` or ``"idle"``; for the budget of errors.
    """

    qubits: tuple[int, ...]
    probabilities: Floats
    origin: str = "gate"

    def __post_init__(self) -> None:
        given = self.probabilities
        if given.shape != (4 ** len(self.qubits),):
            raise InputError(f"A Pauli channel on {len(self.qubits)} qubits has {4 ** len(self.qubits)} probabilities.")
        if given.min() < -ROUNDING or abs(given.sum() - 1) > ROUNDING:
            raise InputError(f"Probabilities of a Pauli channel must be positive and sum to 1, not {given.sum():g}.")

    @property
    def error_probability(self) -> float:
        """Probability of any operator but the identity."""
        return float(1 - self.probabilities[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KrausChannel:
    """A channel by its Kraus operators.

    Attributes:
        qubits: Qubits.
        operators: Shape ``(n_operators, 2**k, 2**k)``, complex128; ``qubits[0]`` is the lowest bit of the index. The
            sum of ``K^H K`` is the identity.
        origin: As in :class:`PauliChannel`.
    """

    qubits: tuple[int, ...]
    operators: NDArray[np.complex128]
    origin: str = "idle"

    def __post_init__(self) -> None:
        size = 2 ** len(self.qubits)
        if self.operators.ndim != 3 or self.operators.shape[1:] != (size, size):
            raise InputError(f"Kraus operators on {len(self.qubits)} qubits have the shape (k, {size}, {size}).")
        total = np.einsum("kij,kil->jl", self.operators.conj(), self.operators)
        if np.abs(total - np.eye(size)).max() > 1e-8:
            raise InputError("The Kraus operators of a channel must satisfy sum K^H K = 1.")


Step: TypeAlias = Operation | PauliChannel | KrausChannel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Readout:
    """How bits are misread; classical bit ``b`` holds what was read of one qubit.

    Attributes:
        prob_meas1_prep0: Probability that a 0 is read as 1, shape ``(n_bits,)``.
        prob_meas0_prep1: Probability that a 1 is read as 0, likewise.
        line: Number of the readout line of each bit, shape ``(n_bits,)``, -1 for a line of its own; None for all.
        line_crosstalk: Added to a bit's error for every other bit of its line whose qubit is in 1.
    """

    prob_meas1_prep0: Floats
    prob_meas0_prep1: Floats
    line: NDArray[np.int64] | None = None
    line_crosstalk: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NoisyCircuit:
    """Operations and channels in order, on numbered qubits.

    Attributes:
        n_qubits: Number of qubits.
        n_bits: Number of classical bits.
        steps: What happens. Coherent errors are operations like any other.
        readout: How bits are misread; None for a perfect readout.
        duration_ns: From the first gate to the end of the readout.
        approximations: One sentence for each thing that was simplified, with the size of its effect.
        coherent: The steps, by number, that are operations and yet errors, and what each stands for; for the budget of
            errors.
        folded: By classical bit, relaxation of its qubit right before its final measurement, which is no step because
            its effect on the bit lies exactly in ``readout.prob_meas0_prep1``. Expectation values must apply it; see
            :func:`~kakehashi.device.noise.compact.before_measurement`.
    """

    n_qubits: int
    n_bits: int
    steps: tuple[Step, ...]
    readout: Readout | None = None
    duration_ns: float = 0.0
    approximations: tuple[str, ...] = ()
    coherent: Mapping[int, str] = field(default_factory=dict)
    folded: Mapping[int, KrausChannel] = field(default_factory=dict)

    @property
    def is_pauli(self) -> bool:
        """Whether every channel is one of Pauli operators."""
        return not any(isinstance(step, KrausChannel) for step in self.steps)

    @property
    def error_free_probability(self) -> float:
        """Probability that no Pauli error happens in a shot, readout aside."""
        logs = [np.log(step.probabilities[0]) for step in self.steps if isinstance(step, PauliChannel)]
        return float(np.exp(np.sum(logs))) if logs else 1.0
