"""Shots of a noisy circuit by state vectors, beside qulacs, Aer and grouped trajectories on peers' kernels, in one run.

Goal: at least 3 times the best peer's shots per second on one core for a brickwork of depth 10 on 12, 16 and 20 qubits.

The circuit: 10 layers of ``u`` with random angles on every qubit and CZ on every second pair. The noise: a Pauli error
with probability 2.5e-4 after each gate on one qubit and 2.5e-3 after each on two, and each bit misread with 1e-2
(qulacs' NoiseSimulator has no readout errors). `Grouped` is what a careful user would write over qulacs or lightning:
draw all errors first, join equal patterns, begin each at a copy of the one error-free state where its first error is.
Times are processor times of the whole call, getting ready included; the rounds of all contestants are interleaved. A
ratio, the median over rounds, is to the best package, and to the best of all, grouped trajectories on lightning
included. First, 10 qubits are compared with Aer's density matrix, readout errors included: p of a chi-square test.

Then one circuit without noise, up to its state: nanoseconds per amplitude and gate, beside qulacs and lightning, plans
and gates ready before.

What limits it. A turn costs one multiply-add per real number where a general gate costs four; the phases of a layer
cost four, whatever their number. Ten layers on 12 qubits are 1.3 million multiply-adds: 82,000 cycles of two units of
eight lanes. On 20 qubits the state (16 MiB) is beyond the second cache, and has to come and go in every pass.

    python benchmarks/noisy_sampling.py [--quick]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before the peers are loaded

import numpy as np
from record import keep

from kakehashi import _native
from kakehashi.circuit.gates import Operation
from kakehashi.device.methods.state_vector import sample_noisy
from kakehashi.device.noise.model import NoisyCircuit, PauliChannel, Readout
from kakehashi.device.sampler.patterns import draw_events
from kakehashi.device.sampler.rotations import to_rotations
from kakehashi.device.sampler.schedule import plan_schedule

DEPTH, ONE, TWO, MISREAD = 10, 2.5e-4, 2.5e-3, 1e-2


def layers(n: int) -> list[Operation]:
    rng = np.random.default_rng(1)
    gates = []
    for layer in range(DEPTH):
        gates += [Operation(name="u", qubits=(q,), parameters=tuple(rng.uniform(0, 2 * np.pi, 3))) for q in range(n)]
        gates += [Operation(name="cz", qubits=(q, q + 1)) for q in range(layer % 2, n - 1, 2)]
    return gates


def channel(gate: Operation) -> PauliChannel:
    total, kinds = (ONE, 3) if len(gate.qubits) == 1 else (TWO, 15)
    return PauliChannel(qubits=gate.qubits, probabilities=np.array([1 - total, *[total / kinds] * kinds]))


def brickwork(n: int) -> NoisyCircuit:
    steps = [step for gate in layers(n) for step in (gate, channel(gate))]
    steps.append(Operation(name="measure", qubits=tuple(range(n)), bits=tuple(range(n))))
    readout = Readout(prob_meas1_prep0=np.full(n, MISREAD), prob_meas0_prep1=np.full(n, MISREAD))
    return NoisyCircuit(n_qubits=n, n_bits=n, steps=tuple(steps), readout=readout)


def qulacs_gate(gate: Operation) -> Any:
    from qulacs import gate as gates

    if gate.name != "u":
        return getattr(gates, gate.name.upper())(*gate.qubits)
    theta, phi, lam = gate.parameters
    return gates.U3(gate.qubits[0], theta, phi, lam)


def by_qulacs(n: int, n_shots: int) -> None:
    from qulacs import NoiseSimulator, QuantumCircuit, QuantumState

    circuit = QuantumCircuit(n)
    for gate in layers(n):
        circuit.add_noise_gate(qulacs_gate(gate), "Depolarizing", ONE if len(gate.qubits) == 1 else TWO)
    NoiseSimulator(circuit, QuantumState(n)).execute(n_shots)


class QulacsState:
    """What grouped trajectories need of qulacs."""

    def __init__(self, n: int, state: Any = None) -> None:
        from qulacs import QuantumState

        self.n, self.state = n, QuantumState(n) if state is None else state

    def apply(self, gate: Operation) -> None:
        qulacs_gate(gate).update_quantum_state(self.state)

    def copy(self) -> QulacsState:
        return QulacsState(self.n, self.state.copy())

    def sample(self, n_shots: int, _: np.random.Generator) -> list[int]:
        return self.state.sampling(n_shots)


class LightningState:
    """What grouped trajectories need of lightning."""

    def __init__(self, n: int) -> None:
        from pennylane_lightning.lightning_qubit_ops import StateVectorC128

        self.n, self.state = n, StateVectorC128(n)

    def apply(self, gate: Operation) -> None:
        if gate.name == "u":
            theta, phi, lam = gate.parameters
            self.state.Rot(list(gate.qubits), False, [lam, theta, phi])
        else:
            name = {"cz": "CZ", "x": "PauliX", "y": "PauliY", "z": "PauliZ"}[gate.name]
            getattr(self.state, name)(list(gate.qubits), False, [])

    def amplitudes(self) -> np.ndarray:
        out = np.empty(1 << self.n, dtype=np.complex128)
        self.state.getState(out)
        return out

    def copy(self) -> LightningState:
        other = LightningState(self.n)
        other.state.updateData(self.amplitudes())
        return other

    def sample(self, n_shots: int, rng: np.random.Generator) -> list[int]:
        cumulative = np.cumsum(np.abs(self.amplitudes()) ** 2)
        return np.searchsorted(cumulative, rng.random(n_shots) * cumulative[-1]).tolist()


def by_grouped(n: int, n_shots: int, start: Callable[[int], Any]) -> None:
    rng = np.random.default_rng(3)
    gates = layers(n)
    events = draw_events([channel(gate) for gate in gates], n_shots, rng)
    per_shot: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for shot, place, operator in zip(*(a.tolist() for a in (events.shot, events.place, events.operator)), strict=True):
        per_shot[shot].append((place, operator))
    groups: dict[tuple[tuple[int, int], ...], int] = defaultdict(int)
    for pattern in per_shot.values():
        groups[tuple(pattern)] += 1
    running, done = start(n), 0
    found = []
    for pattern in sorted(groups):
        while done <= pattern[0][0]:
            running.apply(gates[done])
            done += 1
        state = running.copy()
        errors = dict(pattern)
        for k in range(pattern[0][0], len(gates)):
            if k > pattern[0][0]:
                state.apply(gates[k])
            for j, q in enumerate(gates[k].qubits):
                pauli = errors.get(k, 0) >> (2 * j) & 3
                if pauli:
                    state.apply(Operation(name="ixyz"[pauli], qubits=(q,)))
        found += state.sample(groups[pattern], rng)
    for gate in gates[done:]:
        running.apply(gate)
    found += running.sample(n_shots - len(per_shot), rng)
    bits = np.unpackbits(np.array(found, dtype="<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")[:, :n]
    np.logical_xor(bits, rng.random(bits.shape) < MISREAD)


def aer_circuit(n: int) -> Any:
    from qiskit import QuantumCircuit
    from qiskit_aer.noise import NoiseModel, ReadoutError, pauli_error

    circuit = QuantumCircuit(n, n)
    for gate in layers(n):
        if gate.name == "cz":
            circuit.cz(*gate.qubits)
        else:
            circuit.u(*gate.parameters, gate.qubits[0])
    circuit.measure(range(n), range(n))
    noise = NoiseModel()
    letters = "IXYZ"
    noise.add_all_qubit_quantum_error(pauli_error([("I", 1 - ONE), *((p, ONE / 3) for p in "XYZ")]), ["u"])
    pairs = [(a + b, TWO / 15) for a in letters for b in letters if a + b != "II"]
    noise.add_all_qubit_quantum_error(pauli_error([("II", 1 - TWO), *pairs]), ["cz"])
    noise.add_all_qubit_readout_error(ReadoutError([[1 - MISREAD, MISREAD], [MISREAD, 1 - MISREAD]]))
    return circuit, noise


def by_aer(n: int, n_shots: int, *, branching: bool = True) -> None:
    from qiskit_aer import AerSimulator

    circuit, noise = aer_circuit(n)
    simulator = AerSimulator(
        method="statevector", noise_model=noise, shot_branching_enable=branching, max_parallel_threads=1
    )
    simulator.run(circuit, shots=n_shots, seed_simulator=1).result().get_counts()


def validate(n: int, n_shots: int) -> float:
    """p of the hypothesis that our shots come from Aer's density matrix."""
    from qiskit_aer import AerSimulator
    from scipy.stats import chisquare

    circuit, noise = aer_circuit(n)
    circuit.remove_final_measurements()
    circuit.save_density_matrix()
    simulator = AerSimulator(method="density_matrix", noise_model=noise, max_parallel_threads=1)
    density = simulator.run(circuit).result().data()["density_matrix"]
    exact = np.real(np.diag(np.asarray(density)))
    for q in range(n):
        split = exact.reshape(-1, 2, 1 << q)
        exact = ((1 - MISREAD) * split + MISREAD * split[:, ::-1]).reshape(-1)
    bits = np.unpackbits(sample_noisy(brickwork(n), n_shots, 11, n_threads=1).bits, axis=1, bitorder="little")[:, :n]
    counts = np.bincount(bits.astype(np.int64) @ (1 << np.arange(n)), minlength=1 << n)
    return float(chisquare(counts, exact / exact.sum() * n_shots).pvalue)


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def race(n: int, shots: dict[str, int], rounds: int) -> dict[str, Any]:
    circuit = brickwork(n)
    contestants: dict[str, Callable[[int], object]] = {
        "kakehashi": lambda n_shots: sample_noisy(circuit, n_shots, 5, n_threads=1),
        "kakehashi_single": lambda n_shots: sample_noisy(circuit, n_shots, 5, precision="single", n_threads=1),
        "qulacs": lambda n_shots: by_qulacs(n, n_shots),
        "grouped_qulacs": lambda n_shots: by_grouped(n, n_shots, QulacsState),
        "grouped_lightning": lambda n_shots: by_grouped(n, n_shots, LightningState),
        "aer": lambda n_shots: by_aer(n, n_shots),
    }
    rates: dict[str, list[float]] = defaultdict(list)
    for name, work in contestants.items():
        work(2)  # loads and first calls
        for _ in range(0 if name != "kakehashi" else 1):
            work(shots[name])
    for _ in range(rounds):
        for name, work in contestants.items():
            rates[name].append(shots[name] / seconds(lambda work=work, name=name: work(shots[name])))
    every = [name for name in contestants if not name.startswith("kakehashi")]
    packages = ["qulacs", "grouped_qulacs", "aer"]
    row: dict[str, Any] = {"n_qubits": n, "shots": shots}
    for name in contestants:
        row[f"{name}_shots_per_s"] = statistics.median(rates[name])
    for own in ("kakehashi", "kakehashi_single"):
        for what, peers in (("", packages), ("_to_all", every)):
            ratios = [rates[own][k] / max(rates[peer][k] for peer in peers) for k in range(rounds)]
            row[f"{own}_ratio{what}"] = statistics.median(ratios)
    return row


