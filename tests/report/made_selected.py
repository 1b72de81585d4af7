"""Selected CI, classical references and a ledger of N2 6-31G, made up from published energies."""

from __future__ import annotations

import dataclasses
from typing import Any

from kakehashi.energy.model import Estimate, Rung
from kakehashi.energy.solver import Solution
from kakehashi.report.ledger import Arm, Ledger, LedgerPoint
from kakehashi.report.properties import StateProperties
from kakehashi.report.selected import SelectedSummary

FCI = -109.046671778

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
