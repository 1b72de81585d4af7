"""The run as a task that other rooms can start without knowing what it is."""

from __future__ import annotations

from typing import Any

from kakehashi.core.progress import Progress, silent
from kakehashi.core.rng import RngLike
from kakehashi.core.spec import Spec
from kakehashi.report.model import Result
from kakehashi.workflow.run import execute
from kakehashi.workflow.spec import RunSpec

__all__ = ["TASK", "SqdTask"]


class SqdTask:
    """Sample-based quantum diagonalisation, from problem to report."""

    name: str = "sqd"
    spec_type: type[Spec] = RunSpec

    def run(self, spec: Any, *, rng: RngLike = None, progress: Progress = silent) -> Result:
        """Do the run; an integer ``rng`` takes the place of the spec's seed."""
        if isinstance(rng, int):
            spec = spec.model_copy(update={"seed": rng})
        return execute(spec, progress=progress)


TASK = SqdTask()
