"""How far Pauli twirling leads from the exact noise of a processor, by density matrices of 8 and 10 qubits.

Each circuit is compiled to the calibration of ibm_fez that qiskit-ibm-runtime ships (FakeFez), gets its noise once by
Kraus operators and once twirled, and the exact distributions of the outcomes are compared. Misreading is left out.

    OMP_NUM_THREADS=1 python -m verification.twirling     half a minute; writes verification/results/twirling.json

``kakehashi.device.noise.approximations`` quotes the numbers in results; the tests hold it to the stored file.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import qiskit

from kakehashi.circuit.gates import GateCircuit, from_qiskit
from kakehashi.core.provenance import collect_provenance
from kakehashi.device.noise.options import NoiseOptions
from kakehashi.device.noise.twirl import twirling_bias
from kakehashi.device.twins.library import load_twin

__all__ = ["RESULTS"]

RESULTS = Path(__file__).parent / "results" / "twirling.json"

SETTINGS: dict[str, dict[str, Any]] = {
    "gates only": {"idle": False, "excess": "keep"},
    "all twirled": {"fold": False},
    "default": {},
}
"""The first is what Qiskit Aer makes of the calibration. The last is what ``attach_noise`` does by itself: relaxation
right before a final measurement is misreading there, and exact."""


def ghz(n: int) -> qiskit.QuantumCircuit:
    """A chain of controlled flips."""
    circuit = qiskit.QuantumCircuit(n)
    circuit.h(0)
    for q in range(n - 1):
        circuit.cx(q, q + 1)
    return circuit


def tfim(n: int, steps: int) -> qiskit.QuantumCircuit:
    """Trotter steps of the Ising chain in a transverse field: J = 1, h = 0.8, dt = 0.2."""
    circuit = qiskit.QuantumCircuit(n)
    for _ in range(steps):
        for first in (0, 1):
            for q in range(first, n - 1, 2):
                circuit.rzz(-0.4, q, q + 1)
        for q in range(n):
            circuit.rx(0.32, q)
    return circuit


def brickwork(n: int, depth: int) -> qiskit.QuantumCircuit:
    """Layers of random one-qubit gates and of ``cz`` on alternating pairs."""
    rng = np.random.default_rng(1)
    circuit = qiskit.QuantumCircuit(n)
    for layer in range(depth):
        for q in range(n):
            circuit.u(*rng.uniform(0, 2 * np.pi, 3), q)
        for q in range(layer % 2, n - 1, 2):
            circuit.cz(q, q + 1)
    return circuit


CIRCUITS: dict[str, Callable[[], qiskit.QuantumCircuit]] = {
    "GHZ-8": lambda: ghz(8),
    "TFIM-8": lambda: tfim(8, 5),
    "brickwork-8": lambda: brickwork(8, 10),
    "GHZ-10": lambda: ghz(10),
}


def compile_to(backend: Any, circuit: qiskit.QuantumCircuit) -> GateCircuit:
    """Compiled by qiskit at level 3, seed 1, all qubits measured at the end."""
    measured = circuit.copy()
    measured.measure_all()
    return from_qiskit(qiskit.transpile(measured, backend, optimization_level=3, seed_transpiler=1))


def main() -> None:
    from qiskit_ibm_runtime.fake_provider import FakeFez

    backend = FakeFez()
    twin = load_twin("fake-fez")
    rows = []
    for name, make in CIRCUITS.items():
        circuit = compile_to(backend, make())
        row: dict[str, Any] = {"circuit": name, "qubits": list(circuit.used_qubits), "operations": circuit.count()}
        for setting, options in SETTINGS.items():
            found = twirling_bias(circuit, twin, options=NoiseOptions(**options))
            row[setting] = {"bias": found.bias, "effect": found.effect, "share": found.share}
            print(f"{name:12} {setting:24} {found.bias:.4f} / {found.effect:.4f} = {found.share:.3f}", flush=True)
        rows.append(row)
    table = {
        "schema": "kakehashi.verification/1",
        "what": "total variation distance of outcomes: exact to twirled noise (bias), no to exact noise (effect)",
        "device": "FakeFez",
        "packages": {name: importlib.metadata.version(name) for name in ("qiskit", "qiskit-ibm-runtime")},
        "rows": rows,
        "provenance": collect_provenance(),
    }
    RESULTS.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
