"""A space of determinants in one process: its Hamiltonian, its densities, and what lies just outside it.

The kernels are native (``cpp/determinants/``); slow twins for the tests are in :mod:`kakehashi.subspace.slow`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from kakehashi import _native
from kakehashi.core.bits import Strings, count_electrons
from kakehashi.core.errors import InputError
from kakehashi.core.resources import default_n_threads, require_memory
from kakehashi.problem.model import Hamiltonian
from kakehashi.subspace.passes import checked, half_of_the_memory
from kakehashi.subspace.product import SCREEN_HARTREE
from kakehashi.subspace.space import Criterion, Densities, MatrixSize, Outside, Space

__all__ = ["DeterminantSpace", "estimate_integral_bytes"]

Vector: TypeAlias = NDArray[np.float64]

WHOLE, EVEN, ODD = 0, 1, 2  # Vectors of cpp/determinants/space.hpp

NO_MIRROR_IMAGE = "A sign under spin exchange needs the mirror image of each determinant in the space."

ROUNDING = 1e-20
"""Square of the even or the odd part of a vector over that of the other one at which it does not count."""


def estimate_integral_bytes(n_orb: int) -> int:
    """Memory for the integrals of a space beside those of the Hamiltonian: packed, and the lists of them by size.

    Example:
        >>> estimate_integral_bytes(128) // 2**20
        1512
    """
    n_pair, n_mixed, n_left = n_orb * (n_orb + 1) // 2, n_orb * (n_orb - 1) // 2, max(n_orb - 2, 0)
    return 8 * n_pair**2 + 8 * n_mixed * (n_left * (n_left - 1) // 2 + n_mixed)


class DeterminantSpace(Space):
    """The Hamiltonian projected on a growing list of determinants, in one process.

    Determinants keep the order in which they were given. What the methods do is said in
    :class:`~kakehashi.subspace.space.Space`.

    Where each determinant has its mirror image, the one with the spins exchanged, in the space, the matrix has rows for
    one of each two, which halves its memory and the time to build it. A state that is even or odd under the exchange
    gains the same in products and in :meth:`look_outside`; its other part does not count where it is smaller by 1e-10.

    Stored elements are single-precision numbers (the diagonal is not): each is right to 6e-8 of its size, and an energy
    to 1e-9 hartree where one determinant leads, to some 4e-8 where none does. Rows that are computed anew, for want of
    memory, are in double precision.

    Args:
        hamiltonian: The integrals; up to 128 orbitals.
        spin_penalty_hartree: Weight of ``S^2`` that is added to the Hamiltonian, which raises states of higher spin.
        n_threads: Threads of the kernels; all processors, or ``OMP_NUM_THREADS``, where not given. Results agree to
            rounding.

    Raises:
        InputError: An option is impossible.
        ResourceError: The integrals do not fit into memory; said before they are copied.

    Example:
        >>> from kakehashi.core.bits import lowest_string, pack_strings
        >>> dimer = Hamiltonian(
        ...     one_body=np.array([[0.0, -1.0], [-1.0, 0.0]]),
        ...     two_body=4.0 * np.einsum("pq,qr,rs->pqrs", *[np.eye(2)] * 3),
        ... )
        >>> space = DeterminantSpace(dimer)
        >>> space.append(lowest_string(1), lowest_string(1))
        1
        >>> space.apply(np.ones(1))
        array([4.])
    """

    def __init__(
        self, hamiltonian: Hamiltonian, *, spin_penalty_hartree: float = 0.0, n_threads: int | None = None
    ) -> None:
        self.hamiltonian = hamiltonian
        self.spin_penalty_hartree = spin_penalty_hartree
        self.n_threads = default_n_threads() if n_threads is None else n_threads
        if self.n_threads < 1:
            raise InputError(f"Argument `n_threads` must be positive, but is {self.n_threads}.")
        if spin_penalty_hartree < 0:
            raise InputError(f"Argument `spin_penalty_hartree` must not be negative, but is {spin_penalty_hartree}.")
        require_memory(
            estimate_integral_bytes(hamiltonian.n_orb),
            f"A space over {hamiltonian.n_orb} orbitals",
            remedy="take fewer orbitals, or a machine with more memory",
        )
        self._native = _native.make_determinants(
            hamiltonian.one_body,
            np.ascontiguousarray(hamiltonian.two_body),
            SCREEN_HARTREE,
            spin_penalty_hartree,
            self.n_threads,
        )
        self._n_elec: tuple[int, int] | None = None
        self._n_built = 0
        self._half = False  # the matrix has rows for one of each two mirror images
        self._mirror: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    @override
    def __len__(self) -> int:
        return int(self._native.size)

    @property
    def native(self) -> _native.DeterminantSpace:
        """The kernels' side of the space, for those who spread it over processes."""
        return self._native

    def another(self) -> DeterminantSpace:
        """An empty space of the same Hamiltonian, with the same options; much is shared, so that it costs little."""
        space = copy.copy(self)
        space._native, space._n_elec, space._n_built = self._native.another(), None, 0
        space._half = False
        space._mirror = np.empty(0, dtype=np.int64)
        return space

    @property
    @override
    def n_own(self) -> int:
        return len(self)

    @property
    @override
    def n_elec(self) -> tuple[int, int]:
        return self._n_elec or (0, 0)

    @override
    def append(self, alpha: Strings, beta: Strings) -> int:
        alpha, beta = self._checked_pair(alpha, beta)
        if len(alpha) == 0:
            return 0
        counts = [np.unique(count_electrons(strings)) for strings in (alpha, beta)]
        found = tuple(int(count[0]) for count in counts)
        if any(count.size > 1 for count in counts) or (self._n_elec is not None and found != self._n_elec):
            wanted = "the same number of electrons" if self._n_elec is None else f"{self._n_elec} electrons"
            raise InputError(f"Arguments `alpha` and `beta` must have {wanted} in every determinant.")
        self._n_elec = (found[0], found[1])
        return int(self._native.append(alpha, beta))

    @override
    def strings(self) -> tuple[Strings, Strings]:
        alpha, beta = np.empty((2, len(self), 2), dtype=np.uint64)
        self._native.copy_strings(alpha, beta)
        return alpha, beta

    @override
    def find(self, alpha: Strings, beta: Strings) -> NDArray[np.int64]:
        alpha, beta = self._checked_pair(alpha, beta)
        positions = np.empty(len(alpha), dtype=np.int64)
        self._native.find(alpha, beta, positions)
        return positions

    @override
    def lowest(self, n: int) -> tuple[Strings, Strings]:
        chosen = np.sort(np.argsort(self.diagonal(), kind="stable")[:n])
        alpha, beta = self.strings()
        return alpha[chosen], beta[chosen]

    @override
    def best_of(self, alpha: Strings, beta: Strings, importance: Vector, n: int) -> tuple[Strings, Strings, float]:
        return alpha[:n], beta[:n], float(importance[:n][-1]) if len(importance[:n]) else 0.0

    @override
    def exchange_spins(self, coefficients: Vector) -> Vector:
        if len(self._mirror) != len(self):
            alpha, beta = self.strings()
            self._mirror = self.find(beta, alpha)
        if (self._mirror < 0).any():
            raise InputError(NO_MIRROR_IMAGE)
        return self._checked_vector(coefficients)[self._mirror]

    @override
    def sum_parts(self, parts: NDArray[Any]) -> NDArray[Any]:
        return parts

    @override
    def build(self, *, memory_budget_bytes: int = 2**62) -> MatrixSize:
        return self.build_rows(self._native.is_mirrored, memory_budget_bytes)

    def build_rows(self, half: bool, memory_budget_bytes: int) -> MatrixSize:
        """Do what :meth:`build` says, with rows for one of each two mirror images, or for all determinants."""
        n_elements, n_rows, n_bytes = self._native.build(half, memory_budget_bytes)
        self._n_built, self._half = len(self), half
        return MatrixSize(n_elements=n_elements, n_rows=n_rows, n_bytes=n_bytes)

    @override
    def forget_matrix(self) -> None:
        self._native.forget_matrix()
        self._n_built = 0

    @override
    def diagonal(self) -> Vector:
        diagonal = np.empty(len(self))
        self._native.fill_diagonal(diagonal)
        return diagonal

    @override
    def apply(self, coefficients: Vector, *, out: Vector | None = None) -> Vector:
        c = self._checked_vector(coefficients)
        if self._n_built < len(self):
            self.build()
        return self.apply_parts(c, out, self.sum_parts, self.multiply)

    def apply_parts(
        self,
        c: Vector,
        out: Vector | None,
        total: Callable[[Vector], Vector],
        multiply: Callable[[int, Vector], Vector],
    ) -> Vector:
        """The Hamiltonian times a vector: part by part, as the rows of the matrix are.

        Args:
            c: The vector.
            out: Where the product goes.
            total: The sum of a small array over all processes that hold parts of the vector.
            multiply: What the rows make of a part, ``WHOLE``, ``EVEN`` or ``ODD``, as long as the rows are many.
        """
        sigma = np.empty(len(self)) if out is None else out
        self._native.apply_diagonal(c, sigma)
        for kind in self.signs(c, total) if self._half else (WHOLE,):
            x = c
            if kind != WHOLE:
                x = np.empty(self._native.n_pairs)
                self._native.fold(kind, c, x)
            self._native.unfold(kind, multiply(kind, x), sigma)
        return sigma

    def multiply(self, kind: int, x: Vector) -> Vector:
        """What the rows of the matrix make of a part of a vector, without the diagonal."""
        y = np.empty(len(x))
        self._native.multiply(kind, x, y)
        return y

    def signs(self, c: Vector, total: Callable[[Vector], Vector]) -> tuple[int, ...]:
        """Which parts a vector has under exchange of the spins, where mirror images are there: ``EVEN``, ``ODD``."""
        sums = np.empty(2)
        self._native.parity_sums(c, sums)
        even, odd = total(sums)
        return (EVEN,) * bool(even > ROUNDING * odd) + (ODD,) * bool(odd > ROUNDING * even)

    @override
    def spin_squared(self, coefficients: Vector) -> float:
        c, out = self._checked_vector(coefficients), np.empty(len(self))
        signs = self.signs(c, self.sum_parts) if self._native.is_mirrored else ()
        self._native.apply_spin_squared(signs[0] if len(signs) == 1 else WHOLE, c, out)
        return float(c @ out)

    @override
    def densities(self, bra: Vector, ket: Vector | None = None) -> Densities:
        n_orb = self.hamiltonian.n_orb
        n_pair = n_orb * (n_orb + 1) // 2
        one_body, pairs = np.empty((2, n_orb, n_orb)), np.empty((n_pair, n_pair))
        left = self._checked_vector(bra)
        self._native.fill_densities(left, left if ket is None else self._checked_vector(ket), one_body, pairs)
        return Densities(one_body=one_body, pairs=pairs)

    @override
    def look_outside(
        self,
        coefficients: Vector,
        energy_hartree: float,
        *,
        threshold_hartree: float,
        coarse_threshold_hartree: float | None = None,
        n_keep: int = 0,
        criterion: Criterion = "perturbation",
        least_importance_hartree: float = 0.0,
        batch: int = 0,
        n_batches: int = 1,
        memory_budget_bytes: int | None = None,
    ) -> Outside:
        c = self._checked_vector(coefficients)
        if not (np.isfinite(energy_hartree) and np.isfinite(c).all()):
            raise InputError("The coefficients and the energy of the state must be finite.")
        for name, value in (("threshold_hartree", threshold_hartree), ("n_keep", n_keep)):
            if not value >= 0:
                raise InputError(f"Argument `{name}` must not be negative, but is {value}.")
        if criterion not in get_args(Criterion):
            raise InputError(f"Argument `criterion` must be one of {get_args(Criterion)}, but is {criterion!r}.")
        if not 0 <= batch < n_batches:
            raise InputError(f"Argument `batch` must be 0 to {n_batches - 1}, but is {batch}.")
        alpha, beta = np.empty((2, n_keep, 2), dtype=np.uint64)
        importance = np.empty(n_keep)
        coarse = threshold_hartree if coarse_threshold_hartree is None else coarse_threshold_hartree
        budget = half_of_the_memory() if memory_budget_bytes is None else memory_budget_bytes
        half = n_batches == 1 and self._native.is_mirrored and len(self.signs(c, self.sum_parts)) == 1
        energy, coarse_energy, n_outside, n_contributions, n_kept, _ = checked(
            self._native.perturb(
                c,
                energy_hartree,
                threshold_hartree,
                coarse,
                n_batches,
                batch,
                criterion == "heat-bath",
                half,
                least_importance_hartree,
                alpha,
                beta,
                importance,
                budget,
            ),
            len(self),
            budget,
        )
        return Outside(
            energy_hartree=energy,
            coarse_energy_hartree=coarse_energy,
            n_determinants=n_outside,
            n_contributions=n_contributions,
            alpha=alpha[:n_kept],
            beta=beta[:n_kept],
            importance=importance[:n_kept],
        )

    def _checked(self, name: str, strings: Strings) -> Strings:
        array = np.asarray(strings)
        if array.ndim != 2 or array.shape[1] != 2 or array.dtype != np.uint64:
            raise InputError(
                f"Argument `{name}` must be uint64 with shape (n, 2), but is {array.dtype} with {array.shape}."
            )
        n_orb = self.hamiltonian.n_orb
        limits = ((1 << min(n_orb, 64)) - 1, (1 << max(n_orb - 64, 0)) - 1)
        for word, limit in zip(array.T, limits, strict=True):
            if word.size and int(word.max()) > limit and (word & ~np.uint64(limit)).any():
                raise InputError(f"Argument `{name}` occupies orbitals beyond the {n_orb} that there are.")
        return np.ascontiguousarray(array)

    def _checked_pair(self, alpha: Strings, beta: Strings) -> tuple[Strings, Strings]:
        alpha, beta = self._checked("alpha", alpha), self._checked("beta", beta)
        if len(alpha) != len(beta):
            raise InputError(f"Arguments `alpha` and `beta` differ in length: {len(alpha)} and {len(beta)}.")
        return alpha, beta

    def _checked_vector(self, coefficients: Vector) -> Vector:
        c = np.ascontiguousarray(coefficients, dtype=np.float64)
        if c.shape != (len(self),):
            raise InputError(f"Argument `coefficients` must have shape ({len(self)},), but has {c.shape}.")
        return c
