"""A machine behind the protocol of devices, whichever service it is reached through."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from kakehashi.circuit.gates import GateCircuit, Operation, from_qiskit
from kakehashi.circuit.model import Circuit
from kakehashi.circuit.qasm3 import write_qasm3
from kakehashi.core.errors import DeviceError, InputError
from kakehashi.core.identity import identify
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.compile.compile import Effort, compile_circuit
from kakehashi.device.compile.read import read_circuit
from kakehashi.device.model import Shots
from kakehashi.device.noise.fit import require_fit
from kakehashi.device.record import describe_run, require_shots
from kakehashi.device.remote.follow import Pace, Program, follow_jobs, title_of
from kakehashi.device.remote.journal import Entry, open_entry
from kakehashi.device.remote.model import Fetched, Machine, Service
from kakehashi.device.sector.fitted import fit_rungs
from kakehashi.device.twins.model import Twin

__all__ = ["RemoteDevice"]

AnyCircuit: TypeAlias = Any
"""A :class:`~kakehashi.circuit.model.Circuit`, a :class:`~kakehashi.circuit.gates.GateCircuit` or qiskit's."""

ANGLE = re.compile(r"-?\d+\.\d+(e-?\d+)?|-?\d+e-?\d+")
DIGITS = 6
"""Of angles in what tells requests apart: the last bits of amplitudes depend on the number of threads."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RemoteDevice:
    """A machine that is reached through a service.

    Circuits are compiled for it as for its twin: with the calibration that the service publishes at that time. Of a
    machine that publishes none, compiling is left to the service.

    A request is the circuit, the number of shots, the machine and the seed. If the process is killed while the machine
    works, the same request picks the jobs up again instead of paying for new ones; once the shots were handed over, it
    is a new one. See ``docs/how-to/real-machines.md``.

    Attributes:
        service: The machine.
        effort: How hard circuits are compiled: ``"fast"``, ``"normal"`` or ``"thorough"``.
        seed: Of compilation.
        max_shots: Most shots of one job, where that shall be less than what the service allows.
        pace: How often the service is asked, and how long to wait.
        jobs: Folder in which jobs are kept; that of :func:`~kakehashi.device.remote.journal.jobs_folder` if not given.
        compiler: Another compiler: takes a circuit, and gives one in the machine's gates on its qubits.
    """

    service: Service
    effort: Effort = "normal"
    seed: int = 0
    max_shots: int | None = None
    pace: Pace = field(default_factory=Pace)
    jobs: Path | None = None
    compiler: Callable[[AnyCircuit], GateCircuit] | None = None

    @property
    def name(self) -> str:
        """Service and machine, such as ``"oqtopus:anemone"``."""
        return title_of(self.service)

    @property
    def reads_circuit(self) -> bool:
        """True."""
        return True

    def describe(self) -> Machine:
        """What the service says of the machine now.

        Raises:
            DeviceError: It does not answer, or does not know the machine.
        """
        return self.service.describe()

    def compile(self, circuit: AnyCircuit) -> Program:
        """What would be sent for a circuit; nothing is sent.

        Raises:
            InputError: The circuit does not fit the machine.
            DeviceError: The service does not say what the machine is like.
        """
        return self._compile(circuit, self.describe())

    def run(self, circuit: AnyCircuit, n_shots: int, *, rng: RngLike = None, progress: Progress = silent) -> Shots:
        """Compile a circuit, submit it, and wait for its shots.

        Args:
            circuit: A circuit with measurements, or an ansatz circuit, of which all qubits are measured.
            n_shots: Number of shots; more than one job may have are several jobs.
            rng: Tells requests apart: an equal seed picks up the jobs of a run that was killed. The shots themselves
                are the machine's.
            progress: Told of each answer of the service.

        Returns:
            Shots over the circuit's classical bits. Ids, times and how the circuit was compiled are in the provenance,
            under ``"machine"``.

        Raises:
            InputError: The circuit does not fit the machine, or measures nothing.
            DeviceError: The service or the machine failed; ``transient`` says whether trying again can help.
            KeyboardInterrupt: After Ctrl-C; the jobs were cancelled.
        """
        require_shots(n_shots)
        reporter = Reporter(progress)
        given = _with_bits(circuit)
        token = None if rng is None else int(as_generator(rng).integers(2**62))
        with open_entry(self._key(given, n_shots, token), self.jobs) as entry:
            resumed = not entry.is_new
            program: Program | None = None
            if entry.is_new:
                reporter.step("sample", f"asking what {self.name} is like, and compiling for it")
                machine = self.describe()
                if not machine.is_available:
                    raise DeviceError(f"{self.name} takes no jobs now.", transient=True)
                program = self._compile(circuit, machine)
                entry.begin({"device": self.name, "program": program.about}, self._parts(n_shots, machine))

            def make() -> Program:
                return program or self.compile(circuit)

            fetched = follow_jobs(self.service, entry, make, n_bits=given.n_bits, pace=self.pace, reporter=reporter)
            record = self._record(entry, fetched, resumed=resumed)
            entry.end("done")
        about = circuit if isinstance(circuit, Circuit) else None
        described = describe_run(self.name, about, n_shots, rng, effort=self.effort)
        return replace(_joined(fetched), provenance={**described, "machine": record})

    def run_gates(self, circuit: GateCircuit, n_shots: int, *, rng: RngLike = None) -> Shots:
        """The same for a circuit that is compiled already, or is to be."""
        return self.run(circuit, n_shots, rng=rng)

    def _key(self, given: GateCircuit, n_shots: int, token: int | None) -> str:
        text = ANGLE.sub(lambda found: f"{float(found[0]):.{DIGITS}f}", " ".join(write_qasm3(given).split()))
        return identify({"device": self.name, "circuit": text, "n_shots": n_shots, "seed": token})[:32]

    def _parts(self, n_shots: int, machine: Machine) -> list[int]:
        most = min(machine.max_shots, self.max_shots or machine.max_shots)
        n_jobs = -(-n_shots // most)
        small, larger = divmod(n_shots, n_jobs)
        return [small + (k < larger) for k in range(n_jobs)]

    def _compile(self, circuit: AnyCircuit, machine: Machine) -> Program:
        if self.compiler is not None:
            return Program(gates=self.compiler(circuit), compiled=True, about={"method": "qiskit"})
        twin = machine.twin
        if twin is None:
            gates = _with_bits(circuit)
            if machine.n_qubits is not None and gates.n_qubits > machine.n_qubits:
                raise InputError(f"The circuit has {gates.n_qubits} qubits, but {self.name} has {machine.n_qubits}.")
            return Program(gates=gates, compiled=False, about={"method": "left to the service"})
        if isinstance(circuit, GateCircuit) and _is_native(circuit, twin):
            return Program(gates=circuit, compiled=True, about={"method": "given in the machine's gates"})
        changes: tuple[str, ...] = ()
        if isinstance(circuit, Circuit):
            circuit, changes = fit_rungs(circuit, twin)
        made = compile_circuit(circuit, twin, effort=self.effort, seed=self.seed)
        about = {
            "method": made.chosen.name,
            "n_two_qubit_gates": made.n_two_qubit_gates,
            "two_qubit_depth": made.two_qubit_depth,
            "duration_us": 1e-3 * made.duration_ns,
            "estimated_success_probability": made.esp,
            "layout": list(made.initial_layout),
            "calibrated_utc": twin.calibration.taken_utc,
            "changes": list(changes),
        }
        return Program(gates=made.circuit, compiled=True, about=about)

    def _record(self, entry: Entry, fetched: list[Fetched], *, resumed: bool) -> dict[str, object]:
        jobs = [
            {"id": part.job_id, "n_shots": got.shots.n_shots, "submitted_utc": part.sent_utc, **got.details}
            for part, got in zip(entry.parts, fetched, strict=True)
        ]
        return {
            "service": self.service.kind,
            "name": self.service.name,
            "jobs": jobs,
            "picked_up_again": resumed,
            "compiled": entry.about.get("program"),
        }


def _with_bits(circuit: AnyCircuit) -> GateCircuit:
    """The circuit as it was given, in gates, with classical bits."""
    gates = circuit if isinstance(circuit, GateCircuit) else from_qiskit(read_circuit(circuit))
    if isinstance(circuit, Circuit) and not gates.measured:
        every = tuple(range(gates.n_qubits))
        measure = Operation(name="measure", qubits=every, bits=every)
        gates = GateCircuit(
            n_qubits=gates.n_qubits, n_bits=gates.n_qubits, operations=(*gates.operations, measure), name=gates.name
        )
    if not gates.measured:
        raise InputError("The circuit measures nothing: add measurements.")
    return gates


def _is_native(circuit: GateCircuit, twin: Twin) -> bool:
    try:
        require_fit(circuit, twin)
    except InputError:
        return False
    return circuit.n_qubits == twin.n_qubits


def _joined(fetched: list[Fetched]) -> Shots:
    shots = [got.shots for got in fetched]
    return Shots.from_packed(
        np.concatenate([part.bits for part in shots]),
        n_qubits=shots[0].n_qubits,
        counts=np.concatenate([part.counts for part in shots]),
    )
