"""Programs that are not Python packages, where they are installed: Dice and sbd.

Each is one function that writes its input, one that reads its output, and a class that runs it in a folder of its own.
Formats of Dice: its documentation and ``SHCI/input.cpp``, ``SHCI/integral.cpp`` and ``SHCI/SHCIbasics.cpp`` of
sanshar/Dice (S. Sharma and others, J. Chem. Theory Comput. 13, 1595 (2017), doi:10.1021/acs.jctc.6b01028). Formats of
sbd: the sources under ``apps/chemistry_tpb_selected_basis_diagonalization`` of r-ccs-cms/sbd, arXiv:2511.00224.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path

from kakehashi.core.bits import Strings, lowest_string, unpack_strings
from kakehashi.core.errors import ConvergenceError, DataError, InputError, MissingDependencyError, ResourceError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.resources import default_n_threads
from kakehashi.energy.solver import Solution
from kakehashi.problem.fcidump import write_fcidump
from kakehashi.problem.model import Problem
from kakehashi.samples.random import all_strings

__all__ = ["Dice", "DiceOutput", "Sbd", "SbdOutput", "dice_input", "read_dice_output", "read_sbd_output", "sbd_strings"]

SMALLEST_INTEGRAL_HARTREE = 1e-14
"""Smaller ones are not written: C++ streams refuse the very smallest numbers, and the rest of such a line is lost."""

_ITERATION = re.compile(r"^\s*\d+\s+0\s+[\d.]+e[+-]\d+\s+([\d.]+(?:e[+-]\d+)?)\s+(-?\d+\.\d+)\s", re.MULTILINE)
_RESULT = re.compile(
    r"variational calculation result\s+(?:-+\s+)?root\s+energy\s+time\(s\)\s+0\s+(-?\d+\.\d+)", re.IGNORECASE
)
_PERTURBED = re.compile(r"PTEnergy:\s*(-?\d+\.\d+)(?:\s*\+/-\s*([\d.]+e[+-]\d+))?")
_DAVIDSON = re.compile(r"^ Davidson iteration \d+\.\d+ \(tol=([^)]+)\):", re.MULTILINE)
_SBD_ENERGY = re.compile(r"Sample-based diagonalization: Energy = (\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiceOutput:
    """What Dice printed about its ground state.

    Attributes:
        variational_hartree: Energy of the selected space.
        energy_hartree: With perturbation theory, or the same where there was none.
        error_hartree: Statistical error of the perturbation theory; 0 where it was deterministic.
        n_determinants: Size of the selected space, with the three digits that Dice prints.
        last_change_hartree: What the last variational iteration changed, or None where there was one only.
    """

    variational_hartree: float
    energy_hartree: float
    error_hartree: float
    n_determinants: float
    last_change_hartree: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SbdOutput:
    """What sbd printed.

    Attributes:
        energy_hartree: Energy of the given space.
        residual_hartree: Norm of the last residual.
    """

    energy_hartree: float
    residual_hartree: float


def dice_input(
    alpha: Strings,
    beta: Strings,
    *,
    n_orb: int,
    schedule: Sequence[tuple[int, float]],
    max_iterations: int,
    epsilon2: float,
    epsilon2_large: float,
    target_error_hartree: float,
    n_samples: int,
    seed: int,
) -> str:
    """Dice's input file: spin orbitals count from 0, alpha ones even.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> text = dice_input(lowest_string(2), lowest_string(1), n_orb=3, schedule=[(0, 1e-3)], max_iterations=9,
        ...     epsilon2=1e-8, epsilon2_large=1e-5, target_error_hartree=1e-5, n_samples=200, seed=1)
        >>> text.splitlines()[:3]
        ['nocc 3', '0 2 1', 'end']
    """
    lines = []
    for spins in zip(unpack_strings(alpha, n_orb), unpack_strings(beta, n_orb), strict=True):
        occupied = [2 * p + spin for spin, row in enumerate(spins) for p in range(n_orb) if row[p]]
        lines.append(" ".join(map(str, occupied)))
    n_electrons = len(lines[0].split())
    steps = [f"{first} {epsilon:g}" for first, epsilon in schedule]
    return "\n".join(
        [
            f"nocc {n_electrons}",
            *lines,
            "end",
            "orbitals FCIDUMP",
            "schedule",
            *steps,
            "end",
            f"maxiter {max_iterations}",
            "dE 1e-7",
            f"epsilon2 {epsilon2:g}",
            f"epsilon2Large {epsilon2_large:g}",
            f"targetError {target_error_hartree:g}",
            f"sampleN {n_samples}",
            f"seed {seed}",
            "noio",
            "",
        ]
    )


def read_dice_output(text: str) -> DiceOutput:
    """Read what Dice printed.

    Raises:
        DataError: There is no variational energy.
    """
    result = _RESULT.search(text)
    iterations = _ITERATION.findall(text[: result.start()] if result else "")
    if result is None or not iterations:
        raise DataError("The output of Dice holds no variational energy.")
    variational = float(result[1])
    perturbed = _PERTURBED.findall(text[result.end() :])
    energies = [float(energy) for _, energy in iterations]
    return DiceOutput(
        variational_hartree=variational,
        energy_hartree=float(perturbed[-1][0]) if perturbed else variational,
        error_hartree=float(perturbed[-1][1] or 0.0) if perturbed else 0.0,
        n_determinants=float(iterations[-1][0]),
        last_change_hartree=energies[-1] - energies[-2] if len(energies) > 1 else None,
    )


def sbd_strings(strings: Strings, n_orb: int) -> str:
    r"""Write the file of determinants that sbd reads: one string a line, orbital 1 on the right.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> sbd_strings(lowest_string(2), 4)
        '0011\n'
    """
    rows = unpack_strings(strings, n_orb)[:, ::-1]
    return "".join("".join("1" if bit else "0" for bit in row) + "\n" for row in rows)


def read_sbd_output(text: str) -> SbdOutput:
    """Read what sbd printed.

    Raises:
        DataError: There is no energy.
    """
    energy, residuals = _SBD_ENERGY.search(text), _DAVIDSON.findall(text)
    if energy is None or not residuals:
        raise DataError("The output of sbd holds no energy.")
    return SbdOutput(energy_hartree=float(energy[1]), residual_hartree=float(residuals[-1]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dice:
    """Semistochastic heat-bath configuration interaction by Dice, on one process.

    Attributes:
        program: Name on the PATH, or path.
        alpha: Alpha strings of the determinants to start from; the lowest orbitals where not given.
        beta: Their beta strings.
        schedule: First iteration and selection threshold of each stretch, hartree.
        max_iterations: Most variational iterations.
        epsilon2: Threshold of the perturbation theory, hartree.
        epsilon2_large: Threshold of its deterministic part, hartree.
        target_error_hartree: Statistical error at which the perturbation theory ends.
        n_samples: Determinants in each of its samples.
        seed: Of the sampling.
        max_wall_s: Seconds after which the run is given up.

    Example:
        >>> Dice().name
        'dice'
    """

    program: str = "Dice"
    alpha: Strings | None = None
    beta: Strings | None = None
    schedule: tuple[tuple[int, float], ...] = ((0, 1e-3), (3, 3e-4), (6, 1e-4))
    max_iterations: int = 20
    epsilon2: float = 1e-8
    epsilon2_large: float = 1e-5
    target_error_hartree: float = 1e-5
    n_samples: int = 200
    seed: int = 1
    max_wall_s: float = 3600.0

    def __post_init__(self) -> None:
        if not self.schedule or self.max_iterations <= self.schedule[-1][0]:
            raise InputError(
                f"Argument `max_iterations` must be more than the first iteration of the last stretch of `schedule`, "
                f"but they are {self.max_iterations} and {self.schedule}."
            )
        if (self.alpha is None) != (self.beta is None):
            raise InputError("Arguments `alpha` and `beta` must be given together.")

    @property
    def name(self) -> str:
        """``"dice"``."""
        return "dice"

    def solve(self, problem: Problem, *, progress: Progress = silent) -> Solution:
        """Run Dice.

        Raises:
            MissingDependencyError: It is not on the PATH.
            DataError: It ended without an energy.
            ConvergenceError: It did not end in time.
        """
        program = _find(self.program, "Dice")
        alpha = lowest_string(problem.n_elec[0]) if self.alpha is None else self.alpha
        beta = lowest_string(problem.n_elec[1]) if self.beta is None else self.beta
        text = dice_input(
            alpha,
            beta,
            n_orb=problem.n_orb,
            schedule=self.schedule,
            max_iterations=self.max_iterations,
            epsilon2=self.epsilon2,
            epsilon2_large=self.epsilon2_large,
            target_error_hartree=self.target_error_hartree,
            n_samples=self.n_samples,
            seed=self.seed,
        )
        run = _run([program, "input.dat"], problem, "FCIDUMP", {"input.dat": text}, self.max_wall_s, 1, progress)
        output = read_dice_output(run.text)
        change = output.last_change_hartree
        return Solution(
            solver=self.name,
            energy_hartree=output.energy_hartree,
            variational_hartree=output.variational_hartree,
            converged=change is not None and abs(change) < 1e-6,
            details={"n_determinants": output.n_determinants, "statistical_error_hartree": output.error_hartree},
            wall_s=run.wall_s,
            cpu_s=run.cpu_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sbd:
    """Diagonalisation in a product of alpha and beta strings by sbd, on one process.

    Attributes:
        program: Name on the PATH, or path. sbd's own makefile calls it ``diag``.
        alpha: Alpha strings; all where not given, which makes it full configuration interaction.
        beta: Beta strings; all where not given.
        tolerance_hartree: Norm of the residual at which the iteration ends.
        max_restarts: Most restarts of the iteration, each of ``block`` steps.
        block: Steps between restarts.
        max_determinants: Larger spaces are refused.
        n_threads: Threads; all processors, or ``OMP_NUM_THREADS``, where not given.
        max_wall_s: Seconds after which the run is given up.

    Example:
        >>> Sbd().name
        'sbd'
    """

    program: str = "sbd"
    alpha: Strings | None = None
    beta: Strings | None = None
    tolerance_hartree: float = 1e-5
    max_restarts: int = 20
    block: int = 10
    max_determinants: int = 10**7
    n_threads: int | None = None
    max_wall_s: float = 3600.0

    @property
    def name(self) -> str:
        """``"sbd"``."""
        return "sbd"

    def solve(self, problem: Problem, *, progress: Progress = silent) -> Solution:
        """Run sbd.

        Raises:
            MissingDependencyError: It is not on the PATH.
            ResourceError: The space is larger than ``max_determinants``.
            DataError: It ended without an energy.
            ConvergenceError: It did not end in time.
        """
        program = _find(self.program, "sbd")
        given = (self.alpha, self.beta)
        counts = [
            comb(problem.n_orb, n) if strings is None else len(strings)
            for strings, n in zip(given, problem.n_elec, strict=True)
        ]
        if counts[0] * counts[1] > self.max_determinants:
            raise ResourceError(
                f"The space has {counts[0] * counts[1]:,} determinants, but `max_determinants` is "
                f"{self.max_determinants:,}; give fewer strings."
            )
        files = {
            f"{spin}.txt": sbd_strings(
                all_strings(n_orb=problem.n_orb, n_electrons=n) if strings is None else strings, problem.n_orb
            )
            for spin, strings, n in zip(("alpha", "beta"), given, problem.n_elec, strict=True)
        }
        # A random start: from a single determinant the iteration would stay in that determinant's symmetry.
        command = [program, "--fcidump", "fcidump.txt", "--adetfile", "alpha.txt", "--bdetfile", "beta.txt"]
        command += ["--method", "0", "--init", "1", "--block", str(self.block), "--iteration", str(self.max_restarts)]
        command += ["--tolerance", f"{self.tolerance_hartree:g}"]
        n_threads = self.n_threads or default_n_threads()
        run = _run(command, problem, "fcidump.txt", files, self.max_wall_s, n_threads, progress)
        output = read_sbd_output(run.text)
        return Solution(
            solver=self.name,
            energy_hartree=output.energy_hartree,
            variational_hartree=output.energy_hartree,
            converged=output.residual_hartree < self.tolerance_hartree,
            details={"n_determinants": counts[0] * counts[1], "residual_hartree": output.residual_hartree},
            wall_s=run.wall_s,
            cpu_s=run.cpu_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    text: str
    wall_s: float
    cpu_s: float


def _find(program: str, title: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise MissingDependencyError(
            f"{title} was not found as {program!r}; install it and put it on the PATH, or name its path."
        )
    return str(Path(path).resolve())


def _run(
    command: Sequence[str],
    problem: Problem,
    integrals: str,
    files: Mapping[str, str],
    max_wall_s: float,
    n_threads: int,
    progress: Progress,
) -> _Run:
    """Run a program in a folder of its own and return what it printed."""
    title = Path(command[0]).name
    Reporter(progress).step(title, "started")
    with tempfile.TemporaryDirectory(prefix="kakehashi-") as folder:
        write_fcidump(problem, Path(folder, integrals), tolerance=SMALLEST_INTEGRAL_HARTREE)
        for name, text in files.items():
            Path(folder, name).write_text(text, encoding="ascii")
        began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, "OMP_NUM_THREADS": str(n_threads)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=max_wall_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ConvergenceError(f"{title} did not end within {max_wall_s:g} s.") from None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        last = next((line.strip() for line in reversed(done.stdout.splitlines()) if line.strip()), "nothing")
        raise DataError(f"{title} failed with exit code {done.returncode}; the last that it printed was: {last}")
    cpu_s = after.ru_utime - used.ru_utime + after.ru_stime - used.ru_stime
    return _Run(text=done.stdout, wall_s=time.perf_counter() - began, cpu_s=cpu_s)
