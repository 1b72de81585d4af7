"""An ansatz circuit without the couplings that a processor has no place for.

A local cluster Jastrow circuit is made of what a lattice offers: phases between alpha and beta stand where the two
lines of qubits meet. On a processor with absent qubits and dead couplings some of these places are missing. Swaps would
bring the qubits together at the price of many gates; as the ansatz was cut to the lattice in the first place, it is cut
to the processor instead, and the change is said.
"""

from __future__ import annotations

import numpy as np

from kakehashi.circuit.ladder_search import embed_ladder
from kakehashi.circuit.model import Circuit
from kakehashi.circuit.zigzag import find_ladder
from kakehashi.device.sector.gates import conserving_gates
from kakehashi.device.twins.model import Twin

__all__ = ["fit_rungs", "without_rungs"]


def fit_rungs(circuit: Circuit, twin: Twin) -> tuple[Circuit, tuple[str, ...]]:
    """The circuit without the rungs between alpha and beta for which a processor has no room.

    Args:
        circuit: An ansatz circuit.
        twin: The processor.

    Returns:
        The circuit, and a sentence for what was left out; the circuit as it is where all rungs have room, or where its
        chains have none.
    """
    ladder = None if circuit.operator is None else find_ladder(conserving_gates(circuit))
    if ladder is None:
        return circuit, ()
    places = embed_ladder(len(ladder.left), ladder.rungs, twin.edges[twin.usable_edges].tolist())
    if not places or not places[0].missing:
        return circuit, ()
    orbitals = [ladder.left[p] for p in places[0].missing]
    listed = ", ".join(str(p) for p in orbitals)
    return without_rungs(circuit, orbitals), (
        f"{twin.name} has room for {len(ladder.rungs) - len(orbitals)} of {len(ladder.rungs)} couplings between alpha "
        f"and beta without swaps: those of the orbitals {listed} were left out of the circuit.",
    )


def without_rungs(circuit: Circuit, orbitals: list[int]) -> Circuit:
    """The circuit without the phases between alpha and beta of some orbitals, in all layers.

    Args:
        circuit: An ansatz circuit with an operator.
        orbitals: The orbitals.

    Example:
        >>> import ffsim
        >>> pairs = ([(0, 1)], [(0, 0), (1, 1)])
        >>> operator = ffsim.random.random_ucj_op_spin_balanced(2, interaction_pairs=pairs, seed=1)
        >>> fewer = without_rungs(Circuit(n_orb=2, n_elec=(1, 1), operator=operator), [1])
        >>> np.flatnonzero(fewer.operator.diag_coulomb_mats[0][1].diagonal()).tolist()
        [0]
    """
    operator = circuit.operator
    assert operator is not None
    matrices = np.array(operator.diag_coulomb_mats)
    for p in orbitals:
        matrices[:, 1, p, p] = 0
    fewer = type(operator)(matrices, operator.orbital_rotations, operator.final_orbital_rotation)
    settings = {**circuit.settings, "left_out_rungs": list(orbitals)}
    return Circuit(
        n_orb=circuit.n_orb, n_elec=circuit.n_elec, operator=fewer, settings=settings, warnings=circuit.warnings
    )
