"""What the faces of this folder ask of a device: circuits of gates in, bits or expectation values out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kakehashi.circuit.gates import GateCircuit
from kakehashi.core.rng import RngLike
from kakehashi.device.methods.model import Expectation, Observable
from kakehashi.device.model import Shots
from kakehashi.device.twins.model import Twin

__all__ = ["Runner"]


class Runner(Protocol):
    """A device that runs circuits of gates on numbered qubits.

    Jobs run in threads of their own, so that several calls may come at once.

    Example:
        >>> class Zeros:
        ...     def __init__(self, twin): self.twin = twin
        ...     def run_gates(self, circuit, n_shots, *, rng=None):
        ...         return Shots.from_counts({"0" * circuit.n_bits: n_shots})
        ...     def expect(self, circuit, observables):
        ...         return [Expectation(value=1.0, error_bound=0.0, error="none") for _ in observables]
    """

    @property
    def twin(self) -> Twin:
        """Its qubits, and how good they are."""
        ...

    def run_gates(self, circuit: GateCircuit, n_shots: int, *, rng: RngLike = None) -> Shots:
        """Shots over the classical bits of the circuit: bit ``b`` of a shot is classical bit ``b``.

        Raises:
            InputError: The circuit does not fit the device.
            ResourceError: It needs more memory than there is.
            DeviceError: The device failed.
        """
        ...

    def expect(self, circuit: GateCircuit, observables: Sequence[Observable]) -> Sequence[Expectation]:
        """Expectation values at the end of a circuit without measurements, before readout.

        Raises:
            InputError: The circuit does not fit the device, or no method gives these values.
        """
        ...
