"""Results as runs give them, made up from published energies so that no run is needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kakehashi.energy.model import Estimate, Rung
from kakehashi.energy.solver import Solution
from kakehashi.problem.model import Reference
from kakehashi.report.ledger import Arm, Ledger, LedgerPoint
from kakehashi.report.model import Control, Iteration, Result, SamplingSummary, SizePoint
from kakehashi.report.properties import StateProperties
from kakehashi.report.scan import Scan, ScanPoint, summarize_point
from kakehashi.report.selected import SelectedSummary

FCI = -109.046671778
HARTREE_FOCK = -108.83523657


def make_iterations(n: int, last: float) -> tuple[Iteration, ...]:
    turns = []
    for index in range(1, n + 1):
        best = last + 0.0121 * (2.0 ** (n - index) - 1.0) / 4
        n_strings = 1200 + 800 * index // n
        spread = 0.0009 / index
        turns.append(
            Iteration(
                index=index,
                energy_hartree=best,
                batch_energies_hartree=tuple(best + spread * k / 4 for k in range(5)),
                n_alpha_strings=n_strings,
                n_beta_strings=n_strings,
                n_determinants=n_strings**2,
                spin_squared=1e-7 / index,
                n_configurations=9000 + 1000 * index,
                elapsed_s=14.2 + 21.9 * index,
            )
        )
    return tuple(turns)


def make_sampling(**changes: Any) -> SamplingSummary:
    edges = np.linspace(-16, 0, 33)
    centers = (edges[:-1] + edges[1:]) / 2
    state = np.round(4.4e5 * np.exp(-(((centers + 10.5) / 2.3) ** 2))).astype(np.int64)
    state[centers > -1.5] = 0
    state[-1] = 1
    sampled = np.zeros(32, dtype=np.int64)
    sampled[[-1, -7, -8, -9, -10]] = [1, 3, 9, 15, 20]
    values = {
        "device": "noisy",
        "n_shots": 100_000,
        "n_distinct": 31_907,
        "in_sector_fraction": 0.6141,
        "n_in_sector": 48,
        "n_recovered": 14_000,
        "new_per_1000_shots": 0.48,
        "weight_bins_log10": edges,
        "sampled_histogram": sampled,
        "state_histogram": state,
    }
    return SamplingSummary(**(values | changes))


RUNGS = (
    (1, -108.8352366, -0.2959748, 0.001),
    (51, -108.9518117, -0.0998001, 0.005),
    (102, -108.986209, -0.0607891, 0.009),
    (205, -109.0102856, -0.0363948, 0.015),
    (411, -109.0272002, -0.0206401, 0.026),
    (823, -109.0358676, -0.0113345, 0.045),
    (1647, -109.0396563, -0.0071261, 0.084),
    (3294, -109.042221, -0.0044411, 0.15),
    (6588, -109.0440235, -0.0026222, 0.283),
    (12801, -109.045239, -0.0014129, 0.537),
)
"""Determinants, energy, second-order energy and processor time of this project's selection from Hartree-Fock."""

ARM_POINTS = {
    "samples": ((20, 172.11, 0.012), (625, 171.558, 0.037), (2027, 167.518, 0.06)),
    "random": ((19, 211.435, 0.011), (2501, 211.435, 0.057), (20001, 211.435, 0.25)),
    "heat-bath": ((1, 211.435, 0.001), (208, 39.371, 0.01), (1670, 8.338, 0.052), (20000, 1.442, 0.46)),
    "samples + heat-bath": ((991, 171.558, 0.015), (1982, 12.08, 0.023), (20002, 1.442, 0.385)),
    "random + heat-bath": ((1001, 211.435, 0.006), (3201, 7.071, 0.043), (20000, 1.444, 0.446)),
}
"""Determinants, millihartree above FCI and processor time, as a ledger of the same molecule gave them."""


def make_estimate(rungs: tuple[Rung, ...]) -> Estimate:
    """What an extrapolation says of all the spaces, and of fewer."""
    if len(rungs) == len(RUNGS):
        bound = rungs[-1].energy_hartree
        return Estimate(
            energy_hartree=bound - 0.00141,
            low_hartree=bound - 0.00151,
            high_hartree=bound - 0.00131,
            trusted=True,
            reason="the last spaces lie on a line of slope 1.00",
            n_rungs=len(rungs),
        )
    last = rungs[-1]
    return Estimate(
        energy_hartree=last.energy_hartree + last.second_order_hartree,
        low_hartree=last.energy_hartree + 4 * last.second_order_hartree,
        high_hartree=last.energy_hartree,
        trusted=False,
        reason=f"only {len(rungs)} of the spaces differ enough in size, and a line takes four",
        n_rungs=len(rungs),
    )


