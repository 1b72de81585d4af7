"""Amplitudes from integrals: exact where CCSD is exact, PySCF's elsewhere, finite everywhere."""

import itertools

import hypothesis
import numpy as np
import pyscf
import pyscf.ao2mo
import pyscf.cc
import pyscf.fci
import pytest
from hypothesis import strategies as st

from kakehashi.circuit.amplitudes import GAP_FLOOR, compute_amplitudes
from kakehashi.problem.model import Hamiltonian, Problem


def random_problem(n_orb, n_elec, *, seed=0, spread=1.0, strength=0.1):
    rng = np.random.default_rng(seed)
    one_body = rng.normal(size=(n_orb, n_orb)) * strength
    one_body = one_body + one_body.T + np.diag(np.arange(n_orb) * spread)
    factors = rng.normal(size=(n_orb, n_orb, n_orb)) * strength
    factors = factors + factors.transpose(0, 2, 1)
    two_body = np.einsum("kpq,krs->pqrs", factors, factors)
    return Problem(name="random", hamiltonian=Hamiltonian(one_body=one_body, two_body=two_body), n_elec=n_elec)


def molecule_problem(atoms, **options):
    mean_field = pyscf.gto.M(atom=atoms, verbose=0, **options).apply("RHF").run()
    orbitals = mean_field.mo_coeff
    hamiltonian = Hamiltonian(
        one_body=orbitals.T @ mean_field.get_hcore() @ orbitals,
        two_body=pyscf.ao2mo.restore(1, pyscf.ao2mo.kernel(mean_field.mol, orbitals), orbitals.shape[1]),
        constant=mean_field.energy_nuc(),
    )
    return Problem(name="molecule", hamiltonian=hamiltonian, n_elec=mean_field.mol.nelec), mean_field


def hubbard_problem(n_sites, n_elec, *, repulsion=4.0):
    hopping = -(np.eye(n_sites, k=1) + np.eye(n_sites, k=-1))
    hopping[0, -1] = hopping[-1, 0] = -1
    two_body = np.zeros((n_sites,) * 4)
    two_body[(np.arange(n_sites),) * 4] = repulsion
    _, orbitals = np.linalg.eigh(hopping)
    hamiltonian = Hamiltonian(one_body=hopping, two_body=two_body).rotate(orbitals)
    return Problem(name="hubbard", hamiltonian=hamiltonian, n_elec=n_elec)


def determinant_energy(problem):
    h, g = problem.hamiltonian.one_body, problem.hamiltonian.two_body
    coulomb = sum(np.einsum("ppqq->", g[:n, :n, :m, :m]) for n in problem.n_elec for m in problem.n_elec)
    exchange = sum(np.einsum("pqqp->", g[:n, :n, :n, :n]) for n in problem.n_elec)
    return sum(np.trace(h[:n, :n]) for n in problem.n_elec) + (coulomb - exchange) / 2


def exact_energy(problem):
    h, g = problem.hamiltonian.one_body, problem.hamiltonian.two_body
    return pyscf.fci.direct_spin1.kernel(h, g, problem.n_orb, problem.n_elec, conv_tol=1e-13)[0]


def blocks(amplitudes):
    for value in (amplitudes.t1, amplitudes.t2):
        yield from value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize(
    ("n_orb", "n_elec"),
    [(3, (1, 1)), (5, (1, 1)), (4, (3, 1)), (4, (1, 3)), (4, (2, 0)), (4, (0, 2)), (4, (1, 0)), (3, (3, 2))],
)
def test_two_particles_or_holes_are_exact_in_any_orbitals(n_orb, n_elec):
    problem = random_problem(n_orb, n_elec, seed=3)
    found = compute_amplitudes(problem)
    assert found.converged
    assert found.method == ("CCSD" if n_elec[0] == n_elec[1] else "UCCSD")
    energy = determinant_energy(problem) + found.correlation_hartree
    assert energy == pytest.approx(exact_energy(problem), abs=1e-7)


