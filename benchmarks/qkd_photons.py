"""Pulses a second of simulated links, in the pulse and the statistical mode, beside packages that simulate pulses.

Goal: 1e7 pulses a second in the pulse mode and 1e8 in the statistical mode, on two cores.

What each does for a pulse. kakehashi: intensity, photon number, loss of each photon, dark counts, and for what is
detected bases, bits, misalignment, dead time, afterpulses, double clicks. `NumPy` is no package but what a careful user
would write in arrays: intensity, Poisson photon numbers, binomial loss, dark counts, bases and bits of what is
detected; no dead time and no afterpulses. SeQUeNCe: light source, fibre, polarising beam splitter and two detectors as
an event simulation; one intensity. qkdpy: its decoy-state BB84, one qubit object a pulse, without photon numbers.

Times are processor times of one thread, and the rounds of all are interleaved; rates are medians over rounds. Rates of
two threads are by wall time, and suffer from whatever else runs. Then the two modes are compared with each other
(chi-square over intensity, bases and bits, and over gaps) and with the closed formulas.

What limits it. The pulse mode computes one block of Philox (10 rounds of two products) for two slots, eight blocks at a
time with AVX-512, and compares a word with the few thresholds of its intensity and photon number. The statistical mode
costs some 60 to 90 ns for each slot in which something is detected, whatever lies between.

    python benchmarks/qkd_photons.py [--quick]

SeQUeNCe and qkdpy are not among the project's packages, for the first brings some 150 others with it:
`pip install --no-deps sequence qkdpy gmpy2 qutip qutip-qip`. A peer that is not there is left out.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from record import keep
from scipy.stats import chi2_contingency

from kakehashi import _native
from kakehashi.qkd.link.channel import Channel, build_channel, transmission_of
from kakehashi.qkd.link.exposure import Exposure, tally
from kakehashi.qkd.link.library import load_link
from kakehashi.qkd.link.pulses import PulseStream
from kakehashi.qkd.link.rates import expect
from kakehashi.qkd.link.statistical import StatisticalStream

LINKS = ("laboratory-50km", "tokyo-koganei-otemachi-nec", "tokyo-koganei-loop-ntt")
PULSES = {"pulse": 200_000_000, "numpy": 2_000_000, "sequence": 20_000, "qkdpy": 5_000}


def by_numpy(channel: Channel, n: int, rng: np.random.Generator) -> int:
    """Detections of ``n`` pulses in arrays, a million at a time."""
    total = 0
    seen_of_one = float(channel.ways[0].detected[1, 1])
    for begin in range(0, n, 1_000_000):
        size = min(1_000_000, n - begin)
        intensity = rng.choice(len(channel.intensities), size=size, p=channel.probabilities)
        detected = rng.binomial(rng.poisson(channel.intensities[intensity]), seen_of_one)
        hits = np.flatnonzero((detected > 0) | (rng.random(size) < channel.dark_any))
        sender = rng.random(len(hits)) >= channel.sender_key
        receiver = rng.random(len(hits)) >= channel.receiver_key
        bit = rng.integers(2, size=len(hits))
        random_bit = rng.integers(2, size=len(hits))
        faithful = (sender == receiver) & (detected[hits] > 0)
        found = np.where(faithful, bit ^ (rng.random(len(hits)) < channel.flip), random_bit)
        total += len(found)
    return total


def by_sequence(link: Any, n: int) -> int:
    """Detections of ``n`` pulses of one intensity."""
    from sequence.components.optical_channel import QuantumChannel
    from sequence.kernel.timeline import Timeline
    from sequence.topology.node import QKDNode
    from sequence.utils.encoding import polarization

    timeline = Timeline(10**15)
    alice, bob = (QKDNode(name, timeline, stack_size=0, seed=k) for k, name in enumerate(("alice", "bob")))
    fibre = QuantumChannel("fibre", timeline, link.fibre.total_loss_db / 50e3, 50e3, frequency=8e7)
    fibre.set_ends(alice, "bob")
    alice.destination = "bob"
    source = alice.components["alice.lightsource"]
    source.mean_photon_num, source.frequency = link.source.intensities[0], 8e7
    efficiency = link.detector.efficiency * transmission_of(link.detector.receiver_loss_db)
    detector = bob.components["bob.qsdetector"]
    for k in range(2):
        detector.set_detector(k, efficiency=efficiency, dark_count=link.detector.dark_count_hz, count_rate=50e6)
    timeline.init()
    timeline.stop_time = int(n / 8e7 * 1e12) + fibre.delay + 1000
    rng = np.random.default_rng(1)
    bases, bits, measured = rng.integers(2, size=(3, n))
    detector.set_basis_list(measured.tolist(), fibre.delay, 8e7)
    states = [polarization["bases"][basis][bit] for basis, bit in zip(bases, bits, strict=True)]
    source.emit(states)
    timeline.run()
    return sum(map(len, detector.get_photon_times()))


def by_qkdpy(link: Any, n: int) -> int:
    """Detections of ``n`` pulses."""
    from qkdpy.core import QuantumChannel
    from qkdpy.protocols.decoy_state_bb84 import DecoyStateBB84

    loss = 1 - transmission_of(link.fibre.total_loss_db + link.detector.receiver_loss_db) * link.detector.efficiency
    protocol = DecoyStateBB84(QuantumChannel(loss=loss), key_length=n // 5)
    received = [protocol.channel.transmit(qubit) for qubit in protocol.prepare_states()]
    return len(protocol.measure_states(received))


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def race(name: str, rounds: int) -> dict[str, Any]:
    link = load_link(name)
    channel = build_channel(link)
    expected = expect(channel)
    n_statistical = int(min(5e10, max(2e8, 2e6 / expected.click)))
    pulses, clicks, rng = PulseStream(1), StatisticalStream(1), np.random.default_rng(1)
    work: dict[str, tuple[int, Callable[[], object]]] = {
        "pulse": (PULSES["pulse"], lambda: pulses.run(channel, PULSES["pulse"])),
        "statistical": (n_statistical, lambda: clicks.run(channel, n_statistical)),
        "numpy": (PULSES["numpy"], lambda: by_numpy(channel, PULSES["numpy"], rng)),
    }
    if link.protocol == "decoy-bb84":
        if importlib.util.find_spec("sequence"):
            work["sequence"] = (PULSES["sequence"], lambda: by_sequence(link, PULSES["sequence"]))
        if importlib.util.find_spec("qkdpy"):
            work["qkdpy"] = (PULSES["qkdpy"], lambda: by_qkdpy(link, PULSES["qkdpy"]))
    for _, call in work.values():
        call()  # loads and first calls
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for who, (n, call) in work.items():
            rates[who].append(n / seconds(call))
    row: dict[str, Any] = {"link": name, "protocol": link.protocol, "clicks_per_pulse": expected.click}
    row |= {f"{who}_per_s": statistics.median(found) for who, found in rates.items()}
    peers = [who for who in rates if who not in ("pulse", "statistical")]
    for mode in ("pulse", "statistical"):
        ratios = [rates[mode][k] / max(rates[peer][k] for peer in peers) for k in range(rounds)]
        row[f"{mode}_ratio"] = statistics.median(ratios)
    row["statistical_ns_per_click"] = 1e9 / (row["statistical_per_s"] * expected.click)
    for mode, kind in (("pulse", PulseStream), ("statistical", StatisticalStream)):
        stream, n = kind(2, n_threads=2), work[mode][0]
        start = time.perf_counter()
        for _ in range(rounds):
            stream.run(channel, n)
        row[f"{mode}_two_threads_per_s"] = rounds * n / (time.perf_counter() - start)
    return row


def cells(exposure: Exposure) -> np.ndarray:
    sent, seen = exposure.preparations, exposure.detections
    code = sent.intensity.astype(np.int64)
    for column in (sent.basis, sent.bit, seen.basis, seen.bit):
        code = 2 * code + column
    return np.bincount(code, minlength=64)


def agreement(name: str, n: int) -> dict[str, Any]:
    """Both modes against each other, and against the formulas."""
    link = load_link(name)
    channel = build_channel(link)
    exposures = {"pulse": PulseStream(31).run(channel, n), "statistical": StatisticalStream(32).run(channel, n)}
    table = np.array([cells(exposure) for exposure in exposures.values()])
    table = table[:, table.sum(axis=0) > 20]
    gaps = [np.diff(exposure.detections.slot) for exposure in exposures.values()]
    edges = np.unique(np.quantile(np.concatenate(gaps), np.linspace(0, 1, 101)).astype(int))
    counts = np.array([np.histogram(part, bins=[*edges, edges[-1] + 1])[0] for part in gaps])
    row: dict[str, Any] = {
        "link": name,
        "n_pulses": n,
        "n_clicks": int(table[0].sum()),
        "p_cells": float(chi2_contingency(table).pvalue),
        "p_gaps": float(chi2_contingency(counts[:, counts.sum(axis=0) > 20]).pvalue),
    }
    hoped = expect(channel).counts(n)
    for mode, exposure in exposures.items():
        found = tally(exposure, len(channel.intensities))
        sigmas = [
            (getattr(found, part) - getattr(hoped, part)) / np.sqrt(np.maximum(getattr(hoped, part), 1))
            for part in ("detections", "errors")
        ]
        row[f"{mode}_largest_sigma"] = float(max(np.abs(part).max() for part in sigmas))
        row[f"{mode}_n_cells"] = int(sum((getattr(hoped, part) > 1).sum() for part in ("detections", "errors")))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one link, one round")
    quick = parser.parse_args().quick
    names = LINKS[:1] if quick else LINKS
    rows = []
    for name in names:
        row = race(name, 1 if quick else 5)
        rows.append(row)
        print(name, {key: f"{value:.3g}" for key, value in row.items() if isinstance(value, float)}, flush=True)
    agreements = [agreement(name, 200_000_000 if quick else 1_000_000_000) for name in names]
    for found in agreements:
        print(found)
    if not quick:
        versions = {
            name: importlib.metadata.version(name)
            for name in ("numpy", "sequence", "qkdpy")
            if importlib.util.find_spec(name)
        }
        print(keep("qkd_photons", rows, agreement=agreements, versions=versions, kernel=_native.kernel_name()))


if __name__ == "__main__":
    main()
