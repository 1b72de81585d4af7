"""A circuit as the devices see it: the ansatz operator, with its exports to qiskit and OpenQASM 3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kakehashi.core.errors import InputError

if TYPE_CHECKING:
    import ffsim
    from qiskit.circuit import QuantumCircuit

__all__ = ["STANDARD_GATES", "Circuit"]

STANDARD_GATES = ("x", "h", "ry", "rz", "p", "cx")
"""Gates of a decomposed circuit: all are in OpenQASM 3's ``stdgates.inc``, and cx alone acts on two qubits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A number-conserving circuit: the Hartree-Fock determinant, then an ansatz operator.

    Attributes:
        n_orb: Number of spatial orbitals; there are ``2 * n_orb`` qubits, alpha first.
        n_elec: Numbers of alpha and beta electrons.
        operator: ffsim's UCJ operator, or None for the Hartree-Fock determinant alone.
        settings: Ansatz, layers, connectivity, and where the amplitudes came from, as plain JSON values.
        warnings: What the user must know, such as that CCSD did not converge.
    """

    n_orb: int
    n_elec: tuple[int, int]
    operator: ffsim.UCJOpSpinBalanced | ffsim.UCJOpSpinUnbalanced | None = None
    settings: dict[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.n_orb < 1:
            raise InputError(f"Argument `n_orb` must be positive, but is {self.n_orb}.")
        for spin, count in zip(("alpha", "beta"), self.n_elec, strict=True):
            if not 0 <= count <= self.n_orb:
                raise InputError(f"{count} {spin} electrons do not fit into {self.n_orb} orbitals.")
        if self.operator is not None and self.operator.norb != self.n_orb:
            raise InputError(f"Argument `operator` acts on {self.operator.norb} orbitals, but `n_orb` is {self.n_orb}.")

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return 2 * self.n_orb

    def to_qiskit(self, *, measure: bool = True, decompose: bool = False) -> QuantumCircuit:
        """The circuit in qiskit; qubit ``p`` is alpha orbital ``p``, qubit ``n_orb + p`` beta orbital ``p``.

        Args:
            measure: Measure all qubits at the end, into a register ``meas``.
            decompose: Give :data:`STANDARD_GATES` with no regard to what qubits are neighbours; otherwise
                ffsim's own gates, to be transpiled for a machine with ``ffsim.qiskit.PRE_INIT`` as the first
                stage. The global phase may differ between the two.

        Example:
            >>> Circuit(n_orb=2, n_elec=(1, 1)).to_qiskit(decompose=True).count_ops()["x"]
            2
        """
        import ffsim.qiskit
        import qiskit

        circuit = qiskit.QuantumCircuit(self.n_qubits, name=str(self.settings.get("ansatz", "circuit")))
        qubits = range(self.n_qubits)
        circuit.append(ffsim.qiskit.PrepareHartreeFockJW(self.n_orb, self.n_elec), qubits)
        if isinstance(self.operator, ffsim.UCJOpSpinBalanced):
            circuit.append(ffsim.qiskit.UCJOpSpinBalancedJW(self.operator), qubits)
        elif isinstance(self.operator, ffsim.UCJOpSpinUnbalanced):
            circuit.append(ffsim.qiskit.UCJOpSpinUnbalancedJW(self.operator), qubits)
        if decompose:
            circuit = qiskit.transpile(
                ffsim.qiskit.PRE_INIT.run(circuit),
                basis_gates=list(STANDARD_GATES),
                optimization_level=1,
                seed_transpiler=0,
            )
        if measure:
            circuit.measure_all()
        return circuit

    def to_qasm3(self, *, measure: bool = True) -> str:
        """The circuit as an OpenQASM 3 program in :data:`STANDARD_GATES`.

        Args:
            measure: Measure all qubits at the end, into ``bit[n_qubits] meas``.

        Example:
            >>> print(Circuit(n_orb=1, n_elec=(1, 0)).to_qasm3(measure=False))
            OPENQASM 3.0;
            include "stdgates.inc";
            qubit[2] q;
            x q[0];
            <BLANKLINE>
        """
        import qiskit.qasm3

        program: str = qiskit.qasm3.dumps(self.to_qiskit(measure=measure, decompose=True))
        return program

    def count_two_qubit_gates(self) -> int:
        """Number of cx gates of the decomposed circuit, before any routing on a machine's qubit graph.

        Example:
            >>> Circuit(n_orb=2, n_elec=(1, 1)).count_two_qubit_gates()
            0
        """
        return int(self.to_qiskit(measure=False, decompose=True).num_nonlocal_gates())
