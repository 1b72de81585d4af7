"""What every device's spec has: the base of what a user writes under ``[device]``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pydantic

from kakehashi.core.spec import Spec
from kakehashi.device.model import Device
from kakehashi.problem.model import Problem

__all__ = ["DeviceSpec"]

MAX_SHOTS = 1_000_000_000


class DeviceSpec(Spec):
    """Base of every device's spec.

    A new device is a subclass that sets ``name`` and ``description``, says in :meth:`build` what runs, and is
    added to :data:`kakehashi.device.spec.DEVICES`; nothing else changes.

    Attributes:
        name: The device.
        n_shots: Number of shots.
    """

    description: ClassVar[str] = ""

    name: str
    n_shots: int = pydantic.Field(default=100_000, ge=1, le=MAX_SHOTS)

    def build(self, base: Path = Path()) -> Device:
        """The device.

        Args:
            base: Folder that relative paths in the spec start from.
        """
        raise NotImplementedError

    def identity(self, base: Path = Path()) -> dict[str, Any]:  # noqa: ARG002 - it reads no file
        """What makes the shots what they are, as plain JSON values: equal values, equal shots under one seed.

        Args:
            base: As in :meth:`build`.
        """
        return self.model_dump(mode="json")

    def check(self, problem: Problem, base: Path = Path()) -> None:
        """Refuse, before anything is computed, a problem that the device cannot take.

        Raises:
            InputError: The device does not fit the problem, or its file is missing.
            ResourceError: The simulation needs more memory than there is.
        """

    def reach(self, problem: Problem, base: Path = Path()) -> None:
        """Refuse, before a circuit is built, what only the machine itself can tell.

        Unlike :meth:`check` it is not called where the shots of an earlier call are there: then nobody needs to reach
        the machine.

        Args:
            problem: What is to be run.
            base: As in :meth:`build`.

        Raises:
            InputError: The machine cannot be reached as the user has it, or does not fit the problem.
            MissingDependencyError: A package that it needs is not installed.
        """
