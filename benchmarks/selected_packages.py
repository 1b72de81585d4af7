"""Selected configuration interaction in each package: one function that yields its stages, from the same seed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from kakehashi.core.bits import pack_strings
from kakehashi.problem.model import Problem
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.select import grow

PERTURBATION_THRESHOLD_HARTREE = 1e-6
ENERGY_TOLERANCE_HARTREE = 1e-6
RESIDUAL_TOLERANCE_HARTREE = 3e-4
"""The same for us, who stop by the residual: at most its square over the gap to the next level of the same sign under
exchange of the spins, which is 30 millihartree in [2Fe-2S]. What was found there is 3e-7 hartree."""
PERTURBATION_OF_TRIMCI = {
    "evaluate_only": True,
    "pt2_correction": True,
    "pt2": {"sketch_seed": 1, "stochastic_seed": 2, "verbose": 0},
}
LARGEST = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One diagonalised space: its size, the growth's processor time so far, and perturbation theory with its own."""

    n_determinants: int
    cpu_s: float
    energy_hartree: float
    perturbed_hartree: float | None = None
    perturbation_cpu_s: float = 0.0


def seed_occupations(problem: Problem) -> np.ndarray:
    """The determinant that no move of one electron lowers, from the lowest orbitals; bool, shape ``(2, n_orb)``."""
    h, g = np.diag(problem.hamiltonian.one_body), problem.hamiltonian.two_body
    coulomb, exchange = np.einsum("ppqq->pq", g), np.einsum("pqqp->pq", g)

    def energy(occupied: np.ndarray) -> float:
        n = occupied.astype(float)
        both = n.sum(axis=0)
        return float(h @ both + (both @ coulomb @ both - sum(s @ exchange @ s for s in n)) / 2)

    best = np.array([np.arange(problem.n_orb) < count for count in problem.n_elec])
    while True:
        moves = []
        for spin in range(2):
            for p in np.flatnonzero(best[spin]):
                for q in np.flatnonzero(~best[spin]):
                    moved = best.copy()
                    moved[spin, [p, q]] = False, True
                    moves.append(moved)
        energies = [energy(moved) for moved in moves]
        if min(energies) > energy(best) - 1e-9:
            return best
        best = moves[int(np.argmin(energies))]


def seeds(problem: Problem) -> list[np.ndarray]:
    """The seed, and its mirror image where it is another determinant."""
    seed = seed_occupations(problem)
    mirrored = problem.n_elec[0] == problem.n_elec[1] and (seed[0] != seed[1]).any()
    return [seed, seed[::-1]] if mirrored else [seed]


def run_kakehashi(problem: Problem, perturbed: bool) -> Iterator[Step]:
    began = time.process_time()
    space = DeterminantSpace(problem.hamiltonian, n_threads=1)
    for occupied in seeds(problem):
        space.append(pack_strings(occupied[:1]), pack_strings(occupied[1:]))
    grown_s = time.process_time() - began
    stages = grow(space, n_determinants=LARGEST, two_s=problem.two_s, tolerance=RESIDUAL_TOLERANCE_HARTREE)
    while True:
        began = time.process_time()
        stage = next(stages, None)
        grown_s += time.process_time() - began
        if stage is None:
            return
        began, energy = time.process_time(), stage.energies_hartree[0]
        correction = None
        if perturbed:
            correction = space.look_outside(
                stage.coefficients[0], stage.penalized_hartree[0], threshold_hartree=PERTURBATION_THRESHOLD_HARTREE
            ).energy_hartree
        yield Step(
            n_determinants=stage.n_determinants,
            cpu_s=grown_s,
            energy_hartree=energy,
            perturbed_hartree=None if correction is None else energy + correction,
            perturbation_cpu_s=time.process_time() - began,
        )


def run_pyci(problem: Problem, perturbed: bool) -> Iterator[Step]:
    """Heat-bath selection, its threshold halved from stage to stage."""
    import pyci

    pyci.set_num_threads(1)
    hamiltonian = problem.hamiltonian
    began = time.process_time()
    # Physicists' order of the indices.
    two_body = np.ascontiguousarray(hamiltonian.two_body.transpose(0, 2, 1, 3))
    operator = pyci.secondquant_op(hamiltonian.constant, np.array(hamiltonian.one_body), two_body)
    space = pyci.fullci_wfn(problem.n_orb, *problem.n_elec)
    for occupied in seeds(problem):
        space.add_occs(np.array([np.flatnonzero(row) for row in occupied]))
    state = np.full(len(space), 1 / np.sqrt(len(space)))
    matrix = pyci.sparse_op(operator, space, symmetric=True)
    threshold = 0.05
    while True:
        threshold /= 2
        before = len(space)
        pyci.add_hci(operator, space, state, eps=threshold, nthread=1)
        if len(space) == before:
            continue
        matrix.update(operator, space)
        guess = np.concatenate([state, np.zeros(len(space) - before)])
        energies, states = matrix.solve(n=1, c0=guess, tol=ENERGY_TOLERANCE_HARTREE)
        state, energy = states[0], float(energies[0])
        grown_s, paused = time.process_time() - began, time.process_time()
        total = None
        if perturbed:
            total = float(
                pyci.compute_enpt2(operator, space, state, energy, eps=PERTURBATION_THRESHOLD_HARTREE, nthread=1)
            )
        spent = time.process_time() - paused
        began += spent
        yield Step(
            n_determinants=len(space),
            cpu_s=grown_s,
            energy_hartree=energy,
            perturbed_hartree=total,
            perturbation_cpu_s=spent,
        )


