"""The seam through which other rooms start work without knowing what it is.

A task is registered in the entry-point group ``kakehashi.tasks``; whoever runs tasks finds it there.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any, Protocol

from kakehashi.core.progress import Progress
from kakehashi.core.rng import RngLike
from kakehashi.core.spec import Spec

__all__ = ["Task", "find_tasks"]


class Task(Protocol):
    """A kind of work: a name, the type of its spec, and a function that does it."""

    name: str
    spec_type: type[Spec]

    def run(self, spec: Any, *, rng: RngLike, progress: Progress) -> Any:
        """Do the work that ``spec`` describes."""
        ...


def find_tasks() -> dict[str, Task]:
    """The tasks that installed packages offer, by name."""
    points = importlib.metadata.entry_points(group="kakehashi.tasks")
    return {point.name: point.load() for point in points}
