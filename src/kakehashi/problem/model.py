"""The problem: a Hamiltonian in an orbital basis, how many electrons, and what is known about the answer."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.core.bits import MAX_ORBITALS
from kakehashi.core.errors import InputError
from kakehashi.problem.observables import Observables

__all__ = [
    "SYMMETRY_TOLERANCE",
    "Hamiltonian",
    "Problem",
    "Reference",
    "check_electrons",
    "check_rotation",
    "symmetrized_one_body",
    "symmetrized_two_body",
]

SYMMETRY_TOLERANCE = 1e-8
"""Largest difference, in hartree, between two integrals that symmetry makes equal."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hamiltonian:
    """Integrals over real spatial orbitals.

    ``H = sum h_pq E_pq + 1/2 sum (pq|rs) (E_pq E_rs - delta_qr E_ps) + constant`` with spin-summed excitation
    operators ``E_pq`` (Helgaker, Jorgensen, Olsen, Molecular Electronic-Structure Theory, 2000, eq. 2.2.18).

    Attributes:
        one_body: ``h_pq``, shape ``(n_orb, n_orb)``, float64, hartree, symmetric.
        two_body: Chemists' ``(pq|rs)``, shape ``(n_orb,) * 4``, float64, hartree, 8-fold symmetric.
        constant: Energy of the nuclei and of the frozen core, hartree.

    Raises:
        InputError: A wrong shape, complex or not finite values, more than 128 orbitals, or integrals that
            are not symmetric within 1e-8 hartree.

    Example:
        >>> two_sites = np.zeros((2, 2, 2, 2))
        >>> two_sites[0, 0, 0, 0] = two_sites[1, 1, 1, 1] = 4.0
        >>> Hamiltonian(one_body=[[0, -1], [-1, 0]], two_body=two_sites).n_orb
        2
    """

    one_body: NDArray[np.float64]
    two_body: NDArray[np.float64]
    constant: float = 0.0

    def __post_init__(self) -> None:
        for name, rank in (("one_body", 2), ("two_body", 4)):
            array = np.asarray(getattr(self, name))
            if np.iscomplexobj(array):
                raise InputError(f"Argument `{name}` must be real, but is complex.")
            array = np.ascontiguousarray(array, dtype=np.float64)
            n_orb = array.shape[0] if array.ndim else 0
            if array.shape != (n_orb,) * rank or n_orb == 0:
                raise InputError(f"Argument `{name}` must have shape (n_orb,) * {rank}, but has {array.shape}.")
            if not np.isfinite(array).all():
                raise InputError(f"Argument `{name}` holds a value that is not finite.")
            array = array.view()  # the caller's own array stays writeable
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.one_body.shape[0] != self.two_body.shape[0]:
            raise InputError(
                f"Argument `two_body` has {self.two_body.shape[0]} orbitals, "
                f"but `one_body` has {self.one_body.shape[0]}."
            )
        if self.n_orb > MAX_ORBITALS:
            raise InputError(f"At most {MAX_ORBITALS} orbitals are supported, but there are {self.n_orb}.")
        self._check_symmetry()

    def _check_symmetry(self) -> None:
        n = self.n_orb
        _require_equal(self.one_body, self.one_body.T, "one_body", "h_pq = h_qp")
        pairs = self.two_body.reshape(n * n, n * n)
        for p in range(n):  # slice by slice: for 128 orbitals a whole difference would take 2 GiB
            rows = self.two_body[p]
            _require_equal(rows, self.two_body[:, p], "two_body", "(pq|rs) = (qp|rs)", first=(p,))
            columns = pairs[:, p * n : (p + 1) * n].T.reshape(n, n, n)
            _require_equal(rows, columns, "two_body", "(pq|rs) = (rs|pq)", first=(p,))

    @property
    def n_orb(self) -> int:
        """Number of spatial orbitals."""
        return int(self.one_body.shape[0])

    def rotate(self, coefficients: NDArray[np.float64]) -> Hamiltonian:
        """The same Hamiltonian in other orbitals.

        Four matrix products of ``n_orb**5`` operations each; never more than four times the memory of
        ``two_body``, this Hamiltonian's own included.

        Args:
            coefficients: Orthogonal matrix of shape ``(n_orb, n_orb)``; column ``j`` is new orbital ``j``.

        Returns:
            The rotated integrals, whose 8-fold symmetry is exact.

        Raises:
            InputError: The matrix is not real and orthogonal, or of the wrong shape.

        Example:
            >>> swap = np.array([[0.0, 1.0], [1.0, 0.0]])
            >>> levels = Hamiltonian(one_body=np.diag([-2.0, 1.0]), two_body=np.zeros((2, 2, 2, 2)))
            >>> levels.rotate(swap).one_body.diagonal().tolist()
            [1.0, -2.0]
        """
        n = self.n_orb
        c = check_rotation(coefficients, n, "coefficients")
        two_body = self.two_body
        for _ in range(4):  # each turns the first index and puts it last: after four all stand in their places
            two_body = (two_body.reshape(n, n**3).T @ c).reshape(n, n, n, n)
        return Hamiltonian(
            one_body=symmetrized_one_body(c.T @ self.one_body @ c),
            two_body=symmetrized_two_body(two_body),
            constant=self.constant,
        )