def run_trimci(problem: Problem, perturbed: bool) -> Iterator[Step]:
    """Its heat-bath expansion in fixed orbitals, doubled from stage to stage, with its own perturbation theory."""
    from trimci.TrimCI_runner.run_expansion import run_expansion

    hamiltonian = problem.hamiltonian
    pairs = [pack_strings(occupied)[:, 0] for occupied in seeds(problem)]
    alpha, beta = np.array(pairs, dtype=np.uint64).T
    state = np.full(len(pairs), 1 / np.sqrt(len(pairs)))
    size, grown_s = 100, 0.0
    settings = {"verbose": 0, "use_connection_cache": True, "davidson": {"energy_tol": ENERGY_TOLERANCE_HARTREE}}
    integrals = {
        "h1": np.array(hamiltonian.one_body),
        "eri": np.array(hamiltonian.two_body),
        "e_nuc": hamiltonian.constant,
    }
    with tempfile.TemporaryDirectory() as folder:
        while True:
            began = time.process_time()
            found = run_expansion(
                phases=[{**settings, "max_n_dets": size, "growth_factor": 2.0}],
                checkpoint_dir=folder,
                alpha_init=alpha,
                beta_init=beta,
                coeffs_init=state,
                **integrals,
            )
            grown_s += time.process_time() - began
            alpha, beta, state = found["alphas"], found["betas"], found["coeffs"]
            energy = float(found["energy_var"]) + hamiltonian.constant
            began, correction = time.process_time(), None
            if perturbed:
                again = run_expansion(
                    phases=[{**settings, **PERTURBATION_OF_TRIMCI, "max_n_dets": size}],
                    checkpoint_dir=folder,
                    alpha_init=alpha,
                    beta_init=beta,
                    coeffs_init=state,
                    **integrals,
                )
                correction = float(again["pt2_history"][-1])
            yield Step(
                n_determinants=int(found["n_final"]),
                cpu_s=grown_s,
                energy_hartree=energy,
                perturbed_hartree=None if correction is None else energy + correction,
                perturbation_cpu_s=time.process_time() - began,
            )
            size *= 2


def run_pyscf(problem: Problem, _perturbed: bool) -> Iterator[Step]:
    """Its selected configuration interaction: a product of strings, each threshold from the state of the one before."""
    from pyscf import lib
    from pyscf.fci import selected_ci

    lib.num_threads(1)
    hamiltonian, n_orb, n_elec = problem.hamiltonian, problem.n_orb, problem.n_elec
    starts = [pack_strings(occupied)[:, 0].astype(np.int64) for occupied in seeds(problem)]
    strings = tuple(np.unique([start[spin] for start in starts]) for spin in range(2))
    block = np.zeros((len(strings[0]), len(strings[1])))
    for start in starts:
        block[np.searchsorted(strings[0], start[0]), np.searchsorted(strings[1], start[1])] = 1 / np.sqrt(len(starts))
    state = selected_ci._as_SCIvector(block, strings)
    began = time.process_time()
    solver = selected_ci.SelectedCI()
    solver.verbose, solver.conv_tol = 0, ENERGY_TOLERANCE_HARTREE
    threshold = 0.02
    while True:
        threshold /= 2
        solver.select_cutoff = solver.ci_coeff_cutoff = threshold
        energy, state = solver.kernel(
            hamiltonian.one_body, hamiltonian.two_body, n_orb, n_elec, ci0=state, ecore=hamiltonian.constant
        )
        yield Step(n_determinants=int(state.size), cpu_s=time.process_time() - began, energy_hartree=float(energy))


RUNS: dict[str, Callable[[Problem, bool], Iterator[Step]]] = {
    "kakehashi": run_kakehashi,
    "pyci": run_pyci,
    "trimci": run_trimci,
    "pyscf": run_pyscf,
}
