"""The Hamiltonian on a product space: alpha strings times beta strings, matrix-free.

The kernels are native (``cpp/``); their slow twins, which the tests compare them with, are in
:mod:`kakehashi.subspace.slow`.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kakehashi import _native
from kakehashi.core.bits import Strings, count_electrons, unique_strings
from kakehashi.core.errors import InputError
from kakehashi.core.resources import default_n_threads, require_memory
from kakehashi.problem.model import Hamiltonian

__all__ = ["Parity", "ProductHamiltonian", "check_strings", "estimate_memory_bytes", "pack_pairs"]

SCREEN_HARTREE = 1e-12
"""Integrals smaller than this are taken to be zero, which is how point-group symmetry is found."""

LINK_BYTES = 36
"""A link between two strings: column and value, up to three times over while the lists of the threads are joined."""

SINGLE_BYTES = 48
"""What a link by a single excitation takes beyond that."""

N_PAIR_MATRICES = 4
"""Matrices over orbital pairs that are alive at the same time while the integrals are packed."""

Parity = Literal[0, 1, -1]
"""Symmetry under exchange of the two spins: 1 for even total spin, -1 for odd, 0 for not used."""


def pack_pairs(two_body: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two-body integrals as a matrix over orbital pairs ``p >= q``.

    Args:
        two_body: Chemists' ``(pq|rs)``, shape ``(n_orb,) * 4``.

    Returns:
        Shape ``(n_pair, n_pair)`` with ``n_pair = n_orb (n_orb + 1) / 2``, pairs in row-major lower-triangle order.
    """
    p, q = np.tril_indices(two_body.shape[0])
    return np.ascontiguousarray(two_body[p, q][:, p, q])


