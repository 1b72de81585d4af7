"""What the router chooses for wide circuits, beside the peers that can do the same, in one run.

Goals: noisy GHZ states of 20 to 1,000 qubits at 50,000 shots/s after at most 1 s of set-up; the kicked Ising model on
127 and 156 qubits, 5 steps, all <Z> exact to 1e-6 within 30 s, and one <Z> on 16 x 16 within 40 s.

The GHZ rows: a chain is compiled to a twin by kakehashi itself and gets the twin's whole default noise, so Pauli errors
of every gate and of waiting, readout flips that differ between 0 and 1 and between qubits, and crosstalk on readout
lines. Set-up goes from the name of the twin to the first shot: load, compile, attach noise, reduce and convert. The
peers get the same compiled gates with as many Pauli channels: stim in words written by hand, with uniform errors and
the mean of the flips. Times are processor seconds of one core (``time.process_time``), the best of three of short ones.

    python benchmarks/routes.py [--quick]
"""

from __future__ import annotations

import argparse
import os

os.environ["OMP_NUM_THREADS"] = "1"

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from record import keep

from kakehashi.circuit.gates import GateCircuit, Operation, to_qiskit
from kakehashi.device.compile.compile import compile_circuit
from kakehashi.device.methods.model import Observable
from kakehashi.device.methods.pauli_propagation import PauliPropagationMethod
from kakehashi.device.methods.reduce import reduce_for_expectation
from kakehashi.device.methods.route import run_expectation, run_expectations, run_shots
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.model import NoisyCircuit, PauliChannel
from kakehashi.device.twins.library import load_twin


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    times: list[float] = []
    result = None
    while len(times) < 3 and (not times or times[0] < 2):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return min(times), result


def uniform(k: int, total: float) -> np.ndarray:
    return np.r_[1 - total, np.full(4**k - 1, total / (4**k - 1))]


def ghz(n: int) -> GateCircuit:
    chain = [Operation(name="cx", qubits=(q, q + 1)) for q in range(n - 1)]
    measure = Operation(name="measure", qubits=tuple(range(n)), bits=tuple(range(n)))
    return GateCircuit(n_qubits=n, n_bits=n, operations=(Operation(name="h", qubits=(0,)), *chain, measure))


def stim_text(circuit: NoisyCircuit) -> str:
    """The same gates for stim, by their names, with uniform errors in place of each channel and of the readout."""
    words = {"sx": "SQRT_X", "x": "X", "cz": "CZ", "cx": "CX"}
    turns = {0: "I", 1: "S", 2: "Z", 3: "S_DAG"}
    lines, readout = [], circuit.readout
    flip = 0.0 if readout is None else float((readout.prob_meas0_prep1 + readout.prob_meas1_prep0).mean() / 2)
    for step in circuit.steps:
        on = " ".join(map(str, step.qubits))
        if isinstance(step, PauliChannel):
            lines.append(f"DEPOLARIZE{len(step.qubits)}({step.error_probability:.9f}) {on}")
        elif step.name == "rz":
            lines.append(f"{turns[round(2 * step.parameters[0] / np.pi) % 4]} {on}")
        elif step.name == "measure":
            lines.append(f"M({flip:.9f}) {on}")
        else:
            lines.append(f"{words[step.name]} {on}")
    return "\n".join(lines)


def aer_shots_per_s(compiled: GateCircuit, n_shots: int, method: str) -> float:
    """Shots a second of Aer, errors after gates and at the readout; its noise model and the circuit built before."""
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(2.5e-4 * 4 / 3, 1), ["sx", "x"])
    model.add_all_qubit_quantum_error(depolarizing_error(2.5e-3 * 16 / 15, 2), ["cz", "cx"])
    model.add_all_qubit_readout_error(ReadoutError([[1 - 6e-3, 6e-3], [1.4e-2, 1 - 1.4e-2]]))
    number = {q: k for k, q in enumerate(compiled.used_qubits)}
    turns = {0: "id", 1: "s", 2: "z", 3: "sdg"}
    steps = []
    for gate in compiled.operations:
        if gate.name in ("barrier", "delay"):
            continue
        on = tuple(number[q] for q in gate.qubits)
        if gate.name == "rz":
            name = turns[round(2 * gate.parameters[0] / np.pi) % 4]
            steps.append(Operation(name=name, qubits=on))
        else:
            steps.append(Operation(name=gate.name, qubits=on, bits=gate.bits))
    circuit = to_qiskit(GateCircuit(n_qubits=len(number), n_bits=compiled.n_bits, operations=tuple(steps)))
    simulator = AerSimulator(method=method, noise_model=model, max_parallel_threads=1)
    took, _ = seconds(lambda: simulator.run(circuit, shots=n_shots).result().get_counts())
    return n_shots / took


