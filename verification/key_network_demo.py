"""How long the demonstration of the key network takes: on a quiet machine, and held back by programs that never rest.

``kakehashi qkd demo`` runs a few times as it is. Then it runs once more on a single processor, together with as many
busy loops as are asked for; how much of that processor it got is measured, not set. Every loop ends with this program,
or when its time is up.

    python verification/key_network_demo.py [--runs 3] [--loops 64]
    python benchmarks/tabulate.py        # puts what was found into README.md and docs/
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kakehashi.core.files import write_text
from kakehashi.core.provenance import collect_provenance

RESULTS = Path(__file__).parent / "results" / "key_network_demo.json"
DEMO = [sys.executable, "-m", "kakehashi.cli", "qkd", "demo", "--no-page", "--json"]
LONGEST_S = 600.0
"""After so long a run is stopped, and counts as failed."""
LOOP = """
import os, sys, time
parent, end = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
while time.monotonic() < end and os.getppid() == parent:
    for _ in range(100_000):
        pass
"""


@contextlib.contextmanager
def held_back(n_loops: int) -> Iterator[None]:
    """This program, and what it starts, on one processor that ``n_loops`` loops use too."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    command = [sys.executable, "-c", LOOP, str(os.getpid()), str(LONGEST_S + 60)]
    loops = [subprocess.Popen(command) for _ in range(n_loops)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
        os.sched_setaffinity(0, allowed)


def processor_s() -> float:
    """Processor time of all programs that this one started and that have ended, seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run() -> dict[str, Any]:
    """One demonstration: what it found, how long it took, and how many processors' time it had.

    Raises:
        SystemExit: It failed.
    """
    before, began = processor_s(), time.monotonic()
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, text=True) as demo:
        try:
            said, _ = demo.communicate(timeout=LONGEST_S)
        except BaseException:
            demo.send_signal(signal.SIGTERM)  # it ends all that it started
            raise
    wall_s = time.monotonic() - began
    found = json.loads(said or '{"faults": ["It said nothing."]}')
    if demo.returncode or found["faults"]:
        raise SystemExit(f"The demonstration failed: {'; '.join(found['faults'])}")
    return {
        "wall_s": round(wall_s, 1),
        "processors": round((processor_s() - before) / wall_s, 3),
        "figures": found["figures"],
        "events": found["events"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="demonstrations on the machine as it is")
    parser.add_argument("--loops", type=int, default=64, help="busy loops beside the last one")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    quiet = []
    for _ in range(options.runs):
        quiet.append(run())
        print(quiet[-1]["wall_s"], quiet[-1]["processors"], quiet[-1]["figures"], flush=True)
    with held_back(options.loops):
        busy = run()
    print(busy["wall_s"], busy["processors"], busy["figures"])
    result = {
        "schema": "kakehashi.verification/1",
        "load_before": load,
        "quiet": quiet,
        "busy": {"loops": options.loops, **busy},
        "provenance": collect_provenance(),
    }
    write_text(RESULTS, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
