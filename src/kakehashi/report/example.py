"""A small result to try tables, figures and documents on, without a run."""

from __future__ import annotations

import dataclasses

import numpy as np

from kakehashi.core.identity import identify
from kakehashi.device.twins.library import load_twin
from kakehashi.energy.model import Estimate, Rung
from kakehashi.energy.solver import Solution
from kakehashi.problem.model import Reference
from kakehashi.report.ledger import Arm, Ledger, LedgerPoint
from kakehashi.report.model import Control, Iteration, Result, SamplingSummary, SizePoint
from kakehashi.report.processor import Chip, Placement, ProcessorSummary
from kakehashi.report.properties import StateProperties
from kakehashi.report.scan import Scan, summarize_point
from kakehashi.report.selected import SelectedSummary

__all__ = ["example_ledger", "example_processor", "example_result", "example_scan", "example_selected"]

HARTREE_FOCK = -1.1166843870853405
FCI = -1.137270174660903
DOUBLE_EXCITATION = 0.0127300151
"""Weight of the doubly excited determinant.

All three numbers: PySCF 2.14, RHF and FCI, H2 in STO-3G at 0.7414 angstrom."""


def _second_order() -> float:
    """Epstein-Nesbet energy outside the Hartree-Fock determinant, from the exact solution of two levels."""
    ratio = DOUBLE_EXCITATION / (1 - DOUBLE_EXCITATION)
    gained = FCI - HARTREE_FOCK
    coupling_squared = gained**2 / ratio
    upper = FCI - gained / ratio
    return coupling_squared / (HARTREE_FOCK - upper)


def example_selected() -> SelectedSummary:
    """Two spaces of the same molecule: the Hartree-Fock determinant, and all that it couples to.

    Example:
        >>> example_selected().estimate.trusted
        True
    """
    first = Rung(n_determinants=1, energy_hartree=HARTREE_FOCK, second_order_hartree=_second_order(), spin_squared=0.0)
    last = Rung(n_determinants=2, energy_hartree=FCI, second_order_hartree=0.0, spin_squared=0.0, cpu_s=0.01)
    estimate = Estimate(
        energy_hartree=FCI,
        low_hartree=FCI,
        high_hartree=FCI,
        trusted=True,
        reason="the space holds every determinant that the state couples to",
        n_rungs=2,
    )
    return SelectedSummary(
        orbitals="given",
        rungs=((first, last),),
        estimates=(estimate,),
        properties=(
            StateProperties(
                natural_occupations=(2 - 2 * DOUBLE_EXCITATION, 2 * DOUBLE_EXCITATION),
                n_unpaired=4 * DOUBLE_EXCITATION,
                spin_density=(0.0, 0.0),
                dipole_debye=(0.0, 0.0, 0.0),
                atoms=("H1", "H2"),
                spin_populations=(0.0, 0.0),
                atomic_charges=(0.0, 0.0),
            ),
        ),
        converged=True,
        stopped="complete",
        wall_s=0.02,
        cpu_s=0.02,
    )


def _arm(name: str, *energies: tuple[int, float], complete: bool = True) -> Arm:
    points = tuple(
        LedgerPoint(n_determinants=size, energy_hartree=energy, cpu_s=0.001 * turn, spin_squared=0.0)
        for turn, (size, energy) in enumerate(energies, start=1)
    )
    return Arm(name=name, points=points, complete=complete)


def example_ledger() -> Ledger:
    """The ledger of the same molecule: two determinants are all there is to find.

    Example:
        >>> example_ledger().arm("random").last.n_determinants
        4
    """
    selected = ((1, HARTREE_FOCK), (2, FCI))
    return Ledger(
        arms=(
            _arm("samples", *selected),
            _arm("random", (1, HARTREE_FOCK), (3, HARTREE_FOCK), (4, FCI)),
            _arm("heat-bath", *selected),
            _arm("samples + heat-bath", (2, FCI)),
            _arm("random + heat-bath", (1, HARTREE_FOCK), (4, FCI)),
        ),
        n_shots=1000,
        n_in_sector=2,
        n_configurations=2,
        n_seeds=2,
    )


