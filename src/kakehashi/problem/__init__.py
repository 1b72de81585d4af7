"""The problem: Hamiltonian and electrons, from FCIDUMP files, molecules, lattices or the library; and its orbitals."""

from kakehashi.problem.broken_symmetry import broken_symmetry_starts
from kakehashi.problem.centres import find_centres, spin_patterns
from kakehashi.problem.common_determinant import CommonDeterminant, common_orbitals, optimize_determinant
from kakehashi.problem.fcidump import read_fcidump, write_fcidump
from kakehashi.problem.lattice import anderson, hubbard
from kakehashi.problem.library import Entry, Parameter, list_problems, load_problem
from kakehashi.problem.mean_field import hartree_fock_energy
from kakehashi.problem.model import Hamiltonian, Problem, Reference
from kakehashi.problem.molecule import molecule_problem
from kakehashi.problem.orbitals import NaturalOrbitals, natural_orbitals
from kakehashi.problem.spec import ProblemSpec
from kakehashi.problem.unrestricted import Unrestricted, solve_unrestricted

__all__ = [
    "CommonDeterminant",
    "Entry",
    "Hamiltonian",
    "NaturalOrbitals",
    "Parameter",
    "Problem",
    "ProblemSpec",
    "Reference",
    "Unrestricted",
    "anderson",
    "broken_symmetry_starts",
    "common_orbitals",
    "find_centres",
    "hartree_fock_energy",
    "hubbard",
    "list_problems",
    "load_problem",
    "molecule_problem",
    "natural_orbitals",
    "optimize_determinant",
    "read_fcidump",
    "solve_unrestricted",
    "spin_patterns",
    "write_fcidump",
]
