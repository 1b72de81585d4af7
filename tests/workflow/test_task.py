from __future__ import annotations

import pytest

from kakehashi.core.progress import Event
from kakehashi.core.spec import parse_spec
from kakehashi.core.task import find_tasks
from kakehashi.report.model import Result
from kakehashi.workflow.run import execute
from kakehashi.workflow.spec import RunSpec
from kakehashi.workflow.task import TASK

TABLE = {
    "seed": 3,
    "problem": {"name": "hydrogen-chain", "n_atoms": 4},
    "device": {"name": "uniform", "n_shots": 100},
    "subspace": {"max_strings": 3, "max_iterations": 1},
}


@pytest.fixture(scope="module")
def spec() -> RunSpec:
    return parse_spec(RunSpec, TABLE)


def test_it_is_found_without_knowing_this_package() -> None:
    assert find_tasks()["sqd"] is TASK
    assert TASK.name == "sqd"


def test_it_names_the_type_of_its_spec() -> None:
    assert isinstance(parse_spec(TASK.spec_type, TABLE), RunSpec)


def test_it_does_the_run(spec: RunSpec) -> None:
    events: list[Event] = []
    result = TASK.run(spec, progress=events.append)
    assert isinstance(result, Result)
    assert result.seed == 3
    assert result.energy_hartree == pytest.approx(execute(spec).energy_hartree, abs=1e-12)
    assert {"problem", "sample", "loop"} <= {event.stage for event in events}


def test_a_seed_takes_the_place_of_the_specs(spec: RunSpec) -> None:
    result = TASK.run(spec, rng=8)
    other = execute(spec.model_copy(update={"seed": 8}))
    assert result.seed == other.seed == 8
    assert result.run_id == other.run_id != execute(spec).run_id
    assert spec.seed == 3
