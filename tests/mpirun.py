"""Starts `tests/ranks_program.py` on some ranks, as a user would."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("ranks_program.py")
MPIRUN = shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def start(n_ranks: int, task: str, options: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run a task of the program to its end, whatever that is."""
    pytest.importorskip("mpi4py", reason="the extra hpc is not installed")
    if MPIRUN is None:
        pytest.skip("there is no mpirun; pip install mpich")
    # More ranks and threads than processors: those that wait must not hold one.
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    environment = {**os.environ, **quiet}
    return subprocess.run(
        [MPIRUN, "-n", str(n_ranks), sys.executable, str(PROGRAM), task, json.dumps(options)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )


def run(n_ranks: int, task: str, options: dict[str, Any]) -> dict[str, Any]:
    """Answer of a task that succeeds."""
    done = start(n_ranks, task, options)
    assert done.returncode == 0, done.stderr
    answers = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    answer: dict[str, Any] = json.loads(answers[0][len("ANSWER ") :])
    return answer
