"""The result of a run: one frozen value that tables, figures, JSON and HTML are made from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.energy.solver import Solution
from kakehashi.problem.model import Reference
from kakehashi.report.ledger import Ledger
from kakehashi.report.processor import ProcessorSummary
from kakehashi.report.selected import SelectedSummary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Control", "Iteration", "Result", "SamplingSummary", "SizePoint"]

HARTREE_TO_MHARTREE = 1000.0


def _require_finite(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if not np.all(np.isfinite(value)):
            raise InputError(f"Argument `{name}` must be finite, but is {value}.")


def _freeze_array(owner: object, name: str, dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    """Replace an attribute of a frozen value by a read-only copy of the right type and shape."""
    try:
        array = np.array(getattr(owner, name), dtype=dtype)
    except (OverflowError, TypeError, ValueError):
        raise InputError(f"Argument `{name}` must hold numbers of type {dtype.__name__}.") from None
    if array.shape != shape:
        raise InputError(f"Argument `{name}` must have shape {shape}, but has {array.shape}.")
    array.flags.writeable = False
    object.__setattr__(owner, name, array)
    _require_finite(owner, name)


def _same_fields(left: Any, right: Any) -> bool:
    """Whether two values of one dataclass agree in every field, arrays compared as wholes."""
    for field in fields(left):
        a, b = getattr(left, field.name), getattr(right, field.name)
        equal = np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
        if not equal:
            return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """One turn of the self-consistent loop.

    Attributes:
        index: 1 for the first.
        energy_hartree: Lowest total energy of the batches of this turn.
        batch_energies_hartree: Total energy of each batch.
        n_alpha_strings: Number of alpha strings in the best batch.
        n_beta_strings: Number of beta strings in the best batch.
        n_determinants: Their product.
        spin_squared: ``<S^2>`` of the best batch's state.
        n_configurations: Distinct configurations after recovery.
        elapsed_s: Seconds since the run began (resumed time included).
    """

    index: int
    energy_hartree: float
    batch_energies_hartree: tuple[float, ...]
    n_alpha_strings: int
    n_beta_strings: int
    n_determinants: int
    spin_squared: float
    n_configurations: int
    elapsed_s: float

    def __post_init__(self) -> None:
        _require_finite(self, "energy_hartree", "batch_energies_hartree", "spin_squared", "elapsed_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class SizePoint:
    """Energy of the state in a subspace made of the most important strings alone.

    Attributes:
        n_determinants: Size of the subspace.
        energy_hartree: Total energy in it.
    """

    n_determinants: int
    energy_hartree: float

    def __post_init__(self) -> None:
        _require_finite(self, "energy_hartree")
        if self.n_determinants < 1:
            raise InputError(f"Argument `n_determinants` must be positive, but is {self.n_determinants}.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SamplingSummary:
    """What the device gave.

    Attributes:
        device: Name of the device.
        n_shots: Number of shots.
        n_distinct: Distinct bit strings among them.
        in_sector_fraction: Share of shots with the right number of electrons of each spin.
        n_in_sector: Distinct configurations among those.
        n_recovered: Distinct configurations after recovery, in the last turn.
        new_per_1000_shots: Distinct in-sector configurations per 1,000 shots.
        weight_bins_log10: Edges of the histograms, log10 of a weight, ascending, shape ``(n_bins + 1,)``; a
            weight beyond them counts in the outermost bin.
        sampled_histogram: Number of sampled in-sector configurations per bin of their share of the in-sector
            shots, shape ``(n_bins,)``.
        state_histogram: Number of determinants per bin of their weight ``|c|^2`` in the final state,
            shape ``(n_bins,)``.
    """

    device: str
    n_shots: int
    n_distinct: int
    in_sector_fraction: float
    n_in_sector: int
    n_recovered: int
    new_per_1000_shots: float
    weight_bins_log10: NDArray[np.float64]
    sampled_histogram: NDArray[np.int64]
    state_histogram: NDArray[np.int64]

    def __post_init__(self) -> None:
        n_edges = len(self.weight_bins_log10)
        if n_edges < 2:
            raise InputError(f"Argument `weight_bins_log10` must have 2 edges or more, but has {n_edges}.")
        _freeze_array(self, "weight_bins_log10", np.float64, (n_edges,))
        _freeze_array(self, "sampled_histogram", np.int64, (n_edges - 1,))
        _freeze_array(self, "state_histogram", np.int64, (n_edges - 1,))
        if (np.diff(self.weight_bins_log10) <= 0).any():
            raise InputError("Argument `weight_bins_log10` must ascend.")
        if not 0 <= self.in_sector_fraction <= 1:
            raise InputError(f"Argument `in_sector_fraction` must be from 0 to 1, but is {self.in_sector_fraction}.")
        _require_finite(self, "new_per_1000_shots")

    def __eq__(self, other: object) -> bool:
        return _same_fields(self, other) if isinstance(other, SamplingSummary) else NotImplemented


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The same-sized subspace from uniformly random in-sector strings, solved the same way.

    Attributes:
        energy_hartree: Total energy, for strings drawn at random once (the Hartree-Fock string included).
        n_determinants: Size of its subspace.
        spin_squared: ``<S^2>``.
        size_curve: Energy against subspace size, ascending.
        loop_energy_hartree: Total energy when the whole loop (recovery, carry-over) runs on uniformly random
            bits instead of the device's shots; None where it was not run.
    """

    energy_hartree: float
    n_determinants: int
    spin_squared: float
    size_curve: tuple[SizePoint, ...] = ()
    loop_energy_hartree: float | None = None

    def __post_init__(self) -> None:
        _require_finite(self, "energy_hartree", "spin_squared")
        if self.loop_energy_hartree is not None:
            _require_finite(self, "loop_energy_hartree")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Result:
    """What a run found, and everything needed to judge and repeat it.

    Attributes:
        run_id: SHA-256 of the run's spec.
        problem: Name of the problem.
        description: One sentence about the problem.
        n_orb: Number of spatial orbitals.
        n_elec: Numbers of alpha and beta electrons.
        energy_hartree: Variational total energy: an upper bound on the exact one.
        root_energies_hartree: Total energies of all roots that were asked for, ascending.
        hartree_fock_hartree: Energy of the lowest-orbital determinant.
        reference: The known answer, where there is one.
        spin_squared: ``<S^2>`` of the state.
        n_determinants: Size of the final subspace.
        n_alpha_strings: Number of alpha strings in it.
        n_beta_strings: Number of beta strings in it.
        occupancies: Shape ``(2, n_orb)``: mean occupation of each orbital, alpha then beta.
        iterations: The turns of the loop.
        size_curve: Energy against subspace size, ascending.
        sampling: What the device gave.
        control: The control, or None where it was switched off.
        converged: Whether the eigensolver of the final state reached its tolerance; a loop that was cut short
            is a warning.
        warnings: What the user must know.
        stage_s: Seconds spent in each stage.
        seed: The seed of the run.
        wall_s: Seconds for the whole run, earlier parts of a resumed one included.
        peak_memory_bytes: Peak resident memory of the process.
        spec: The run's spec, as plain JSON values.
        provenance: Code, packages, machine, time; see :mod:`kakehashi.core.provenance`.
        selected: The spaces that selected configuration interaction grew from the samples, and the estimate of the
            exact energy with its interval; None where that was not run.
        ledger: What the samples are worth beside random determinants and beside selection alone; None where it was
            not traced.
        classical: Energies of other solvers, which know neither samples nor selection.
        processor: The processor whose twin gave the shots; None where they came from something else.
    """

    run_id: str
    problem: str
    description: str
    n_orb: int
    n_elec: tuple[int, int]
    energy_hartree: float
    root_energies_hartree: tuple[float, ...]
    hartree_fock_hartree: float
    reference: Reference | None
    spin_squared: float
    n_determinants: int
    n_alpha_strings: int
    n_beta_strings: int
    occupancies: NDArray[np.float64]
    iterations: tuple[Iteration, ...]
    size_curve: tuple[SizePoint, ...]
    sampling: SamplingSummary
    control: Control | None
    converged: bool
    warnings: tuple[str, ...]
    stage_s: Mapping[str, float]
    seed: int
    wall_s: float
    peak_memory_bytes: int
    spec: Mapping[str, object]
    provenance: Mapping[str, object]
    selected: SelectedSummary | None = None
    ledger: Ledger | None = None
    classical: tuple[Solution, ...] = ()
    processor: ProcessorSummary | None = None

    def __post_init__(self) -> None:
        _require_finite(self, "energy_hartree", "root_energies_hartree", "hartree_fock_hartree")
        _require_finite(self, "spin_squared", "wall_s")
        if self.reference is not None:
            _require_finite(self.reference, "energy_hartree", "uncertainty_hartree")
        _freeze_array(self, "occupancies", np.float64, (2, self.n_orb))
        if not all(0 <= count <= self.n_orb for count in self.n_elec):
            raise InputError(f"Argument `n_elec` is {self.n_elec}, but there are {self.n_orb} orbitals.")
        if not self.iterations:
            raise InputError("Argument `iterations` must hold one turn or more, but is empty.")
        if self.n_determinants < 1:
            raise InputError(f"Argument `n_determinants` must be positive, but is {self.n_determinants}.")

    def __eq__(self, other: object) -> bool:
        return _same_fields(self, other) if isinstance(other, Result) else NotImplemented

    def __repr__(self) -> str:
        known = "" if self.error_mhartree is None else f", error {self.error_mhartree:+.4g} mHa"
        found = "" if self.selected is None else f", estimate {self.selected.estimate.energy_hartree:.8f} hartree"
        if self.selected is not None and not self.selected.estimate.trusted:
            found = ", estimate without an error bar"
        return (
            f"Result({self.problem!r}, {self.energy_hartree:.8f} hartree{known}, "
            f"{self.n_determinants:,} determinants{found})"
        )

    @property
    def reference_hartree(self) -> float | None:
        """Energy of the reference, or None."""
        return None if self.reference is None else self.reference.energy_hartree

    @property
    def error_mhartree(self) -> float | None:
        """Energy above the reference in millihartree, or None."""
        if self.reference is None:
            return None
        return (self.energy_hartree - self.reference.energy_hartree) * HARTREE_TO_MHARTREE

    @property
    def bound_hartree(self) -> float:
        """The lowest variational energy of the run: what the exact energy certainly does not exceed."""
        found = [self.energy_hartree]
        if self.selected is not None:
            found.append(self.selected.last.energy_hartree)
        if self.ledger is not None:
            found.append(self.ledger.lowest_hartree)
        return min(found)

    @property
    def n_full_space(self) -> int:
        """Number of all determinants with these electrons in these orbitals: what FCI would need."""
        n_alpha, n_beta = self.n_elec
        return math.comb(self.n_orb, n_alpha) * math.comb(self.n_orb, n_beta)

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON values; see :func:`kakehashi.report.document.result_to_json`."""
        from kakehashi.report.document import result_to_json

        return result_to_json(self)

    def to_html(self) -> str:
        """The result as one self-contained HTML page; see :func:`kakehashi.report.html.render_html`."""
        from kakehashi.report.html import render_html

        return render_html(self)

    def save(self, folder: Path | str) -> Path:
        """Write ``report.html`` and ``result.json`` into a folder and return the path of the first.

        Raises:
            InputError: The folder cannot be written.
            ResourceError: The disk is full.
        """
        from kakehashi.report.html import write_report

        return write_report(self, folder)

    def plot(self, kind: str = "convergence") -> Figure:
        """One of the report's figures.

        Args:
            kind: ``"convergence"``, ``"size"``, ``"occupancies"``, ``"weights"``, ``"estimate"``, ``"ledger"``,
                ``"chip"`` or ``"errors"``.

        Raises:
            InputError: There is no such figure, or the run left out what it shows.
        """
        from kakehashi.report.figures import FIGURES

        return FIGURES[kind](self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from kakehashi.report.html import render_fragment

        return render_fragment(self)
