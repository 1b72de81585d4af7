import re

import numpy as np
import pytest

from kakehashi.core.errors import ConvergenceError, InputError, ResourceError
from kakehashi.energy.coupled_cluster import CoupledCluster
from kakehashi.energy.fci import Fci
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem

H6 = load_problem("hydrogen-chain", n_atoms=6)
H2 = load_problem("hydrogen-chain", n_atoms=2)


def test_ccsd_is_exact_for_two_electrons():
    exact = Fci(n_threads=1).solve(H2)
    for triples in (False, True):
        solution = CoupledCluster(triples=triples, n_threads=1, tolerance_hartree=1e-11).solve(H2)
        assert abs(solution.energy_hartree - exact.energy_hartree) < 1e-8
        assert solution.converged


@pytest.mark.slow
def test_n2_agrees_with_the_published_energy():
    """CCSD(T) of N2 6-31G (10e,16o) at 1.0 angstrom; the digits are PySCF's own from a molecule, not from integrals."""
    from pyscf import cc, gto, scf

    molecule = gto.M(atom="N 0 0 0; N 0 0 1.0", basis="6-31g", verbose=0)
    peer = cc.CCSD(scf.RHF(molecule).run(conv_tol=1e-11), frozen=2).run(conv_tol=1e-9)
    expected = peer.e_tot + peer.ccsd_t()
    solution = CoupledCluster(n_threads=1).solve(load_problem("n2-6-31g", bond_angstrom=1.0))
    assert abs(solution.energy_hartree - expected) < 1e-6
    assert solution.details["reference"] == "RHF"


def test_an_open_shell_is_unrestricted_and_near_the_exact_energy():
    radical = Problem(name="H6+", hamiltonian=H6.hamiltonian, n_elec=(3, 2))
    solution = CoupledCluster(n_threads=1).solve(radical)
    exact = Fci(two_s="any", n_threads=1).solve(radical)
    assert solution.details["reference"] == "UHF"
    assert abs(solution.energy_hartree - exact.energy_hartree) < 2e-3
    assert solution.energy_hartree == pytest.approx(
        solution.details["ccsd_hartree"] + solution.details["triples_hartree"], abs=1e-12
    )


def test_orbitals_of_the_problem_do_not_matter():
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    turned = Problem(name="turned", hamiltonian=H6.hamiltonian.rotate(turn), n_elec=H6.n_elec)
    one = CoupledCluster(triples=False, n_threads=1).solve(H6)
    other = CoupledCluster(triples=False, n_threads=1).solve(turned)
    assert abs(one.energy_hartree - other.energy_hartree) < 1e-7


def test_the_name_and_what_it_does_not_claim():
    solution = CoupledCluster(triples=False, n_threads=1).solve(H2)
    assert (solution.solver, CoupledCluster().name) == ("ccsd", "ccsd(t)")
    assert solution.variational_hartree is None
    assert solution.interval_hartree is None


def test_no_convergence_is_told():
    solution = CoupledCluster(max_cycles=1, n_threads=1).solve(H6)
    assert not solution.converged
    assert solution.details["reason"] == "The amplitudes did not converge in 1 iterations."
    assert "triples_hartree" not in solution.details


@pytest.mark.parametrize(("n_sites", "u", "basis"), [(8, 20.0, "site"), (6, 30.0, "standing_wave")])
def test_strong_correlation_is_told(n_sites, u, basis):
    """Half-filled Hubbard rings on which the amplitudes run away; how far is the machine's choice."""
    ring = hubbard(n_sites, u=u, n_elec=(n_sites // 2,) * 2, basis=basis)

    def outcome():
        try:
            return CoupledCluster(max_cycles=60, n_threads=1).solve(ring).details.get("reason", "success")
        except ConvergenceError as error:
            return str(error)

    assert re.search("diverged: more than one determinant|did not converge in 60 iterations", outcome())


def test_the_energy_is_no_upper_bound():
    """Converged, and far below the exact energy: why `variational_hartree` stays empty."""
    ring = hubbard(6, u=12.0, n_elec=(3, 3))
    solution = CoupledCluster(n_threads=1).solve(ring)
    assert solution.energy_hartree < Fci(n_threads=1).solve(ring).energy_hartree - 1.0
    assert solution.variational_hartree is None


@pytest.mark.parametrize("n_elec", [(1, 0), (6, 6), (6, 5)])
def test_nothing_to_correlate(n_elec):
    with pytest.raises(InputError, match="use FCI"):
        CoupledCluster().solve(Problem(name="x", hamiltonian=H6.hamiltonian, n_elec=n_elec))


def test_options_and_memory():
    with pytest.raises(InputError, match="must be positive"):
        CoupledCluster(max_cycles=0)
    with pytest.raises(ResourceError, match="CCSD"):
        CoupledCluster(memory_budget_bytes=100).solve(H6)