def make_properties(**changes: Any) -> StateProperties:
    """Of the ground state of N2, as far as it matters; with ``spins``, of a molecule that has them."""
    spins = changes.pop("spins", (0.0, 0.0))
    values: dict[str, Any] = {
        "natural_occupations": (*[1.99] * 3, 1.95, 1.84, 0.16, 0.05, *[0.01] * 9),
        "n_unpaired": 0.54,
        "spin_density": (0.0,) * 16,
        "dipole_debye": (0.0, 1e-9, 0.0),
        "atoms": ("N1", "N2"),
        "spin_populations": spins,
        "atomic_charges": (0.1, -0.1),
    }
    return StateProperties(**(values | changes))


CCSDT = Solution(
    solver="ccsd(t)",
    energy_hartree=-109.04535893,
    converged=True,
    wall_s=0.52,
    cpu_s=0.9,
    details={"reference": "RHF", "triples_hartree": -0.0021},
)
DMRG = Solution(
    solver="dmrg",
    energy_hartree=-109.0467,
    interval_hartree=(-109.0469, -109.0466),
    variational_hartree=-109.0466,
    spin_squared=0.0,
    converged=False,
    wall_s=75.0,
    cpu_s=140.0,
    details={"bond_dimension": 800, "reason": "The sweeps did not settle."},
)


def make_selected(**changes: Any) -> SelectedSummary:
    """The growth of selected CI for N2; with fewer rungs, there is no error bar."""
    shift, last = changes.pop("shift_hartree", 0.0), changes.pop("last", len(RUNGS))
    rungs = tuple(
        Rung(
            n_determinants=n,
            energy_hartree=energy + shift,
            second_order_hartree=second,
            second_order_error_hartree=2e-6 if n == RUNGS[last - 1][0] else 0.0,
            spin_squared=0.001,
            cpu_s=cpu_s,
        )
        for n, energy, second, cpu_s in RUNGS[:last]
    )
    values: dict[str, Any] = {
        "orbitals": "natural",
        "rungs": (rungs,),
        "estimates": (make_estimate(rungs),),
        "properties": (make_properties(),),
        "converged": True,
        "stopped": "max_determinants",
        "wall_s": 0.7,
        "cpu_s": 0.6,
    }
    return SelectedSummary(**(values | changes))


def make_pair() -> SelectedSummary:
    """Two states whose atoms have spins."""
    ground, excited = make_selected(), make_selected(shift_hartree=0.1)
    return dataclasses.replace(
        ground,
        rungs=ground.rungs + excited.rungs,
        estimates=ground.estimates + excited.estimates,
        properties=(make_properties(spins=(0.5, 1.5)), make_properties(dipole_debye=(0.0, -3.0, 4.0))),
    )


def make_arm(name: str, points: tuple[tuple[int, float, float], ...], **changes: Any) -> Arm:
    made = tuple(
        LedgerPoint(n_determinants=n, energy_hartree=FCI + above / 1000, cpu_s=cpu_s, spin_squared=0.0)
        for n, above, cpu_s in points
    )
    return Arm(name=name, points=made, **changes)


def make_ledger(**points: Any) -> Ledger:
    """The ledger of N2, with the points of any arm replaced: ``samples_heat_bath`` stands for that of both."""
    names = {name.replace(" + ", "_").replace("-", "_"): name for name in ARM_POINTS}
    table = ARM_POINTS | {names[key]: value for key, value in points.items()}
    return Ledger(
        arms=tuple(make_arm(name, values, complete=name == "samples") for name, values in table.items()),
        n_shots=20_000,
        n_in_sector=19,
        n_configurations=1022,
        n_seeds=500,
    )


