"""OQTOPUS: the cloud interface of the machines at Osaka and others that run its software.

Jobs are OpenQASM 3 in a ZIP file. Address and token come from the environment, ``OQTOPUS_URL`` and
``OQTOPUS_API_TOKEN``, as for its makers' client; that client itself is not needed (see ``docs/decisions``).
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode

from kakehashi.circuit.gates import GateCircuit
from kakehashi.circuit.qasm3 import write_qasm3
from kakehashi.core.errors import DeviceError, FileFormatError, InputError
from kakehashi.device.counts import parse_json
from kakehashi.device.remote.model import Fetched, JobLostError, JobState, JobStatus, Machine
from kakehashi.device.remote.wire import call, download, form_data
from kakehashi.device.twins.oqtopus import from_oqtopus

__all__ = ["OqtopusService"]

MAX_SHOTS = 10_000_000
"""Of one job, as the interface has it."""

STATES: dict[str, JobState] = {
    "registered": "queued",
    "submitted": "queued",
    "ready": "queued",
    "running": "running",
    "cancelling": "running",
    "succeeded": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}

TIMES = ("submitted_at", "ready_at", "running_at", "ended_at")

RECENT = 100
"""Jobs among which one is looked for by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OqtopusService:
    """A machine of an OQTOPUS cloud.

    Attributes:
        name: Its ``device_id``.
        url: Address of the user interface.
        token: The user's token; never shown.
        proxy: Address of a proxy.

    Example:
        >>> OqtopusService(name="anemone", url="https://example.org", token="secret")
        OqtopusService(name='anemone', url='https://example.org')
    """

    name: str
    url: str
    token: str = field(repr=False)
    proxy: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, name: str) -> OqtopusService:
        """A machine at the address in ``OQTOPUS_URL``, with the token in ``OQTOPUS_API_TOKEN``.

        Args:
            name: Its ``device_id``.

        Raises:
            InputError: One of these is not set.
        """
        url = os.environ.get("OQTOPUS_URL") or os.environ.get("OQTOPUS_BASE_URL")
        token = os.environ.get("OQTOPUS_API_TOKEN")
        if not url or not token:
            missing = "OQTOPUS_API_TOKEN" if url else "OQTOPUS_URL"
            raise InputError(f"The environment variable {missing} must be set to reach oqtopus:{name}.")
        return cls(name=name, url=url.rstrip("/"), token=token, proxy=os.environ.get("OQTOPUS_PROXY"))

    @property
    def kind(self) -> str:
        """``"oqtopus"``."""
        return "oqtopus"

    def describe(self) -> Machine:
        """Qubits, couplings and calibration, where the machine publishes its topology."""
        try:
            about = self._ask("GET", f"/devices/{quote(self.name, safe='')}")
        except JobLostError:
            raise InputError(f"OQTOPUS has no device {self.name!r}; there are {self._names()}.") from None
        available = about.get("status") == "available"
        topology = about.get("device_info")
        if isinstance(topology, str) and topology.startswith(("http://", "https://")):
            topology = json.dumps(self._unzipped(topology))
        n_qubits = about.get("n_qubits")
        if not topology or "qubits" not in topology:
            return Machine(n_qubits=n_qubits, max_shots=MAX_SHOTS, is_available=available)
        twin = from_oqtopus(topology, placeholders="unknown")
        return Machine(n_qubits=twin.n_qubits, max_shots=MAX_SHOTS, twin=twin, is_available=available)

    def submit(self, program: GateCircuit, n_shots: int, *, compiled: bool, tag: str) -> str:
        """Register a job, upload the program, and submit it."""
        registered = self._ask("POST", "/jobs", {})
        job_id, upload = str(registered["job_id"]), registered["presigned_url"]
        fields = {key: str(value) for key, value in upload["fields"].items() if value is not None}
        archive = PurePosixPath(fields["key"]).name
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(f"{PurePosixPath(archive).stem}.json", json.dumps({"program": [write_qasm3(program)]}))
        body, kind = form_data(fields, packed.getvalue(), filename=archive, kind="application/zip")
        call("POST", upload["url"], name=self._title, headers={"Content-Type": kind}, body=body, proxy=self.proxy)
        request = {
            "name": tag,
            "device_id": self.name,
            "job_type": "sampling",
            "shots": n_shots,
            # None says that the program is to be run as it is.
            "transpiler_info": {"transpiler_lib": None} if compiled else {},
            "simulator_info": {},
            "mitigation_info": {},
        }
        self._ask("POST", f"/jobs/{quote(job_id, safe='')}/submit", request)
        return job_id

    def find(self, tag: str) -> str | None:
        """Id of the job whose name is the tag."""
        query = urlencode({"q": tag, "size": RECENT, "order": "DESC"})
        for job in self._ask("GET", f"/jobs?{query}"):
            if job.get("name") == tag:
                return str(job["job_id"])
        return None

    def status(self, job_id: str) -> JobStatus:
        """Where a job stands."""
        word = str(self._ask("GET", f"/jobs/{quote(job_id, safe='')}/status")["status"])
        if word not in STATES:
            raise DeviceError(f"{self._title} says that job {job_id} is {word!r}, which is not known here.")
        if STATES[word] != "failed":
            return JobStatus(state=STATES[word])
        about = self._ask("GET", f"/jobs/{quote(job_id, safe='')}")
        return JobStatus(state="failed", message=str((about.get("job_info") or {}).get("message") or ""))

    def fetch(self, job_id: str, *, n_bits: int) -> Fetched:
        """The counts of a job."""
        about = self._ask("GET", f"/jobs/{quote(job_id, safe='')}")
        result: Any = (about.get("job_info") or {}).get("result")
        if isinstance(result, str):
            result = self._unzipped(result)
        try:
            counts = {"counts": result["sampling"]["counts"]}
            shots = parse_json(json.dumps(counts), path=f"job {job_id}", n_qubits=n_bits)
        except (KeyError, TypeError, FileFormatError) as error:
            raise DeviceError(f"The result of job {job_id} at {self._title} cannot be read: {error}.") from None
        details = {key.replace("_at", "_utc"): about[key] for key in TIMES if about.get(key)}
        details |= {"execution_s": about["execution_time"]} if about.get("execution_time") is not None else {}
        return Fetched(shots=shots, details={f"service_{key}": value for key, value in details.items()})

    def cancel(self, job_id: str) -> None:
        """Cancel a job."""
        try:
            self._ask("POST", f"/jobs/{quote(job_id, safe='')}/cancel")
        except JobLostError:
            raise
        except DeviceError as error:
            # A job that has ended cannot be cancelled; that is what was wanted.
            if error.transient or not self.status(job_id).is_final:
                raise

    @property
    def _title(self) -> str:
        return f"oqtopus:{self.name}"

    def _names(self) -> str:
        return ", ".join(sorted(str(device.get("device_id")) for device in self._ask("GET", "/devices"))) or "none"

    def _unzipped(self, url: str) -> Any:
        """The one JSON object of a ZIP file."""
        try:
            with zipfile.ZipFile(io.BytesIO(download(url, name=self._title, proxy=self.proxy))) as file:
                return json.loads(file.read(file.namelist()[0]))
        except (zipfile.BadZipFile, ValueError, IndexError) as error:
            raise DeviceError(f"{self._title} gave a file that cannot be read: {error}.") from None

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"q-api-token": self.token, "Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        answer = call(
            method,
            self.url + path,
            name=self._title,
            headers=headers,
            body=content,
            proxy=self.proxy,
            credential="the token in OQTOPUS_API_TOKEN",
        )
        try:
            return json.loads(answer or b"{}")
        except ValueError:
            raise DeviceError(f"{self._title} gave an answer that is no JSON; is OQTOPUS_URL right?") from None
