"""The local unitary cluster Jastrow (LUCJ) circuit from coupled-cluster amplitudes.

One layer is an orbital rotation, density-density phases between neighbouring qubits, and the rotation undone;
a last orbital rotation carries t1. The layers are the leading terms of the double factorisation of t2, with
the phases between qubits that are not neighbours left out.

Source: Motta, Sung, Whaley, Head-Gordon, Shee, Chem. Sci. 14, 11213 (2023), doi:10.1039/D3SC02516K.
"""

from __future__ import annotations

import numpy as np

from kakehashi.circuit.amplitudes import Amplitudes, compute_amplitudes
from kakehashi.circuit.connectivity import Connectivity, interaction_pairs
from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.problem.model import Problem

__all__ = ["build_lucj"]

NOISE = 1e-12
"""Amplitudes below this are rounding."""

OPTIMIZER_STEPS = 100
"""Most steps of the optimiser that fits the layers to t2."""


def build_lucj(
    problem: Problem,
    *,
    n_layers: int = 1,
    connectivity: Connectivity = "heavy-hex",
    optimize: bool = False,
    amplitudes: Amplitudes | None = None,
) -> Circuit:
    """LUCJ circuit of a problem.

    Nothing here is random: the same problem gives the same circuit.

    Args:
        problem: Hamiltonian and numbers of electrons.
        n_layers: Number of cluster Jastrow layers. Layers beyond what t2 holds are identities.
        connectivity: Lattice of the processor, which says what phases are kept.
        optimize: Fit the layers to the whole of t2 within the lattice's limits, instead of truncating the
            factorisation. It takes seconds and gives circuits whose samples spread over more determinants.
        amplitudes: Amplitudes to use; computed by :func:`compute_amplitudes` where not given.

    Returns:
        The circuit. Its warnings are those of the amplitudes, and one where all of them are zero.

    Raises:
        InputError: The number of layers or the lattice is wrong.

    Example:
        >>> from kakehashi.problem.model import Hamiltonian
        >>> rng = np.random.default_rng(0)
        >>> factor = rng.normal(size=(3, 4, 4)) * 0.1
        >>> factor = factor + factor.transpose(0, 2, 1)
        >>> hamiltonian = Hamiltonian(
        ...     one_body=np.diag([0.0, 1.0, 2.0, 3.0]),
        ...     two_body=np.einsum("kpq,krs->pqrs", factor, factor),
        ... )
        >>> circuit = build_lucj(Problem(name="small", hamiltonian=hamiltonian, n_elec=(2, 2)), n_layers=2)
        >>> circuit.n_qubits, circuit.settings["n_layers"], circuit.warnings
        (8, 2, ())
    """
    import ffsim

    if n_layers < 1:
        raise InputError(f"Argument `n_layers` must be at least 1, but is {n_layers}.")
    same, opposite = interaction_pairs(problem.n_orb, connectivity)
    if amplitudes is None:
        amplitudes = compute_amplitudes(problem)
    warnings = amplitudes.warnings
    if _vanish(amplitudes):
        warnings = (*warnings, "All cluster amplitudes are zero, so the circuit prepares one determinant.")
    options: dict[str, object] = {"t1": amplitudes.t1, "n_reps": n_layers, "optimize": optimize}
    if optimize:
        options["options"] = {"maxiter": OPTIMIZER_STEPS}
    if isinstance(amplitudes.t2, tuple):
        operator = ffsim.UCJOpSpinUnbalanced.from_t_amplitudes(
            amplitudes.t2, interaction_pairs=(same, opposite, same), **options
        )
    else:
        operator = ffsim.UCJOpSpinBalanced.from_t_amplitudes(
            amplitudes.t2, interaction_pairs=(same, opposite), **options
        )
    return Circuit(
        n_orb=problem.n_orb,
        n_elec=problem.n_elec,
        operator=operator,
        settings={
            "ansatz": "lucj",
            "n_layers": n_layers,
            "connectivity": connectivity,
            "optimize": optimize,
            "amplitudes": amplitudes.method,
            "amplitudes_converged": amplitudes.converged,
            "amplitudes_correlation_hartree": amplitudes.correlation_hartree,
        },
        warnings=warnings,
    )


def _vanish(amplitudes: Amplitudes) -> bool:
    """Whether no amplitude is large enough to move anything."""
    return all(
        np.abs(part).max(initial=0.0) < NOISE
        for block in (amplitudes.t1, amplitudes.t2)
        for part in (block if isinstance(block, tuple) else (block,))
    )
