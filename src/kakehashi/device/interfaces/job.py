"""A job of the backend: the calculation in a thread, its result when it is asked for."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from qiskit.providers import JobError, JobStatus, JobV1

__all__ = ["TwinJob"]


class TwinJob(JobV1):  # type: ignore[misc]
    """A job in qiskit's sense.

    Args:
        backend: The backend that it runs on.
        compute: From the job's id to its result.

    Example:
        >>> job = TwinJob(None, lambda job_id: len(job_id))
        >>> job.submit()
        >>> job.result(), job.status().name
        (36, 'DONE')
    """

    def __init__(self, backend: Any, compute: Callable[[str], Any]) -> None:
        super().__init__(backend, str(uuid.uuid4()))
        self._compute = compute
        self._future: Future[Any] | None = None

    def submit(self) -> None:
        """Begin.

        Raises:
            JobError: It was submitted before.
        """
        if self._future is not None:
            raise JobError("The job has been submitted already.")
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kakehashi")
        self._future = executor.submit(self._compute, self.job_id())
        executor.shutdown(wait=False)

    def result(self, timeout: float | None = None) -> Any:
        """The result, as soon as it is there.

        Args:
            timeout: Longest wait in seconds; for ever where not given.

        Raises:
            KakehashiError: What went wrong in the calculation.
            TimeoutError: It is not there yet.
        """
        return self._submitted().result(timeout=timeout)

    def status(self) -> Any:
        """Where it stands, a ``JobStatus``."""
        future = self._submitted()
        if future.cancelled():
            return JobStatus.CANCELLED
        if not future.done():
            return JobStatus.RUNNING if future.running() else JobStatus.QUEUED
        return JobStatus.DONE if future.exception() is None else JobStatus.ERROR

    def cancel(self) -> bool:
        """Whether it could be stopped before it began."""
        return self._submitted().cancel()

    def _submitted(self) -> Future[Any]:
        if self._future is None:
            raise JobError("The job has not been submitted yet.")
        return self._future
