"""Shots of wide and shallow noisy circuits by sweeping over them, checked on light cones, beside state vectors.

Circuits: QAOA and kicked Ising layers on heavy-hex and square graphs, gates at random on lines, with errors of 2.5e-3
after each gate on two qubits; and the same layers compiled to twins with all of their noise. Of every circuit whose
cones can be had, the correlation of neighbours in the shots is compared with the exact one. Times are processor seconds
(``time.process_time``) of sampling, planning included, on one thread.

    python benchmarks/sweeps.py [--quick]
"""

from __future__ import annotations

import argparse
import os

os.environ["OMP_NUM_THREADS"] = "1"

import time
from typing import Any

import numpy as np
from record import keep
from routes import edges_of, uniform

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.progress import Reporter
from kakehashi.device.compile.compile import compile_circuit
from kakehashi.device.methods.cone import LightConeMethod
from kakehashi.device.methods.front import FrontMethod
from kakehashi.device.methods.model import Cost, Method, Observable
from kakehashi.device.methods.reduce import reduce_for_expectation, reduce_for_shots
from kakehashi.device.methods.state_vector import StateVector
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.model import NoisyCircuit, PauliChannel
from kakehashi.device.twins.library import load_twin

GAMMA, BETA = (0.4, 0.65, 0.7), (1.3, 1.0, 0.6)
NOISE = 2.5e-3
SECONDS_A_ROW = 1.5
MOST_SECONDS_A_SHOT = 1.2


def measure_all(n: int) -> Operation:
    return Operation(name="measure", qubits=tuple(range(n)), bits=tuple(range(n)))


def layers(kind: str, n: int, edges: list[tuple[int, int]], count: int) -> list[Operation]:
    """QAOA for the largest cut, or the kicked Ising model at x = 0.3; as many layers as asked for."""
    steps = [Operation(name="h", qubits=(q,)) for q in range(n)] if kind == "QAOA" else []
    for k in range(count):
        phase = GAMMA[k % 3] if kind == "QAOA" else -np.pi / 2
        turn = BETA[k % 3] if kind == "QAOA" else 0.3 * np.pi / 2
        pairs = [Operation(name="rzz", qubits=edge, parameters=(phase,)) for edge in edges]
        kicks = [Operation(name="rx", qubits=(q,), parameters=(turn,)) for q in range(n)]
        steps += pairs + kicks if kind == "QAOA" else kicks + pairs
    return steps


def brickwork(n: int, depth: int) -> list[Operation]:
    rng = np.random.default_rng(1)
    steps = []
    for layer in range(depth):
        for q in range(n):
            angles = tuple(float(angle) for angle in rng.uniform(0, 2 * np.pi, 3))
            steps.append(Operation(name="u", qubits=(q,), parameters=angles))
        steps += [Operation(name="cz", qubits=(q, q + 1)) for q in range(layer % 2, n - 1, 2)]
    return steps


def noisy(n: int, steps: list[Operation]) -> NoisyCircuit:
    out: list[Any] = []
    for step in steps:
        out.append(step)
        if len(step.qubits) == 2:
            out.append(PauliChannel(qubits=step.qubits, probabilities=uniform(2, NOISE)))
    return NoisyCircuit(n_qubits=n, n_bits=n, steps=(*out, measure_all(n)))


def sample_s(method: Method, circuit: NoisyCircuit, n_shots: int) -> tuple[float, np.ndarray]:
    start = time.process_time()
    done = method.sample(circuit, n_shots, rng=np.random.default_rng(1), reporter=Reporter())
    took = time.process_time() - start
    return took, np.repeat(done.bits, done.counts, axis=0)


def deviation(circuit: NoisyCircuit, pairs: list[tuple[int, int]], bits: np.ndarray) -> float | None:
    """Largest difference between the correlations of shots and cones, in standard errors."""
    z = 1.0 - 2.0 * np.unpackbits(bits, axis=1, bitorder="little", count=circuit.n_bits)
    of_qubit = {}
    for step in circuit.steps:
        if isinstance(step, Operation) and step.name == "measure":
            of_qubit |= dict(zip(step.qubits, step.bits, strict=True))
    largest = None
    for pair in pairs:
        a, b = sorted(pair)
        observable = Observable(paulis=((a, "Z"), (b, "Z")))
        cone = reduce_for_expectation(circuit, observable)
        cost = LightConeMethod().consider_expectation(cone.circuit, cone.observable or observable)
        if not isinstance(cost, Cost) or cost.time_s > 0.3:
            continue
        exact = LightConeMethod().expect(circuit, observable, reporter=Reporter()).value
        found = z[:, of_qubit[a]] * z[:, of_qubit[b]]
        error = max(np.sqrt((1 - exact**2) / len(z)), 1e-9)
        largest = max(largest or 0.0, abs(float(found.mean()) - exact) / error)
    return largest


