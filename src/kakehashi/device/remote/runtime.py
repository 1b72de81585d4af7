"""IBM's machines through the service that qiskit-ibm-runtime speaks to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from kakehashi.circuit.gates import GateCircuit, to_qiskit
from kakehashi.core.errors import DeviceError, InputError, MissingDependencyError
from kakehashi.device.model import Shots
from kakehashi.device.remote.model import Fetched, JobLostError, JobState, JobStatus, Machine
from kakehashi.device.twins.target import from_target

__all__ = ["IbmService", "runtime_errors", "sampler_class"]

TRANSIENT = ("IBMApiError", "IBMBackendApiError", "RuntimeJobTimeoutError", "RuntimeJobMaxTimeoutError")
"""Errors of the runtime after which the same call may succeed; those of the network are transient too."""

MAX_SHOTS = 100_000
"""Of one job, where the machine does not say."""

STATES: dict[str, JobState] = {
    "INITIALIZING": "queued",
    "QUEUED": "queued",
    "RUNNING": "running",
    "DONE": "done",
    "ERROR": "failed",
    "CANCELLED": "cancelled",
}

REGISTER = "c"
"""Name of the classical register of circuits that are sent."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IbmService:
    """A machine of IBM's.

    Attributes:
        backend: A backend of ``QiskitRuntimeService``.
        options: Options of the ``SamplerV2``, such as ``{"dynamical_decoupling": {"enable": True}}``.
    """

    backend: Any = field(repr=False)
    options: dict[str, Any] | None = None

    @classmethod
    def from_environment(cls, name: str) -> IbmService:
        """A machine of the account that the environment holds, or that the runtime's own client has saved.

        Args:
            name: The backend's name, such as ``"ibm_kobe"``.

        Raises:
            MissingDependencyError: qiskit-ibm-runtime is not installed.
            InputError: There is no account, or no such machine in it.
            DeviceError: The service does not answer, or does not accept the token.
        """
        try:
            from qiskit_ibm_runtime import QiskitRuntimeService
        except ImportError as error:
            raise _missing() from error
        with runtime_errors(f"ibm:{name}"):
            return cls(backend=QiskitRuntimeService().backend(name))

    @property
    def kind(self) -> str:
        """``"ibm"``."""
        return "ibm"

    @property
    def name(self) -> str:
        """The backend's name."""
        return str(self.backend.name)

    def describe(self) -> Machine:
        """Qubits, couplings and calibration."""
        with runtime_errors(self._title):
            target = self.backend.target
            properties = self.backend.properties()
        twin = from_target(target, name=self.name)
        if properties is not None:
            taken = properties.last_update_date.isoformat()
            twin = replace(twin, calibration=replace(twin.calibration, taken_utc=taken))
        most = _max_shots(self.backend)
        return Machine(n_qubits=target.num_qubits, max_shots=most, twin=twin)

    def submit(self, program: GateCircuit, n_shots: int, *, compiled: bool, tag: str) -> str:
        """Submit one circuit to the sampler."""
        del compiled  # always: every machine of IBM's has a target
        with runtime_errors(self._title):
            options = dict(self.options or {})
            environment = dict(options.get("environment") or {})
            environment["job_tags"] = [*(environment.get("job_tags") or ()), tag]
            sampler = sampler_class()(mode=self.backend, options={**options, "environment": environment})
            return str(sampler.run([(to_qiskit(program), None, n_shots)]).job_id())

    def find(self, tag: str) -> str | None:
        """Id of the job that has the tag."""
        with runtime_errors(self._title):
            jobs = self.backend.service.jobs(job_tags=[tag], limit=1)
        return str(jobs[0].job_id()) if jobs else None

    def status(self, job_id: str) -> JobStatus:
        """Where a job stands."""
        with runtime_errors(self._title, job_id):
            job = self.backend.service.job(job_id)
            status = job.status()
            state = STATES[str(getattr(status, "name", status))]
            message = str(job.error_message() or "") if state in ("failed", "cancelled") else ""
        return JobStatus(state=state, message=message)

    def fetch(self, job_id: str, *, n_bits: int) -> Fetched:
        """The shots of a job."""
        with runtime_errors(self._title, job_id):
            job = self.backend.service.job(job_id)
            data = job.result()[0].data
            times = dict((job.metrics() or {}).get("timestamps") or {})
        rows = data[REGISTER].to_bool_array(order="little")
        if rows.shape[1] != n_bits:
            raise DeviceError(f"Job {job_id} at {self._title} gave {rows.shape[1]} bits, not {n_bits}.")
        details = {f"service_{key}_utc": str(value) for key, value in times.items() if value}
        return Fetched(shots=Shots.from_matrix(rows), details=details)

    def cancel(self, job_id: str) -> None:
        """Cancel a job."""
        from qiskit_ibm_runtime.exceptions import RuntimeInvalidStateError

        with runtime_errors(self._title, job_id):
            try:
                self.backend.service.job(job_id).cancel()
            except RuntimeInvalidStateError:
                return  # it has ended

    @property
    def _title(self) -> str:
        return f"ibm:{self.name}"


def sampler_class() -> Any:
    """The runtime's ``SamplerV2``.

    Raises:
        MissingDependencyError: qiskit-ibm-runtime is not installed.
    """
    try:
        from qiskit_ibm_runtime import SamplerV2
    except ImportError as error:
        raise _missing() from error
    return SamplerV2


@contextmanager
def runtime_errors(name: str, job_id: str = "") -> Iterator[None]:
    """Whatever the runtime raises, as one sentence that says whether trying again can help.

    Args:
        name: What the sentence calls the machine.
        job_id: The job that was asked about.
    """
    from qiskit.exceptions import QiskitError

    try:
        yield
    except (QiskitError, OSError, ValueError) as error:
        kind = type(error).__name__
        if kind == "RuntimeJobNotFound":
            raise JobLostError(f"{name} does not know job {job_id}.") from error
        if kind == "QiskitBackendNotFoundError":
            raise InputError(
                f"{name}: there is no such machine in the account, it is not online, or the token is not accepted."
            ) from error
        sentence = " ".join(str(error).split()).strip("'\"").split(". ")[0].rstrip(".")
        if isinstance(error, ValueError) and not isinstance(error, OSError):
            raise InputError(f"{name} refuses the job: {sentence}.") from error
        transient = kind in TRANSIENT or isinstance(error, OSError)
        raise DeviceError(f"{name} failed with {kind}: {sentence}.", transient=transient) from error


def _max_shots(backend: Any) -> int:
    """The machine's limit, which its configuration tells; not as the backend's own attribute."""
    return int(getattr(backend.configuration(), "max_shots", None) or MAX_SHOTS)


def _missing() -> MissingDependencyError:
    return MissingDependencyError(
        "IBM's machines need qiskit-ibm-runtime; install it with: pip install 'kakehashi[ibm]'."
    )
