import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def reference():
    """Values of ``tests/reference/problem.json``, ready to compare with."""
    path = Path(__file__).parents[1] / "reference" / "problem.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {name: pytest.approx(row["value"], abs=row["tolerance"], rel=0) for name, row in rows.items()}


@pytest.fixture(scope="session")
def fci_energy():
    """Exact energy of a problem with PySCF's full configuration interaction."""
    from pyscf import fci

    def solve(problem):
        solver = fci.direct_spin1.FCI()
        solver.conv_tol, solver.max_cycle = 1e-12, 300
        h = problem.hamiltonian
        energy, _ = solver.kernel(h.one_body, h.two_body, h.n_orb, problem.n_elec, ecore=h.constant)
        return float(energy)

    return solve