def example_processor() -> ProcessorSummary:
    """Four qubits of the twin ``riken-64``, with made-up errors.

    Example:
        >>> example_processor().name
        'riken-64'
    """
    twin = load_twin("riken-64")
    return ProcessorSummary(
        name=twin.name,
        title=twin.title,
        n_shots=1000,
        settings={"calibration_seed": 0, "day": 0.0},
        calibration_grade="assumed",
        calibration_source="Drawn from the ranges of the preset.",
        calibration_utc=twin.calibration.taken_utc,
        placement=Placement(
            compiled_by="vf2",
            n_two_qubit_gates=6,
            two_qubit_depth=5,
            duration_us=1.5,
            layout=(0, 2, 1, 3),
            used_qubits=(0, 1, 2, 3),
        ),
        method="density-matrix",
        method_error="exact",
        method_error_bound=0.0,
        success_probability=0.78,
        error_budget={"one-qubit gates": 0.011, "two-qubit gates": 0.077, "idling": 0.027, "readout": 0.12},
        machine_s=0.25,
        approximations=("Relaxation is twirled: Pauli errors by chance.",),
        chip=Chip(
            positions=tuple((column, row) for column, row in twin.positions.tolist()),
            edges=tuple((a, b) for a, b in twin.edges.tolist()),
            present=tuple(twin.present.tolist()),
            readout_error=tuple(0.01 + 0.0005 * (q % 7) for q in range(twin.n_qubits)),
            two_qubit_error=tuple(0.008 + 0.0005 * (k % 9) for k in range(len(twin.edges))),
        ),
    )


def example_result() -> Result:
    """H2 in STO-3G at 0.7414 angstrom: two orbitals, four determinants, so that one turn finds them all.

    Energies, occupations and weights are PySCF's; the shots are their expected numbers, and the times are
    made up.

    Example:
        >>> example_result()
        Result('H2 STO-3G (2e,2o)', -1.13727017 hartree, error +0 mHa, 4 determinants, estimate -1.13727017 hartree)
    """
    curve = (
        SizePoint(n_determinants=1, energy_hartree=HARTREE_FOCK),
        SizePoint(n_determinants=4, energy_hartree=FCI),
    )
    spec = {
        "seed": 7,
        "problem": {"name": "h2", "basis": "sto-3g", "bond_length_angstrom": 0.7414},
        "device": {"name": "exact", "n_shots": 1000},
    }
    return Result(
        run_id=identify(spec),
        problem="H2 STO-3G (2e,2o)",
        description="The hydrogen molecule at 0.7414 angstrom.",
        n_orb=2,
        n_elec=(1, 1),
        energy_hartree=FCI,
        root_energies_hartree=(FCI,),
        hartree_fock_hartree=HARTREE_FOCK,
        reference=Reference(energy_hartree=FCI, method="FCI", source="PySCF 2.14"),
        spin_squared=0.0,
        n_determinants=4,
        n_alpha_strings=2,
        n_beta_strings=2,
        occupancies=np.array([[1 - DOUBLE_EXCITATION, DOUBLE_EXCITATION]] * 2),
        iterations=(_example_turn(),),
        size_curve=curve,
        sampling=_example_sampling(),
        control=Control(energy_hartree=FCI, n_determinants=4, spin_squared=0.0, size_curve=curve),
        converged=True,
        warnings=(),
        stage_s={"problem": 0.1, "sample": 0.05, "loop": 0.05},
        seed=7,
        wall_s=0.2,
        peak_memory_bytes=150_000_000,
        spec=spec,
        provenance={"kakehashi": "0.1.0", "created_utc": "2026-01-01T00:00:00+00:00"},
        selected=example_selected(),
        ledger=example_ledger(),
        # Of two electrons, coupled cluster with doubles is exact.
        classical=(Solution(solver="ccsd(t)", energy_hartree=FCI, converged=True, wall_s=0.03, cpu_s=0.03),),
    )


def _example_turn() -> Iteration:
    return Iteration(
        index=1,
        energy_hartree=FCI,
        batch_energies_hartree=(FCI,),
        n_alpha_strings=2,
        n_beta_strings=2,
        n_determinants=4,
        spin_squared=0.0,
        n_configurations=2,
        elapsed_s=0.2,
    )


def _example_sampling() -> SamplingSummary:
    return SamplingSummary(
        device="exact",
        n_shots=1000,
        n_distinct=2,
        in_sector_fraction=1.0,
        n_in_sector=2,
        n_recovered=2,
        new_per_1000_shots=2.0,
        weight_bins_log10=np.linspace(-4, 0, 9),
        sampled_histogram=np.array([0, 0, 0, 0, 1, 0, 0, 1]),
        state_histogram=np.array([0, 0, 0, 0, 1, 0, 0, 1]),
    )


def example_scan() -> Scan:
    """The same result at three made-up distances, without a reference.

    Example:
        >>> [point.value for point in example_scan().points]
        [0.7, 0.74, 0.8]
    """
    result = dataclasses.replace(example_result(), reference=None)
    before = (None, 0.7, None)
    points = [
        summarize_point(value, result, chain=index // 2, folder=f"{index + 1}-0123abcd", carried_from=before[index])
        for index, value in enumerate((0.7, 0.74, 0.8))
    ]
    return Scan(
        scan_id=identify({"example": "scan"}),
        problem=result.problem,
        key="problem.bond_angstrom",
        label="bond (angstrom)",
        n_chains=2,
        points=tuple(points),
        wall_s=0.3,
        seed=result.seed,
        spec={},
        provenance={},
    )
