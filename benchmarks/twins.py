"""From a name to a twin that is ready, beside qiskit-ibm-runtime's fake backend of the same machine, in one run.

Goal: under 0.5 s. Processor time after all imports, the shortest of several calls; data files and JSON are read anew
each time. The peer makes the backend object and its Target; it keeps no memory of an earlier call.

    OMP_NUM_THREADS=1 python benchmarks/twins.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import qiskit_ibm_runtime.fake_provider as peers
from record import keep

from kakehashi.device.twins.library import load_twin, read_twin_spec
from kakehashi.device.twins.oqtopus import from_oqtopus, to_oqtopus
from kakehashi.device.twins.target import to_target

NAMED = ("ibm-kobe", "riken-64", "osaka-144", "fujitsu-256", "fujitsu-1024")
SNAPSHOTS = {"fake-fez": "FakeFez", "fake-boston": "FakeBoston", "fake-kawasaki": "FakeKawasaki"}
REPEATS = 7


def shortest_s(work: Callable[[], Any]) -> float:
    """Shortest processor time of several calls, in seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def load_anew(name: str, **options: Any) -> Any:
    """A twin without what an earlier call remembers."""
    read_twin_spec.cache_clear()
    return load_twin(name, **options)


def main() -> None:
    load_twin("riken-64", day=1.0)  # imports
    to_target(load_twin("riken-64"))
    rows: list[dict[str, Any]] = []
    print("twin             load/ms   on another day/ms   as a Target/ms   OQTOPUS out and in/ms   peer/ms   ratio")
    for name in (*NAMED, *SNAPSHOTS):
        twin = load_twin(name)
        row: dict[str, Any] = {
            "twin": name,
            "n_qubits": twin.n_qubits,
            "load_s": shortest_s(lambda n=name: load_anew(n)),
        }
        if name in NAMED:
            row["other_day_s"] = shortest_s(lambda n=name: load_anew(n, day=100.5))
        row["target_s"] = shortest_s(lambda t=twin: to_target(t))
        if twin.two_qubit_gate == "cx":
            row["oqtopus_s"] = shortest_s(lambda t=twin: from_oqtopus(to_oqtopus(t)))
        if name in SNAPSHOTS:
            maker = getattr(peers, SNAPSHOTS[name])
            row["peer_s"] = shortest_s(lambda m=maker: m().target)
            row["ratio"] = row["peer_s"] / (row["load_s"] + row["target_s"])
        rows.append(row)
        fields = ("load_s", "other_day_s", "target_s", "oqtopus_s", "peer_s")
        cells = "".join(f"{1e3 * row[field]:14.1f}" if field in row else f"{'-':>14s}" for field in fields)
        print(f"{name:14s} {cells}  {row.get('ratio', float('nan')):6.1f}", flush=True)
    print(keep("twins", rows))


if __name__ == "__main__":
    main()
