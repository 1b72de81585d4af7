"""A scan: the runs of all values of a key, chain by chain, with what each point ended with carried to the next.

Each point is an ordinary run in a folder of its own, so that a scan that was stopped goes on. What a point's result
depends on is its spec and the points before it in its chain; how many chains run at once changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kakehashi.core.errors import InputError, SpecError
from kakehashi.core.files import sha256_of, write_text
from kakehashi.core.identity import identify
from kakehashi.core.progress import Event, Progress, silent
from kakehashi.core.provenance import collect_provenance
from kakehashi.core.resources import available_memory_bytes, n_processors
from kakehashi.core.spec import parse_spec
from kakehashi.device.spec import FileSpec
from kakehashi.report.document import read_json
from kakehashi.report.html import JSON_NAME
from kakehashi.report.scan import SCAN_NAME, Scan, ScanPoint, read_scan, summarize_point
from kakehashi.report.scan_page import write_scan
from kakehashi.workflow.points import ScanSpec, Value, cut_chains, describe_value, place_value
from kakehashi.workflow.scan_crew import Chain, Crew, Ended, Task, describe_task
from kakehashi.workflow.spec import RunSpec

__all__ = ["MACHINE_KEYS", "ScanPlan", "execute_scan", "plan_scan"]

MACHINE_KEYS: dict[str, Any] = {name: {"n_threads", "memory_gib"} for name in ("subspace", "energy", "ledger")}
"""What a machine offers is no part of an identity."""

SHARE_OF_MEMORY = 0.5
"""Of the free memory, for the matrices of all workers together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPlan:
    """A scan that can be done.

    Attributes:
        spec: What the file says.
        scan: Its table ``[scan]``.
        points: The spec of each point.
        chains: Indices of the points of each chain.
        inputs: Checksums of the files that each point reads.
        scan_id: Identity of the scan.
    """

    spec: RunSpec
    scan: ScanSpec
    points: tuple[RunSpec, ...]
    chains: tuple[range, ...]
    inputs: tuple[dict[str, str], ...]
    scan_id: str

    @property
    def values(self) -> tuple[Value, ...]:
        """The value of each point."""
        return self.scan.points

    def point_id(self, index: int, earlier: str | None) -> str:
        """Identity of a point: its spec, and the identity of the point that it goes on from."""
        table = self.points[index].model_dump(mode="json", exclude=MACHINE_KEYS)
        return identify({"spec": table, "inputs": self.inputs[index], "earlier": earlier})


def plan_scan(spec: RunSpec, *, base: Path | str = ".", source: str = "this file") -> ScanPlan:
    """Make a run of each value, and refuse what none can be made of before anything is computed.

    Args:
        spec: A spec with a table ``[scan]``.
        base: Folder that the spec's relative paths start from.
        source: Name of its file, for messages.

    Raises:
        InputError: There is no table ``[scan]``, or a file that a point reads is missing.
        SpecError: A value does not suit its key.

    Example:
        >>> table = {"problem": {"name": "hydrogen-chain"}, "device": {"name": "uniform"}}
        >>> table["scan"] = {"key": "problem.spacing_angstrom", "values": [0.8, 1.0, 1.2], "n_chains": 1}
        >>> plan = plan_scan(parse_spec(RunSpec, table))
        >>> [point.problem.spacing_angstrom for point in plan.points], plan.chains
        ([0.8, 1.0, 1.2], (range(0, 3),))
    """
    if (scan := spec.scan) is None:
        raise InputError(
            f"{source} has no table [scan]: say there which key takes which values, or use `kakehashi run`."
        )
    table = spec.model_dump(mode="json", exclude_unset=True, exclude={"scan"})
    points = []
    for value in scan.points:
        try:
            points.append(parse_spec(RunSpec, place_value(table, scan.key, value), source=source))
        except SpecError as error:
            raise SpecError(f"At {scan.key} = {describe_value(value)}: {error}") from None
    about = spec.model_dump(mode="json", exclude=MACHINE_KEYS)
    inputs = tuple(_checksums(point, Path(base)) for point in points)
    about["inputs"] = list(inputs)
    about["scan"] = {"key": scan.key, "points": list(scan.points), "n_chains": scan.n_chains}
    return ScanPlan(
        spec=spec,
        scan=scan,
        points=tuple(points),
        chains=cut_chains(len(points), scan.n_chains),
        inputs=inputs,
        scan_id=identify(about),
    )


