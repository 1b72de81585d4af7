"""LUCJ circuits: what they keep of the amplitudes, and how good their states are."""

import ffsim
import numpy as np
import pyscf
import pytest

from kakehashi.circuit.amplitudes import compute_amplitudes
from kakehashi.circuit.connectivity import interaction_pairs
from kakehashi.circuit.lucj import build_lucj
from kakehashi.core.errors import InputError
from kakehashi.problem.model import Hamiltonian, Problem


@pytest.fixture(scope="module")
def hydrogen_chain():
    """H4 at 1.5 angstrom, STO-3G: correlated, and small enough for exact states."""
    atoms = [("H", (0, 0, 1.5 * i)) for i in range(4)]
    mean_field = pyscf.gto.M(atom=atoms, basis="sto-3g", verbose=0).apply("RHF").run()
    orbitals = mean_field.mo_coeff
    hamiltonian = Hamiltonian(
        one_body=orbitals.T @ mean_field.get_hcore() @ orbitals,
        two_body=pyscf.ao2mo.restore(1, pyscf.ao2mo.kernel(mean_field.mol, orbitals), 4),
        constant=mean_field.energy_nuc(),
    )
    return Problem(name="H4", hamiltonian=hamiltonian, n_elec=(2, 2))


def energy(problem, circuit):
    h = problem.hamiltonian
    operator = ffsim.linear_operator(
        ffsim.MolecularHamiltonian(h.one_body, h.two_body, h.constant), norb=problem.n_orb, nelec=problem.n_elec
    )
    state = ffsim.hartree_fock_state(problem.n_orb, problem.n_elec)
    if circuit.operator is not None:
        state = ffsim.apply_unitary(state, circuit.operator, norb=problem.n_orb, nelec=problem.n_elec)
    return float(np.vdot(state, operator @ state).real)


def test_all_layers_without_limits_reach_most_of_the_correlation(hydrogen_chain):
    circuit = build_lucj(hydrogen_chain, n_layers=20, connectivity="all-to-all")
    h = hydrogen_chain.hamiltonian
    exact = pyscf.fci.direct_spin1.kernel(h.one_body, h.two_body, 4, (2, 2), ecore=h.constant)[0]
    determinant = energy(hydrogen_chain, type(circuit)(n_orb=4, n_elec=(2, 2)))
    found = energy(hydrogen_chain, circuit)
    assert exact < found < determinant
    assert (determinant - found) / (determinant - exact) > 0.5


@pytest.mark.parametrize("connectivity", ["heavy-hex", "square"])
@pytest.mark.parametrize("n_elec", [(2, 2), (3, 1)])
def test_only_neighbours_interact(hydrogen_chain, connectivity, n_elec):
    problem = Problem(name="H4", hamiltonian=hydrogen_chain.hamiltonian, n_elec=n_elec)
    circuit = build_lucj(problem, n_layers=2, connectivity=connectivity)
    same, opposite = interaction_pairs(4, connectivity)
    for layer in circuit.operator.diag_coulomb_mats:
        kinds = (same, opposite) if n_elec[0] == n_elec[1] else (same, opposite, same)
        for matrix, pairs in zip(layer, kinds, strict=True):
            allowed = np.zeros((4, 4), dtype=bool)
            for p, q in pairs:
                allowed[p, q] = allowed[q, p] = True
            assert not matrix[~allowed].any()
    assert any(np.abs(layer).max() > 1e-3 for layer in circuit.operator.diag_coulomb_mats)


def test_the_last_rotation_carries_t1(hydrogen_chain):
    amplitudes = compute_amplitudes(hydrogen_chain)
    circuit = build_lucj(hydrogen_chain, amplitudes=amplitudes)
    expected = ffsim.variational.util.orbital_rotation_from_t1_amplitudes(amplitudes.t1)
    np.testing.assert_allclose(circuit.operator.final_orbital_rotation, expected, atol=1e-12)


def test_settings_say_where_it_came_from(hydrogen_chain):
    circuit = build_lucj(hydrogen_chain, n_layers=3, connectivity="square")
    assert circuit.operator.n_reps == 3
    assert circuit.settings["ansatz"] == "lucj"
    assert circuit.settings["connectivity"] == "square"
    assert circuit.settings["amplitudes"] == "CCSD"
    assert circuit.warnings == ()


def test_same_problem_same_circuit(hydrogen_chain):
    first, second = (build_lucj(hydrogen_chain) for _ in range(2))
    np.testing.assert_array_equal(first.operator.orbital_rotations, second.operator.orbital_rotations)
    np.testing.assert_array_equal(first.operator.diag_coulomb_mats, second.operator.diag_coulomb_mats)


def test_fitting_lowers_the_error_of_one_layer(hydrogen_chain):
    amplitudes = compute_amplitudes(hydrogen_chain)

    def error(circuit):
        mats, rotations = circuit.operator.diag_coulomb_mats[:, 0], circuit.operator.orbital_rotations
        t2 = 1j * np.einsum("kpq,kap,kip,kbq,kjq->ijab", mats, rotations, rotations.conj(), rotations, rotations.conj())
        return np.linalg.norm(t2[:2, :2, 2:, 2:] - amplitudes.t2)

    plain, fitted = (
        build_lucj(hydrogen_chain, optimize=optimize, connectivity="all-to-all", amplitudes=amplitudes)
        for optimize in (False, True)
    )
    assert error(fitted) < 0.9 * error(plain)


def test_failed_ccsd_is_passed_on():
    two_body = np.zeros((2, 2, 2, 2))
    problem = Problem(name="flat", hamiltonian=Hamiltonian(one_body=np.zeros((2, 2)), two_body=two_body), n_elec=(1, 1))
    amplitudes = compute_amplitudes(problem, memory_bytes=1)
    circuit = build_lucj(problem, amplitudes=amplitudes)
    assert "second-order" in circuit.warnings[0]
    assert "All cluster amplitudes are zero" in circuit.warnings[1]


@pytest.mark.parametrize("n_elec", [(1, 1), (1, 0), (0, 1)])
def test_one_orbital(n_elec):
    hamiltonian = Hamiltonian(one_body=-np.eye(1), two_body=np.full((1, 1, 1, 1), 0.5))
    circuit = build_lucj(Problem(name="atom", hamiltonian=hamiltonian, n_elec=n_elec))
    assert circuit.n_qubits == 2
    assert circuit.operator.norb == 1


def test_layers_must_be_positive(hydrogen_chain):
    with pytest.raises(InputError, match="n_layers"):
        build_lucj(hydrogen_chain, n_layers=0)