def noiseless(n: int, rounds: int) -> dict[str, Any]:
    gates = layers(n)
    applied = [qulacs_gate(gate) for gate in gates]
    rotations = to_rotations(gates, n_qubits=n).rotations
    schedule = plan_schedule(rotations, n_qubits=n, n_local=16)
    real, imaginary = np.empty(1 << n), np.empty(1 << n)
    signs = np.zeros((1, schedule.n_words), dtype=np.uint64)

    plan = (schedule.n_qubits, schedule.code, schedule.angles, schedule.scales)
    double, single = (_native.make_trajectories(*plan, narrow) for narrow in (False, True))

    def qulacs() -> None:
        state = QulacsState(n).state
        for gate in applied:
            gate.update_quantum_state(state)

    def lightning() -> None:
        state = LightningState(n)
        for gate in gates:
            state.apply(gate)

    work: dict[str, Callable[[], object]] = {
        "kakehashi": lambda: double.fill_amplitudes(signs, real, imaginary, 1),
        "kakehashi_single": lambda: single.fill_amplitudes(signs, real, imaginary, 1),
    }
    work |= {"qulacs": qulacs, "lightning": lightning}
    times: dict[str, list[float]] = defaultdict(list)
    repeats = max(1, 1 << max(0, 16 - n))
    for _ in range(rounds):
        for name, call in work.items():
            times[name].append(seconds(lambda call=call: [call() for _ in range(repeats)]) / repeats)
    row: dict[str, Any] = {"n_qubits": n, "n_gates": len(gates)}
    for name in work:
        row[f"{name}_ns_per_amplitude_and_gate"] = 1e9 * statistics.median(times[name]) / len(gates) / (1 << n)
    best = [min(times["qulacs"][k], times["lightning"][k]) / times["kakehashi"][k] for k in range(rounds)]
    row["kakehashi_ratio"] = statistics.median(best)
    return row