def measure_ghz(n: int, twin_name: str, n_shots: int, *, peers: bool, **chosen: Any) -> dict[str, Any]:
    """One row; ``chosen`` are the options of the twin that are not its defaults."""
    import stim

    load_s, twin = seconds(lambda: load_twin(twin_name, **chosen))
    compile_s, compiled = seconds(lambda: compile_circuit(ghz(n), twin))
    attach_s, circuit = seconds(lambda: attach_noise(compiled.circuit, twin))
    first_s, (_, plan) = seconds(lambda: run_shots(circuit, 1, rng=1))
    whole_s, (sampled, _) = seconds(lambda: run_shots(circuit, n_shots, rng=2))
    text = stim_text(circuit)
    stim_s, flat = seconds(lambda: stim.Circuit(text).compile_sampler(seed=1).sample(n_shots, bit_packed=True))
    ours, theirs = (np.bitwise_count(rows).sum(axis=1) for rows in (sampled.bits, flat))
    row: dict[str, Any] = {
        "circuit": f"noisy GHZ {n}",
        "twin": twin_name,
        "chosen": chosen,
        "compiled_by": compiled.chosen.name,
        "n_two_qubit_gates": compiled.n_two_qubit_gates,
        "n_steps": len(circuit.steps),
        "method": plan.method,
        "load_s": load_s,
        "compile_s": compile_s,
        "attach_s": attach_s,
        "convert_s": first_s,
        "set_up_s": load_s + compile_s + attach_s + first_s,
        "n_shots": n_shots,
        "shots_per_s": n_shots / (whole_s - first_s),
        "shots_per_s_with_conversion": n_shots / whole_s,
        "stim_shots_per_s": n_shots / stim_s,
        # Half of the shots are mostly ones, half mostly zeros; how far from either, in bits.
        "flips": float(np.minimum(ours, n - ours).mean()),
        "stim_flips": float(np.minimum(theirs, n - theirs).mean()),
    }
    if peers:
        few = 100 if n <= 20 else 20
        row["aer_stabilizer_shots_per_s"] = aer_shots_per_s(compiled.circuit, few, "stabilizer")
        if n <= 20:
            row["aer_statevector_shots_per_s"] = aer_shots_per_s(compiled.circuit, 5, "statevector")
    return row


def edges_of(graph: str) -> tuple[int, list[tuple[int, int]]]:
    if graph.startswith("grid"):
        side = int(graph[4:])
        across = [(r * side + c, r * side + c + 1) for r in range(side) for c in range(side - 1)]
        return side * side, across + [(q, q + side) for q in range(side * (side - 1))]
    rows, width, shifts = (7, 15, (0, 2)) if graph == "hh127" else (8, 16, (3, 1))
    lengths = [width] * rows
    starts = [0] * rows
    if graph == "hh127":
        lengths[0] = lengths[-1] = 14
        starts[-1] = 1
    first, bridges, edges, n = [], [], [], 0
    for row in range(rows):
        first.append(n)
        edges += [(n + k, n + k + 1) for k in range(lengths[row] - 1)]
        n += lengths[row]
        if row < rows - 1:
            columns = range(shifts[row % 2], width, 4)
            bridges += [(row, column, n + k) for k, column in enumerate(columns)]
            n += len(columns)
    for row, column, q in bridges:
        edges += [(first[row] + column - starts[row], q), (q, first[row + 1] + column - starts[row + 1])]
    return n, sorted(edges)


def kicked_ising(graph: str, x: float, n_steps: int, noise: float = 0.0) -> NoisyCircuit:
    n, edges = edges_of(graph)
    steps: list[Any] = []
    for _ in range(n_steps):
        steps += [Operation(name="rx", qubits=(q,), parameters=(x * np.pi / 2,)) for q in range(n)]
        for edge in edges:
            steps.append(Operation(name="rzz", qubits=edge, parameters=(-np.pi / 2,)))
            if noise:
                steps.append(PauliChannel(qubits=edge, probabilities=uniform(2, noise)))
    return NoisyCircuit(n_qubits=n, n_bits=0, steps=tuple(steps))


