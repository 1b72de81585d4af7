"""A local cluster Jastrow circuit as gates that keep the number of electrons, before any machine."""

from __future__ import annotations

from kakehashi.circuit.gates import GateCircuit, from_qiskit
from kakehashi.circuit.model import Circuit

__all__ = ["CONSERVING_GATES", "conserving_gates"]

CONSERVING_GATES = ("x", "xx_plus_yy", "p", "cp")
"""Gates of the circuit: ``x`` fills orbitals at the start, the others keep the number of electrons."""


def conserving_gates(circuit: Circuit) -> GateCircuit:
    """The gates of a circuit on qubits as :class:`~kakehashi.circuit.model.Circuit` numbers them.

    Rotations that follow each other are merged, and what acts on empty orbitals alone is left out.

    Args:
        circuit: What to write out.

    Returns:
        Gates of :data:`CONSERVING_GATES`; ``xx_plus_yy`` acts on neighbouring orbitals of one spin, ``cp`` on any two.

    Example:
        >>> conserving_gates(Circuit(n_orb=3, n_elec=(2, 1))).count()
        {'x': 3}
    """
    import ffsim.qiskit
    import qiskit

    merged = ffsim.qiskit.PRE_INIT.run(circuit.to_qiskit(measure=False))
    return from_qiskit(qiskit.transpile(merged, basis_gates=list(CONSERVING_GATES), optimization_level=0))
