"""What a space of determinants offers, whoever holds it: one process, or many that share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings
from kakehashi.problem.model import Hamiltonian

__all__ = ["Criterion", "Densities", "MatrixSize", "Outside", "Space"]

Vector: TypeAlias = NDArray[np.float64]

Criterion = Literal["perturbation", "heat-bath"]
"""What makes a determinant outside the space important: the size of its Epstein-Nesbet energy,
``(sum_i H_ai c_i)^2 / (E - E_a)``, or the largest single ``|H_ai c_i|``, as in heat-bath configuration interaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixSize:
    """What is stored of the Hamiltonian.

    Attributes:
        n_elements: Elements that are stored: those of one triangle that are not zero, without the diagonal. Where the
            space has all mirror images (spins exchanged), about half of them.
        n_rows: Determinants whose rows, or those of their mirror images, are stored; the others are computed anew in
            every product.
        n_bytes: Memory.
    """

    n_elements: int
    n_rows: int
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What one pass over the determinants outside the space found.

    Attributes:
        energy_hartree: Epstein-Nesbet energy of those that were met.
        coarse_energy_hartree: The same from contributions above the coarse threshold alone.
        n_determinants: How many were met.
        n_contributions: How many elements ``H_ai c_i`` were summed, those onto determinants of the space included.
        alpha: Alpha strings of the most important ones, shape ``(n, 2)``, the best first.
        beta: Their beta strings.
        importance: Their importance, shape ``(n,)``, descending, hartree.
    """

    energy_hartree: float
    coarse_energy_hartree: float
    n_determinants: int
    n_contributions: int
    alpha: Strings
    beta: Strings
    importance: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Densities:
    """Density matrices of a state, or between two.

    The energy is ``sum h_pq one_body_pq + 1/2 sum (pq|rs) two_body_pqrs`` plus the constant.

    Attributes:
        one_body: ``<a+_p a_q>`` of alpha and of beta, symmetrised, shape ``(2, n_orb, n_orb)``.
        pairs: Derivative of the energy by the pair matrix of :func:`~kakehashi.subspace.product.pack_pairs`, shape
            ``(n_pair, n_pair)``.
    """

    one_body: Vector
    pairs: Vector

    def two_body(self) -> Vector:
        """Spin-summed two-body density with the symmetry of the integrals, shape ``(n_orb,) * 4``."""
        n_orb = self.one_body.shape[1]
        p, q = np.tril_indices(n_orb)
        position = np.empty((n_orb, n_orb), dtype=np.intp)
        position[p, q] = position[q, p] = np.arange(p.size)
        share = np.where(p == q, 2.0, 1.0)
        packed = self.pairs * np.outer(share, share) / 2
        flat = position.reshape(-1)
        two_body: Vector = packed[np.ix_(flat, flat)].reshape((n_orb,) * 4)
        return two_body


class Space(Protocol):
    """The Hamiltonian projected on a growing list of determinants.

    A :class:`~kakehashi.subspace.determinants.DeterminantSpace` lies in one process. Of a
    :class:`~kakehashi.subspace.distributed.DistributedSpace` every process holds a part: its own determinants. There a
    vector is the coefficients of those, all processes call every method alike, and all of them raise what is wrong in
    the arguments of one.
    """

    hamiltonian: Hamiltonian
    """The integrals."""

    spin_penalty_hartree: float
    """Weight of ``S^2`` that is added to the Hamiltonian."""

    @property
    def n_elec(self) -> tuple[int, int]:
        """Numbers of alpha and beta electrons; (0, 0) while the space is empty."""
        ...

    @property
    def n_own(self) -> int:
        """How many of the determinants this process holds: the length of its vectors."""
        ...

    def __len__(self) -> int:
        """How many determinants there are in all."""
        ...

    def append(self, alpha: Strings, beta: Strings) -> int:
        """Add determinants behind the own ones; those that are there already, or come twice, are passed over.

        Args:
            alpha: Alpha strings, shape ``(n, 2)``, uint64; each process may offer any.
            beta: Beta strings, one for each alpha string.

        Returns:
            How many were new in all.

        Raises:
            InputError: A string has the wrong number of electrons or orbitals.
        """
        ...

    def strings(self) -> tuple[Strings, Strings]:
        """Alpha and beta strings of the own determinants, each of shape ``(n_own, 2)``."""
        ...

    def find(self, alpha: Strings, beta: Strings) -> NDArray[np.int64]:
        """Positions among the own determinants, -1 for those that are not there."""
        ...

    def lowest(self, n: int) -> tuple[Strings, Strings]:
        """The ``n`` determinants of lowest energy of all, the same on all processes."""
        ...

    def best_of(self, alpha: Strings, beta: Strings, importance: Vector, n: int) -> tuple[Strings, Strings, float]:
        """Which of some determinants are among the ``n`` most important that the processes offer.

        Args:
            alpha: Alpha strings, shape ``(m, 2)``, the most important first; no other process offers the same
                determinant.
            beta: Their beta strings.
            importance: Their importance, descending, hartree, each a single-precision number.
            n: How many, of all processes.

        Returns:
            Their alpha and beta strings, and the least importance among those of all processes, 0 where there are none.
        """
        ...

    def build(self, *, memory_budget_bytes: int = 2**62) -> MatrixSize:
        """Compute the matrix elements of the determinants that were added since the last call.

        Args:
            memory_budget_bytes: Of each process. What it has no room for is not stored; a product then computes it
                anew, which is slower.

        Returns:
            What is stored by all processes; rows count those among the own determinants of each.
        """
        ...

    def forget_matrix(self) -> None:
        """Give the memory of the matrix back; it is computed anew when it is needed."""
        ...

    def diagonal(self) -> Vector:
        """Diagonal elements without the constant, penalty included, shape ``(n_own,)``, hartree."""
        ...

    def apply(self, coefficients: Vector, *, out: Vector | None = None) -> Vector:
        """``H c`` without the constant, penalty included; what was not built is built without a limit."""
        ...

    def exchange_spins(self, coefficients: Vector) -> Vector:
        """For each own determinant the coefficient of its mirror image, in which the spins are exchanged.

        Raises:
            InputError: A mirror image is not in the space.
        """
        ...

    def sum_parts(self, parts: NDArray[Any]) -> NDArray[Any]:
        """Sum of a small array over the processes that share the space."""
        ...

    def spin_squared(self, coefficients: Vector) -> float:
        """Expectation value of ``S^2`` for normalised coefficients."""
        ...

    def densities(self, bra: Vector, ket: Vector | None = None) -> Densities:
        """Density matrices of a state, or between two, the same on all processes; all coefficients real."""
        ...

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
        """Sum Epstein-Nesbet perturbation theory outside the space, and name the most important determinants there.

        The energy of a determinant never exceeds ``|sum_i H_ai c_i|`` in size: two levels do not shift by more than
        what couples them, however close they lie. A determinant below the state adds a positive energy, one at the same
        energy a negative one.

        Args:
            coefficients: The state, normalised.
            energy_hartree: Its energy as :meth:`apply` gives it: without the constant, penalty included.
            threshold_hartree: Contributions ``|H_ai c_i|`` below are left out.
            coarse_threshold_hartree: Of the second, coarser sum; the same where not given.
            n_keep: How many determinants to return, of all processes.
            criterion: What makes one important.
            least_importance_hartree: Less important ones are not returned.
            batch: Which share of the outside to look at.
            n_batches: Number of shares; determinants are dealt by a hash of their alpha string.
            memory_budget_bytes: For all that each process holds meanwhile beside the space, the windows in which it
                takes in others' determinants, and the result; half of the free memory where not given. A smaller budget
                costs time and changes no result.

        Returns:
            The sums over all processes; of the most important determinants each process returns those whose alpha
            strings it has looked at.

        Raises:
            InputError: The state or an option is impossible.
            ResourceError: The budget is too small.
        """
        ...