def z(q: int) -> Observable:
    return Observable(paulis=((q, "Z"),))


def qulacs_z(circuit: NoisyCircuit, observable: Observable) -> float:
    """The cone's state vector by qulacs."""
    from qulacs import Observable as QulacsObservable
    from qulacs import QuantumCircuit, QuantumState

    reduced = reduce_for_expectation(circuit, observable)
    made = QuantumCircuit(reduced.circuit.n_qubits)
    for step in reduced.circuit.steps:
        if step.name == "rx":
            made.add_RX_gate(step.qubits[0], -step.parameters[0])
        else:
            made.add_multi_Pauli_rotation_gate(list(step.qubits), [3, 3], -step.parameters[0])
    state = QuantumState(reduced.circuit.n_qubits)
    made.update_quantum_state(state)
    asked = QulacsObservable(reduced.circuit.n_qubits)
    asked.add_operator(1.0, " ".join(f"Z {q}" for q in reduced.observable.qubits))
    return float(asked.get_expectation_value(state))


def pauli_prop_z(circuit: NoisyCircuit, observable: Observable, max_terms: int, atol: float) -> tuple[float, float]:
    """Value and discarded norm of the package pauli-prop."""
    from pauli_prop import circuit_to_rotation_gates, propagate_through_rotation_gates
    from qiskit.quantum_info import SparsePauliOp

    reduced = reduce_for_expectation(circuit, observable)
    n = reduced.circuit.n_qubits
    gates = to_qiskit(GateCircuit(n_qubits=n, operations=reduced.circuit.steps))
    start = SparsePauliOp.from_sparse_list([("Z", list(reduced.observable.qubits), 1.0)], num_qubits=n)
    carried, lost = propagate_through_rotation_gates(
        start, circuit_to_rotation_gates(gates), max_terms=max_terms, atol=atol, frame="h"
    )
    return float(carried.coeffs[~carried.paulis.x.any(axis=1)].sum().real), float(lost)


def quimb_z(circuit: NoisyCircuit, observable: Observable, bond: int) -> tuple[float, float]:
    """Value and fidelity of quimb's matrix product state of the cone."""
    import quimb.tensor as qtn

    reduced = reduce_for_expectation(circuit, observable)
    made = qtn.CircuitMPS(reduced.circuit.n_qubits, max_bond=bond, cutoff=1e-10)
    for step in reduced.circuit.steps:
        made.apply_gate(step.name.upper(), step.parameters[0], *step.qubits)
    value = made.local_expectation(np.diag([1.0, -1.0]), reduced.observable.qubits[0])
    return float(np.real(value)), float(made.fidelity_estimate())


