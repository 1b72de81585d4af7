"""The noise of a twin: how long a circuit takes to get it, and how long a million shots take to be misread.

Beside it Qiskit Aer's way to the noise of the same processor, ``NoiseModel.from_backend``, which has to come before its
first shot. CPU time of one core, the best of several runs. Goals: 0.3 s for GHZ-1000, 0.2 s to schedule 1e4 operations.

    OMP_NUM_THREADS=1 python benchmarks/noise.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from record import keep

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from verification.twirling import compile_to, ghz

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.model import Readout
from kakehashi.device.noise.options import NoiseOptions
from kakehashi.device.noise.readout import misread
from kakehashi.device.noise.schedule import schedule_circuit
from kakehashi.device.twins.library import load_twin


def cpu_seconds(work: Callable[[], Any], *, repeats: int) -> float:
    """Least CPU time of several calls; on a shared machine it is steadier than wall time."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def hadamard(q: int) -> list[Operation]:
    turn = Operation(name="rz", qubits=(q,), parameters=(np.pi / 2,))
    return [turn, Operation(name="sx", qubits=(q,)), turn]


def long_ghz(n: int) -> GateCircuit:
    """A chain in rz, sx and cz."""
    operations = hadamard(0)
    for q in range(1, n):
        operations += [*hadamard(q), Operation(name="cz", qubits=(q - 1, q)), *hadamard(q)]
    operations += [Operation(name="measure", qubits=(q,), bits=(q,)) for q in range(n)]
    return GateCircuit(n_qubits=n, n_bits=n, operations=tuple(operations))


def rows_of_ours() -> list[dict[str, Any]]:
    circuit, plain, coupled = long_ghz(1000), line_twin(1000), line_twin(1000, zz_khz=20.0)
    tasks: list[tuple[str, Callable[[], Any]]] = [
        ("schedule GHZ-1000", lambda: schedule_circuit(circuit, plain)),
        ("attach GHZ-1000, twirled", lambda: attach_noise(circuit, plain)),
        ("attach GHZ-1000, twirled, with ZZ", lambda: attach_noise(circuit, coupled)),
        ("attach GHZ-1000, exact", lambda: attach_noise(circuit, plain, options=NoiseOptions(twirl=False))),
    ]
    bits = np.random.default_rng(1).integers(0, 256, (10**6, 20), dtype=np.uint8)
    bits[:, -1] &= 15
    for name, crosstalk in (("independent", 0.0), ("lines of 4", 0.002)):
        readout = Readout(
            prob_meas1_prep0=np.full(156, 0.005),
            prob_meas0_prep1=np.full(156, 0.010),
            line=np.arange(156) // 4,
            line_crosstalk=crosstalk,
        )
        tasks.append((f"misread 1e6 shots of 156 bits, {name}", lambda r=readout: misread(bits, r, rng=1)))
    return [{"task": name, "who": "kakehashi", "cpu_s": cpu_seconds(work, repeats=5)} for name, work in tasks]


def rows_of_both() -> list[dict[str, Any]]:
    from qiskit_aer.noise import NoiseModel
    from qiskit_ibm_runtime.fake_provider import FakeFez

    backend = FakeFez()
    circuit = compile_to(backend, ghz(100))
    task = "noise of FakeFez, 156 qubits"
    ours = cpu_seconds(lambda: attach_noise(circuit, load_twin("fake-fez")), repeats=3)
    theirs = cpu_seconds(lambda: NoiseModel.from_backend(backend), repeats=1)
    return [
        {"task": f"{task}, on GHZ-100", "who": "kakehashi", "cpu_s": ours},
        {"task": task, "who": "qiskit-aer", "cpu_s": theirs},
    ]


def main() -> None:
    rows = [*rows_of_ours(), *rows_of_both()]
    for row in rows:
        print(f"{row['task']:48} {row['who']:12} {row['cpu_s']:8.3f} s")
    keep("noise", rows, circuit="rz, sx, cz; 999 cz, 1,999 sx, 3,998 rz, 1,000 measurements")


if __name__ == "__main__":
    main()
