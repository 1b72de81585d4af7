"""The determinant solver over MPI ranks: matrix, product and perturbation theory at one and two ranks, in one run.

Goal: two ranks at least 1.7 times as fast as one in matrix, product and PT2 together, one thread each; memory per rank
falling as 1 / ranks; the same energies to 1e-9 hartree.

Times are the shortest of several; where a machine has other work to do, read ``cpu_s``, the processor time of the
slowest rank, which leaves out waiting for a processor (and counts waiting for messages, since MPI polls).

    python benchmarks/distributed.py [--quick] [--ranks 1 2] [--determinants N]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from record import keep, load

from kakehashi.core.bits import lowest_string
from kakehashi.core.ranks import Ranks, world
from kakehashi.core.resources import peak_memory_bytes
from kakehashi.subspace.checkpoint import read_checkpoint, write_checkpoint
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.distributed import RANKS_OF_ONE_PART, DistributedSpace
from kakehashi.subspace.select import Stage, grow, solve_space
from kakehashi.subspace.shards import owners_of, pack_shard, unpack_shard

THRESHOLD_HARTREE = 1e-7


def measured(ranks: Ranks, work: Callable[[], Any], *, repeats: int) -> dict[str, Any]:
    """Shortest wall time and processor time, of the slowest rank; what it sent."""
    walls, cpus = [], []
    sent = ranks.n_bytes_sent
    for _ in range(repeats):
        ranks.gather(None)
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    walls, cpus = (np.max(ranks.gather(times), axis=0) for times in (walls, cpus))
    sent = max(ranks.gather((ranks.n_bytes_sent - sent) // repeats))
    return {"wall_s": float(min(walls)), "cpu_s": float(min(cpus)), "bytes_sent": sent}


def shares(alpha: np.ndarray, beta: np.ndarray, *, in_parts: bool) -> dict[str, float]:
    """Determinants of the fullest rank over the mean, at numbers of ranks that this machine has not."""
    found = {}
    for n in (2, 10, 100, 1000):
        n_parts = max(1, n // RANKS_OF_ONE_PART) if in_parts else 1
        counts = np.bincount(owners_of(alpha, beta, n, n_parts=n_parts), minlength=n)
        found[str(n)] = float(counts.max() / (len(alpha) / n))
    return found


def the_space(name: str, n_determinants: int, ranks: Ranks, path: str) -> tuple[DistributedSpace, Stage]:
    """The same determinants for all: the first to come grows them, the others read them."""
    problem = load(name)
    space = DistributedSpace(problem.hamiltonian, ranks, n_threads=1)
    if ranks.share(Path(path).exists()):
        kept = read_checkpoint(path, space)
        return space, solve_space(space, kept.coefficients)
    space.append(*(lowest_string(n) for n in problem.n_elec))
    *_, stage = grow(space, n_determinants=n_determinants)
    write_checkpoint(path, space, stage)
    return space, stage


def work(name: str, n_determinants: int, repeats: int, path: str) -> None:
    """What every rank does; rank 0 prints the row."""
    ranks = world()
    problem = load(name)
    space, stage = the_space(name, n_determinants, ranks, path)
    c, energy = stage.coefficients[0], stage.penalized_hartree[0]
    strings = space.strings()

    def build() -> None:
        fresh = DistributedSpace(problem.hamiltonian, ranks, n_threads=1)
        fresh.append(*strings)
        fresh.build()

    rows = {
        "build": measured(ranks, build, repeats=repeats),
        "product": measured(ranks, lambda: space.apply(c), repeats=5 * repeats),
        "pt2": measured(
            ranks, lambda: space.look_outside(c, energy, threshold_hartree=THRESHOLD_HARTREE), repeats=repeats
        ),
    }
    # What does not fall with the number of ranks: each takes in half of the determinants for the matrix, and all of
    # them for perturbation theory.
    sizes = np.array([space.n_own, space.own.native.blocks.n_alphas, space.own.native.blocks.n_betas])
    shard = unpack_shard(pack_shard(space.own), sizes)
    rows["take_in_guests"] = measured(
        ranks, lambda: space.own.another().native.blocks.build(0, *shard, 0, 0), repeats=repeats
    )
    rows["take_in_window"] = measured(ranks, lambda: space.own.another().append(*strings), repeats=repeats)
    outside = space.look_outside(c, energy, threshold_hartree=THRESHOLD_HARTREE)
    own = space.own.build()
    peak = max(ranks.gather(peak_memory_bytes()))
    matrix_bytes = ranks.gather(own.n_bytes + space.own.native.blocks.n_bytes)
    alpha, beta = (np.concatenate(ranks.gather(part)) for part in strings)
    if ranks.rank == 0:
        row = {
            "system": name,
            "n_ranks": ranks.size,
            "n_determinants": len(space),
            "n_elements": stage.matrix.n_elements,
            "energy_hartree": stage.energies_hartree[0],
            "pt2_hartree": outside.energy_hartree,
            "n_outside": outside.n_determinants,
            "n_contributions": outside.n_contributions,
            "determinants_by_rank": space.sizes,
            "matrix_bytes_by_rank": matrix_bytes,
            "matrix_bytes_per_element": sum(matrix_bytes) / stage.matrix.n_elements,
            "n_alphas": len(np.unique(alpha, axis=0)),
            "n_betas": len(np.unique(beta, axis=0)),
            "fullest_rank_over_mean": shares(alpha, beta, in_parts=True),
            "fullest_rank_over_mean_whole_strings": shares(alpha, beta, in_parts=False),
            "peak_bytes": peak,
            **rows,
        }
        print("ROW " + json.dumps(row), flush=True)


def one_process(name: str, n_determinants: int, repeats: int, path: str) -> None:
    """The same with the space of one process, for comparison."""
    ranks, problem = Ranks(), load(name)
    grown, stage = the_space(name, n_determinants, ranks, path)
    space = grown.own
    c, energy = stage.coefficients[0], stage.penalized_hartree[0]
    strings = space.strings()

    def build() -> None:
        fresh = DeterminantSpace(problem.hamiltonian, n_threads=1)
        fresh.append(*strings)
        fresh.build()

    row = {
        "system": name,
        "n_ranks": 0,
        "n_determinants": len(space),
        "energy_hartree": stage.energies_hartree[0],
        "peak_bytes": peak_memory_bytes(),
        "build": measured(ranks, build, repeats=repeats),
        "product": measured(ranks, lambda: space.apply(c), repeats=5 * repeats),
        "pt2": measured(
            ranks, lambda: space.look_outside(c, energy, threshold_hartree=THRESHOLD_HARTREE), repeats=repeats
        ),
    }
    print("ROW " + json.dumps(row), flush=True)


def launch(n_ranks: int, arguments: list[str]) -> dict[str, Any]:
    mpirun = shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    start = [] if n_ranks == 0 else [str(mpirun), "-n", str(n_ranks)]
    done = subprocess.run(
        [*start, sys.executable, __file__, "--worker", str(n_ranks), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    rows = [line for line in done.stdout.splitlines() if line.startswith("ROW ")]
    if done.returncode or not rows:
        raise SystemExit(done.stderr)
    row: dict[str, Any] = json.loads(rows[0][4:])
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="20,000 determinants")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--determinants", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--systems", nargs="+", default=["n2", "fe2s2"])
    parser.add_argument("--space", help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    n = 20_000 if options.quick else options.determinants
    if options.worker is not None:
        (work if options.worker else one_process)(options.systems[0], n, options.repeats, options.space)
        return
    rows = []
    print("system  ranks        D   build/s  product/s   PT2/s  speed  (cpu)  matrix MB/rank  peak MB/rank")
    folder = tempfile.mkdtemp()
    for name in options.systems:
        arguments = ["--systems", name, "--determinants", str(n), "--repeats", str(options.repeats)]
        arguments += ["--space", f"{folder}/{name}.h5"]
        first: dict[str, Any] | None = None
        for n_ranks in [0, *options.ranks]:
            row = launch(n_ranks, arguments)
            first = row if n_ranks == 1 else first
            if first is not None:
                row["speed"], row["cpu_speed"] = (
                    sum(first[part][key] for part in ("build", "product", "pt2"))
                    / sum(row[part][key] for part in ("build", "product", "pt2"))
                    for key in ("wall_s", "cpu_s")
                )
            rows.append(row)
            print(
                f"{name:6s}  {n_ranks or 'none':>5}  {row['n_determinants']:7,d}  {row['build']['wall_s']:8.3f}  "
                f"{row['product']['wall_s']:9.4f}  {row['pt2']['wall_s']:6.2f}  {row.get('speed', 0):5.2f}  "
                f"({row.get('cpu_speed', 0):4.2f})  {max(row.get('matrix_bytes_by_rank', [0])) / 1e6:14.1f}  "
                f"{row['peak_bytes'] / 1e6:12.1f}",
                flush=True,
            )
    shutil.rmtree(folder)
    print(keep("distributed", rows, threshold_hartree=THRESHOLD_HARTREE))


if __name__ == "__main__":
    main()
