"""The tables in README and docs are those of the stored results."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_tables_show_the_results():
    command = [sys.executable, str(ROOT / "benchmarks" / "tabulate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
