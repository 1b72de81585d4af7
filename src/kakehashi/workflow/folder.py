"""The folder of a run: what was computed, stage by stage, so that a stopped run goes on from where it was.

==================  ====================================================================
``run.json``        the run's id and its spec
``shots.h5``        what the device gave
``loop.h5``         the last turn of the loop
``control.h5``      the last turn of the loop on uniformly random bits
``selected.h5``     the last space of selected configuration interaction; where it grew again
                    with a spin penalty, ``selected-spin.h5`` has that one's
``*.parts.json``    finished parts of stages that were not finished, of ``selected.h5`` and of the ledger
``classical.json``  energies of the classical references that are done
``result.json``     the result (schema in ``docs/formats/result.md``)
``report.html``     the same for people
==================  ====================================================================

Each file is written whole or not at all. ``docs/formats/run-folder.md`` is the page about them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.core.files import read_text, write_text
from kakehashi.core.hdf5 import replace_hdf5
from kakehashi.core.parts import parts_path
from kakehashi.device.hdf5 import load_shots, save_shots
from kakehashi.device.model import Shots
from kakehashi.energy.ladder import second_checkpoint
from kakehashi.energy.solver import Solution
from kakehashi.report.document import read_json, solution_from_json, solution_to_json
from kakehashi.report.model import Result
from kakehashi.subspace.checkpoint import previous_path
from kakehashi.subspace.loop import Turn
from kakehashi.subspace.model import State

__all__ = ["SELECTED", "RunFolder", "load_solutions", "load_turn", "read_run_id", "save_solutions", "save_turn"]

TURN_SCHEMA = "kakehashi.turn/1"
RUN_SCHEMA = "kakehashi.run/1"
SOLUTIONS_SCHEMA = "kakehashi.classical/1"
SELECTED = "selected.h5"
"""Where selected configuration interaction keeps its spaces."""
SPACES = tuple(
    path.name for kept in (SELECTED, second_checkpoint(SELECTED)) for path in (Path(kept), previous_path(kept))
)
CLASSICAL = "classical.json"
LEDGER_PARTS = "ledger.parts.json"
PARTS = (*(parts_path(kept).name for kept in (SELECTED, second_checkpoint(SELECTED))), LEDGER_PARTS)
CONTENTS = ("shots.h5", "loop.h5", "control.h5", *SPACES, *PARTS, CLASSICAL, "result.json", "report.html")
"""What the stages leave. A folder without any of it belongs to nobody yet."""

_STATE_ARRAYS = ("coefficients", "alpha", "beta")
_STATE_VALUES = ("energy_hartree", "n_orb", "spin_squared", "residual_norm", "converged", "n_iterations")
_TURN_VALUES = (
    "index",
    "energy_hartree",
    "spin_squared",
    "n_configurations",
    "n_small_steps",
    "elapsed_s",
    "finished",
)


def save_turn(turn: Turn, history: tuple[Mapping[str, Any], ...], path: Path) -> None:
    """Write a turn of the loop, with one record per turn so far, as HDF5."""
    with replace_hdf5(path) as file:
        file.attrs["schema"] = TURN_SCHEMA
        file.attrs["history"] = json.dumps(list(history))
        for name in _TURN_VALUES:
            file.attrs[name] = getattr(turn, name)
        file.attrs["batch_energies_hartree"] = turn.batch_energies_hartree
        file.attrs["shape"] = turn.shape
        file["occupancies"] = turn.occupancies
        state = file.create_group("state")
        for name in _STATE_ARRAYS:
            state[name] = getattr(turn.best, name)
        for name in _STATE_VALUES:
            state.attrs[name] = getattr(turn.best, name)
        state.attrs["root_energies_hartree"] = turn.best.root_energies_hartree


def load_turn(path: Path) -> tuple[Turn, tuple[dict[str, Any], ...]]:
    """Read a turn of the loop and the records of the turns so far.

    Raises:
        FileFormatError: The file is not a turn that this version wrote, or is damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("schema") != TURN_SCHEMA:
                raise FileFormatError(path, f"expected an HDF5 file with schema {TURN_SCHEMA}.")
            group = file["state"]
            arrays: dict[str, Any] = {name: np.asarray(group[name]) for name in _STATE_ARRAYS}
            values: dict[str, Any] = {name: group.attrs[name].item() for name in _STATE_VALUES}
            state = State(
                **arrays,
                **values,
                root_energies_hartree=tuple(group.attrs["root_energies_hartree"].tolist()),
            )
            turn = Turn(
                **{name: file.attrs[name].item() for name in _TURN_VALUES},
                best=state,
                batch_energies_hartree=tuple(file.attrs["batch_energies_hartree"].tolist()),
                shape=tuple(file.attrs["shape"].tolist()),
                occupancies=np.asarray(file["occupancies"]),
            )
            return turn, tuple(json.loads(file.attrs["history"]))
    except (OSError, KeyError, AttributeError, ValueError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            path, f"this checkpoint cannot be read ({error}); remove it to compute that part again."
        ) from error


