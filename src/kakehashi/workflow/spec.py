"""What a user writes in a run's TOML file: one table per room, in the order in which the data goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from kakehashi.circuit.spec import CircuitSpec
from kakehashi.core.errors import InputError, SpecError
from kakehashi.core.spec import Spec, parse_spec, read_toml, set_value
from kakehashi.device.spec import AnyDeviceSpec
from kakehashi.energy.spec import EnergySpec
from kakehashi.problem.spec import ProblemSpec
from kakehashi.samples.spec import SamplesSpec
from kakehashi.subspace.spec import SubspaceSpec
from kakehashi.workflow.classical import ClassicalSpec
from kakehashi.workflow.ledger import LedgerSpec
from kakehashi.workflow.points import ScanSpec

__all__ = ["ControlSpec", "RunSpec", "read_spec", "refuse_scan"]


class ControlSpec(Spec):
    """The controls that stand beside the result.

    Attributes:
        random_strings: Solve the same-sized subspace of uniformly random strings.
        uniform_loop: Run the whole loop on uniformly random bits in place of the device's shots. It takes as
            long as the loop itself.
    """

    random_strings: bool = True
    uniform_loop: bool = True


class RunSpec(Spec):
    """One run.

    Attributes:
        problem: What to solve.
        circuit: What the device runs.
        device: What samples it, and how often.
        samples: How shots become strings.
        subspace: How strings are diagonalised.
        control: What stands beside the result.
        energy: How far selected configuration interaction goes on from the samples.
        classical: Which classical references stand beside the result.
        ledger: How far the ledger of what the samples are worth goes.
        scan: Which key takes several values: then the file is a scan, and each value a run.
        seed: Seed of all random numbers of the run.
    """

    problem: ProblemSpec
    circuit: CircuitSpec = CircuitSpec()
    device: AnyDeviceSpec
    samples: SamplesSpec = SamplesSpec()
    subspace: SubspaceSpec = SubspaceSpec()
    control: ControlSpec = ControlSpec()
    energy: EnergySpec = EnergySpec()
    classical: ClassicalSpec = ClassicalSpec()
    ledger: LedgerSpec = LedgerSpec()
    scan: ScanSpec | None = None
    seed: Annotated[int, Field(ge=0)] = 0


def read_spec(path: Path | str, *, assignments: tuple[str, ...] = ()) -> RunSpec:
    """Read a run's TOML file.

    Args:
        path: The file.
        assignments: Changes such as ``"subspace.max_strings=500"``, applied in order.

    Raises:
        InputError: The file is missing, or an assignment is malformed.
        SpecError: A key is unknown, a value impossible.
    """
    table = read_toml(path)
    for assignment in assignments:
        set_value(table, assignment)
    if "problem" not in table and "device" not in table:
        raise SpecError(f"{path}: a run needs a table [problem] and a table [device].")
    return parse_spec(RunSpec, table, source=str(path))


def refuse_scan(spec: RunSpec) -> None:
    """Let only what is a single run pass.

    Raises:
        InputError: The spec has a table ``[scan]``.
    """
    if spec.scan is not None:
        raise InputError(f"This file has a table [scan] over {spec.scan.key!r}: use `kakehashi scan` for it.")
