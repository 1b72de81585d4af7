"""qiskit's ``BackendV2``: what transpilers read, and ``run`` for those who still use it."""

from __future__ import annotations

from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import IfElseOp, Reset
from qiskit.providers import BackendV2, Options
from qiskit.result import Result
from qiskit.result.models import ExperimentResult, ExperimentResultData

from kakehashi.circuit.gates import GateCircuit, from_qiskit
from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.interfaces.job import TwinJob
from kakehashi.device.interfaces.registers import pack_register, shot_order
from kakehashi.device.interfaces.runner import Runner
from kakehashi.device.twins.target import to_target

__all__ = ["TwinBackend"]

DEFAULT_SHOTS = 1024


class TwinBackend(BackendV2):  # type: ignore[misc]
    """A device as a qiskit backend.

    At optimization level 0 qiskit puts qubit ``k`` on physical qubit ``k``, and fails where that one is absent or cut
    off; there, name a layout method: ``transpile(circuit, backend, optimization_level=0, layout_method="kakehashi")``.

    Args:
        runner: The device.
        target: A ``qiskit.transpiler.Target``; the one of the device's twin where not given. Resets and ``if`` are
            added to it where it lacks them.
        rng: For the shots of :meth:`run`.

    Attributes:
        runner: The device.

    Example:
        >>> from qiskit import QuantumCircuit, transpile
        >>> from kakehashi import TwinDevice, load_twin
        >>> backend = TwinBackend(TwinDevice(load_twin("riken-64", preset="target")), rng=1)
        >>> bell = QuantumCircuit(2)
        >>> _ = bell.h(0), bell.cx(0, 1), bell.measure_all()
        >>> isa = transpile(bell, backend, seed_transpiler=1)
        >>> isa.num_qubits
        64
        >>> counts = backend.run(isa, shots=1000).result().get_counts()
        >>> counts["00"] + counts["11"] > 900
        True
    """

    def __init__(self, runner: Runner, *, target: Any = None, rng: RngLike = None) -> None:
        twin = runner.twin
        super().__init__(name=twin.name, description=twin.title, backend_version=twin.calibration.taken_utc)
        self.runner = runner
        self._target = _with_control(to_target(twin) if target is None else target, np.flatnonzero(twin.present))
        self._rng = as_generator(rng)

    @property
    def target(self) -> Any:
        """Gates, durations and errors, in seconds."""
        return self._target

    @property
    def max_circuits(self) -> None:
        """As many circuits to a job as one likes."""
        return

    @classmethod
    def _default_options(cls) -> Any:
        return Options(shots=DEFAULT_SHOTS, memory=False, seed_simulator=None)

    def run(self, run_input: Any, **options: Any) -> TwinJob:
        """Run circuits.

        Args:
            run_input: A circuit or a list of them, with measurements and without free parameters.
            **options: ``shots``, ``memory`` (keep the shots one by one) and ``seed_simulator``, for this job alone.

        Raises:
            InputError: There is an unknown option, or a circuit that is not understood.
        """
        unknown = sorted(set(options) - {"shots", "memory", "seed_simulator"})
        if unknown:
            raise InputError(
                f"The backend {self.name!r} has no option {unknown[0]!r}; there are shots, memory and seed_simulator."
            )
        chosen = self._chosen(options)
        circuits = [run_input] if isinstance(run_input, QuantumCircuit) else list(run_input)
        if any(not circuit.num_clbits for circuit in circuits):
            raise InputError(
                "A circuit without classical bits gives no counts; add measurements, as measure_all() does."
            )
        flat = [from_qiskit(circuit, clock_ns=self.runner.twin.clock_ns) for circuit in circuits]
        seed = chosen["seed_simulator"]
        rng = self._rng.spawn(1)[0] if seed is None else as_generator(seed)

        def compute(job_id: str) -> Any:
            results = [
                self._experiment(circuit, gates, chosen, rng) for circuit, gates in zip(circuits, flat, strict=True)
            ]
            return Result(
                backend_name=self.name,
                backend_version=self.backend_version,
                job_id=job_id,
                success=True,
                results=results,
                status="COMPLETED",
            )

        job = TwinJob(self, compute)
        job.submit()
        return job

    def _chosen(self, options: dict[str, Any]) -> dict[str, Any]:
        chosen = {name: getattr(self.options, name) for name in ("shots", "memory", "seed_simulator")} | options
        shots = chosen["shots"]
        if isinstance(shots, bool) or not isinstance(shots, int | np.integer) or shots < 1:
            raise InputError(f"Option `shots` must be a whole number of at least 1, but is {shots!r}.")
        return chosen

    def _experiment(self, circuit: Any, gates: GateCircuit, chosen: dict[str, Any], rng: np.random.Generator) -> Any:
        shots = self.runner.run_gates(gates, int(chosen["shots"]), rng=rng)
        packed = pack_register(shots, range(gates.n_bits))
        keys = [hex(int.from_bytes(row.tobytes(), "big")) for row in packed]
        data: dict[str, object] = {"counts": dict(zip(keys, shots.counts.tolist(), strict=True))}
        if chosen["memory"]:
            data["memory"] = [keys[row] for row in shot_order(shots, rng).tolist()]
        header = {
            "name": circuit.name,
            "creg_sizes": [[register.name, register.size] for register in circuit.cregs],
            "memory_slots": circuit.num_clbits,
            "n_qubits": circuit.num_qubits,
            "metadata": circuit.metadata,
        }
        return ExperimentResult(
            shots=shots.n_shots,
            success=True,
            data=ExperimentResultData(**data),
            status="DONE",
            header=header,
            provenance=dict(shots.provenance),
        )


def _with_control(target: Any, present: Any) -> Any:
    """The target with resets and conditions, whose errors and durations nobody gives."""
    if "reset" not in target.operation_names:
        target.add_instruction(Reset(), {(int(q),): None for q in present})
    if "if_else" not in target.operation_names:
        target.add_instruction(IfElseOp, name="if_else")
    return target