def save_solutions(solutions: tuple[Solution, ...], path: Path) -> None:
    """Write energies of classical references as JSON."""
    table = {"schema": SOLUTIONS_SCHEMA, "solutions": [solution_to_json(solution) for solution in solutions]}
    write_text(path, json.dumps(table, indent=2, allow_nan=False) + "\n")


def load_solutions(path: Path) -> tuple[Solution, ...]:
    """Read energies of classical references.

    Raises:
        FileFormatError: The file is not what this version wrote, or is damaged.
    """
    try:
        table = json.loads(read_text(path))
        if not isinstance(table, dict) or table.get("schema") != SOLUTIONS_SCHEMA:
            raise FileFormatError(path, f"expected a JSON object with schema {SOLUTIONS_SCHEMA}.")
        return tuple(solution_from_json(item) for item in table["solutions"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(path, f"this cannot be read ({error}); remove it to compute that part again.") from error


def read_run_id(folder: Path | str) -> str:
    """Identity of the run that a folder holds.

    Raises:
        InputError: The folder holds no run.
        FileFormatError: Its ``run.json`` is damaged.
    """
    marker = Path(folder) / "run.json"
    try:
        return str(json.loads(read_text(marker))["run_id"])
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise FileFormatError(marker, f"expected a JSON object with schema {RUN_SCHEMA}; give another --out.") from None


class RunFolder:
    """A folder on disk that holds one run.

    Args:
        path: The folder; made where it does not exist.
        run_id: Identity of the run.
        spec: The run's spec, as plain JSON values.
        fresh: Forget what an earlier run with the same id left there.

    Raises:
        InputError: The folder holds another run, or cannot be written.
    """

    def __init__(self, path: Path | str, *, run_id: str, spec: Mapping[str, Any], fresh: bool = False) -> None:
        self.path = Path(path)
        self._claim(run_id, spec)
        if fresh:
            for name in CONTENTS:
                (self.path / name).unlink(missing_ok=True)

    def _claim(self, run_id: str, spec: Mapping[str, Any]) -> None:
        marker = self.path / "run.json"
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file; give a folder to write the run into.")
        if marker.exists():
            found = read_run_id(self.path)
            if found != run_id and any((self.path / name).exists() for name in CONTENTS):
                raise InputError(
                    f"{self.path} holds another run ({found[:12]}, this one is {run_id[:12]}); give another folder."
                )
            if found == run_id:
                return
        elif any((self.path / name).exists() for name in CONTENTS):
            raise InputError(
                f"{self.path} holds results without {marker.name}, of nobody knows which run; give another folder."
            )
        write_text(marker, json.dumps({"schema": RUN_SCHEMA, "run_id": run_id, "spec": spec}, indent=2) + "\n")

    def result(self) -> Result | None:
        """The finished result, or None."""
        path = self.path / "result.json"
        return read_json(path) if path.exists() else None

    def shots(self) -> Shots | None:
        """The shots that were taken before, or None."""
        path = self.path / "shots.h5"
        return load_shots(path) if path.exists() else None

    def keep_shots(self, shots: Shots) -> None:
        """Write the shots."""
        save_shots(shots, self.path / "shots.h5")

    @property
    def selected_path(self) -> Path:
        """Where selected configuration interaction keeps its spaces."""
        return self.path / SELECTED

    @property
    def ledger_parts_path(self) -> Path:
        """Where the ledger keeps the arms that are done."""
        return self.path / LEDGER_PARTS

    def solutions(self) -> tuple[Solution, ...]:
        """The classical references that were found before."""
        path = self.path / CLASSICAL
        return load_solutions(path) if path.exists() else ()

    def keep_solutions(self, solutions: tuple[Solution, ...]) -> None:
        """Write the classical references that were found so far."""
        save_solutions(solutions, self.path / CLASSICAL)

    def turn(self, name: str) -> tuple[Turn | None, tuple[dict[str, Any], ...]]:
        """The last turn of the loop called ``name`` and the records so far, or None and nothing."""
        path = self.path / f"{name}.h5"
        return load_turn(path) if path.exists() else (None, ())

    def keep_turn(self, name: str, turn: Turn, history: tuple[Mapping[str, Any], ...]) -> None:
        """Write a turn of the loop called ``name``."""
        save_turn(turn, history, self.path / f"{name}.h5")
