"""``noisy``: exact shots with depolarising and readout errors.

The model has two steps, in this order:

1. *Depolarising.* With probability ``1 - (1 - depolarizing) * (1 - two_qubit_error) ** n_gates`` a shot is
   replaced by uniformly random bits: the global depolarising channel. ``n_gates`` is the number of cx gates of
   the decomposed circuit before routing, so one error anywhere is taken to scramble the whole register.
2. *Readout.* Each qubit is then misread on its own: a 0 as 1 with probability ``prob_meas1_prep0``, a 1 as 0
   with probability ``prob_meas0_prep1`` (the names of IBM's and OQTOPUS's calibration files).

It is a model for studying how recovery copes with noise, not a twin of a machine: no relaxation, crosstalk,
leakage, coherent error, or difference between qubits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.exact import ExactDevice
from kakehashi.device.model import Shots
from kakehashi.device.record import describe_run, require_shots
from kakehashi.device.uniform import random_rows, require_rows

__all__ = ["NoisyDevice"]

ROWS_AT_ONCE = 100_000
"""Shots that are disturbed together; more of them only cost memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisyDevice:
    """Exact sampling followed by noise; see the module's text for the model.

    Attributes:
        depolarizing: Probability per shot that it is replaced by random bits.
        two_qubit_error: Probability per two-qubit gate that the shot is replaced by random bits.
        prob_meas1_prep0: Probability per qubit that a 0 is read as 1.
        prob_meas0_prep1: Probability per qubit that a 1 is read as 0.

    Example:
        >>> circuit = Circuit(n_orb=1, n_elec=(1, 0))
        >>> NoisyDevice(prob_meas0_prep1=1.0).run(circuit, 10).to_counts()
        {'00': 10}
    """

    depolarizing: float = 0.0
    two_qubit_error: float = 0.0
    prob_meas1_prep0: float = 0.0
    prob_meas0_prep1: float = 0.0

    def __post_init__(self) -> None:
        for name, rate in asdict(self).items():
            if not 0 <= rate <= 1:
                raise InputError(f"Argument `{name}` is a probability and must lie in [0, 1], but is {rate}.")

    @property
    def name(self) -> str:
        """``"noisy"``."""
        return "noisy"

    @property
    def reads_circuit(self) -> bool:
        """True."""
        return True

    def run(self, circuit: Circuit, n_shots: int, *, rng: RngLike = None, progress: Progress = silent) -> Shots:
        """Sample the circuit and add noise.

        Raises:
            InputError: There are more than 63 orbitals, or no shot was asked for.
            ResourceError: The state vector or the shots do not fit into memory; said before it starts.
        """
        require_shots(n_shots)
        require_rows(n_shots, circuit.n_qubits)
        generator = as_generator(rng)
        n_gates = circuit.count_two_qubit_gates() if self.two_qubit_error else None
        scrambled = 1 - (1 - self.depolarizing) * (1 - self.two_qubit_error) ** (n_gates or 0)
        exact = ExactDevice().run(circuit, n_shots, rng=generator, progress=progress)
        Reporter(progress).step("sample", "adding noise", step=2, total=2)
        rows = np.repeat(exact.bits, exact.counts, axis=0)
        for start in range(0, n_shots, ROWS_AT_ONCE):
            self._disturb(rows[start : start + ROWS_AT_ONCE], circuit.n_qubits, scrambled, generator)
        provenance = describe_run(
            "noisy",
            circuit,
            n_shots,
            rng,
            **asdict(self),
            n_two_qubit_gates=n_gates,
            scrambled_probability=scrambled,
        )
        return Shots.from_packed(rows, n_qubits=circuit.n_qubits, provenance=provenance)

    def _disturb(
        self,
        rows: NDArray[np.uint8],
        n_qubits: int,
        scrambled: float,
        rng: np.random.Generator,
    ) -> None:
        """Add noise to packed rows in place."""
        if scrambled:
            replaced = np.flatnonzero(rng.random(len(rows)) < scrambled)
            rows[replaced] = random_rows(len(replaced), n_qubits, rng)
        if self.prob_meas1_prep0 or self.prob_meas0_prep1:
            bits = np.unpackbits(rows, axis=1, bitorder="little", count=n_qubits)
            chance = np.where(bits, self.prob_meas0_prep1, self.prob_meas1_prep0)
            bits ^= rng.random(bits.shape) < chance
            rows[:] = np.packbits(bits, axis=1, bitorder="little")