def measure_ising(
    graph: str, x: float, n_steps: int, asked: list[int], *, peers: tuple[str, ...], noise: float = 0.0
) -> dict[str, Any]:
    circuit = kicked_ising(graph, x, n_steps, noise)
    took, (values, plans) = seconds(lambda: run_expectations(circuit, [z(q) for q in asked]))
    row: dict[str, Any] = {
        "circuit": f"kicked Ising {graph}, x = {x}, {n_steps} steps" + (", noisy" if noise else ""),
        "n_values": len(asked),
        "method": "; ".join(sorted({str(plan.method) for plan in plans})),
        "cone_qubits": max(len(reduce_for_expectation(circuit, z(q)).qubits) for q in asked),
        "time_s": took,
        "value": values[len(values) // 2].value,
        "error": values[len(values) // 2].error,
    }
    middle = z(asked[len(asked) // 2])
    if "qulacs" in peers:
        row["qulacs_s_each"], row["qulacs_value"] = seconds(lambda: qulacs_z(circuit, middle))
    if "own propagation" in peers:
        method = PauliPropagationMethod(max_terms=100_000, smallest=1e-6)
        reached, (value, _) = seconds(lambda: run_expectation(circuit, middle, [method]))
        row |= {"propagation_s_each": reached, "propagation_value": value.value, "propagation_error": value.error}
    if "pauli-prop" in peers:
        reached, (value, lost) = seconds(lambda: pauli_prop_z(circuit, middle, 100_000, 1e-6))
        row |= {"pauli_prop_s_each": reached, "pauli_prop_value": value, "pauli_prop_discarded": lost}
    if "quimb" in peers:
        reached, (value, fidelity) = seconds(lambda: quimb_z(circuit, middle, 64))
        row |= {"quimb_mps_s_each": reached, "quimb_mps_value": value, "quimb_mps_fidelity": fidelity}
    return row


def line(n: int) -> NoisyCircuit:
    """The transverse-field Ising model on a line, 5 steps."""
    steps: list[Any] = []
    for _ in range(5):
        bonds = [*range(0, n - 1, 2), *range(1, n - 1, 2)]
        steps += [Operation(name="rzz", qubits=(q, q + 1), parameters=(-0.4,)) for q in bonds]
        steps += [Operation(name="rx", qubits=(q,), parameters=(0.32,)) for q in range(n)]
    steps.append(Operation(name="measure", qubits=tuple(range(n)), bits=tuple(range(n))))
    return NoisyCircuit(n_qubits=n, n_bits=n, steps=tuple(steps))


def measure_line(n: int, n_shots: int, *, peers: bool) -> dict[str, Any]:
    circuit = line(n)
    first_s, (_, plan) = seconds(lambda: run_shots(circuit, 1, rng=1))
    whole_s, _ = seconds(lambda: run_shots(circuit, n_shots, rng=2))
    row: dict[str, Any] = {
        "circuit": f"TFIM line {n}, 5 steps",
        "method": plan.method,
        "set_up_s": first_s,
        "n_shots": n_shots,
        "shots_per_s": n_shots / whole_s,
    }
    if peers:
        import quimb.tensor as qtn

        made = qtn.CircuitMPS(n, max_bond=64, cutoff=1e-10)

        def build() -> None:
            for step in circuit.steps[:-1]:
                made.apply_gate(step.name.upper(), *step.parameters, *step.qubits)

        start = time.process_time()
        build()
        row["quimb_set_up_s"] = time.process_time() - start
        start = time.process_time()
        list(made.sample(2, seed=1))
        row["quimb_shots_per_s"] = 2 / (time.process_time() - start)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small circuits, few peers")
    quick = parser.parse_args().quick
    rows: list[dict[str, Any]] = []
    kobe = load_twin("ibm-kobe")
    run_shots(attach_noise(compile_circuit(ghz(3), kobe).circuit, kobe), 10, rng=1)  # what is imported once
    for n in (20, 100) if quick else (20, 100, 156):
        rows.append(measure_ghz(n, "ibm-kobe", 200_000, peers=not quick or n == 20))
        print(rows[-1], flush=True)
    # The default preset misreads every fifth bit, as the only public calibration of such a machine does.
    for chosen in ({}, {"preset": "target"}):
        rows.append(measure_ghz(1000, "fujitsu-1024", 50_000, peers=not quick and not chosen, **chosen))
        print(rows[-1], flush=True)
    rows.append(measure_line(100 if quick else 1000, 1000, peers=not quick))
    print(rows[-1], flush=True)
    cases: list[tuple[str, float, int, list[int], tuple[str, ...]]] = [
        ("hh127", 0.3, 5, list(range(127)), ("qulacs",)),
        (
            "hh156",
            0.3,
            5,
            list(range(156)),
            ("qulacs",) if quick else ("qulacs", "own propagation", "pauli-prop", "quimb"),
        ),
        ("grid16", 0.3, 5, [8 * 16], () if quick else ("qulacs", "own propagation", "pauli-prop")),
    ]
    if not quick:
        cases += [
            ("hh127", 0.7, 5, list(range(127)), ("qulacs",)),
            ("grid16", 0.3, 5, [8 * 16 + 8], ("own propagation", "pauli-prop")),
            ("grid16", 0.3, 5, list(range(256)), ()),
            ("hh156", 0.3, 8, [78], ("pauli-prop",)),
        ]
    for graph, x, n_steps, asked, peers in cases:
        rows.append(measure_ising(graph, x, n_steps, asked, peers=peers))
        print(rows[-1], flush=True)
    for graph, asked in (("hh156", [78]), *(() if quick else (("hh156", list(range(156))), ("grid16", [128])))):
        rows.append(measure_ising(graph, 0.3, 5, asked, peers=(), noise=2.5e-3))
        print(rows[-1], flush=True)
    print(keep("routes", rows))


if __name__ == "__main__":
    main()
