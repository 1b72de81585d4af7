"""Error correction: what it discloses, how often it fails, and how fast it is, beside the PyPI package `qkd`.

Both ends run in this process and hand each other bytes; the processor time of each is taken by itself. `qkd` 0.2.0 runs
Cascade as a simulation that holds both strings, so that its time is that of both ends and it sends nothing.

Goal: f <= 1.05 at 2 % with less than 1e-3 of frames wrong, at 50 Mbit/s of sifted key on two cores.

    OMP_NUM_THREADS=1 python benchmarks/qkd_correction.py
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
from qkd.reconcile import run_cascade
from record import keep
from scipy.stats import beta

from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.cascade import CascadeCorrector, CascadeReference
from kakehashi.qkd.distill.ldpc import LdpcCorrector, LdpcReference

QBERS = (0.005, 0.01, 0.02, 0.03, 0.05)
FRAME = 2**14
CASCADE_BLOCKS, CASCADE_FRAMES = 10, 1024
LDPC_BLOCKS, LDPC_FRAMES = 2, 32
PEER_FRAMES = 600
METHODS: dict[str, tuple[Any, Any]] = {
    "cascade": (CascadeReference, CascadeCorrector),
    "ldpc": (LdpcReference, LdpcCorrector),
}


def entropy(p: float) -> float:
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p) if 0 < p < 1 else 0.0


def interval(n_failed: int, n: int) -> list[float]:
    """Clopper and Pearson, 95 %."""
    low = float(beta.ppf(0.025, n_failed, n - n_failed + 1)) if n_failed else 0.0
    high = float(beta.ppf(0.975, n_failed + 1, n - n_failed)) if n_failed < n else 1.0
    return [low, high]


def draw(n: int, qber: float, seed: int) -> tuple[Bits, Bits, int]:
    rng = np.random.default_rng(seed)
    right = np.frombuffer(rng.bytes(n // 8), dtype=np.uint8)
    errors = Bits.pack(rng.random(n, dtype=np.float32) < qber)
    return Bits(right, n), Bits(right ^ errors.data, n), int(np.bitwise_count(errors.data).sum())


def exchange(reference: Any, corrector: Any, marks: dict[str, float]) -> dict[str, int]:
    """Run both ends; adds the time that each spends."""
    sent = {"rounds": 0, "question_bytes": 0, "answer_bytes": 0}
    while not corrector.is_done:
        t0 = time.process_time()
        question = corrector.question()
        t1 = time.process_time()
        answer = reference.answer(question)
        t2 = time.process_time()
        corrector.take(answer)
        t3 = time.process_time()
        marks["reference"] += t2 - t1
        marks["corrector"] += t1 - t0 + t3 - t2
        sent["rounds"] += 1
        sent["question_bytes"] += len(question)
        sent["answer_bytes"] += len(answer)
    return sent


def timed(marks: dict[str, float], name: str, make: Callable[[], Any]) -> Any:
    start = time.process_time()
    made = make()
    marks[name] += time.process_time() - start
    return made


def wrong_frames(right: Bits, found: Bits, n_frames: int) -> int:
    """Frames of a Cascade take 64-bit words in turn."""
    words = np.flatnonzero((right.data ^ found.data).view(np.uint64))
    return len(np.unique(words % n_frames))


def measure(method: str, qber: float, n_blocks: int, n_bits: int) -> dict[str, Any]:
    marks = {"reference": 0.0, "corrector": 0.0}
    limit = leaked = bits = wrong = resumed = disclosed = 0
    sent: list[dict[str, int]] = []
    for block in range(n_blocks):
        right, noisy, n_errors = draw(n_bits, qber, 100 * block + round(1e4 * qber))
        make_reference, make_corrector = METHODS[method]
        reference = timed(marks, "reference", partial(make_reference, right))
        corrector = timed(marks, "corrector", partial(make_corrector, noisy, qber=qber, seed=block))
        sent.append(exchange(reference, corrector, marks))
        found = timed(marks, "corrector", corrector.corrected)
        if corrector.leaked_bits != reference.leaked_bits:
            raise SystemExit("the two ends do not count the same")
        leaked += corrector.leaked_bits
        limit += n_bits * entropy(n_errors / n_bits)
        bits += n_bits
        if method == "cascade":
            wrong += wrong_frames(right, found, corrector.plan.n_frames)
            resumed += corrector.n_resumed
        else:
            wrong += int(found != right)
            disclosed += corrector.n_disclosed
    n_frames = n_blocks * -(-n_bits // (FRAME if method == "cascade" else 2**16))
    total = marks["reference"] + marks["corrector"]
    row: dict[str, Any] = {
        "method": method,
        "qber": qber,
        "n_bits": n_bits,
        "n_blocks": n_blocks,
        "n_frames": n_frames,
        "efficiency": leaked / limit,
        "wrong_frames": wrong,
        "wrong_interval_95": interval(wrong, n_frames),
        "rounds": max(each["rounds"] for each in sent),
        "question_bytes_per_bit": sum(each["question_bytes"] for each in sent) / bits,
        "answer_bytes_per_bit": sum(each["answer_bytes"] for each in sent) / bits,
        "reference_ns_per_bit": 1e9 * marks["reference"] / bits,
        "corrector_ns_per_bit": 1e9 * marks["corrector"] / bits,
        "one_core_mbit_per_s": bits / total / 1e6,
        "two_cores_mbit_per_s": bits / max(marks.values()) / 1e6,
    }
    if method == "cascade":
        row |= {"resumed_frames": resumed, "resumed_interval_95": interval(resumed, n_frames)}
    else:
        row["disclosed_frames"] = disclosed
    return row


def measure_peer(qber: float) -> dict[str, Any]:
    start = time.process_time()
    leak, n_failed = run_cascade(qber, frames=PEER_FRAMES, seed=1)
    spent = time.process_time() - start
    return {
        "method": "qkd",
        "qber": qber,
        "n_frames": PEER_FRAMES,
        "efficiency": leak / (FRAME * entropy(qber)),
        "wrong_frames": int(n_failed),
        "wrong_interval_95": interval(int(n_failed), PEER_FRAMES),
        "one_core_mbit_per_s": PEER_FRAMES * FRAME / spent / 1e6,
    }


def main() -> None:
    rows = []

    def note(row: dict[str, Any]) -> None:
        rows.append(row)
        print(
            f"{row['method']:8} {100 * row['qber']:4.1f} %  f {row['efficiency']:.4f}  wrong {row['wrong_frames']}"
            f"/{row['n_frames']}  rounds {row.get('rounds', '-')}  one core {row['one_core_mbit_per_s']:.1f} Mbit/s"
            f"  two {row.get('two_cores_mbit_per_s', 0):.1f}",
            flush=True,
        )

    for qber in QBERS:
        note(measure("cascade", qber, CASCADE_BLOCKS, CASCADE_FRAMES * FRAME))
        note(measure_peer(qber))
        note(measure("ldpc", qber, LDPC_BLOCKS, LDPC_FRAMES * 2**16))
    note(measure("cascade", 0.02, 1, 100_000_000))
    print(keep("qkd_correction", rows, peer=f"qkd {version('qkd')}", time="processor time of each end"))


if __name__ == "__main__":
    main()
