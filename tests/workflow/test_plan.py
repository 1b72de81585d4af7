from __future__ import annotations

from typing import Any

import pytest

from kakehashi.circuit.spec import CircuitSpec
from kakehashi.core.errors import InputError
from kakehashi.device.spec import parse_device
from kakehashi.device.uniform import UniformDevice
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.library import load_problem
from kakehashi.samples.spec import SamplesSpec
from kakehashi.subspace.spec import SubspaceSpec
from kakehashi.workflow.classical import ClassicalSpec
from kakehashi.workflow.ledger import LedgerSpec
from kakehashi.workflow.plan import Plan
from kakehashi.workflow.spec import ControlSpec


def plan(**changes: Any) -> Plan:
    parts: dict[str, Any] = {
        "problem": load_problem("hydrogen-chain", n_atoms=4),
        "sampler": UniformDevice(),
        "n_shots": None,
        "circuit": CircuitSpec(),
        "samples": SamplesSpec(),
        "subspace": SubspaceSpec(),
        "control": ControlSpec(),
        "energy": EnergySpec(),
        "classical": ClassicalSpec(),
        "ledger": LedgerSpec(),
        "seed": 1,
    }
    return Plan(**(parts | changes))


def test_what_a_machine_offers_makes_no_other_run() -> None:
    small = EnergySpec(n_threads=1, memory_gib=0.5)
    assert plan(energy=small, subspace=SubspaceSpec(n_threads=1)).tables() == plan().tables()
    assert plan(energy=EnergySpec(n_roots=2)).tables() != plan().tables()


def test_selection_is_after_the_spin_of_the_subspace_where_nothing_else_is_said() -> None:
    assert plan(subspace=SubspaceSpec(two_s=2)).selection.two_s == 2
    assert plan(subspace=SubspaceSpec(two_s=2), energy=EnergySpec(two_s=4)).selection.two_s == 4
    assert plan().selection.two_s is None


def test_the_number_of_shots_is_the_callers_the_devices_or_the_usual() -> None:
    assert plan().prepare_device()[1] == 100_000
    assert plan(n_shots=7).prepare_device()[1] == 7
    spec = parse_device({"name": "uniform", "n_shots": 30})
    device, n_shots, about = plan(sampler=spec).prepare_device()
    assert (device.name, n_shots, about["n_shots"]) == ("uniform", 30, 30)


def test_a_device_that_does_not_fit_is_refused() -> None:
    spec = parse_device({"name": "file", "path": "no-such-file.txt"})
    with pytest.raises(InputError, match=r"no-such-file\.txt"):
        plan(sampler=spec).prepare_device()
