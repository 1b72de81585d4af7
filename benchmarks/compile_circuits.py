"""The circuits that compilers are compared on, exactly as docs/explanations/compilation.md names them."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["ghz", "lucj", "qaoa", "qft", "random_cx", "swap_test", "tfim", "tfim_square", "volume"]


def ghz(n: int) -> Any:
    """H, then a chain of CX; all measured."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(n, name=f"GHZ-{n}")
    circuit.h(0)
    for q in range(n - 1):
        circuit.cx(q, q + 1)
    return circuit


def tfim(n: int, steps: int = 5) -> Any:
    """Trotter steps of the transverse-field Ising chain: J = 1, h = 0.8, dt = 0.2."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(n, name=f"TFIM-{n}x{steps}")
    for _ in range(steps):
        for first in (0, 1):
            for q in range(first, n - 1, 2):
                circuit.rzz(-0.4, q, q + 1)
        circuit.rx(0.32, range(n))
    return circuit


def qft(n: int, *, seed: int = 2) -> Any:
    """RY by chance on each qubit, then the quantum Fourier transform without its swaps."""
    from qiskit import QuantumCircuit

    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(n, name=f"QFT-{n}")
    for q in range(n):
        circuit.ry(rng.uniform(0, np.pi), q)
    for j in range(n - 1, -1, -1):
        circuit.h(j)
        for k in range(j - 1, -1, -1):
            circuit.cp(np.pi / 2 ** (j - k), j, k)
    return circuit


def qaoa(n: int, *, seed: int = 1) -> Any:
    """One layer on a random 3-regular graph."""
    import networkx as nx
    from qiskit import QuantumCircuit

    graph = nx.random_regular_graph(3, n, seed=seed)
    circuit = QuantumCircuit(n, name=f"QAOA-{n}")
    circuit.h(range(n))
    for a, b in sorted(tuple(sorted(edge)) for edge in graph.edges):
        circuit.rzz(0.7, a, b)
    circuit.rx(0.4, range(n))
    return circuit


def random_cx(n: int, *, seed: int = 3) -> Any:
    """10 n CX between random pairs, each followed by RZ on its target."""
    from qiskit import QuantumCircuit

    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(n, name=f"rcx-{n}")
    for _ in range(10 * n):
        a, b = (int(q) for q in rng.choice(n, 2, replace=False))
        circuit.cx(a, b)
        circuit.rz(rng.uniform(), b)
    return circuit


def tfim_square(n: int, steps: int = 3) -> Any:
    """Trotter steps of the kicked Ising model on a square grid, greedy edge colours."""
    from qiskit import QuantumCircuit

    side = round(n**0.5)
    circuit = QuantumCircuit(n, name=f"TFIM2D-{n}x{steps}")
    for _ in range(steps):
        circuit.rx(0.3, range(n))
        for first in (0, 1):
            for row in range(side):
                for column in range(first, side - 1, 2):
                    circuit.rzz(-np.pi / 2, row * side + column, row * side + column + 1)
        for first in (0, 1):
            for row in range(first, side - 1, 2):
                for column in range(side):
                    circuit.rzz(-np.pi / 2, row * side + column, (row + 1) * side + column)
    return circuit


def volume(n: int, *, layers: int, seed: int) -> Any:
    """Layers of random gates on random pairs of all qubits, as for the quantum volume."""
    from qiskit.circuit.library import quantum_volume

    circuit = quantum_volume(n, layers, seed=seed)
    circuit.name = f"volume-{n}x{layers}"
    return circuit


def swap_test(n: int, *, seed: int) -> Any:
    """CSWAP between two registers, controlled by one qubit, between random turns."""
    from qiskit import QuantumCircuit

    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(n, name=f"swaptest-{n}")
    half = (n - 1) // 2
    for q in range(1, n):
        circuit.ry(rng.uniform(0, np.pi), q)
    circuit.h(0)
    for k in range(half):
        circuit.cswap(0, 1 + k, 1 + half + k)
    circuit.h(0)
    return circuit


def lucj(n: int, *, merged: bool, seed: int = 5) -> Any:
    """Local unitary cluster Jastrow with rungs at every fourth orbital.

    ``merged`` runs ffsim's own passes first, which halve its gates; without them it is the circuit that ffsim's gates
    decompose into.
    """
    import ffsim
    import ffsim.qiskit
    from qiskit import QuantumCircuit

    n_orb = n // 2
    operator = ffsim.random.random_ucj_op_spin_balanced(
        n_orb,
        n_reps=1,
        with_final_orbital_rotation=True,
        interaction_pairs=([(p, p + 1) for p in range(n_orb - 1)], [(p, p) for p in range(0, n_orb, 4)]),
        seed=np.random.default_rng(seed),
    )
    circuit = QuantumCircuit(n, name=f"LUCJ-{n}" + (" merged" if merged else ""))
    circuit.append(ffsim.qiskit.PrepareHartreeFockJW(n_orb, (n // 4, n // 4)), range(n))
    circuit.append(ffsim.qiskit.UCJOpSpinBalancedJW(operator), range(n))
    return ffsim.qiskit.PRE_INIT.run(circuit) if merged else circuit.decompose(reps=2)
