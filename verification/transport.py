"""Hold errors that are carried one electron at a time to the exact noisy distribution, where that can be had.

Local cluster Jastrow circuits of 6 to 10 qubits with a depolarising error after each gate: the exact distribution comes
from state vectors with Pauli errors drawn at random, the error-free part taken exactly. Stated is the total variation
distance of the shots from it, beside how far the noise itself moves the distribution, and beside global depolarising
(uniform bits in place of every shot with an error).

    python -m verification.transport               write verification/results/transport.json (three minutes)
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import ffsim
import numpy as np

from kakehashi.circuit.connectivity import interaction_pairs
from kakehashi.circuit.gates import GateCircuit
from kakehashi.circuit.model import Circuit
from kakehashi.circuit.spec import CircuitSpec
from kakehashi.core.provenance import collect_provenance
from kakehashi.device.noise.model import PauliChannel
from kakehashi.device.sector.gates import conserving_gates
from kakehashi.device.sector.sample import sample_sector
from kakehashi.device.sector.transport import transport_errors
from kakehashi.problem.library import load_problem

__all__ = ["RESULTS", "compare", "depolarizing", "exact_distribution"]

RESULTS = Path(__file__).resolve().parent / "results" / "transport.json"

PAULIS = (np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1]))
RATES = (0.002, 0.01, 0.03, 0.1)
"""Error probability of each gate on two qubits; a tenth of it on one."""

N_PATTERNS = 4000
N_SHOTS = 1_000_000


def depolarizing(circuit: GateCircuit, rate: float) -> list[list[PauliChannel]]:
    """Uniform Pauli errors after each gate."""
    channels = []
    for operation in circuit:
        n = 4 ** len(operation.qubits)
        total = rate if len(operation.qubits) == 2 else rate / 10
        probabilities = np.full(n, total / (n - 1))
        probabilities[0] = 1 - total
        channels.append([PauliChannel(qubits=operation.qubits, probabilities=probabilities)])
    return channels


def _apply(state: Any, matrix: Any, qubits: tuple[int, ...]) -> Any:
    axes = [state.ndim - 1 - q for q in reversed(qubits)]
    k = len(qubits)
    moved = np.tensordot(matrix.reshape((2,) * (2 * k)), state, axes=(list(range(k, 2 * k)), axes))
    return np.moveaxis(moved, list(range(k)), axes)


def _probabilities(circuit: GateCircuit, errors: dict[int, list[tuple[int, int]]]) -> Any:
    state = np.zeros((2,) * circuit.n_qubits, dtype=np.complex128)
    state[(0,) * circuit.n_qubits] = 1
    for k, operation in enumerate(circuit):
        state = _apply(state, operation.unitary(), operation.qubits)
        for qubit, pauli in errors.get(k, ()):
            state = _apply(state, PAULIS[pauli], (qubit,))
    return np.square(np.abs(state)).ravel()


def exact_distribution(
    circuit: GateCircuit, channels: list[list[PauliChannel]], n_patterns: int, rng: np.random.Generator
) -> tuple[Any, Any, float]:
    """Noiseless and noisy probabilities of all bit strings, and the chance of no error.

    The noisy ones have a statistical error, for the shots with errors are averaged over ``n_patterns`` draws.
    """
    flat = [(k, channel) for k, at in enumerate(channels) for channel in at]
    free = float(np.prod([channel.probabilities[0] for _, channel in flat]))
    total = np.zeros(2**circuit.n_qubits)
    drawn = 0
    while drawn < n_patterns:
        errors: dict[int, list[tuple[int, int]]] = {}
        happened = np.flatnonzero(rng.random(len(flat)) > [channel.probabilities[0] for _, channel in flat])
        for where in happened.tolist():
            k, channel = flat[where]
            rest = channel.probabilities[1:]
            which = 1 + rng.choice(len(rest), p=rest / rest.sum())
            errors.setdefault(k, []).extend((q, (which >> (2 * j)) & 3) for j, q in enumerate(channel.qubits))
        if errors:
            total += _probabilities(circuit, errors)
            drawn += 1
    ideal = _probabilities(circuit, {})
    return ideal, free * ideal + (1 - free) * total / n_patterns, free


def _distance(one: Any, other: Any) -> float:
    return float(0.5 * np.abs(one - other).sum())


def _in_sector(n_orb: int, n_elec: tuple[int, int]) -> Any:
    numbers = np.arange(4**n_orb)
    halves = (numbers & (2**n_orb - 1), numbers >> n_orb)
    counts = [sum((half >> p) & 1 for p in range(n_orb)) for half in halves]
    return (counts[0] == n_elec[0]) & (counts[1] == n_elec[1])


def compare(
    circuit: Circuit, rate: float, *, n_patterns: int = N_PATTERNS, n_shots: int = N_SHOTS, seed: int = 1
) -> dict[str, float]:
    """Distances for one circuit at one rate."""
    rng = np.random.default_rng(seed)
    gates = conserving_gates(circuit)
    channels = depolarizing(gates, rate)
    ideal, noisy, free = exact_distribution(gates, channels, n_patterns, rng)
    again = exact_distribution(gates, channels, n_patterns, rng)[1]
    found = sample_sector(circuit, n_shots, rng=rng)
    bits = np.repeat(found.bits, found.counts, axis=0)
    transport_errors(gates, channels).disturb(bits, rng)
    numbers = bits @ (1 << np.arange(circuit.n_qubits))
    carried = np.bincount(numbers, minlength=2**circuit.n_qubits) / n_shots
    truth = (noisy + again) / 2
    uniform = free * ideal + (1 - free) / len(ideal)
    sector = _in_sector(circuit.n_orb, circuit.n_elec)
    return {
        "rate": rate,
        "error_free": free,
        "noise_distance": _distance(ideal, truth),
        "transport_distance": _distance(carried, truth),
        "uniform_distance": _distance(uniform, truth),
        "statistical_distance": _distance(noisy, again) / 2,
        "in_sector": float(truth[sector].sum()),
        "in_sector_transport": float(carried[sector].sum()),
        "in_sector_uniform": float(uniform[sector].sum()),
    }


def _circuits() -> dict[str, Circuit]:
    circuits = {}
    for n_orb, n_elec in (((3, (1, 2))), ((4, (2, 2))), ((5, (2, 2))), ((5, (2, 3)))):
        pairs = interaction_pairs(n_orb, "heavy-hex")
        operator = ffsim.random.random_ucj_op_spin_balanced(n_orb, n_reps=1, interaction_pairs=pairs, seed=1)
        name = f"random layer, {sum(n_elec)} electrons in {n_orb} orbitals"
        circuits[name] = Circuit(n_orb=n_orb, n_elec=n_elec, operator=operator)
    chain = load_problem("hydrogen-chain", n_atoms=4)
    circuits["hydrogen chain, 4 electrons in 4 orbitals"] = CircuitSpec(optimize=True).build(chain)
    return circuits


def main() -> None:
    rows = []
    for (name, circuit), rate in product(_circuits().items(), RATES):
        rows.append({"circuit": name, **compare(circuit, rate)})
        print(json.dumps(rows[-1]))
    document = {"rows": rows, "n_patterns": 2 * N_PATTERNS, "n_shots": N_SHOTS, "provenance": collect_provenance()}
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