def make_result(**changes: Any) -> Result:
    """N2 6-31G (10e,16o), with any field replaced."""
    n_iterations = changes.pop("n_iterations", 5)
    energy = changes.get("energy_hartree", -109.0459)
    n_orb = changes.get("n_orb", 16)
    n_elec = changes.get("n_elec", (5, 5))
    rows = [
        np.where(
            np.arange(n_orb) < count,
            0.985 - 0.004 * np.arange(n_orb),
            0.045 / (0.5 + abs(np.arange(n_orb) - count)),
        )
        for count in n_elec
    ]
    values: dict[str, Any] = {
        "run_id": "9f2c41d07be8a6530c1b7f4e2d9a8c6b5f4e3d2c1b0a99887766554433221100",
        "problem": "N2 6-31G (10e,16o)",
        "description": "Nitrogen at 1.0 angstrom, 6-31G, the 1s orbitals frozen.",
        "n_orb": n_orb,
        "n_elec": n_elec,
        "energy_hartree": energy,
        "root_energies_hartree": (energy,),
        "hartree_fock_hartree": HARTREE_FOCK,
        "reference": Reference(energy_hartree=FCI, method="FCI", source="arXiv:2405.05068"),
        "spin_squared": 2.1e-8,
        "n_determinants": 4_000_000,
        "n_alpha_strings": 2000,
        "n_beta_strings": 2000,
        "occupancies": np.clip(np.array(rows), 0, 1),
        "iterations": make_iterations(n_iterations, energy),
        "size_curve": tuple(
            SizePoint(n_determinants=n * n, energy_hartree=energy + rise / 1000)
            for n, rise in ((1, 210.66), (30, 108.0), (100, 62.0), (300, 21.4), (1000, 3.6), (2000, 0.0))
        ),
        "sampling": make_sampling(),
        "control": Control(
            energy_hartree=-108.8561,
            n_determinants=4_000_000,
            spin_squared=0.0,
            size_curve=tuple(
                SizePoint(n_determinants=n * n, energy_hartree=e)
                for n, e in ((30, -108.8353), (300, -108.8381), (1000, -108.8462), (2000, -108.8561))
            ),
        ),
        "converged": True,
        "warnings": (),
        "stage_s": {"problem": 2.4, "circuit": 3.1, "sample": 8.7, "loop": 95.3, "control": 20.4},
        "seed": 7,
        "wall_s": 130.4,
        "peak_memory_bytes": 1_503_238_553,
        "spec": {
            "seed": 7,
            "problem": {"name": "n2_631g", "bond_length_angstrom": 1.0},
            "circuit": {"ansatz": "lucj", "layers": 1, "connectivity": "heavy-hex"},
            "device": {"name": "noisy", "n_shots": 100_000, "readout_flip": 0.01, "depolarizing": 0.001},
            "loop": {"iterations": n_iterations, "batches": 5, "strings_per_batch": 2000, "tolerance": 1e-05},
            "control": {"random_strings": True, "loop": False},
        },
        "provenance": {
            "kakehashi": "0.1.0",
            "commit": "1a2b3c4d5e6f",
            "created_utc": "2026-07-14T09:31:05+00:00",
            "python": "3.12.4",
            "packages": {
                "numpy": "2.4.1",
                "scipy": "1.17.0",
                "pyscf": "2.14.0",
                "ffsim": "0.0.85",
                "qiskit": "2.6.0",
            },
            "machine": {"system": "Linux x86_64", "processor": "AMD EPYC 7763", "n_processors": 2},
        },
    }
    return Result(**(values | changes))