@pytest.mark.parametrize(("n_orb", "n_elec"), [(1, (1, 1)), (2, (2, 2)), (3, (3, 0)), (3, (3, 3))])
def test_nothing_to_excite(n_orb, n_elec):
    found = compute_amplitudes(random_problem(n_orb, n_elec))
    assert found.converged
    assert found.correlation_hartree == 0
    assert all(part.size == 0 for part in blocks(found) if part.ndim == 2)


def test_closed_shell_is_pyscf_ccsd():
    problem, mean_field = molecule_problem("Li 0 0 0; H 0 0 1.6", basis="6-31g")
    theirs = pyscf.cc.CCSD(mean_field).set(conv_tol=1e-10, conv_tol_normt=1e-8).run()
    ours = compute_amplitudes(problem)
    assert ours.correlation_hartree == pytest.approx(theirs.e_corr, abs=1e-8)
    np.testing.assert_allclose(ours.t1, theirs.t1, atol=1e-6)
    np.testing.assert_allclose(ours.t2, theirs.t2, atol=1e-6)


def test_open_shell_is_pyscf_uccsd():
    mean_field = pyscf.gto.M(atom="O 0 0 0; H 0 0 1", basis="sto-3g", spin=1, verbose=0).apply("ROHF").run()
    orbitals = mean_field.mo_coeff
    hamiltonian = Hamiltonian(
        one_body=orbitals.T @ mean_field.get_hcore() @ orbitals,
        two_body=pyscf.ao2mo.restore(1, pyscf.ao2mo.kernel(mean_field.mol, orbitals), orbitals.shape[1]),
    )
    theirs = pyscf.cc.UCCSD(mean_field.to_uhf()).run()
    ours = compute_amplitudes(Problem(name="OH", hamiltonian=hamiltonian, n_elec=(5, 4)))
    assert ours.method == "UCCSD"
    assert ours.correlation_hartree == pytest.approx(theirs.e_corr, abs=1e-6)
    for part in (ours.t2[0], ours.t2[2]):
        np.testing.assert_allclose(part, -part.transpose(1, 0, 2, 3), atol=1e-10)


def test_energy_does_not_depend_on_rotations_within_occupied_or_empty_orbitals():
    problem, _ = molecule_problem("Li 0 0 0; H 0 0 1.6", basis="sto-3g")
    rng = np.random.default_rng(1)
    rotation = np.zeros((problem.n_orb, problem.n_orb))
    for block in (slice(0, 2), slice(2, None)):
        n = len(range(problem.n_orb)[block])
        rotation[block, block], _ = np.linalg.qr(rng.normal(size=(n, n)))
    rotated = Problem(name="rotated", hamiltonian=problem.hamiltonian.rotate(rotation), n_elec=(2, 2))
    expected = compute_amplitudes(problem).correlation_hartree
    assert compute_amplitudes(rotated).correlation_hartree == pytest.approx(expected, abs=1e-7)


def test_small_memory_gives_the_second_order_energy():
    problem, mean_field = molecule_problem("Li 0 0 0; H 0 0 1.6", basis="6-31g")
    found = compute_amplitudes(problem, memory_bytes=1)
    assert found.method == "second-order"
    assert not found.converged
    assert "memory" in found.warnings[0]
    theirs = pyscf.mp.MP2(mean_field).run()
    # The regularised gap lowers the denominator's weight by GAP_FLOOR^2 / (2 gap^2), well under one per cent.
    assert found.correlation_hartree == pytest.approx(theirs.e_corr, rel=0.01)
    np.testing.assert_allclose(found.t1, 0, atol=1e-6)
    np.testing.assert_allclose(found.t2, theirs.t2, atol=1e-3)