PEERS = ("qulacs", "grouped_qulacs", "grouped_lightning")


def shots_of(own: int, peer: int, aer: int) -> dict[str, int]:
    return {"kakehashi": own, "kakehashi_single": own, **dict.fromkeys(PEERS, peer), "aer": aer}


SHOTS = {12: shots_of(10_000, 1000, 200), 16: shots_of(1000, 300, 40), 20: shots_of(200, 30, 4)}
"""Peers get fewer: they would take minutes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="12 and 16 qubits, one round")
    quick = parser.parse_args().quick
    p = validate(10, 100_000 if quick else 1_000_000)
    print(f"10 qubits against Aer's density matrix: p = {p:.3f}")
    rows: list[dict[str, Any]] = []
    names = {"kakehashi": "ours", "kakehashi_single": "single", "qulacs": "qulacs", "grouped_qulacs": "on qulacs"}
    names |= {"grouped_lightning": "on lightning", "aer": "Aer"}
    print("qubits" + "".join(f"{title:>13s}" for title in names.values()) + "  shots/s")
    for n in (12, 16) if quick else (12, 16, 20):
        row = race(n, SHOTS[n], 1 if quick else 5)
        # Few shots are the hardest for us: getting ready counts, and hardly two of them are alike.
        peer, aer = SHOTS[n]["qulacs"], SHOTS[n]["aer"]
        row["at_equal_shots"] = same = race(n, shots_of(peer, peer, aer), 1 if quick else 3)
        rows.append(row)
        rates = "".join(f"{row[f'{name}_shots_per_s']:13,.1f}" for name in names)
        print(f"{n:6d}{rates}")
        for what, those in (("ratio", row), (f"ratio at {peer} shots", same)):
            best = f"{those['kakehashi_ratio']:.1f} to the best package, {those['kakehashi_ratio_to_all']:.1f} to all"
            single = f"{those['kakehashi_single_ratio']:.1f} and {those['kakehashi_single_ratio_to_all']:.1f}"
            print(f"       {what}: {best}; in single precision {single}", flush=True)
    states = [noiseless(n, 3 if quick else 7) for n in ((12, 16) if quick else (12, 16, 20, 22))]
    print("\nqubits    ours  single  qulacs  lightning  ns per amplitude and gate   ratio")
    for row in states:
        names = ("kakehashi", "kakehashi_single", "qulacs", "lightning")
        numbers = [row[f"{name}_ns_per_amplitude_and_gate"] for name in names]
        print(f"{row['n_qubits']:6d}  " + "  ".join(f"{x:6.3f}" for x in numbers) + f"  {row['kakehashi_ratio']:27.1f}")
    if not quick:
        print(keep("noisy_sampling", rows, noiseless=states, p_value=p))


if __name__ == "__main__":
    main()