def make_scan(**changes: Any) -> Scan:
    """Four points, the last two without an error bar; ``failed`` and ``waiting`` add one each."""
    values = changes.pop("values", (0.9, 1.0, 1.1, 1.2))
    results = changes.pop("results", None) or [
        make_result(selected=make_selected(last=last, shift_hartree=shift), reference=None)
        for last, shift in ((len(RUNGS), 0.02), (len(RUNGS), 0.0), (3, 0.01), (2, 0.05))
    ]
    points = [
        summarize_point(value, result, chain=k // 2, folder=f"{k + 1}-0123abcd", carried_from=values[0] if k else None)
        for k, (value, result) in enumerate(zip(values, results, strict=True))
    ]
    if changes.pop("failed", False):
        points.append(ScanPoint(value=9.9, chain=1, state="failed", folder="5-0123abcd", error=f"No: {NASTY}"))
    if changes.pop("waiting", False):
        points.append(ScanPoint(value=10.5, chain=1, state="waiting"))
    table: dict[str, Any] = {
        "scan_id": "0" * 64,
        "problem": "N2 6-31G (10e,16o)",
        "key": "problem.bond_angstrom",
        "label": "bond (angstrom)",
        "n_chains": 2,
        "points": tuple(points),
        "wall_s": 60.0,
        "seed": 7,
        "spec": {"seed": 7, "scan": {"key": "problem.bond_angstrom"}},
        "provenance": {"kakehashi": "0.1.0"},
    }
    return Scan(**(table | changes))


@pytest.fixture(scope="session")
def build_scan() -> Callable[..., Scan]:
    return make_scan


@pytest.fixture(scope="session")
def build() -> Callable[..., Result]:
    return make_result


@pytest.fixture(scope="session")
def build_selected() -> Callable[..., SelectedSummary]:
    return make_selected


@pytest.fixture(scope="session")
def pair() -> SelectedSummary:
    return make_pair()


@pytest.fixture(scope="session")
def build_properties() -> Callable[..., StateProperties]:
    return make_properties


@pytest.fixture(scope="session")
def solutions() -> tuple[Solution, ...]:
    return CCSDT, DMRG


@pytest.fixture(scope="session")
def build_ledger() -> Callable[..., Ledger]:
    return make_ledger


@pytest.fixture(scope="session")
def build_sampling() -> Callable[..., SamplingSummary]:
    return make_sampling


@pytest.fixture(scope="session")
def result() -> Result:
    return make_result()


NASTY = "<script>alert('1')</script> & \"$x^{$\""
LONG = (
    "CCSD did not converge in 100 iterations, so the circuit was built from the MP2 amplitudes instead, and "
    "a_very_long_word_that_has_no_place_to_break_/home/somebody/data/molecules/2026/iron-sulfur/fcidump_fe4s4.txt.gz"
)


def edge_cases() -> dict[str, Result]:
    plain = make_result()
    control = plain.control
    assert control is not None
    big = make_result(
        problem="[4Fe-4S] (54e,36o)",
        description="The 4Fe-4S cluster.",
        n_orb=36,
        n_elec=(27, 27),
        energy_hartree=-326.913,
        hartree_fock_hartree=-326.5474,
        reference=Reference(
            energy_hartree=-327.2396,
            method="DMRG, bond dimension 4000",
            source="arXiv:2511.00224",
            uncertainty_hartree=0.0075,
        ),
        control=dataclasses.replace(control, energy_hartree=-326.5471, size_curve=(), loop_energy_hartree=-326.88),
        size_curve=(),
    )
    return {
        "plain": plain,
        "estimate and ledger": make_result(selected=make_selected(), ledger=make_ledger()),
        "two states, spins and classical references": make_result(
            n_elec=(6, 4), selected=make_pair(), classical=(CCSDT, DMRG)
        ),
        "no atoms and no reference": make_result(
            reference=None,
            selected=make_selected(
                properties=(make_properties(dipole_debye=None, atoms=(), spin_populations=None, atomic_charges=None),)
            ),
            classical=(CCSDT,),
        ),
        "estimate without a reference": make_result(reference=None, selected=make_selected(), ledger=make_ledger()),
        "no error bar": make_result(selected=make_selected(last=3), ledger=make_ledger()),
        "no error bar, no reference, wrong spin": make_result(reference=None, selected=make_selected(last=1)),
        "loop control": make_result(control=dataclasses.replace(control, loop_energy_hartree=-109.0431)),
        "no reference": make_result(reference=None),
        "no control": make_result(control=None),
        "nothing to compare": make_result(reference=None, control=None),
        "36 orbitals": big,
        "below the reference": make_result(energy_hartree=FCI - 0.00002),
        "exactly the reference in one turn": make_result(energy_hartree=FCI, n_iterations=1),
        "no valid shots": make_result(
            sampling=make_sampling(
                n_in_sector=0,
                in_sector_fraction=0.0,
                new_per_1000_shots=0.0,
                sampled_histogram=np.zeros(32, dtype=np.int64),
            )
        ),
        "forty turns without a shot": make_result(
            iterations=tuple(
                dataclasses.replace(plain.iterations[0], index=i, energy_hartree=-109.0459 + 0.03 / i)
                for i in range(1, 41)
            ),
            sampling=make_sampling(
                n_shots=0,
                n_in_sector=0,
                in_sector_fraction=0.0,
                sampled_histogram=np.zeros(32, dtype=np.int64),
                state_histogram=np.zeros(32, dtype=np.int64),
            ),
        ),
        "open shell and long warnings": make_result(
            n_elec=(6, 4),
            spin_squared=2.0,
            warnings=(LONG, "The loop stopped at its last turn."),
            converged=False,
        ),
        "hostile names": make_result(
            problem=NASTY,
            description=NASTY,
            reference=Reference(energy_hartree=FCI, method=NASTY, source=NASTY, uncertainty_hartree=1e-6),
            warnings=(NASTY,),
            stage_s={NASTY: 1.0},
            spec={NASTY: {NASTY: [NASTY, {NASTY: None}]}, "text": "]]></style></script><img src=x>"},
            provenance={"kakehashi": NASTY, "machine": NASTY, NASTY: [NASTY]},
            sampling=make_sampling(device=NASTY),
        ),
        "bare": make_result(
            description="",
            spec={},
            provenance={},
            stage_s={},
            size_curve=(),
            root_energies_hartree=(-109.0459, -108.7),
        ),
    }


EDGE_CASES = edge_cases()


@pytest.fixture(scope="session")
def cases() -> dict[str, Result]:
    return EDGE_CASES


@pytest.fixture(params=EDGE_CASES, ids=[name.replace(" ", "-") for name in EDGE_CASES])
def any_result(request: pytest.FixtureRequest) -> Result:
    return EDGE_CASES[request.param]
