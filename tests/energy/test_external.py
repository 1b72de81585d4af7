"""Dice's texts are in the formats of its SHCI/SHCIbasics.cpp, and of the version before; sbd's is a real run."""

import shutil
import sys

import numpy as np
import pytest

from kakehashi.core.bits import lowest_string, pack_strings
from kakehashi.core.errors import ConvergenceError, DataError, InputError, MissingDependencyError, ResourceError
from kakehashi.energy.external import Dice, Sbd, dice_input, read_dice_output, read_sbd_output, sbd_strings
from kakehashi.energy.fci import Fci
from kakehashi.problem.fcidump import read_fcidump
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem

H6 = load_problem("hydrogen-chain", n_atoms=6)

DICE = """
**************************************************************
VARIATIONAL STEP
**************************************************************
Iter Root       Eps1   #Var. Det.               Energy   #Davidson     Time(s)
   0    0    1.00e-03    8.30e+01      -3.2350012340          5        0.01
   1    0    1.00e-03    1.02e+02      -3.2358012345          4        0.02
   2    0    1.00e-04    1.80e+02      -3.2360000001          4        0.03
   3    0    1.00e-04    1.80e+02      -3.2360000001          1        0.03
Performing final tight davidson with tol: 5e-05
Exiting variational iterations
Variational calculation result
Root             Energy     Time(s)
   0       -3.2360000002        0.04


Printing most important determinants
 Det     weight  Determinant string
State :0
   0   9.27e-01  2 2 2 0 0   0

**************************************************************
PERTURBATION THEORY STEP
**************************************************************
Performing (semi)stochastic PT for state:   0

1/ Deterministic calculation with epsilon2=1e-05
Deterministic PT calculation converged
PTEnergy:      -3.2360600000
Time(s):        0.05

2/ Stochastic calculation with epsilon2=1e-08
  Iter          EPTcurrent  State             EPTavg      Error     Time(s)
     1       -3.2360662000      0      -3.2360662000         --        0.06
     5       -3.2360661000      0      -3.2360662500   4.36e-06        0.07
Semistochastic PT calculation converged
PTEnergy:      -3.2360662500 +/- 4.36e-06
Time(s):        0.07
"""

OLD_DICE = """
Iter Root       Eps1   #Var. Det.               Energy     Time(s)
 0    0    1.00e-02          27       -3.2350012340        0.01
 1    0    1.00e-02          40       -3.2358012345        0.01

Exiting variational iterations
VARIATIONAL CALCULATION RESULT
------------------------------
Root             Energy     Time(s)
   0       -3.2358012345        0.07


Deterministic PT calculation converged
epsilon2: 1e-07
PTEnergy: -3.236060000000001
"""

SBD = """ Elapsed time for helper construction 0.002049 (sec)
# initial vector source: default
 Davidson iteration 0.0 (tol=0.3221509378113612): -2.809522993173497
 Davidson iteration 0.1 (tol=0.1161933429992574): -2.886766051398327 -1.789612441340343
 Davidson iteration 1.3 (tol=7.737102239707311e-08): -2.895651558949516 -2.202289610704019 -0.9431009980596521
 Elapsed time for davidson 0.038136 (sec)
 Energy = -2.895651558949517
 Sample-based diagonalization: Energy = -2.895651558949517
"""


