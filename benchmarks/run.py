"""All benchmarks, one after the other; `make bench` calls it. Results go to benchmarks/results/.

python benchmarks/run.py [--quick]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ONE_CORE = ("solve.py", "noise.py", "qkd_correction.py", "qkd_session.py")


def main() -> None:
    quick = "--quick" in sys.argv[1:]
    tasks = [
        ["sigma.py", *(["--quick"] if quick else [])],
        ["solve.py"],
        ["selected.py", *(["--quick"] if quick else [])],
        ["noise.py"],
        ["routes.py", *(["--quick"] if quick else [])],
        ["sweeps.py", *(["--quick"] if quick else [])],
        ["noisy_sampling.py", *(["--quick"] if quick else [])],
        ["qkd_photons.py", *(["--quick"] if quick else [])],
        ["qkd_correction.py"],
        ["qkd_delivery.py", *(["--quick"] if quick else [])],
    ]
    if not quick:
        tasks += [["qkd_amplification.py"], ["qkd_session.py"], ["loop.py"]]
    for name, *options in tasks:
        print(f"\n{name}", flush=True)
        one_core = {"OMP_NUM_THREADS": "1"} if name in ONE_CORE else {}
        subprocess.run([sys.executable, str(HERE / name), *options], check=True, env={**os.environ, **one_core})


if __name__ == "__main__":
    main()
