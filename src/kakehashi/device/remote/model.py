"""What the adapters of remote machines share: what a service can do, and what it says of machines and jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from kakehashi.circuit.gates import GateCircuit
from kakehashi.core.errors import DeviceError
from kakehashi.device.model import Shots
from kakehashi.device.twins.model import Twin

__all__ = ["Fetched", "JobLostError", "JobState", "JobStatus", "Machine", "Service"]

JobState: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
"""Where a job stands; the last three are final."""


class JobLostError(DeviceError):
    """The service does not know a job that it was given earlier; it must be submitted anew."""

    def __init__(self, message: str) -> None:
        super().__init__(message, transient=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """Where a job stands.

    Attributes:
        state: The state.
        message: What the service says about it, as of a job that failed; may be empty.
    """

    state: JobState
    message: str = ""

    @property
    def is_final(self) -> bool:
        """Whether it will not change again.

        Example:
            >>> JobStatus(state="queued").is_final, JobStatus(state="cancelled").is_final
            (False, True)
        """
        return self.state in ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Machine:
    """What a service says of a machine.

    Attributes:
        n_qubits: Number of its qubits; None where it does not say.
        max_shots: Most shots of one job.
        twin: Its couplings, gates and calibration as of now; None where it publishes none, and circuits are sent
            uncompiled.
        is_available: Whether it takes jobs now.
    """

    n_qubits: int | None
    max_shots: int
    twin: Twin | None = None
    is_available: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fetched:
    """What one job gave.

    Attributes:
        shots: Over the program's classical bits.
        details: Times and the like as the service tells them, as plain JSON values.
    """

    shots: Shots
    details: dict[str, Any] = field(default_factory=dict)


class Service(Protocol):
    """One machine as its service offers it: the wire, and nothing else.

    Every method may raise :class:`~kakehashi.core.errors.DeviceError`, whose ``transient`` says whether the same call
    may succeed later, and :class:`JobLostError` for a job that is not known (any more). When to ask, how long to wait
    and what to keep on disk is the business of :mod:`kakehashi.device.remote.follow`.
    """

    @property
    def kind(self) -> str:
        """The dialect: ``"ibm"``, ``"oqtopus"`` or ``"qrmi"``."""
        ...

    @property
    def name(self) -> str:
        """The machine's name in it."""
        ...

    def describe(self) -> Machine:
        """What the machine is like now."""
        ...

    def submit(self, program: GateCircuit, n_shots: int, *, compiled: bool, tag: str) -> str:
        """Submit a job.

        Args:
            program: What to run; it has classical bits.
            n_shots: At most :attr:`Machine.max_shots`.
            compiled: Whether the program is in the machine's gates on its qubits, and must run as it is.
            tag: Word that is kept with the job where the service has a place for it.

        Returns:
            The job's id.
        """
        ...

    def find(self, tag: str) -> str | None:
        """Id of the job that was submitted with a tag; None where there is none, or the service keeps no tags."""
        ...

    def status(self, job_id: str) -> JobStatus:
        """Where a job stands."""
        ...

    def fetch(self, job_id: str, *, n_bits: int) -> Fetched:
        """What a job that is done gave, over ``n_bits`` classical bits."""
        ...

    def cancel(self, job_id: str) -> None:
        """Stop a job; not an error if it has ended by itself."""
        ...
