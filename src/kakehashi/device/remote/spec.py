"""What a user writes under ``[device]`` for a machine behind a service: ``name = "ibm:ibm_kobe"`` and its like.

Addresses and credentials have no place in these specs: they are in the environment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import pydantic

from kakehashi.circuit.gates import GateCircuit
from kakehashi.core.errors import DeviceError, InputError
from kakehashi.device.device_spec import DeviceSpec
from kakehashi.device.remote.device import RemoteDevice
from kakehashi.device.remote.follow import Pace
from kakehashi.device.remote.model import Fetched, JobStatus, Machine, Service
from kakehashi.device.remote.oqtopus import OqtopusService
from kakehashi.device.remote.qrmi import QrmiService
from kakehashi.device.remote.runtime import IbmService
from kakehashi.problem.model import Problem

__all__ = ["IbmSpec", "LateService", "OqtopusSpec", "QrmiSpec", "RemoteSpec"]

logger = logging.getLogger(__name__)


class LateService:
    """A service that is reached when it is first needed: shots that are on disk need neither network nor credential.

    Args:
        kind: The dialect.
        name: The machine.
        connect: Reaches it.

    Example:
        >>> LateService("oqtopus", "anemone", lambda: None).name
        'anemone'
    """

    def __init__(self, kind: str, name: str, connect: Callable[[], Service]) -> None:
        self.kind, self.name, self._connect = kind, name, connect

    @cached_property
    def service(self) -> Service:
        """The service, reached."""
        return self._connect()

    def describe(self) -> Machine:
        """What the machine is like now."""
        return self.service.describe()

    def submit(self, program: GateCircuit, n_shots: int, *, compiled: bool, tag: str) -> str:
        """Submit a job."""
        return self.service.submit(program, n_shots, compiled=compiled, tag=tag)

    def find(self, tag: str) -> str | None:
        """Id of the job that was submitted with a tag."""
        return self.service.find(tag)

    def status(self, job_id: str) -> JobStatus:
        """Where a job stands."""
        return self.service.status(job_id)

    def fetch(self, job_id: str, *, n_bits: int) -> Fetched:
        """What a job that is done gave."""
        return self.service.fetch(job_id, n_bits=n_bits)

    def cancel(self, job_id: str) -> None:
        """Stop a job."""
        self.service.cancel(job_id)


class RemoteSpec(DeviceSpec):
    """Base of the specs of machines behind a service.

    Attributes:
        name: Service and machine, with a colon between them.
        effort: How hard the circuit is compiled.
        max_shots_per_job: More shots than this are several jobs; what the service allows where not given.
        timeout_s: Seconds until the shots must be there, queue included; the jobs stay known after that.
    """

    kind: ClassVar[str] = ""

    name: str
    effort: Literal["fast", "normal", "thorough"] = "normal"
    max_shots_per_job: int | None = pydantic.Field(default=None, ge=1)
    timeout_s: float = pydantic.Field(default=86_400.0, gt=0)

    @pydantic.field_validator("name")
    @classmethod
    def _names_a_machine(cls, name: str) -> str:
        kind, _, machine = name.partition(":")
        if kind != cls.kind or not machine:
            raise ValueError(f"the machine's name belongs behind the service's, as in '{cls.kind}:NAME'")
        return name

    @pydantic.model_validator(mode="after")
    def _has_a_machine(self) -> RemoteSpec:
        if not self.machine:  # the default, which is not looked at by the check of the field
            raise ValueError(f"the machine's name belongs behind the service's, as in '{self.kind}:NAME'")
        return self

    @property
    def machine(self) -> str:
        """The machine's name at the service."""
        return self.name.partition(":")[2]

    def connect(self) -> Service:
        """Reach the machine, as the environment has it."""
        raise NotImplementedError

    def build(self, base: Path = Path()) -> RemoteDevice:  # noqa: ARG002 - it reads no file
        """The device; nothing is reached yet."""
        return RemoteDevice(
            service=LateService(self.kind, self.machine, self.connect),
            effort=self.effort,
            max_shots=self.max_shots_per_job,
            pace=Pace(timeout_s=self.timeout_s),
        )

    def identity(self, base: Path = Path()) -> dict[str, Any]:  # noqa: ARG002 - it reads no file
        """The options that tell one request from another."""
        return self.model_dump(mode="json", exclude={"timeout_s", "max_shots_per_job"})

    def reach(self, problem: Problem, base: Path = Path()) -> None:  # noqa: ARG002 - it reads no file
        """Refuse a machine that cannot be reached as the user has it, or a problem that is wider than it."""
        try:
            machine = self.connect().describe()
        except DeviceError as error:
            if not error.transient:
                raise
            logger.warning("%s", error)  # a job that is to be picked up may be older than this failure
            return
        n_present = machine.n_qubits if machine.twin is None else int(machine.twin.present.sum())
        if n_present is not None and 2 * problem.n_orb > n_present:
            raise InputError(
                f"{problem.name} takes {2 * problem.n_orb} qubits, but {self.name} has {n_present} that work."
            )


class IbmSpec(RemoteSpec):
    """``name = "ibm:ibm_kobe"``: a machine of an account at IBM."""

    description: ClassVar[str] = "a machine of IBM's, as in 'ibm:ibm_kobe'; the account is in the environment"
    kind: ClassVar[str] = "ibm"

    name: str = "ibm"

    def connect(self) -> IbmService:
        """Reach the machine."""
        return IbmService.from_environment(self.machine)


class OqtopusSpec(RemoteSpec):
    """``name = "oqtopus:DEVICE_ID"``: a machine of an OQTOPUS cloud."""

    description: ClassVar[str] = "a machine behind OQTOPUS, as in 'oqtopus:DEVICE_ID'; OQTOPUS_URL says where"
    kind: ClassVar[str] = "oqtopus"

    name: str = "oqtopus"

    def connect(self) -> OqtopusService:
        """Reach the machine."""
        return OqtopusService.from_environment(self.machine)


class QrmiSpec(RemoteSpec):
    """``name = "qrmi:RESOURCE"``: a machine that the scheduler of a machine room hands out."""

    description: ClassVar[str] = "a machine of the machine room through QRMI, as in 'qrmi:RESOURCE'"
    kind: ClassVar[str] = "qrmi"

    name: str = "qrmi"

    def connect(self) -> QrmiService:
        """Reach the machine."""
        return QrmiService.from_environment(self.machine)