def check_rotation(rotation: ArrayLike, n_orb: int, name: str = "rotation") -> NDArray[np.float64]:
    """Check that a matrix turns one orthonormal set of real orbitals into another.

    Args:
        rotation: The matrix; column ``j`` is new orbital ``j``.
        n_orb: Number of orbitals that it must have.
        name: The argument's name, for the sentence.

    Returns:
        The matrix, shape ``(n_orb, n_orb)``, float64.

    Raises:
        InputError: It is not real and finite, has another shape, or is not orthogonal within 1e-8.

    Example:
        >>> check_rotation([[1, 0], [0, -1]], 2)
        array([[ 1.,  0.],
               [ 0., -1.]])
    """
    matrix = np.asarray(rotation)
    if np.iscomplexobj(matrix):
        raise InputError(f"Argument `{name}` must be real, but is complex.")
    if matrix.shape != (n_orb, n_orb):
        raise InputError(f"Argument `{name}` must have shape {(n_orb, n_orb)}, but has {matrix.shape}.")
    matrix = matrix.astype(np.float64, copy=False)
    if not np.isfinite(matrix).all():
        raise InputError(f"Argument `{name}` holds a value that is not finite.")
    error = float(np.abs(matrix.T @ matrix - np.eye(n_orb)).max())
    if error > SYMMETRY_TOLERANCE:
        raise InputError(
            f"Argument `{name}` must be orthogonal, but its columns' products differ from 0 and 1 by up to {error:.1e}."
        )
    return matrix


def _require_equal(
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    name: str,
    equality: str,
    *,
    first: tuple[int, ...] = (),
) -> None:
    difference = np.abs(left - right)
    worst = float(difference.max())
    if worst > SYMMETRY_TOLERANCE:
        where = np.unravel_index(int(difference.argmax()), difference.shape)
        orbitals = [*first, *(int(p) for p in where)]
        raise InputError(
            f"Argument `{name}` is not symmetric: {equality} is violated by {worst:.3g} hartree "
            f"at orbitals {', '.join(str(p + 1) for p in orbitals)} (counted from 1)."
        )


