"""What a user writes under ``[circuit]``."""

from __future__ import annotations

from typing import Literal

import pydantic

from kakehashi.circuit.connectivity import Connectivity
from kakehashi.circuit.hartree_fock import build_hartree_fock
from kakehashi.circuit.lucj import build_lucj
from kakehashi.circuit.model import Circuit
from kakehashi.core.spec import Spec
from kakehashi.problem.model import Problem

__all__ = ["CircuitSpec"]


class CircuitSpec(Spec):
    """The circuit that the device runs.

    Attributes:
        ansatz: ``"lucj"`` (local unitary cluster Jastrow from CCSD amplitudes) or ``"hartree-fock"`` (one
            determinant).
        n_layers: Number of LUCJ layers.
        connectivity: Lattice whose neighbours may interact: ``"heavy-hex"``, ``"square"``, ``"all-to-all"``.
        optimize: Fit the layers to all amplitudes instead of truncating their factorisation.

    Example:
        >>> from kakehashi.core.spec import parse_spec
        >>> parse_spec(CircuitSpec, {"n_layers": 2})
        CircuitSpec(ansatz='lucj', n_layers=2, connectivity='heavy-hex', optimize=False)
    """

    ansatz: Literal["lucj", "hartree-fock"] = "lucj"
    n_layers: int = pydantic.Field(default=1, ge=1, le=1000)
    connectivity: Connectivity = "heavy-hex"
    optimize: bool = False

    def build(self, problem: Problem) -> Circuit:
        """Build the circuit of a problem."""
        if self.ansatz == "hartree-fock":
            return build_hartree_fock(problem)
        return build_lucj(problem, n_layers=self.n_layers, connectivity=self.connectivity, optimize=self.optimize)
