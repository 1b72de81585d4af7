"""A scan: one run for each value of a key, side by side. The model of ``scan.json``, and what it says of a result.

The format is in ``docs/formats/scan.md``; a test fails when that page lags behind.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import pydantic
from pydantic import Field, JsonValue

from kakehashi.core.errors import FileFormatError
from kakehashi.core.files import read_text
from kakehashi.core.spec import Spec
from kakehashi.energy.model import Estimate
from kakehashi.report.document import result_to_json
from kakehashi.report.model import Result
from kakehashi.report.schema import EstimateDocument, ReferenceDocument
from kakehashi.report.summary import is_converged

__all__ = ["SCAN_NAME", "SCAN_SCHEMA", "Scan", "ScanPoint", "ScanState", "read_scan", "summarize_point"]

SCAN_SCHEMA: Final = "kakehashi.scan/1"
SCAN_NAME = "scan.json"

State: TypeAlias = Literal["waiting", "done", "failed"]
ScanValue: TypeAlias = bool | int | float | str


def _key(description: str, unit: str = "", **limits: Any) -> Any:
    """What a key means, in words, and its unit (dimensionless where there is none)."""
    extra: dict[str, JsonValue] = {"unit": unit} if unit else {}
    return Field(description=f"{description} [{unit}]" if unit else description, json_schema_extra=extra, **limits)


class _Part(Spec):
    model_config = pydantic.ConfigDict(populate_by_name=True, json_schema_serialization_defaults_required=True)


class ScanState(_Part):
    """One electronic state at one point."""

    energy_hartree: Annotated[float, _key("Lowest variational total energy: an upper bound.", "hartree")]
    n_determinants: Annotated[int, _key("Size of the space that it was found in.", ge=1)]
    spin_squared: Annotated[float | None, _key("<S^2> in that space; null where it is not known.", "hbar^2")]
    estimate: Annotated[
        EstimateDocument | None, _key("The exact energy with its interval; null where it was not estimated.")
    ]


class ScanPoint(_Part):
    """One value of the key, and what the run for it found."""

    value: Annotated[ScanValue, _key("The value.")]
    chain: Annotated[int, _key("Number of its chain, from 0.", ge=0)]
    state: Annotated[State, _key("Whether it is waiting, done or failed.")]
    folder: Annotated[str | None, _key("Folder of its run, beside scan.json; null while it is waiting.")] = None
    carried_from: Annotated[
        ScanValue | None, _key("Value of the point whose orbitals and determinants it began with as well.")
    ] = None
    error: Annotated[str | None, _key("Why it failed, in one sentence.")] = None
    run_id: Annotated[str | None, _key("Identity of its run.")] = None
    energy_hartree: Annotated[float | None, _key("Variational total energy of the samples' subspace.", "hartree")] = (
        None
    )
    hartree_fock_hartree: Annotated[float | None, _key("Energy of the lowest-orbital determinant.", "hartree")] = None
    states: Annotated[
        tuple[ScanState, ...],
        _key("The states of selected CI, or else of the samples, ascending; empty before that."),
    ] = ()
    orbitals: Annotated[str | None, _key("Which orbitals selected CI took; null where it was not run.")] = None
    reference: Annotated[ReferenceDocument | None, _key("The known answer; null where there is none.")] = None
    converged: Annotated[bool | None, _key("Whether all eigensolvers reached their tolerance.")] = None
    warnings: Annotated[tuple[str, ...], _key("What the user must know, one sentence each.")] = ()
    wall_s: Annotated[float | None, _key("Time of its run.", "s")] = None

    @property
    def best_hartree(self) -> float | None:
        """The estimate where it is trusted, or else the variational energy of the lowest state."""
        if not self.states:
            return None
        estimate = self.states[0].estimate
        return self.states[0].energy_hartree if estimate is None or not estimate.trusted else estimate.energy_hartree


class Scan(_Part):
    """All points of a scan, in the order of its values.

    Example:
        >>> point = ScanPoint(value=1.0, chain=0, state="waiting")
        >>> about = {"problem": "N2", "key": "problem.bond_angstrom", "label": "bond (angstrom)", "n_chains": 2}
        >>> scan = Scan(scan_id="0", points=(point,), wall_s=0.0, seed=1, spec={}, provenance={}, **about)
        >>> scan.count("waiting"), scan.to_json()["schema"]
        (1, 'kakehashi.scan/1')
    """

    schema_name: Annotated[Literal["kakehashi.scan/1"], _key("Name and version of this format.", alias="schema")] = (
        SCAN_SCHEMA
    )
    scan_id: Annotated[str, _key("SHA-256 of the scan's spec, as 64 hexadecimal digits.")]
    problem: Annotated[str, _key("Name of the problem.")]
    key: Annotated[str, _key("The key that takes several values.")]
    label: Annotated[str, _key("The key in words.")]
    n_chains: Annotated[int, _key("Number of chains that the points were cut into.", ge=1)]
    points: Annotated[tuple[ScanPoint, ...], _key("One for each value.", min_length=1)]
    wall_s: Annotated[float, _key("Time of the scan, that of earlier calls not included.", "s", ge=0)]
    seed: Annotated[int, _key("Seed of the random numbers of every point.")]
    spec: Annotated[dict[str, JsonValue], _key("What the TOML file said.")]
    provenance: Annotated[dict[str, JsonValue], _key("Versions, machine and time.")]

    def count(self, state: State) -> int:
        """Number of points in a state."""
        return sum(point.state == state for point in self.points)

    @property
    def finished(self) -> list[ScanPoint]:
        """The points that are done."""
        return [point for point in self.points if point.state == "done"]

    @property
    def exit_code(self) -> int:
        """1 where a point failed, 3 where one is not converged, 0 otherwise."""
        if self.count("failed"):
            return 1
        return 0 if all(point.converged for point in self.finished) else 3

    def to_json(self) -> dict[str, Any]:
        """The scan as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)