def _checksums(spec: RunSpec, base: Path) -> dict[str, str]:
    """SHA-256 of the files that a run reads."""
    problem = spec.problem
    xyz = None if problem.molecule is None else problem.molecule.xyz
    paths = [base / name for name in (problem.fcidump, xyz) if name is not None]
    if isinstance(spec.device, FileSpec):
        paths.append(base / Path(spec.device.path).expanduser())
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise InputError(f"{missing[0]}: there is no such file.")
    return {path.name: sha256_of(path) for path in paths}


def execute_scan(
    spec: RunSpec,
    *,
    base: Path | str = ".",
    folder: Path | str,
    fresh: bool = False,
    n_jobs: int | None = None,
    source: str = "this file",
    progress: Progress = silent,
) -> Scan:
    """Do the scan that a spec describes, or what is left of it; what the command line calls.

    Args:
        spec: The spec, with a table ``[scan]``.
        base: Folder that the spec's relative paths start from.
        folder: Where the points' folders, ``scan.json``, ``scan.svg`` and ``scan.html`` are kept.
        fresh: Forget what an earlier call left in the folder.
        n_jobs: Processes at once; as many as there are chains, or processors, where not given.
        source: Name of the spec's file, for messages.
        progress: Receives the events of all points: the stage is ``"chain 1"``, the message begins with the value, and
            ``step`` counts the points that have ended.

    Returns:
        All points. One that failed holds the reason, and the next in its chain goes on from the last that did not.

    Raises:
        KakehashiError: Where nothing can be computed at all; with one sentence.
    """
    plan = plan_scan(spec, base=base, source=source)
    return _Scan(plan, Path(base), Path(folder), fresh, source).finish(n_jobs, progress)


