"""The eigensolver against exact diagonalisation."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from pyscf import ao2mo, fci, gto, scf
from tests.subspace.test_product import random_hamiltonian

from kakehashi.core.errors import InputError, ResourceError
from kakehashi.problem.lattice import hubbard
from kakehashi.problem.model import Hamiltonian
from kakehashi.samples.random import all_strings, random_strings
from kakehashi.subspace.slow import build_hamiltonian_slow
from kakehashi.subspace.solve import solve_subspace


def full_space(n_orb: int, n_elec: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    alpha, beta = (all_strings(n_orb=n_orb, n_electrons=n) for n in n_elec)
    return alpha, beta


def molecular_hamiltonian(atom: str, basis: str = "sto-3g", spin: int = 0) -> tuple[Hamiltonian, tuple[int, int]]:
    molecule = gto.M(atom=atom, basis=basis, spin=spin, verbose=0)
    mf = scf.RHF(molecule).run()
    n_orb = mf.mo_coeff.shape[1]
    hamiltonian = Hamiltonian(
        one_body=mf.mo_coeff.T @ mf.get_hcore() @ mf.mo_coeff,
        two_body=ao2mo.restore(1, ao2mo.kernel(molecule, mf.mo_coeff), n_orb),
        constant=molecule.energy_nuc(),
    )
    return hamiltonian, molecule.nelec


@pytest.mark.parametrize(
    ("atom", "basis", "spin"),
    [
        ("H 0 0 0; H 0 0 0.74", "6-31g", 0),
        ("Li 0 0 0; H 0 0 1.6", "sto-3g", 0),
        ("O 0 0 0; H 0.76 0.59 0; H -0.76 0.59 0", "sto-3g", 0),
        ("; ".join(f"H 0 0 {1.5 * i}" for i in range(6)), "sto-3g", 0),
        ("O 0 0 0; O 0 0 1.2", "sto-3g", 2),
        ("N 0 0 0", "6-31g", 3),
    ],
)
def test_full_space_is_fci(atom: str, basis: str, spin: int) -> None:
    hamiltonian, n_elec = molecular_hamiltonian(atom, basis, spin)
    solver = fci.direct_spin1.FCI()
    solver.conv_tol = 1e-12
    expected, _ = solver.kernel(hamiltonian.one_body, hamiltonian.two_body, hamiltonian.n_orb, n_elec)
    state = solve_subspace(hamiltonian, *full_space(hamiltonian.n_orb, n_elec))
    assert state.converged
    assert abs(state.energy_hartree - expected - hamiltonian.constant) < 1e-8
    s = spin / 2
    assert state.spin_squared == pytest.approx(s * (s + 1), abs=1e-6)


def test_random_subspace_is_its_dense_matrix() -> None:
    hamiltonian = random_hamiltonian(6, seed=3)
    alpha, beta = (random_strings(11 + i, n_orb=6, n_electrons=3, rng=i) for i in (0, 1))
    state = solve_subspace(hamiltonian, alpha, beta, n_roots=4)
    dense = build_hamiltonian_slow(hamiltonian, state.alpha, state.beta)
    np.testing.assert_allclose(state.root_energies_hartree, np.linalg.eigvalsh(dense)[:4], atol=1e-8)


def exchange_signs(states: np.ndarray, n_strings: int) -> np.ndarray:
    """Sign of each eigenvector, a column, under spin exchange."""
    tensor = states.T.reshape(-1, n_strings, n_strings)
    return np.einsum("iab,iba->i", tensor, tensor)


@pytest.mark.parametrize(("two_s", "sign"), [(None, 1), (0, 1), (2, -1), (4, 1)])
def test_one_set_of_strings_has_the_roots_of_one_sign(two_s: int | None, sign: int) -> None:
    hamiltonian, _ = molecular_hamiltonian("; ".join(f"H 0 0 {1.8 * i}" for i in range(4)))
    strings = all_strings(n_orb=4, n_electrons=2)[:5]
    energies, states = np.linalg.eigh(build_hamiltonian_slow(hamiltonian, strings, strings))
    signs = exchange_signs(states, 5)
    np.testing.assert_allclose(np.abs(signs), 1, atol=1e-9)  # no degeneracy mixes them
    assert {-1, 1} <= set(signs[:4].round())  # the lowest roots have both signs
    state = solve_subspace(hamiltonian, strings, two_s=two_s, n_roots=4, tolerance=1e-7)
    expected = energies[signs.round() == sign][:4] + hamiltonian.constant
    np.testing.assert_allclose(state.root_energies_hartree, expected, atol=1e-9)


@pytest.mark.parametrize("two_s", [None, 0, 2])
def test_two_sets_have_all_roots_even_where_they_are_equal(two_s: int | None) -> None:
    hamiltonian, _ = molecular_hamiltonian("; ".join(f"H 0 0 {1.8 * i}" for i in range(4)))
    strings = all_strings(n_orb=4, n_electrons=2)[:5]
    dense = build_hamiltonian_slow(hamiltonian, strings, strings)
    state = solve_subspace(hamiltonian, strings, strings.copy(), two_s=two_s, n_roots=8, tolerance=1e-7)
    expected = np.linalg.eigvalsh(dense)[:8] + hamiltonian.constant
    np.testing.assert_allclose(state.root_energies_hartree, expected, atol=1e-9)


@pytest.mark.parametrize(("two_s", "expected"), [(0, 1), (2, -1)])
def test_parity_selects_even_or_odd_spin(two_s: int, expected: int) -> None:
    hamiltonian, n_elec = molecular_hamiltonian("; ".join(f"H 0 0 {1.8 * i}" for i in range(4)))
    state = solve_subspace(hamiltonian, all_strings(n_orb=4, n_electrons=2), two_s=two_s)
    s = two_s / 2
    assert state.spin_squared == pytest.approx(s * (s + 1), abs=1e-8)
    np.testing.assert_allclose(state.coefficients.T, expected * state.coefficients, atol=1e-10)
    assert n_elec == (2, 2)


def test_penalty_selects_the_quintet() -> None:
    hamiltonian, _ = molecular_hamiltonian("; ".join(f"H 0 0 {1.8 * i}" for i in range(4)))
    strings = all_strings(n_orb=4, n_electrons=2)
    state = solve_subspace(hamiltonian, strings, two_s=4, spin_penalty_hartree=0.5)
    assert state.spin_squared == pytest.approx(6.0, abs=1e-6)
    high, _ = fci.direct_spin1.kernel(hamiltonian.one_body, hamiltonian.two_body, 4, (4, 0))
    assert state.energy_hartree == pytest.approx(high + hamiltonian.constant, abs=1e-8)


def test_penalty_is_not_part_of_the_energy() -> None:
    hamiltonian = random_hamiltonian(5, seed=8)
    strings = random_strings(7, n_orb=5, n_electrons=2, rng=0)
    state = solve_subspace(hamiltonian, strings, spin_penalty_hartree=0.3)
    dense = build_hamiltonian_slow(hamiltonian, state.alpha, state.beta)
    c = state.coefficients.reshape(-1)
    assert state.energy_hartree == pytest.approx(c @ dense @ c, abs=1e-9)


def test_initial_state_on_other_strings_is_carried_over() -> None:
    hamiltonian, _ = molecular_hamiltonian("; ".join(f"H 0 0 {1.2 * i}" for i in range(6)))
    strings = all_strings(n_orb=6, n_electrons=3)
    first = solve_subspace(hamiltonian, strings[:15])
    cold = solve_subspace(hamiltonian, strings)
    warm = solve_subspace(hamiltonian, strings, initial=cold)
    assert warm.n_iterations == 1
    assert solve_subspace(hamiltonian, strings, initial=first).energy_hartree == pytest.approx(
        cold.energy_hartree, abs=1e-9
    )


def test_energy_does_not_depend_on_threads() -> None:
    hamiltonian = random_hamiltonian(10, seed=5)  # large enough for the kernels to use threads
    strings = random_strings(140, n_orb=10, n_electrons=5, rng=1)
    energies = [solve_subspace(hamiltonian, strings, n_threads=n).energy_hartree for n in (1, 2, 5)]
    np.testing.assert_allclose(energies, energies[0], atol=1e-10, rtol=0)


def test_hubbard_in_sites_has_no_opposite_spin_part() -> None:
    problem = hubbard(6, u=4.0, n_elec=(3, 3))
    expected, _ = fci.direct_spin1.kernel(problem.hamiltonian.one_body, problem.hamiltonian.two_body, 6, (3, 3))
    state = solve_subspace(problem.hamiltonian, all_strings(n_orb=6, n_electrons=3))
    assert state.energy_hartree == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"two_s": 1}, "two_s"),
        ({"two_s": -2}, "two_s"),
        ({"n_roots": 0}, "n_roots"),
        ({"n_roots": 999}, "n_roots"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        solve_subspace(random_hamiltonian(4, seed=0), all_strings(n_orb=4, n_electrons=2), **options)


def test_a_single_string_holds_no_triplet() -> None:
    one = all_strings(n_orb=4, n_electrons=2)[:1]
    with pytest.raises(InputError, match="holds no state with two_s = 2"):
        solve_subspace(random_hamiltonian(4, seed=0), one, two_s=2)
    with pytest.raises(InputError, match="1 to 3"):
        solve_subspace(random_hamiltonian(4, seed=0), all_strings(n_orb=4, n_electrons=2)[:2], n_roots=4)


def test_a_start_of_the_wrong_spin_is_no_start() -> None:
    hamiltonian, _ = molecular_hamiltonian("; ".join(f"H 0 0 {1.8 * i}" for i in range(4)))
    strings = all_strings(n_orb=4, n_electrons=2)
    triplet = solve_subspace(hamiltonian, strings, two_s=2)
    singlet = solve_subspace(hamiltonian, strings)
    assert solve_subspace(hamiltonian, strings, initial=triplet).energy_hartree == pytest.approx(
        singlet.energy_hartree, abs=1e-9
    )


def test_too_much_memory_is_refused_before_the_work() -> None:
    strings = all_strings(n_orb=4, n_electrons=2)
    with pytest.raises(ResourceError, match=r"needs about .* of memory, but 1.0 KiB is available"):
        solve_subspace(random_hamiltonian(4, seed=0), strings, memory_budget_bytes=1024)


SOLVE_AND_REFUSE = """
import json, pathlib, sys
import numpy as np
from kakehashi.core.errors import ResourceError
from kakehashi.problem.model import Hamiltonian, symmetrized_two_body
from kakehashi.samples.random import all_strings
from kakehashi.subspace.solve import solve_subspace