def program(folder, name, body):
    """A program that prints what the real one did, once it found its input."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(0o755)
    return str(path)


def test_the_present_dice():
    output = read_dice_output(DICE)
    assert output.variational_hartree == -3.2360000002
    assert output.energy_hartree == -3.23606625
    assert output.error_hartree == 4.36e-6
    assert output.n_determinants == 180
    assert output.last_change_hartree == 0.0


def test_the_former_dice():
    output = read_dice_output(OLD_DICE)
    assert output.variational_hartree == -3.2358012345
    assert output.energy_hartree == -3.236060000000001
    assert output.error_hartree == 0.0
    assert output.n_determinants == 40
    assert output.last_change_hartree == pytest.approx(-0.0008000005, abs=1e-12)


def test_dice_without_perturbation_theory():
    output = read_dice_output(DICE[: DICE.index("PERTURBATION")])
    assert output.energy_hartree == output.variational_hartree == -3.2360000002


@pytest.mark.parametrize("text", ["", "could not read the norbs or nelec", DICE[: DICE.index("Variational")]])
def test_dice_without_an_energy(text):
    with pytest.raises(DataError, match="no variational energy"):
        read_dice_output(text)


def test_the_input_of_dice():
    alpha = np.concatenate([lowest_string(3), pack_strings(np.array([[True, False, True, True]]))])
    text = dice_input(
        alpha,
        np.concatenate([lowest_string(2), lowest_string(2)]),
        n_orb=4,
        schedule=[(0, 1e-3), (3, 5e-4)],
        max_iterations=9,
        epsilon2=1e-8,
        epsilon2_large=1e-5,
        target_error_hartree=1e-5,
        n_samples=200,
        seed=4,
    )
    lines = text.splitlines()
    assert lines[:4] == ["nocc 5", "0 2 4 1 3", "0 4 6 1 3", "end"]
    assert lines[lines.index("schedule") : lines.index("schedule") + 4] == ["schedule", "0 0.001", "3 0.0005", "end"]
    assert "maxiter 9" in lines
    assert "orbitals FCIDUMP" in lines


def test_the_files_of_sbd():
    strings = pack_strings(np.array([[True, True, False, False, False], [False, False, False, False, True]]))
    assert sbd_strings(strings, 5) == "00011\n10000\n"
    output = read_sbd_output(SBD)
    assert output.energy_hartree == -2.895651558949517
    assert output.residual_hartree == 7.737102239707311e-08
    with pytest.raises(DataError, match="no energy"):
        read_sbd_output(SBD[: SBD.index(" Sample-based")])


def test_dice_finds_its_input(tmp_path):
    """The stand-in reads the files as Dice does, keeps the integrals for us, and prints a recorded run."""
    body = f"""
import shutil, sys
assert sys.argv[1] == "input.dat" and open("input.dat").readline() == "nocc 6\\n"
shutil.copy("FCIDUMP", {str(tmp_path / "kept")!r})
print({DICE!r})
"""
    events = []
    solution = Dice(program=program(tmp_path, "Dice", body)).solve(H6, progress=events.append)
    assert np.allclose(read_fcidump(tmp_path / "kept").hamiltonian.two_body, H6.hamiltonian.two_body, atol=2e-14)
    assert solution.energy_hartree == -3.23606625
    assert solution.variational_hartree == -3.2360000002
    assert solution.converged
    assert solution.cpu_s > 0
    assert [event.stage for event in events] == ["Dice"]


def test_failures_are_told(tmp_path):
    crash = program(tmp_path, "crash", "import sys\nprint('DetLen is too small')\nsys.exit(3)\n")
    with pytest.raises(DataError, match=r"crash failed with exit code 3; .*: DetLen is too small"):
        Dice(program=crash).solve(H6)
    slow = program(tmp_path, "slow", "import time\ntime.sleep(60)\n")
    with pytest.raises(ConvergenceError, match=r"slow did not end within 0\.5 s"):
        Dice(program=slow, max_wall_s=0.5).solve(H6)


@pytest.mark.parametrize("solver", [Dice(program="no-such-program"), Sbd(program="no-such-program")])
def test_a_missing_program(solver):
    with pytest.raises(MissingDependencyError, match="was not found as 'no-such-program'"):
        solver.solve(H6)


def test_impossible_options(tmp_path):
    with pytest.raises(InputError, match="max_iterations"):
        Dice(max_iterations=6)
    with pytest.raises(InputError, match="together"):
        Dice(alpha=lowest_string(3))
    with pytest.raises(ResourceError, match="400 determinants"):
        Sbd(program=sys.executable, max_determinants=100).solve(H6)


@pytest.mark.skipif(shutil.which("sbd") is None, reason="sbd is not installed")
@pytest.mark.parametrize(
    "problem",
    [
        H6,
        Problem(name="H6+", hamiltonian=H6.hamiltonian, n_elec=(3, 2)),
        hubbard(6, u=4.0, n_elec=(3, 3), basis="standing_wave"),
    ],
    ids=["h6", "h6+", "hubbard"],
)
def test_sbd_in_the_whole_space(problem):
    solution = Sbd(n_threads=1).solve(problem)
    assert solution.converged
    assert abs(solution.energy_hartree - Fci(two_s="any", n_threads=1).solve(problem).energy_hartree) < 1e-8


@pytest.mark.skipif(shutil.which("Dice") is None, reason="Dice is not installed")
def test_dice_on_h6():
    solution = Dice().solve(H6)
    assert solution.converged
    assert abs(solution.energy_hartree - H6.reference.energy_hartree) < 1e-4
