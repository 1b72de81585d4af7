"""qiskit's ``SamplerV2``: circuits in, the bits of their registers out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from qiskit.primitives import BaseSamplerV2, BitArray, DataBin, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub

from kakehashi.circuit.gates import GateCircuit, from_qiskit
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.interfaces.backend import TwinBackend
from kakehashi.device.interfaces.primitive import start_job
from kakehashi.device.interfaces.registers import pack_register, shot_order
from kakehashi.device.interfaces.runner import Runner

__all__ = ["SamplerV2"]


class SamplerV2(BaseSamplerV2):  # type: ignore[misc]
    """Samples from circuits on a device.

    The metadata of each result hold, under ``"provenance"``, what the device says of its shots: its method and the
    error of that; once for all bindings that agree in it.

    Args:
        mode: The device, or a :class:`~kakehashi.device.interfaces.backend.TwinBackend` of it.
        default_shots: Shots where neither the pub nor the call says a number.
        rng: For the shots; jobs of one sampler follow each other in its stream.

    Attributes:
        runner: The device.
        default_shots: As given.

    Example:
        >>> from qiskit import QuantumCircuit, transpile
        >>> from kakehashi import TwinDevice, load_twin
        >>> backend = TwinBackend(TwinDevice(load_twin("ibm-kobe")))
        >>> bell = QuantumCircuit(2)
        >>> _ = bell.h(0), bell.cx(0, 1), bell.measure_all()
        >>> isa = transpile(bell, backend, seed_transpiler=1)
        >>> counts = SamplerV2(backend, rng=1).run([isa], shots=1000).result()[0].data.meas.get_counts()
        >>> counts["00"] + counts["11"] > 950
        True
    """

    def __init__(self, mode: Runner | TwinBackend, *, default_shots: int = 1024, rng: RngLike = None) -> None:
        self.runner: Runner = mode.runner if isinstance(mode, TwinBackend) else mode
        self.default_shots = default_shots
        self._rng = as_generator(rng)

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> Any:
        """Submit a job.

        Args:
            pubs: Circuits, or tuples ``(circuit, parameter values, shots)`` whose later parts may be left out.
            shots: Shots of the pubs that say none.

        Returns:
            A ``PrimitiveJob`` whose result holds for each pub a ``BitArray`` for each classical register.

        Raises:
            TypeError: A pub is none.
            ValueError: A pub's values do not fit its circuit, or shots are not positive.
        """
        coerced = [SamplerPub.coerce(pub, self.default_shots if shots is None else shots) for pub in pubs]
        for number, pub in enumerate(coerced):
            if not pub.circuit.cregs:
                warnings.warn(
                    f"Pub {number} has no classical register, so its result is empty; add measurements.",
                    UserWarning,
                    stacklevel=2,
                )
        return start_job(self.runner, coerced, self._rng, self._run_pub)

    def _run_pub(self, pub: Any, rng: np.random.Generator) -> Any:
        circuit, n_shots = pub.circuit, int(pub.shots)
        registers = {register.name: [circuit.find_bit(bit).index for bit in register] for register in circuit.cregs}
        arrays = {
            name: np.zeros((*pub.shape, n_shots, -(-len(bits) // 8)), dtype=np.uint8)
            for name, bits in registers.items()
        }
        provenance: list[dict[str, object]] = []
        for index in np.ndindex(pub.shape):
            if not registers:
                break
            shots = self.runner.run_gates(self._gates(pub, index), n_shots, rng=rng)
            order = shot_order(shots, rng)
            for name, bits in registers.items():
                arrays[name][index] = pack_register(shots, bits)[order]
            if dict(shots.provenance) not in provenance:
                provenance.append(dict(shots.provenance))
        data = {name: BitArray(arrays[name], len(bits)) for name, bits in registers.items()}
        return SamplerPubResult(
            DataBin(**data, shape=pub.shape),
            metadata={"shots": n_shots, "circuit_metadata": circuit.metadata, "provenance": provenance},
        )

    def _gates(self, pub: Any, index: tuple[int, ...]) -> GateCircuit:
        bound = pub.parameter_values.bind(pub.circuit, index)
        return from_qiskit(bound, clock_ns=self.runner.twin.clock_ns)