@pytest.mark.parametrize("n_elec", [(2, 2), (3, 1), (1, 2), (2, 0)])
def test_second_order_against_a_sum_over_spin_orbitals(n_elec):
    problem = random_problem(4, n_elec, seed=8)
    h, g = problem.hamiltonian.one_body, problem.hamiltonian.two_body
    occupied = [(p, spin) for spin in (0, 1) for p in range(n_elec[spin])]
    empty = [(p, spin) for spin in (0, 1) for p in range(n_elec[spin], 4)]

    def integral(p, q, r, s):
        direct = g[p[0], r[0], q[0], s[0]] if (p[1], q[1]) == (r[1], s[1]) else 0.0
        exchange = g[p[0], s[0], q[0], r[0]] if (p[1], q[1]) == (s[1], r[1]) else 0.0
        return direct - exchange

    def fock(p, q):
        if p[1] != q[1]:
            return 0.0
        return h[p[0], q[0]] + sum(integral(p, i, q, i) for i in occupied)

    def lowering(coupling, gap):
        return coupling * -np.arctan(2 * coupling / np.hypot(max(gap, 0), GAP_FLOOR)) / 2

    level = {p: fock(p, p) for p in occupied + empty}
    expected = sum(lowering(fock(i, a), level[a] - level[i]) for i in occupied for a in empty)
    for i, j in itertools.combinations(occupied, 2):
        for a, b in itertools.combinations(empty, 2):
            gap = level[a] + level[b] - level[i] - level[j]
            expected += lowering(integral(i, j, a, b), gap)
    found = compute_amplitudes(problem, memory_bytes=1)
    if n_elec[0] == n_elec[1]:
        # The restricted same-spin amplitude is the antisymmetrised angle there, the angle of the
        # antisymmetrised integral here: equal to the order that is kept.
        assert found.correlation_hartree == pytest.approx(expected, rel=2e-2)
    else:
        assert found.correlation_hartree == pytest.approx(expected, rel=1e-10)


def test_closed_gap_falls_back_to_the_two_level_angle():
    problem = Problem(
        name="two-level",
        hamiltonian=Hamiltonian(one_body=np.zeros((2, 2)), two_body=exchange_only(0.2)),
        n_elec=(1, 1),
    )
    found = compute_amplitudes(problem, memory_bytes=1)
    assert found.t2[0, 0, 0, 0] == pytest.approx(-np.arctan(0.4 / GAP_FLOOR) / 2, rel=1e-12)
    assert found.t2[0, 0, 0, 0] > -np.pi / 4


def exchange_only(value):
    two_body = np.zeros((2, 2, 2, 2))
    for p, q, r, s in ((0, 1, 0, 1), (1, 0, 1, 0), (0, 1, 1, 0), (1, 0, 0, 1)):
        two_body[p, q, r, s] = value
    return two_body


def test_strong_repulsion_warns_and_keeps_finite():
    found = compute_amplitudes(hubbard_problem(8, (4, 4), repulsion=20.0))
    assert found.method == "second-order"
    assert len(found.warnings) == 1
    assert "second-order" in found.warnings[0]
    assert all(np.isfinite(part).all() for part in blocks(found))


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    data=st.data(),
    n_orb=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
    spread=st.sampled_from([0.0, 1e-9, 0.1, 3.0, -1.0]),
    strength=st.sampled_from([0.0, 1e-3, 0.1, 2.0]),
)
def test_amplitudes_are_always_finite_and_symmetric(data, n_orb, seed, spread, strength):
    n_elec = data.draw(st.tuples(st.integers(0, n_orb), st.integers(0, n_orb)).filter(lambda pair: sum(pair) > 0))
    problem = random_problem(n_orb, n_elec, seed=seed, spread=spread, strength=strength)
    found = compute_amplitudes(problem)
    assert all(np.isfinite(part).all() for part in blocks(found))
    assert np.isfinite(found.correlation_hartree)
    assert found.converged == (not found.warnings)
    if isinstance(found.t2, tuple):
        for part in (found.t2[0], found.t2[2]):
            np.testing.assert_allclose(part, -part.transpose(0, 1, 3, 2), atol=1e-6)
    else:
        np.testing.assert_allclose(found.t2, found.t2.transpose(1, 0, 3, 2), atol=1e-6)
    if found.converged:
        assert found.correlation_hartree <= 1e-9
