"""Readout mitigation of a known state, beside mthree, in one run, on one core: bias and time.

Half of the shots of a GHZ state are all 0, at any width; every bit is flipped with probability 0.01. Times are of the
CPU, the shorter of two interleaved calls.

Goal: within three standard errors of 0.5 at 156 qubits, and no slower than mthree.

    OMP_NUM_THREADS=1 python benchmarks/readout.py
"""

from __future__ import annotations

import time
from typing import Any

import mthree
import numpy as np
from record import keep

from kakehashi.device.mitigation.readout import mitigate_probabilities, quasi_probabilities
from kakehashi.device.model import Shots
from kakehashi.device.noise.model import Readout

FLIP = 0.01
SIZES = ((20, 10_000), (60, 10_000), (127, 10_000), (156, 20_000))
SEEDS = (1, 2, 3)


def read_ghz(n_qubits: int, n_shots: int, seed: int) -> Shots:
    rng = np.random.default_rng(seed)
    true = rng.random(n_shots)[:, None] < 0.5
    return Shots.from_matrix(true ^ (rng.random((n_shots, n_qubits)) < FLIP))


def correct_with_mthree(counts: dict[str, int], n_qubits: int) -> float:
    mitigation = mthree.M3Mitigation(None)
    mitigation.cals_from_matrices([np.array([[1 - FLIP, FLIP], [FLIP, 1 - FLIP]])] * n_qubits)
    found = mitigation.apply_correction(counts, list(range(n_qubits)), distance=3, method="iterative")
    return float(found["0" * n_qubits])


def measure(n_qubits: int, n_shots: int, seed: int) -> dict[str, Any]:
    shots, zero = read_ghz(n_qubits, n_shots, seed), "0" * n_qubits
    readout = Readout(prob_meas1_prep0=np.full(n_qubits, FLIP), prob_meas0_prep1=np.full(n_qubits, FLIP))
    counts = shots.to_counts()
    times: dict[str, list[float]] = {"one": [], "all": [], "mthree": []}
    for _ in range(2):
        marks = [time.process_time()]
        one = mitigate_probabilities(shots, readout, [zero])
        marks.append(time.process_time())
        quasi_probabilities(shots, readout)
        marks.append(time.process_time())
        theirs = correct_with_mthree(counts, n_qubits)
        marks.append(time.process_time())
        for name, spent in zip(times, np.diff(marks), strict=True):
            times[name].append(float(spent))
    return {
        "n_qubits": n_qubits,
        "n_shots": n_shots,
        "n_distinct": shots.n_distinct,
        "seed": seed,
        "raw": float(one.unmitigated[0]),
        "ours": float(one.values[0]),
        "ours_error": float(one.errors[0]),
        "mthree": theirs,
        "one_string_s": min(times["one"]),
        "all_strings_s": min(times["all"]),
        "mthree_s": min(times["mthree"]),
    }


def main() -> None:
    rows = []
    print("qubits  shots distinct     raw          ours  mthree   one string/s  all/s  mthree/s")
    for n_qubits, n_shots in SIZES:
        for seed in SEEDS:
            row = measure(n_qubits, n_shots, seed)
            rows.append(row)
            print(
                f"{n_qubits:6d} {n_shots:6d} {row['n_distinct']:8d}  {row['raw']:.4f} "
                f"{row['ours']:.3f}±{row['ours_error']:.3f}  {row['mthree']:.3f}  "
                f"{row['one_string_s']:12.4f} {row['all_strings_s']:6.2f} {row['mthree_s']:9.2f}",
                flush=True,
            )
    print(keep("readout", rows, true_value=0.5, peer=f"mthree {mthree.__version__}"))


if __name__ == "__main__":
    main()
