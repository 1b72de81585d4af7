"""QRMI: the interface of machine rooms whose scheduler hands out a quantum processor beside the nodes.

A job on such a node finds the address and the keys of its processor in the environment, where the scheduler's plugin or
the operators put them: ``NAME_QRMI_IBM_QS_ENDPOINT`` and so on. Here is the type ``ibm-quantum-system``: programs are
OpenQASM 3 on physical qubits, in the JSON of IBM's sampler.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kakehashi.circuit.gates import GateCircuit
from kakehashi.circuit.qasm3 import write_qasm3
from kakehashi.core.errors import DeviceError, FileFormatError, InputError, MissingDependencyError
from kakehashi.device.counts import parse_json
from kakehashi.device.remote.model import Fetched, JobLostError, JobState, JobStatus, Machine
from kakehashi.device.twins.snapshot import snapshot_from_tables

__all__ = ["QrmiService"]

logger = logging.getLogger(__name__)

MAX_SHOTS = 100_000
"""Of one job, where the machine does not say."""

STATES: dict[str, JobState] = {
    "Queued": "queued",
    "Running": "running",
    "Completed": "done",
    "Failed": "failed",
    "Cancelled": "cancelled",
}

NOT_TRANSIENT = {
    "AuthenticationFailedError": "its keys are not accepted",
    "ResourceNotFoundError": "the machine is not known there",
    "UnsupportedFunctionError": "it cannot do that",
    "UnsupportedPayloadError": "it does not take such programs",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QrmiService:
    """A machine that QRMI reaches.

    Attributes:
        name: Name of the resource, which the variables in the environment start with.
        resource: ``qrmi.QuantumResource``.
        lock: Of the resource, which one thread at a time may use.
    """

    name: str
    resource: Any = field(repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def from_environment(cls, name: str) -> QrmiService:
        """A machine as the environment has it.

        Args:
            name: Name of the resource, as the scheduler has it in ``QRMI_JOB_QPU_RESOURCES``.

        Raises:
            MissingDependencyError: qrmi is not installed.
            InputError: Something is missing in the environment.
        """
        try:
            import qrmi
        except ImportError as error:
            raise MissingDependencyError(
                "Machines behind QRMI need qrmi, which runs on Linux; install it with: pip install 'kakehashi[qrmi]'."
            ) from error
        try:
            return cls(name=name, resource=qrmi.QuantumResource(name, qrmi.ResourceType.IBMQuantumSystem))
        except (RuntimeError, ValueError) as error:
            raise InputError(f"qrmi:{name} cannot be reached: {_sentence(error)}.") from None

    @property
    def kind(self) -> str:
        """``"qrmi"``."""
        return "qrmi"

    def describe(self) -> Machine:
        """Qubits, couplings and calibration from the backend's configuration and properties."""
        with self._errors():
            tables = json.loads(self.resource.target().value)
        configuration, properties = tables.get("configuration"), tables.get("properties")
        if not configuration:
            # The client makes null of every error here, that of wrong keys included.
            with self._errors():
                self.resource.status()
            raise DeviceError(f"{self._title} does not say what it is like.", transient=True)
        if not properties:
            raise DeviceError(f"{self._title} gives no calibration.", transient=True)
        try:
            twin = snapshot_from_tables(configuration, properties, name=self.name, origin=self._title)
        except FileFormatError as error:
            raise DeviceError(f"{self._title} describes itself in a way that is not understood: {error}") from None
        return Machine(n_qubits=twin.n_qubits, max_shots=twin.max_shots or MAX_SHOTS, twin=twin)

    def submit(self, program: GateCircuit, n_shots: int, *, compiled: bool, tag: str) -> str:
        """Put the program into the storage and start a task."""
        del tag  # the interface has no place for it
        import qrmi

        payload = {
            "pubs": [[write_qasm3(program, physical=compiled), None, n_shots]],
            "shots": n_shots,
            "options": {},
            "version": 2,
            "support_qiskit": True,
        }
        with self._errors():
            return str(
                self.resource.task_start(qrmi.Payload.QiskitPrimitive(input=json.dumps(payload), program_id="sampler"))
            )

    def find(self, tag: str) -> str | None:
        """None: the interface keeps no tags."""
        logger.warning("a job may have been left at %s, whose interface cannot be searched (%s)", self._title, tag)
        return None

    def status(self, job_id: str) -> JobStatus:
        """Where a task stands; one that waits counts as running there."""
        with self._errors(job_id):
            word = str(self.resource.task_status(job_id)).rpartition(".")[2]
        state = STATES[word]
        return JobStatus(state=state, message=self._log(job_id) if state == "failed" else "")

    def fetch(self, job_id: str, *, n_bits: int) -> Fetched:
        """The shots of a task."""
        with self._errors(job_id):
            text = self.resource.task_result(job_id).value
        try:
            shots = parse_json(text, path=f"job {job_id}", n_qubits=n_bits)
        except FileFormatError as error:
            raise DeviceError(f"The result of job {job_id} at {self._title} cannot be read: {error}.") from None
        return Fetched(shots=shots)

    def cancel(self, job_id: str) -> None:
        """Stop a task; its record there goes."""
        with self._errors(job_id):
            self.resource.task_stop(job_id)

    @property
    def _title(self) -> str:
        return f"qrmi:{self.name}"

    def _log(self, job_id: str) -> str:
        """The last line of a task's log, which says why it failed."""
        try:
            with self._errors(job_id):
                lines = str(self.resource.task_logs(job_id)).strip().splitlines()
        except DeviceError:
            return ""
        return lines[-1] if lines else ""

    @contextmanager
    def _errors(self, job_id: str = "") -> Iterator[None]:
        """Whatever the client raises, as one sentence that says whether trying again can help."""
        try:
            with self.lock:
                yield
        except (RuntimeError, ValueError, OSError) as error:
            kind = type(error).__name__
            said = _sentence(error)
            if kind == "TaskNotFoundError":
                raise JobLostError(f"{self._title} does not know job {job_id}.") from None
            if kind in ("InvalidInputError", "EnvVarNotSetError", "ConfigError"):
                raise InputError(f"{self._title} refuses the job: {said}.") from None
            if kind in NOT_TRANSIENT:
                raise DeviceError(f"{self._title}: {NOT_TRANSIENT[kind]} ({said}).") from None
            raise DeviceError(f"{self._title} failed: {said}.", transient=True) from None


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split()).split(". ")[0].rstrip(".")
