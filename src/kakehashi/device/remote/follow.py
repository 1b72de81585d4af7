"""Jobs from submission to shots: what is submitted is written down first, asked after patiently, and picked up again.

Nothing here knows any service's dialect. The rules are the same for all of them:

- A job's id is logged and on disk before anybody waits for it. A process that is killed leaves the job running; the
  same request finds it again.
- A service that does not answer is asked again for a while; then the error is ``transient`` and the job stays known.
- Ctrl-C cancels the jobs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from kakehashi.circuit.gates import GateCircuit
from kakehashi.core.errors import DeviceError
from kakehashi.core.progress import Reporter
from kakehashi.device.remote.journal import Entry, Part
from kakehashi.device.remote.model import Fetched, JobLostError, JobStatus, Service

__all__ = ["Pace", "Program", "follow_jobs", "title_of"]

T = TypeVar("T")

logger = logging.getLogger(__name__)

GROWTH = 1.5
"""Of the time between two questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a service is asked, and for how long.

    Attributes:
        first_s: Seconds until the first question; the time between two grows from there.
        longest_s: Most seconds between two questions.
        patience_s: Seconds that a service may not answer.
        timeout_s: Seconds until shots must be there, queue included.
    """

    first_s: float = 1.0
    longest_s: float = 30.0
    patience_s: float = 600.0
    timeout_s: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """What is sent to a machine.

    Attributes:
        gates: The circuit.
        compiled: Whether it is in the machine's gates on its qubits.
        about: How it was compiled, as plain JSON values.
    """

    gates: GateCircuit
    compiled: bool
    about: dict[str, Any]


def title_of(service: Service) -> str:
    """Dialect and machine, such as ``"oqtopus:anemone"``: the name of the device, and what errors call it."""
    return f"{service.kind}:{service.name}"


def follow_jobs(
    service: Service, entry: Entry, program: Callable[[], Program], *, n_bits: int, pace: Pace, reporter: Reporter
) -> list[Fetched]:
    """Submit what is not submitted yet, wait for all jobs, and fetch what they gave.

    Args:
        service: The machine.
        entry: The request; it was begun.
        program: Gives what to run; called only if there is something to submit.
        n_bits: Number of classical bits.
        pace: How often to ask, and how long to wait.
        reporter: Told of every question's answer.

    Returns:
        One for each part of the request, in order.

    Raises:
        DeviceError: The service or the job failed; the sentence says whether the job is still there.
        KeyboardInterrupt: The jobs were cancelled.
    """
    try:
        return _Run(service, entry, pace, reporter).follow(program, n_bits)
    except KeyboardInterrupt:
        if _cancel(service, entry.parts):
            entry.end("cancelled by the user")
        raise


class _Run:
    """One call of :func:`follow_jobs`."""

    def __init__(self, service: Service, entry: Entry, pace: Pace, reporter: Reporter) -> None:
        self.service, self.entry, self.pace, self.reporter = service, entry, pace, reporter
        self.title = title_of(service)
        self.deadline = time.monotonic() + pace.timeout_s
        self.done: dict[int, Fetched] = {}

    def follow(self, program: Callable[[], Program], n_bits: int) -> list[Fetched]:
        self.submit(program)
        wait_s = self.pace.first_s
        while len(self.done) < len(self.entry.parts):
            for k, part in enumerate(self.entry.parts):
                if k not in self.done:
                    self.look(k, part, n_bits)
            if len(self.done) < len(self.entry.parts):
                self.require_time()
                time.sleep(min(wait_s, max(self.deadline - time.monotonic(), 0.0)))
                wait_s = min(GROWTH * wait_s, self.pace.longest_s)
        return [self.done[k] for k in range(len(self.entry.parts))]

    def submit(self, program: Callable[[], Program]) -> None:
        made: Program | None = None
        for k, part in enumerate(self.entry.parts):
            if part.job_id is not None:
                logger.info("job %s at %s was submitted earlier and is picked up again", part.job_id, self.title)
                self.tell(f"job {part.job_id} at {self.title} is picked up again")
                continue
            job_id = self.ask(partial(self.service.find, part.tag), part) if part.tried else None
            if job_id is None:
                made = made or program()
                self.entry.sending(k)
                job_id = self.send(made, part)
            self.entry.sent(k, job_id)
            logger.info("job %s was submitted to %s, %d shots", job_id, self.title, part.n_shots)
            self.tell(f"job {job_id} was submitted to {self.title}")

    def send(self, program: Program, part: Part) -> str:
        try:
            return self.service.submit(program.gates, part.n_shots, compiled=program.compiled, tag=part.tag)
        except DeviceError as error:
            if not error.transient and not any(other.job_id for other in self.entry.parts):
                self.entry.end("refused")
            raise
        except ValueError:  # an InputError: the machine does not take such a program, now or later
            _cancel(self.service, self.entry.parts)
            self.entry.end("refused")
            raise

    def look(self, k: int, part: Part, n_bits: int) -> None:
        job_id = part.job_id or ""
        status = self.ask(lambda: self.service.status(job_id), part)
        self.tell(f"job {job_id} at {self.title} is {status.state}")
        if status.state == "done":
            self.done[k] = self.ask(lambda: self.service.fetch(job_id, n_bits=n_bits), part)
            got = self.done[k].shots.n_shots
            if got != part.n_shots:
                logger.warning("job %s gave %d shots, not %d", job_id, got, part.n_shots)
        elif status.is_final:
            self.give_up(part, status)

    def give_up(self, part: Part, status: JobStatus) -> None:
        _cancel(self.service, [other for other in self.entry.parts if other is not part])
        self.entry.end(f"{status.state}: {status.message}")
        said = f": {_sentence(status.message)}" if status.message else ""
        if status.state == "failed":
            raise DeviceError(f"Job {part.job_id} at {self.title} failed{said or ', without a reason'}.")
        raise DeviceError(f"Job {part.job_id} at {self.title} was cancelled there{said}.", transient=True)

    def ask(self, question: Callable[[], T], part: Part) -> T:
        """The answer, asked for again while the service is silent."""
        silent_since, wait_s = time.monotonic(), self.pace.first_s
        while True:
            try:
                return question()
            except JobLostError:
                self.entry.end("lost")
                raise
            except DeviceError as error:
                if not error.transient:
                    raise DeviceError(f"{error} {_kept(part)}") from error
                if time.monotonic() - silent_since > self.pace.patience_s:
                    raise DeviceError(f"{error} {_kept(part)}", transient=True) from error
                logger.warning("%s", error)
                self.tell(f"{self.title} does not answer; asking again")
            self.require_time()
            time.sleep(wait_s)
            wait_s = min(GROWTH * wait_s, self.pace.longest_s)

    def require_time(self) -> None:
        if time.monotonic() < self.deadline:
            return
        waiting = [part for k, part in enumerate(self.entry.parts) if k not in self.done]
        raise DeviceError(
            f"{self.title} gave no shots within {self.pace.timeout_s:g} s. {_kept(waiting[0])}", transient=True
        )

    def tell(self, message: str) -> None:
        n_done = sum(self.entry.parts[k].n_shots for k in self.done)
        self.reporter.step("sample", message, step=n_done, total=sum(part.n_shots for part in self.entry.parts))


def _kept(part: Part) -> str:
    what = f"Job {part.job_id}" if part.job_id else "A job that may have been submitted"
    return f"{what} is kept in mind: the same run picks it up again."


def _sentence(text: str) -> str:
    """The first sentence of what a service says, on one line."""
    return " ".join(text.split()).split(". ")[0].rstrip(".")


def _cancel(service: Service, parts: list[Part]) -> bool:
    """Cancel what was submitted; whether all of it could be."""
    whole = True
    for part in parts:
        try:
            job_id = service.find(part.tag) if part.tried and part.job_id is None else part.job_id
            if job_id is not None:
                service.cancel(job_id)
                logger.info("job %s at %s was cancelled", job_id, title_of(service))
        except JobLostError:
            continue
        except DeviceError as error:
            whole = False
            logger.warning("job %s could not be cancelled: %s", part.job_id, error)
    return whole