class _Scan:
    """One scan on its way."""

    def __init__(self, plan: ScanPlan, base: Path, folder: Path, fresh: bool, source: str) -> None:
        self._plan = plan
        self._base = base
        self._folder = folder
        self._fresh = fresh
        self._source = source
        self._began = time.monotonic()
        self._provenance: Any = collect_provenance()
        self._chain_of = {index: number for number, chain in enumerate(plan.chains) for index in chain}
        self._points = [
            ScanPoint(value=value, chain=self._chain_of[index], state="waiting")
            for index, value in enumerate(plan.values)
        ]
        self._problem = plan.points[0].problem.name or "scan"
        self._carried_from: dict[int, Value] = {}

    def finish(self, n_jobs: int | None, progress: Progress) -> Scan:
        self._claim()
        n_workers = min(n_jobs or n_processors(), len(self._plan.chains))
        n_threads = max(1, n_processors() // n_workers)
        memory_gib = SHARE_OF_MEMORY * available_memory_bytes() / n_workers / 2**30
        crew = Crew(
            n_workers,
            n_threads=n_threads,
            line=lambda task: describe_task(task, base=self._base, source=self._source, fresh=self._fresh),
        )
        chains = [self._chain(chain, n_threads, memory_gib) for chain in self._plan.chains]
        self._write()
        with contextlib.closing(crew.follow(chains)) as all_news:
            for news in all_news:
                if isinstance(news, Ended):
                    self._take(news, progress)
                else:
                    index, event = news
                    progress(self._event(index, event.message, event.values, stage=event.stage))
        scan = self._scan()
        write_scan(scan, self._folder)
        return scan

    def _claim(self) -> None:
        """Make sure that the folder holds this scan or none."""
        path = self._folder / SCAN_NAME
        if self._folder.exists() and not self._folder.is_dir():
            raise InputError(f"{self._folder} is a file; give a folder to write the scan into.")
        if (self._folder / "run.json").exists():
            raise InputError(f"{self._folder} holds a run; give another folder.")
        if path.exists() and (found := read_scan(path).scan_id) != self._plan.scan_id:
            raise InputError(
                f"{self._folder} holds another scan ({found[:12]}, this one is {self._plan.scan_id[:12]}); "
                "give another folder."
            )

    def _chain(self, indices: range, n_threads: int, memory_gib: float) -> Chain:
        """The tasks of a chain, one after the other: each goes on from the last one that did not fail."""
        left = iter(indices)
        earlier: tuple[str, Path, Value] | None = None
        running: str = ""

        def follow(ended: Ended | None) -> Task | None:
            nonlocal earlier, running
            if ended is not None and ended.error is None:
                earlier = running, ended.task.folder, self._plan.values[ended.task.index]
            if (index := next(left, None)) is None:
                return None
            running = self._plan.point_id(index, None if earlier is None else earlier[0])
            if earlier is not None:
                self._carried_from[index] = earlier[2]
            folder = self._folder / f"{index + 1:0{len(str(len(self._points)))}d}-{running[:8]}"
            return Task(
                index=index,
                spec=_with_share(self._plan.points[index], n_threads, memory_gib),
                folder=folder,
                earlier=None if earlier is None else earlier[1],
                there=not self._fresh and (folder / JSON_NAME).exists(),
            )

        return follow

    def _take(self, ended: Ended, progress: Progress) -> None:
        """Note how a point ended."""
        index, folder = ended.task.index, ended.task.folder.name
        value, chain, before = self._plan.values[index], self._chain_of[index], self._carried_from.get(index)
        values: dict[str, float] = {}
        if ended.error is None:
            result = read_json(ended.task.folder / JSON_NAME)
            self._problem = result.problem
            point = summarize_point(value, result, chain=chain, folder=folder, carried_from=before)
            values["energy_hartree"] = point.best_hartree or result.energy_hartree
        else:
            about: dict[str, Any] = {"folder": folder, "carried_from": before, "error": ended.error}
            point = ScanPoint(value=value, chain=chain, state="failed", **about)
        self._points[index] = point
        self._write()
        if ended.error is None:
            message = "already there" if ended.task.there else "point done"
        else:
            message = f"point failed: {ended.error}"
        progress(self._event(index, message, values))

    def _event(self, index: int, message: str, values: Mapping[str, float], *, stage: str = "") -> Event:
        name = self._plan.scan.name.partition(" (")[0]
        value = describe_value(self._plan.values[index])
        return Event(
            stage=f"chain {self._chain_of[index] + 1}",
            message=": ".join(part for part in (f"{name} {value}", stage, message) if part),
            step=sum(point.state != "waiting" for point in self._points),
            total=len(self._points),
            values=values,
            elapsed_s=time.monotonic() - self._began,
        )

    def _scan(self) -> Scan:
        plan = self._plan
        return Scan(
            scan_id=plan.scan_id,
            problem=self._problem,
            key=plan.scan.key,
            label=plan.scan.name,
            n_chains=len(plan.chains),
            points=tuple(self._points),
            wall_s=time.monotonic() - self._began,
            seed=plan.spec.seed,
            spec=plan.spec.model_dump(mode="json", exclude_unset=True),
            provenance=self._provenance,
        )

    def _write(self) -> None:
        text = json.dumps(self._scan().to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        write_text(self._folder / SCAN_NAME, text + "\n")


def _with_share(spec: RunSpec, n_threads: int, memory_gib: float) -> dict[str, Any]:
    """A point's spec with a worker's share of the machine, where the user gave none."""
    table: dict[str, Any] = spec.model_dump(mode="json", exclude_unset=True)
    for name in ("subspace", "energy"):
        table.setdefault(name, {}).setdefault("n_threads", n_threads)
    table["energy"].setdefault("memory_gib", round(memory_gib, 3))
    return table
