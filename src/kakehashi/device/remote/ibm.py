"""IBM's machines through qiskit-ibm-runtime, and the local simulators that it runs in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kakehashi.circuit.gates import GateCircuit, from_qiskit, to_qiskit
from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Progress, silent
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.model import Shots
from kakehashi.device.remote.device import RemoteDevice
from kakehashi.device.remote.runtime import MAX_SHOTS, IbmService, runtime_errors, sampler_class

__all__ = ["IbmDevice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IbmDevice:
    """A device that samples through IBM's ``SamplerV2``.

    A fake backend is asked at once; jobs of a real one are followed, kept and picked up again by
    :class:`~kakehashi.device.remote.device.RemoteDevice`, which compiles by kakehashi's own rules where it is made
    directly, as from ``name = "ibm:ibm_kobe"``.

    Attributes:
        backend: A backend of ``QiskitRuntimeService``, or a fake one: those run on this computer.
        optimization_level: Of qiskit's transpiler.
        seed_transpiler: For its choices; equal seeds compile equally.
        options: Options of the ``SamplerV2``, such as ``{"dynamical_decoupling": {"enable": True}}``.
    """

    backend: Any
    optimization_level: int = 3
    seed_transpiler: int = 0
    options: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """The backend's name."""
        return str(self.backend.name)

    @property
    def reads_circuit(self) -> bool:
        """Yes."""
        return True

    def run(
        self,
        circuit: Circuit | GateCircuit | Any,
        n_shots: int,
        *,
        rng: RngLike = None,
        progress: Progress = silent,
    ) -> Shots:
        """Compile a circuit and run it.

        Args:
            circuit: Of the chain, all of whose qubits are measured then; or of gates, or of qiskit, with measurements.
            n_shots: Number of shots; more than a job's part may have are several parts of one job.
            rng: For the shots of a fake backend; a machine has its own.
            progress: Told of each answer of the service; not told anything by a fake backend.

        Raises:
            InputError: The circuit does not fit the machine, or has no classical bits.
            MissingDependencyError: qiskit-ibm-runtime is not installed.
            DeviceError: The service or the machine failed.
        """
        if not self._is_local:
            return self.remote().run(circuit, n_shots, rng=rng, progress=progress)
        return self._sample(self.compile(circuit), n_shots, rng)

    def run_gates(self, circuit: GateCircuit, n_shots: int, *, rng: RngLike = None) -> Shots:
        """Run a circuit that is in the machine's gates on its qubits already, as it is.

        Raises:
            InputError: It is not, or has no classical bits.
            MissingDependencyError: qiskit-ibm-runtime is not installed.
            DeviceError: The service or the machine failed.
        """
        if not self._is_local:
            return self.remote(compiled=True).run(circuit, n_shots, rng=rng)
        return self._sample(to_qiskit(circuit), n_shots, rng)

    def remote(self, *, compiled: bool = False) -> RemoteDevice:
        """The machine with jobs that outlive this process, compiled for by qiskit as :meth:`compile` has it.

        Args:
            compiled: Circuits are in the machine's gates on its qubits already.
        """
        service = IbmService(backend=self.backend, options=self.options)
        return RemoteDevice(
            service=service, compiler=lambda given: given if compiled else from_qiskit(self.compile(given))
        )

    def compile(self, circuit: Circuit | GateCircuit | Any) -> Any:
        """The circuit in the machine's gates on its qubits, as a ``qiskit.QuantumCircuit``."""
        from qiskit.transpiler import generate_preset_pass_manager

        passes = generate_preset_pass_manager(
            optimization_level=self.optimization_level, backend=self.backend, seed_transpiler=self.seed_transpiler
        )
        if isinstance(circuit, Circuit):
            import ffsim.qiskit

            # Its passes merge ffsim's own gates before they are broken down.
            passes.pre_init = ffsim.qiskit.PRE_INIT
            circuit = circuit.to_qiskit()
        elif isinstance(circuit, GateCircuit):
            circuit = to_qiskit(circuit)
        if circuit.num_qubits > self.backend.num_qubits:
            raise InputError(
                f"The circuit has {circuit.num_qubits} qubits, but {self.name} has {self.backend.num_qubits}."
            )
        return passes.run(circuit)

    def _sample(self, circuit: Any, n_shots: int, rng: RngLike) -> Shots:
        if n_shots < 1:
            raise InputError(f"The number of shots must be at least 1, but is {n_shots}.")
        if not circuit.num_clbits:
            raise InputError("A circuit without classical bits gives no shots; add measurements.")
        make_sampler = sampler_class()
        with runtime_errors(self.name):
            sampler = make_sampler(mode=self.backend, options=self._options(rng))
            most = int(getattr(self.backend, "max_shots", None) or MAX_SHOTS)
            parts = [most] * (n_shots // most) + ([n_shots % most] if n_shots % most else [])
            job = sampler.run([(circuit, None, shots) for shots in parts])
            result = job.result()
        matrix = np.concatenate([_bits(circuit, pub.data) for pub in result])
        return Shots.from_matrix(
            matrix,
            provenance={"device": self.name, "job": str(job.job_id()), "n_shots": n_shots, "local": self._is_local},
        )

    @property
    def _is_local(self) -> bool:
        """Whether the backend runs on this computer."""
        return not hasattr(self.backend, "service")

    def _options(self, rng: RngLike) -> dict[str, Any]:
        options = dict(self.options or {})
        if self._is_local:
            seed = int(as_generator(rng).integers(2**31))
            options["simulator"] = {"seed_simulator": seed, **options.get("simulator", {})}
        return options


def _bits(circuit: Any, data: Any) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Every classical bit of every shot; those of no register stay 0."""
    columns: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] = {}
    for register in circuit.cregs:
        rows = data[register.name].to_bool_array(order="little")
        for k, bit in enumerate(register):
            columns[circuit.find_bit(bit).index] = rows[:, k]
    zero = np.zeros(len(next(iter(columns.values()))), dtype=np.bool_)
    return np.stack([columns.get(index, zero) for index in range(circuit.num_clbits)], axis=1)