def measure(name: str, circuit: NoisyCircuit, pairs: list[tuple[int, int]]) -> dict[str, Any] | None:
    method = FrontMethod(n_threads=1)
    start = time.process_time()
    cost = method.consider_shots(circuit, 1000)
    plan_s = time.process_time() - start
    if not isinstance(cost, Cost):
        return {"circuit": name, "n_qubits": circuit.n_qubits, "refused": cost.reason}
    each = cost.time_s / 1000
    if each > MOST_SECONDS_A_SHOT:
        return {"circuit": name, "n_qubits": circuit.n_qubits, "reason": cost.reason, "estimated_s_per_shot": each}
    n_shots = int(np.clip(SECONDS_A_ROW / each, 8, 40_000)) // 8 * 8
    took, bits = sample_s(method, circuit, n_shots)
    return {
        "circuit": name,
        "n_qubits": circuit.n_qubits,
        "reason": cost.reason,
        "plan_s": plan_s,
        "n_shots": n_shots,
        "shots_per_s": n_shots / took,
        "estimated_s": method.consider_shots(circuit, n_shots).time_s,
        "took_s": took,
        "largest_deviation_in_standard_errors": deviation(circuit, pairs, bits),
    }


def on_twin(name: str, kind: str, count: int) -> tuple[NoisyCircuit, list[tuple[int, int]]]:
    """Layers on the largest connected part of a twin's own graph, compiled to it, with its default noise."""
    import networkx as nx

    twin = load_twin(name)
    graph = nx.Graph(twin.edges[twin.usable_edges].tolist())
    part = sorted(max(nx.connected_components(graph), key=len))
    number = {q: k for k, q in enumerate(part)}
    edges = [(number[a], number[b]) for a, b in graph.subgraph(part).edges]
    steps = (*layers(kind, len(part), edges, count), measure_all(len(part)))
    given = GateCircuit(n_qubits=len(part), n_bits=len(part), operations=steps)
    circuit = reduce_for_shots(attach_noise(compile_circuit(given, twin).circuit, twin)).circuit
    return circuit, []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few circuits")
    quick = parser.parse_args().quick
    rows: list[dict[str, Any]] = []

    def add(row: dict[str, Any]) -> None:
        rows.append(row)
        print(row, flush=True)

    graphs = {"heavy-hex 127": "hh127"} if quick else {
        "heavy-hex 127": "hh127", "heavy-hex 156": "hh156", "8 x 8": "grid8", "12 x 12": "grid12", "16 x 16": "grid16"
    }  # fmt: skip
    for title, graph in graphs.items():
        n, edges = edges_of(graph)
        for kind, count in (("QAOA", 1), ("QAOA", 2), ("QAOA", 3), ("kicked Ising", 4), ("kicked Ising", 5)):
            if quick and count > 2:
                continue
            circuit = reduce_for_shots(noisy(n, layers(kind, n, edges, count))).circuit
            add(measure(f"{kind}, {count} layers, {title}", circuit, edges[:: max(1, len(edges) // 4)]))
    for n in (12, 20) if quick else (12, 16, 20, 40, 100):
        circuit = reduce_for_shots(noisy(n, brickwork(n, 10))).circuit
        row = measure(f"random gates on a line, 10 layers, {n} qubits", circuit, [(0, 1), (n // 2, n // 2 + 1)])
        if n <= 20:
            n_shots = 20_000 if n == 12 else 2000 if n == 16 else 200
            row["state_vector_shots_per_s"] = n_shots / sample_s(StateVector(n_threads=1), circuit, n_shots)[0]
        add(row)
    for twin, kind, count in (
        ("ibm-kobe", "QAOA", 1),
        ("ibm-kobe", "QAOA", 2),
        ("ibm-kobe", "QAOA", 3),
        ("ibm-kobe", "kicked Ising", 4),
        ("riken-64", "QAOA", 1),
        ("riken-64", "QAOA", 2),
        ("osaka-144", "QAOA", 1),
    )[: 1 if quick else None]:
        circuit, pairs = on_twin(twin, kind, count)
        add(measure(f"{kind}, {count} layers, compiled to {twin}", circuit, pairs))
    print(keep("sweeps", rows))


if __name__ == "__main__":
    main()
