"""The lowest states of a Hamiltonian in a product space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings, count_electrons
from kakehashi.core.errors import InputError
from kakehashi.core.resources import require_memory
from kakehashi.problem.model import Hamiltonian
from kakehashi.subspace.davidson import Eigenpairs, basis_size, davidson
from kakehashi.subspace.model import State
from kakehashi.subspace.product import Parity, ProductHamiltonian, check_strings, estimate_memory_bytes

__all__ = ["parity_of_spin", "require_subspace_memory", "solve_product", "solve_subspace"]

BLOCK_SIZE = 300
"""Determinants of lowest energy that are diagonalised densely for the start vectors."""

SMALLEST_OVERLAP = 1e-3
FORBIDDEN_HARTREE = 1e4


def parity_of_spin(two_s: int) -> Parity:
    """Sign of a state with total spin ``two_s / 2`` and equally many electrons of both spins under spin exchange.

    Example:
        >>> parity_of_spin(0), parity_of_spin(2)
        (1, -1)
    """
    return 1 if two_s % 4 == 0 else -1


def require_subspace_memory(
    n_alpha: int,
    n_beta: int,
    *,
    n_orb: int,
    n_elec: tuple[int, int],
    n_roots: int = 1,
    budget_bytes: int | None = None,
) -> None:
    """Refuse a product space whose lowest states could not be found for want of memory.

    Args:
        n_alpha: Number of alpha strings.
        n_beta: Number of beta strings.
        n_orb: Number of spatial orbitals.
        n_elec: Numbers of alpha and beta electrons.
        n_roots: Number of states.
        budget_bytes: A budget that the user set; the smaller of it and the free memory counts.

    Raises:
        ResourceError: The estimate is more than there is.
    """
    n_roots = min(n_roots, n_alpha * n_beta)
    # The basis and its image; for each root a start vector and up to three while residuals are formed; the diagonal,
    # the start, and what the Hamiltonian and the spin penalty work with. benchmarks/sigma.py prints the actual peak.
    n_vectors = 2 * basis_size(n_roots) + 4 * n_roots + 5
    require_memory(
        estimate_memory_bytes(n_alpha, n_beta, n_orb=n_orb, n_elec=n_elec, n_vectors=n_vectors),
        f"A subspace of {n_alpha:,} x {n_beta:,} = {n_alpha * n_beta:,} determinants",
        remedy="ask for fewer strings (subspace.max_strings)",
        budget_bytes=budget_bytes,
    )


def solve_subspace(
    hamiltonian: Hamiltonian,
    alpha: Strings,
    beta: Strings | None = None,
    *,
    two_s: int | None = None,
    spin_penalty_hartree: float = 0.0,
    n_roots: int = 1,
    tolerance: float = 1e-5,
    max_iterations: int = 100,
    initial: State | None = None,
    n_threads: int | None = None,
    memory_budget_bytes: int | None = None,
    callback: Callable[[int, NDArray[np.float64], NDArray[np.float64]], None] | None = None,
) -> State:
    """Lowest states in the space of all pairs of the given alpha and beta strings.

    Args:
        hamiltonian: The integrals.
        alpha: Alpha strings, shape ``(n_alpha, 2)``, uint64.
        beta: Beta strings. Where not given, the alpha strings serve both spins: every state then has a sign under
            spin exchange, only states with the sign of the wanted spin are looked for, and the work is halved.
            Give the alpha strings once more to look for states of both signs.
        two_s: Twice the total spin that is wanted; the lowest that the electrons allow where not given. It fixes the
            sign under spin exchange where ``beta`` is not given; with a penalty it selects that spin alone.
        spin_penalty_hartree: Weight of the penalty that raises states of other spins: ``S^2`` itself when the
            lowest possible spin is wanted, ``(S^2 - S(S+1))^2`` otherwise.
        n_roots: Number of states: the lowest of the wanted spin's sign where ``beta`` is not given, so that a singlet
            has no triplet beside it; the lowest of all otherwise.
        tolerance: Norm of the residual, hartree; the energy is right to about its square.
        max_iterations: Of the eigensolver.
        initial: A state to start from; its strings may differ from the present ones.
        n_threads: Threads; all processors, or ``OMP_NUM_THREADS``, where not given. The result does not depend on it.
        memory_budget_bytes: Refuse to start where more than this would be needed.
        callback: Receives iteration, root energies without the constant, and residual norms.

    Returns:
        The lowest state; ``converged`` tells whether the tolerance was reached.

    Raises:
        InputError: The strings or the options are impossible.
        ResourceError: The estimate of memory is more than there is; said before any work.

    Example:
        >>> from kakehashi.core.bits import pack_strings
        >>> dimer = Hamiltonian(
        ...     one_body=np.array([[0.0, -1.0], [-1.0, 0.0]]),
        ...     two_body=4.0 * np.einsum("pq,qr,rs->pqrs", *[np.eye(2)] * 3),
        ... )
        >>> state = solve_subspace(dimer, pack_strings(np.eye(2, dtype=bool)))
        >>> round(state.energy_hartree, 6)  # (U - sqrt(U^2 + 16 t^2)) / 2
        -0.828427
    """
    sets = [check_strings("alpha", alpha, n_orb=hamiltonian.n_orb)]
    sets.append(sets[0] if beta is None else check_strings("beta", beta, n_orb=hamiltonian.n_orb))
    require_subspace_memory(
        len(sets[0]),
        len(sets[1]),
        n_orb=hamiltonian.n_orb,
        n_elec=(int(count_electrons(sets[0][:1])[0]), int(count_electrons(sets[1][:1])[0])),
        n_roots=n_roots,
        budget_bytes=memory_budget_bytes,
    )
    product = ProductHamiltonian(hamiltonian, alpha, beta, n_threads=n_threads)
    return solve_product(
        product,
        two_s=two_s,
        spin_penalty_hartree=spin_penalty_hartree,
        n_roots=n_roots,
        tolerance=tolerance,
        max_iterations=max_iterations,
        initial=initial,
        callback=callback,
    )


def solve_product(
    product: ProductHamiltonian,
    *,
    two_s: int | None = None,
    spin_penalty_hartree: float = 0.0,
    n_roots: int = 1,
    tolerance: float = 1e-5,
    max_iterations: int = 100,
    initial: State | None = None,
    callback: Callable[[int, NDArray[np.float64], NDArray[np.float64]], None] | None = None,
) -> State:
    """As :func:`solve_subspace`, for a product space that was built before."""
    lowest = abs(product.n_elec[0] - product.n_elec[1])
    wanted = lowest if two_s is None else two_s
    if wanted < lowest or (wanted - lowest) % 2:
        raise InputError(
            f"Argument `two_s` must be {lowest}, {lowest + 2}, ... for {product.n_elec} electrons, but is {wanted}."
        )
    size = product.shape[0] * product.shape[1]
    parity: Parity = parity_of_spin(wanted) if product.one_set else 0
    n_states = size if parity == 0 else (size + parity * product.shape[0]) // 2
    if n_states == 0:
        raise InputError(f"A single string for both spins holds no state with two_s = {wanted}; ask for more strings.")
    if not 1 <= n_roots <= n_states:
        raise InputError(f"Argument `n_roots` must be 1 to {n_states} in this subspace, but is {n_roots}.")
    operator = _Operator(product, parity, wanted, lowest, spin_penalty_hartree)
    pairs = davidson(
        operator.apply,
        product.diagonal.reshape(-1),
        _start_vectors(product, operator, n_roots, initial),
        n_roots=n_roots,
        tolerance=tolerance,
        max_iterations=max_iterations,
        symmetrize=operator.symmetrize if parity else None,
        callback=callback,
    )
    return _finish(product, operator, pairs)


class _Operator:
    """The projected Hamiltonian with its spin penalty, on flat vectors."""

    def __init__(self, product: ProductHamiltonian, parity: Parity, two_s: int, lowest: int, penalty: float) -> None:
        self._product = product
        self.parity: Parity = parity
        self._spin_squared = two_s / 2 * (two_s / 2 + 1)
        self._lowest_wanted = two_s == lowest
        self.penalty = penalty

    def apply(self, x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        shape = self._product.shape
        c = x.reshape(shape)
        self._product.apply(c, parity=self.parity, out=out.reshape(shape))
        if self.penalty:
            out += self.penalty * self.shifted_spin(c).reshape(-1)

    def shifted_spin(self, c: NDArray[np.float64]) -> NDArray[np.float64]:
        once = self._product.apply_spin_squared(c) - self._spin_squared * c
        if self._lowest_wanted:
            return once
        return self._product.apply_spin_squared(once) - self._spin_squared * once

    def penalty_block(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """The penalty between some determinants, the rest of the space left out."""
        if not self.penalty:
            return np.zeros((len(indices),) * 2)
        shifted = self._product.block(indices, operator="spin_squared") - self._spin_squared * np.eye(len(indices))
        return self.penalty * (shifted if self._lowest_wanted else shifted @ shifted)

    def symmetrize(self, x: NDArray[np.float64]) -> None:
        matrix = x.reshape(self._product.shape)
        n = len(matrix)
        tile = 256  # a tile and its mirror image stay in the cache
        for i in range(0, n, tile):
            for j in range(0, i + 1, tile):
                block = matrix[i : i + tile, j : j + tile]
                mirror = matrix[j : j + tile, i : i + tile]
                mean = (block + self.parity * mirror.T) / 2
                block[...] = mean
                mirror[...] = self.parity * mean.T


def _start_vectors(
    product: ProductHamiltonian, operator: _Operator, n_roots: int, initial: State | None
) -> list[NDArray[np.float64]]:
    """The given state carried over to these strings, then the lowest states of a small dense block."""
    vectors: list[NDArray[np.float64]] = []
    if initial is not None:
        carried = _carry_over(product, initial).reshape(-1)
        if operator.parity:
            operator.symmetrize(carried)
        if np.linalg.norm(carried) > SMALLEST_OVERLAP:
            vectors.append(carried)
    if len(vectors) < n_roots:
        vectors.extend(_block_states(product, operator, n_roots))
    return vectors


def _block_states(product: ProductHamiltonian, operator: _Operator, n_roots: int) -> list[NDArray[np.float64]]:
    """Lowest states of the right parity within the determinants of lowest energy."""
    parity = operator.parity
    diagonal = product.diagonal.reshape(-1)
    n_block = min(diagonal.size, BLOCK_SIZE + 4 * n_roots)
    chosen = np.argpartition(diagonal, n_block - 1)[:n_block]
    if parity:  # closed under spin exchange, so that its states have a parity
        a, b = np.divmod(chosen, product.shape[1])
        chosen = np.union1d(chosen, b * product.shape[1] + a)
    chosen = np.sort(chosen)
    block = product.block(chosen) + operator.penalty_block(chosen)
    if parity:
        a, b = np.divmod(chosen, product.shape[1])
        exchange = np.searchsorted(chosen, b * product.shape[1] + a)
        wrong = np.eye(len(chosen))
        wrong -= parity * wrong[exchange]
        block += FORBIDDEN_HARTREE * (wrong @ wrong.T)
    _, states = np.linalg.eigh(block)
    vectors = []
    for state in states.T[:n_roots]:
        vector = np.zeros(diagonal.size)
        vector[chosen] = state
        vectors.append(vector)
    return vectors


def _positions(strings: Strings, among: Strings) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where strings of one sorted set stand in another: positions in each."""
    merged = np.concatenate([strings, among]).astype(">u8")[:, ::-1]
    keys = np.ascontiguousarray(merged).view("V16").reshape(-1)
    _, here, there = np.intersect1d(keys[: len(strings)], keys[len(strings) :], assume_unique=True, return_indices=True)
    return here, there