def memory(name):  # getrusage would start at the peak of the process that started this one
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

n_orb, n_elec, options = json.loads(sys.argv[1])
rng = np.random.default_rng(1)
two_body = symmetrized_two_body(rng.normal(size=(n_orb,) * 4))
hamiltonian = Hamiltonian(one_body=np.diag(np.arange(float(n_orb))), two_body=0.1 * two_body)
alpha, beta = (all_strings(n_orb=n_orb, n_electrons=n) for n in n_elec)
options |= {"n_threads": 1, "max_iterations": 9, "tolerance": 1e-12}
np.linalg.eigh(rng.normal(size=(400, 400)))  # the linear algebra library takes its buffers
before = memory("VmRSS")
solve_subspace(hamiltonian, alpha, beta, **options)
used = memory("VmHWM") - before
try:
    solve_subspace(hamiltonian, alpha, beta, **options, memory_budget_bytes=used)
except ResourceError:
    solve_subspace(hamiltonian, alpha, beta, **options | {"max_iterations": 1}, memory_budget_bytes=4 * used)
    print("the estimate lies between", used, "and", 4 * used)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(
    ("n_orb", "n_elec", "options"),
    [
        (20, (4, 0), {}),  # links between strings
        (12, (4, 4), {"spin_penalty_hartree": 0.1, "two_s": 4}),  # vectors
        (12, (4, 4), {"n_roots": 4}),
    ],
)
def test_the_estimate_of_memory_is_an_upper_bound(
    n_orb: int, n_elec: tuple[int, int], options: dict[str, float]
) -> None:
    command = [sys.executable, "-c", SOLVE_AND_REFUSE, json.dumps([n_orb, n_elec, options])]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # each thread has buffers of its own
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **threads})
    assert done.returncode == 0, done.stderr
    assert "the estimate lies between" in done.stdout


def test_stopping_early_is_reported() -> None:
    hamiltonian = random_hamiltonian(8, seed=1)
    state = solve_subspace(hamiltonian, random_strings(50, n_orb=8, n_electrons=4, rng=0), max_iterations=2)
    assert not state.converged
    assert state.residual_norm > 1e-5