def summarize_point(
    value: ScanValue, result: Result, *, chain: int, folder: str, carried_from: ScanValue | None
) -> ScanPoint:
    """What a scan keeps of a point's result.

    Example:
        >>> from kakehashi.report.example import example_result
        >>> point = summarize_point(0.74, example_result(), chain=0, folder="00", carried_from=None)
        >>> point.state, round(point.best_hartree, 6)
        ('done', -1.13727)
    """
    selected = result.selected
    if selected is None:
        states = [
            ScanState(
                energy_hartree=energy,
                n_determinants=result.n_determinants,
                spin_squared=result.spin_squared if root == 0 else None,
                estimate=None,
            )
            for root, energy in enumerate(result.root_energies_hartree)
        ]
    else:
        states = [
            ScanState(
                energy_hartree=rungs[-1].energy_hartree,
                n_determinants=rungs[-1].n_determinants,
                spin_squared=rungs[-1].spin_squared,
                estimate=_estimate(estimate),
            )
            for rungs, estimate in zip(selected.rungs, selected.estimates, strict=True)
        ]
    reference = result_to_json(result)["reference"]
    return ScanPoint(
        value=value,
        chain=chain,
        state="done",
        folder=folder,
        carried_from=carried_from,
        run_id=result.run_id,
        energy_hartree=result.energy_hartree,
        hartree_fock_hartree=result.hartree_fock_hartree,
        states=tuple(states),
        orbitals=None if selected is None else selected.orbitals,
        reference=None if reference is None else ReferenceDocument(**reference),
        converged=is_converged(result),
        warnings=result.warnings,
        wall_s=result.wall_s,
    )


def _estimate(estimate: Estimate) -> EstimateDocument:
    return EstimateDocument(
        energy_hartree=estimate.energy_hartree,
        low_hartree=estimate.low_hartree,
        high_hartree=estimate.high_hartree,
        trusted=estimate.trusted,
        reason=estimate.reason,
    )


def read_scan(path: Path | str) -> Scan:
    """Read ``scan.json``.

    Raises:
        InputError: There is no such file.
        FileFormatError: It is no scan.
    """
    try:
        table = json.loads(read_text(path))
        return Scan.model_validate(table, strict=False)
    except pydantic.ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the document"
        raise FileFormatError(path, f"this is no {SCAN_SCHEMA}: '{where}': {fault['msg']}.") from None
    except json.JSONDecodeError as error:
        raise FileFormatError(path, f"this is not valid JSON: {error}.") from None