def _carry_over(product: ProductHamiltonian, initial: State) -> NDArray[np.float64]:
    carried = np.zeros(product.shape)
    rows, old_rows = _positions(product.alpha, initial.alpha)
    columns, old_columns = _positions(product.beta, initial.beta)
    carried[np.ix_(rows, columns)] = initial.coefficients[np.ix_(old_rows, old_columns)]
    return carried


def _finish(product: ProductHamiltonian, operator: _Operator, pairs: Eigenpairs) -> State:
    constant = product.hamiltonian.constant
    best = np.ascontiguousarray(pairs.vectors[0].reshape(product.shape))
    shifts = np.zeros(len(pairs.values))
    if operator.penalty:
        for root, vector in enumerate(pairs.vectors):
            c = vector.reshape(product.shape)
            shifts[root] = operator.penalty * float(np.vdot(c, operator.shifted_spin(c)))
    energies = pairs.values - shifts + constant
    spin_squared = float(np.vdot(best, product.apply_spin_squared(best)))
    return State(
        energy_hartree=float(energies[0]),
        coefficients=best,
        alpha=product.alpha,
        beta=product.beta,
        n_orb=product.hamiltonian.n_orb,
        spin_squared=max(spin_squared, 0.0),
        residual_norm=float(pairs.residual_norms.max()),
        converged=pairs.converged,
        n_iterations=pairs.n_iterations,
        root_energies_hartree=tuple(float(e) for e in energies),
    )
