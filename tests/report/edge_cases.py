"""Results that a page, a figure or a table might stumble over."""

from __future__ import annotations

import dataclasses

import numpy as np
from tests.report.made import NASTY, make_result, make_sampling
from tests.report.made_selected import CCSDT, DMRG, FCI, make_ledger, make_pair, make_properties, make_selected

from kakehashi.problem.model import Reference
from kakehashi.report.example import example_processor
from kakehashi.report.model import Result

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
        "shots of a twin": make_result(sampling=make_sampling(device="riken-64"), processor=example_processor()),
        "shots of a twin from a file": make_result(
            processor=dataclasses.replace(
                example_processor(),
                name=NASTY,
                title="",
                chip=None,
                calibration_grade="",
                changes=(NASTY,),
                settings={},
            ),
        ),
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
