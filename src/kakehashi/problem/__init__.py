"""The problem: a Hamiltonian and electrons, from FCIDUMP files, molecules, lattices, or the library."""

from kakehashi.problem.fcidump import read_fcidump, write_fcidump
from kakehashi.problem.lattice import anderson, hubbard
from kakehashi.problem.library import Entry, Parameter, list_problems, load_problem
from kakehashi.problem.mean_field import hartree_fock_energy
from kakehashi.problem.model import Hamiltonian, Problem, Reference
from kakehashi.problem.molecule import molecule_problem
from kakehashi.problem.spec import ProblemSpec

__all__ = [
    "Entry",
    "Hamiltonian",
    "Parameter",
    "Problem",
    "ProblemSpec",
    "Reference",
    "anderson",
    "hartree_fock_energy",
    "hubbard",
    "list_problems",
    "load_problem",
    "molecule_problem",
    "read_fcidump",
    "write_fcidump",
]