def estimate_memory_bytes(n_alpha: int, n_beta: int, *, n_orb: int, n_elec: tuple[int, int], n_vectors: int) -> int:
    """Memory that a product space and vectors over it take at most, in bytes.

    Args:
        n_alpha: Number of alpha strings.
        n_beta: Number of beta strings.
        n_orb: Number of spatial orbitals.
        n_elec: Numbers of alpha and beta electrons.
        n_vectors: Vectors of the size of the space that are alive at the same time.

    Example:
        >>> estimate_memory_bytes(3163, 3163, n_orb=26, n_elec=(5, 5), n_vectors=25) // 2**20
        2421
    """
    links = _bound_link_bytes(n_alpha, n_orb, n_elec[0]) + _bound_link_bytes(n_beta, n_orb, n_elec[1])
    return 8 * n_alpha * n_beta * n_vectors + links + N_PAIR_MATRICES * 8 * (n_orb * (n_orb + 1) // 2) ** 2


def _bound_link_bytes(n_strings: int, n_orb: int, n_electrons: int) -> int:
    """Most that the links between the strings of one set can take: no string has more than it has excitations."""
    n_empty = n_orb - n_electrons
    singles = n_electrons * n_empty
    doubles = math.comb(n_electrons, 2) * math.comb(n_empty, 2)
    others = n_strings - 1
    return n_strings * (LINK_BYTES * min(singles + doubles, others) + SINGLE_BYTES * min(singles, others))


class ProductHamiltonian:
    """The Hamiltonian projected on the product of a set of alpha strings and a set of beta strings.

    Args:
        hamiltonian: The integrals.
        alpha: Alpha strings, shape ``(n_alpha, 2)``, uint64; sorted and made distinct here.
        beta: Beta strings, the same; where not given, the alpha strings serve both spins.
        n_threads: Threads of the kernels; all processors, or ``OMP_NUM_THREADS``, where not given. Results do not
            depend on it.

    Attributes:
        hamiltonian: The integrals.
        alpha: Alpha strings, ascending.
        beta: Beta strings, ascending.
        one_set: Whether ``beta`` was left out. The solver then takes spin exchange for a symmetry of the states that
            are wanted; two sets that merely happen to be equal promise nothing of the kind.
        n_threads: Threads of the kernels.

    Raises:
        InputError: A set is empty, or its strings differ in their number of electrons.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> hydrogen = Hamiltonian(one_body=np.diag([-1.25, -0.48]), two_body=np.full((2,) * 4, 0.6))
        >>> product = ProductHamiltonian(hydrogen, lowest_string(1))
        >>> product.apply(np.ones((1, 1)))
        array([[-1.9]])
    """

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        alpha: Strings,
        beta: Strings | None = None,
        *,
        n_threads: int | None = None,
    ) -> None:
        self.hamiltonian = hamiltonian
        self.alpha = check_strings("alpha", alpha, n_orb=hamiltonian.n_orb)
        self.one_set = beta is None
        self.beta = self.alpha if beta is None else check_strings("beta", beta, n_orb=hamiltonian.n_orb)
        self.n_threads = default_n_threads() if n_threads is None else n_threads
        if self.n_threads < 1:
            raise InputError(f"Argument `n_threads` must be positive, but is {self.n_threads}.")
        self._native = _native.build_product(
            hamiltonian.one_body,
            pack_pairs(hamiltonian.two_body),
            self.alpha,
            self.beta,
            SCREEN_HARTREE,
            self.n_threads,
        )
        self._diagonal: NDArray[np.float64] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of alpha and beta strings."""
        return len(self.alpha), len(self.beta)

    @property
    def same_strings(self) -> bool:
        """Whether both spins have the same strings, by intent or by chance, so that spin exchange is a symmetry."""
        return bool(self._native.same_strings)

    @property
    def n_elec(self) -> tuple[int, int]:
        """Numbers of alpha and beta electrons."""
        return int(count_electrons(self.alpha[:1])[0]), int(count_electrons(self.beta[:1])[0])

    @property
    def diagonal(self) -> NDArray[np.float64]:
        """Diagonal elements without the constant, shape ``(n_alpha, n_beta)``, hartree."""
        if self._diagonal is None:
            diagonal = np.empty(self.shape)
            self._native.fill_diagonal(diagonal)
            self._diagonal = diagonal
        return self._diagonal

    def apply(
        self,
        coefficients: NDArray[np.float64],
        *,
        parity: Parity = 0,
        out: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """``sigma = H c`` without the constant.

        Args:
            coefficients: Shape ``(n_alpha, n_beta)``, float64.
            parity: 1 or -1 promises ``c(a, b) = +-c(b, a)``, which halves the work; not checked.
            out: Where to write the result.

        Raises:
            InputError: The shape is wrong, or parity is used although the spins have different strings.
        """
        if parity and not self.same_strings:
            raise InputError("Argument `parity` needs the same strings for both spins.")
        c = self._checked(coefficients)
        sigma = np.empty(self.shape) if out is None else out
        self._native.apply_hamiltonian_into_buffer(self.diagonal, c, sigma, parity)
        return sigma

    def block(
        self, indices: NDArray[np.int64], *, operator: Literal["hamiltonian", "spin_squared"] = "hamiltonian"
    ) -> NDArray[np.float64]:
        """Dense block of the Hamiltonian (without the constant) or of ``S^2`` between some determinants.

        Args:
            indices: Flat indices ``a * n_beta + b``, shape ``(n,)``, int64.
            operator: Which of the two.

        Returns:
            Shape ``(n, n)``; hartree for the Hamiltonian.
        """
        block = np.empty((len(indices),) * 2)
        spin = operator == "spin_squared"
        self._native.fill_block(np.ascontiguousarray(indices, dtype=np.int64), block, spin)
        return block

    def apply_spin_squared(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """``S^2 c``, projected on the product space; shapes as in :meth:`apply`."""
        out = np.empty(self.shape)
        self._native.apply_spin_squared_into_buffer(self._checked(coefficients), out)
        return out

    def count_elements(self) -> tuple[int, int]:
        """Numbers of connected and of non-zero matrix elements.

        Returns:
            How many ordered pairs of determinants differ by at most two excitations, and for how many of them
            symmetry and the integrals leave the element different from zero.
        """
        connected, nonzero = self._native.count_elements()
        return round(connected), round(nonzero)

    def opposite_spin_density(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """``<a+_p,alpha a_q,alpha a+_r,beta a_s,beta>`` at ``[p, q, r, s]``, shape ``(n_orb,) * 4``."""
        density = np.zeros((self.hamiltonian.n_orb,) * 4)
        self._native.fill_opposite_density(self._checked(coefficients), density)
        return density

    def same_spin_density(
        self, coefficients: NDArray[np.float64], *, spin: Literal["alpha", "beta"]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """``<a+_p a_q>`` at ``[p, q]`` and ``<a+_p a+_r a_s a_q>`` at ``[p, q, r, s]`` for one spin."""
        c = self._checked(coefficients)
        n_orb = self.hamiltonian.n_orb
        rows = c if spin == "alpha" else c.T
        require_memory(8 * len(rows) ** 2, "The density matrix over strings", remedy="use a subspace of fewer strings")
        one_body, two_body = np.zeros((n_orb,) * 2), np.zeros((n_orb,) * 4)
        self._native.fill_same_spin_density(spin == "beta", np.ascontiguousarray(rows @ rows.T), one_body, two_body)
        return one_body, two_body

    def _checked(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        c = np.ascontiguousarray(coefficients, dtype=np.float64)
        if c.shape != self.shape:
            raise InputError(f"Argument `coefficients` must have shape {self.shape}, but has {c.shape}.")
        return c


def check_strings(name: str, strings: Strings, *, n_orb: int) -> Strings:
    """The distinct strings of a set, ascending, if they can be one spin's strings of a product space.

    Args:
        name: Name of the argument, for messages.
        strings: Shape ``(n, 2)``, uint64.
        n_orb: Number of spatial orbitals.

    Raises:
        InputError: The set is empty, its strings differ in their number of electrons, or they need more orbitals.

    Example:
        >>> check_strings("alpha", np.array([[5, 0], [3, 0], [5, 0]], dtype=np.uint64), n_orb=3)
        array([[3, 0],
               [5, 0]], dtype=uint64)
    """
    array = np.asarray(strings)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype != np.uint64:
        raise InputError(
            f"Argument `{name}` must be uint64 with shape (n, 2), but is {array.dtype} with {array.shape}."
        )
    if len(array) == 0:
        raise InputError(f"Argument `{name}` holds no strings.")
    electrons = count_electrons(array)
    if electrons.min() != electrons.max():
        raise InputError(f"Argument `{name}` must have the same number of electrons in every string.")
    distinct = unique_strings(array)
    highest = int(distinct[-1, 0]) | (int(distinct[-1, 1]) << 64)
    if highest >> n_orb:
        raise InputError(f"Argument `{name}` occupies orbitals beyond the {n_orb} that there are.")
    return distinct