def symmetrized_one_body(h: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of ``h`` and its transpose: removes rounding from ``h_pq = h_qp``.

    Example:
        >>> symmetrized_one_body(np.array([[0.0, 1.0], [3.0, 0.0]]))
        array([[0., 2.],
               [2., 0.]])
    """
    return (h + h.T) / 2


def symmetrized_two_body(g: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the 8 index permutations that real orbitals make equal: removes rounding from them.

    Example:
        >>> g = np.zeros((2, 2, 2, 2))
        >>> g[0, 1, 0, 0] = 4.0
        >>> float(symmetrized_two_body(g)[0, 0, 1, 0])
        1.0
    """
    for order in ((1, 0, 2, 3), (0, 1, 3, 2), (2, 3, 0, 1)):
        g = g + g.transpose(order)
        g *= 0.5  # in place: a large array is worth it
    return g


def check_electrons(n_elec: tuple[int, int], n_orb: int) -> tuple[int, int]:
    """Check that the electrons fit into the orbitals.

    Raises:
        InputError: They do not, there are none, or these are no two whole numbers.

    Example:
        >>> check_electrons((2, 1), 2)
        (2, 1)
    """
    try:
        n_alpha, n_beta = (operator.index(count) for count in n_elec)
    except (TypeError, ValueError):
        raise InputError(f"Argument `n_elec` must be two whole numbers, but is {n_elec!r}.") from None
    for spin, count in (("alpha", n_alpha), ("beta", n_beta)):
        if not 0 <= count <= n_orb:
            raise InputError(f"{count} {spin} electrons do not fit into {n_orb} orbitals; there must be 0 to {n_orb}.")
    if n_alpha + n_beta == 0:
        raise InputError("There are no electrons.")
    return n_alpha, n_beta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An energy that somebody published or that a stated method gives.

    Attributes:
        energy_hartree: Total energy.
        method: How it was computed, such as ``"FCI"``.
        source: DOI, arXiv number, or the command that computes it.
        uncertainty_hartree: How far it may be from the exact energy of this Hamiltonian.

    Example:
        >>> Reference(energy_hartree=-1.1373, method="FCI", source="pyscf.fci.FCI").method
        'FCI'
    """

    energy_hartree: float
    method: str
    source: str
    uncertainty_hartree: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """What is to be solved.

    Attributes:
        name: Short name for tables and files.
        hamiltonian: The integrals.
        n_elec: Numbers of alpha and beta electrons.
        orbital_symmetry: Irreducible representation of each orbital (FCIDUMP's ORBSYM, Molpro's numbering),
            or empty where none is known.
        state_symmetry: Irreducible representation of the wanted state (FCIDUMP's ISYM).
        reference: The known answer, where there is one.
        description: One sentence for a person.
        settings: What made it (geometry, basis, active space, file and its SHA-256), as plain JSON values.
        observables: Dipole integrals and atomic shares over the same orbitals, where these are a molecule's. No part
            of a run's identity: ``settings`` say what made them.

    Raises:
        InputError: The electrons do not fit into the orbitals, a symmetry number is not 1 to 8, or the observables
            have another number of orbitals.

    Example:
        >>> two_sites = Hamiltonian(one_body=[[0, -1], [-1, 0]], two_body=np.zeros((2, 2, 2, 2)))
        >>> Problem(name="two sites", hamiltonian=two_sites, n_elec=(1, 1)).n_qubits
        4
    """

    name: str
    hamiltonian: Hamiltonian
    n_elec: tuple[int, int]
    orbital_symmetry: tuple[int, ...] = ()
    state_symmetry: int = 1
    reference: Reference | None = None
    description: str = ""
    settings: dict[str, object] = field(default_factory=dict)
    observables: Observables | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_electrons(self.n_elec, self.n_orb)
        if self.orbital_symmetry and len(self.orbital_symmetry) != self.n_orb:
            raise InputError(
                f"Argument `orbital_symmetry` must have {self.n_orb} entries, but has {len(self.orbital_symmetry)}."
            )
        if not all(1 <= number <= 8 for number in (*self.orbital_symmetry, self.state_symmetry)):
            raise InputError("Irreducible representations are numbered 1 to 8 (D2h and its subgroups).")
        if self.observables is not None and self.observables.n_orb != self.n_orb:
            raise InputError(
                f"Argument `observables` must have {self.n_orb} orbitals, but has {self.observables.n_orb}."
            )

    @property
    def n_orb(self) -> int:
        """Number of spatial orbitals."""
        return self.hamiltonian.n_orb

    @property
    def n_qubits(self) -> int:
        """Number of qubits in the Jordan-Wigner encoding: one per spin orbital."""
        return 2 * self.n_orb

    @property
    def two_s(self) -> int:
        """Twice the spin projection, ``n_alpha - n_beta`` (FCIDUMP's MS2)."""
        return self.n_elec[0] - self.n_elec[1]
