"""What a run is to do, and what of it makes the run what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kakehashi.circuit.spec import CircuitSpec
from kakehashi.device.model import Device
from kakehashi.device.spec import DeviceSpec
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.model import Problem
from kakehashi.samples.spec import SamplesSpec
from kakehashi.subspace.spec import SubspaceSpec
from kakehashi.workflow.classical import ClassicalSpec
from kakehashi.workflow.ledger import LedgerSpec
from kakehashi.workflow.spec import ControlSpec

__all__ = ["Plan"]

DEFAULT_SHOTS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done: everything that a run's outcome depends on."""

    problem: Problem
    sampler: Device | DeviceSpec
    n_shots: int | None
    circuit: CircuitSpec
    samples: SamplesSpec
    subspace: SubspaceSpec
    control: ControlSpec
    energy: EnergySpec
    classical: ClassicalSpec
    ledger: LedgerSpec
    seed: int
    base: Path = Path()
    earlier: Path | None = None
    written: Mapping[str, Any] | None = None

    def prepare_device(self) -> tuple[Device, int, dict[str, Any]]:
        """The device, the number of shots, and what the shots depend on; refuses what does not fit."""
        sampler = self.sampler
        if isinstance(sampler, DeviceSpec):
            sampler.check(self.problem, self.base)
            n_shots = sampler.n_shots if self.n_shots is None else self.n_shots
            return sampler.build(self.base), n_shots, {**sampler.identity(self.base), "n_shots": n_shots}
        n_shots = DEFAULT_SHOTS if self.n_shots is None else self.n_shots
        return sampler, n_shots, {"name": sampler.name, "n_shots": n_shots}

    @property
    def selection(self) -> EnergySpec:
        """The options of what comes behind the loop, which is after the loop's spin where nothing else is said."""
        two_s = self.subspace.two_s if self.energy.two_s is None else self.energy.two_s
        return self.energy.model_copy(update={"two_s": two_s})

    def tables(self) -> dict[str, Any]:
        """The options of the stages behind the device, as plain JSON values.

        What a machine offers is left out: with more threads or memory, a run is still the same run.
        """
        return {
            name: getattr(self, name).model_dump(mode="json", exclude={"n_threads", "memory_gib"})
            for name in ("circuit", "samples", "subspace", "control", "energy", "classical", "ledger")
        }
