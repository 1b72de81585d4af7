"""What a molecule's orbitals know beside the Hamiltonian: where the electrons are, and on which atom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.core.errors import InputError

__all__ = ["Observables", "observables_of_molecule"]

Array = NDArray[np.float64]

UNIT_TOLERANCE = 1e-6
"""How far the weights of all atoms together may be from 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observables:
    """Integrals of the position, and each atom's share of the orbitals.

    With the one-body density ``D`` of the active electrons (spin-summed), the dipole moment is
    ``constant_dipole - sum D_pq position_pq``, and atom ``A`` has ``sum D_pq weights_Apq`` of them. The shares are
    those of Loewdin's orthogonalised basis functions (J. Chem. Phys. 18, 365 (1950), doi:10.1063/1.1747632).

    Attributes:
        position_bohr: ``<p| r - origin |q>``, shape ``(3, n_orb, n_orb)``.
        constant_dipole_atomic_units: Dipole moment of the nuclei and the frozen orbitals about the origin, shape
            ``(3,)``. Electrons that an effective core potential stands for count as part of their nucleus.
        origin_bohr: The origin, in the frame of the molecule's geometry, shape ``(3,)``: the centre of nuclear
            charge. Only the dipole moment of a charged molecule depends on it.
        atoms: A label for each atom, such as ``"O1"``: symbol, and its number in the geometry.
        atomic_weights: Share of each atom, shape ``(n_atom, n_orb, n_orb)``; over all atoms they sum to 1.
        core_charges: Charge of each atom's nucleus and its share of the frozen electrons, elementary charges, shape
            ``(n_atom,)``.
        functions: The orbitals over Loewdin's orthogonalised basis functions, shape ``(n_functions, n_orb)``, where
            they are known: what orbitals of two geometries have in common.

    Raises:
        InputError: The shapes do not go together, a value is not finite, or the weights do not sum to 1.

    Example:
        >>> one_atom = Observables(
        ...     position_bohr=np.zeros((3, 1, 1)),
        ...     constant_dipole_atomic_units=np.zeros(3),
        ...     origin_bohr=np.zeros(3),
        ...     atoms=("He1",),
        ...     atomic_weights=np.ones((1, 1, 1)),
        ...     core_charges=[2.0],
        ... )
        >>> one_atom.n_orb
        1
    """

    position_bohr: Array
    constant_dipole_atomic_units: Array
    origin_bohr: Array
    atoms: tuple[str, ...]
    atomic_weights: Array
    core_charges: Array
    functions: Array | None = None

    def __post_init__(self) -> None:
        n_orb, n_atom = np.shape(self.position_bohr)[-1:] or (0,), len(self.atoms)
        shapes = {
            "position_bohr": (3, *n_orb, *n_orb),
            "constant_dipole_atomic_units": (3,),
            "origin_bohr": (3,),
            "atomic_weights": (n_atom, *n_orb, *n_orb),
            "core_charges": (n_atom,),
        }
        if self.functions is not None:
            shapes["functions"] = (*np.shape(self.functions)[:1], *n_orb)
        for name, shape in shapes.items():
            array = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            if array.shape != shape:
                raise InputError(f"Argument `{name}` must have shape {shape}, but has {array.shape}.")
            if not np.isfinite(array).all():
                raise InputError(f"Argument `{name}` holds a value that is not finite.")
            array = array.view()  # the caller's own array stays writeable
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        error = float(np.abs(self.atomic_weights.sum(axis=0) - np.eye(self.n_orb)).max())
        if error > UNIT_TOLERANCE:
            raise InputError(
                f"The atomic weights of orthonormal orbitals must sum to 1, but they are off by up to {error:.1e}."
            )

    @property
    def n_orb(self) -> int:
        """Number of spatial orbitals."""
        return int(self.position_bohr.shape[1])

    def rotate(self, coefficients: ArrayLike) -> Observables:
        """The same over other orbitals, as :meth:`kakehashi.problem.Hamiltonian.rotate` does it for the integrals.

        Args:
            coefficients: Orthogonal matrix of shape ``(n_orb, n_orb)``; column ``j`` is new orbital ``j``.

        Raises:
            InputError: The matrix has another shape or is not orthogonal.

        Example:
            >>> from kakehashi.problem import load_problem
            >>> hydrogen = load_problem("hydrogen-chain", n_atoms=2).observables
            >>> swapped = hydrogen.rotate([[0.0, 1.0], [1.0, 0.0]])
            >>> bool(swapped.position_bohr[2, 0, 0] == hydrogen.position_bohr[2, 1, 1])
            True
        """
        c = np.asarray(coefficients, dtype=np.float64)
        if c.shape != (self.n_orb, self.n_orb):
            raise InputError(f"Argument `coefficients` must have shape {(self.n_orb, self.n_orb)}, but has {c.shape}.")
        return Observables(
            position_bohr=c.T @ self.position_bohr @ c,
            constant_dipole_atomic_units=self.constant_dipole_atomic_units,
            origin_bohr=self.origin_bohr,
            atoms=self.atoms,
            atomic_weights=c.T @ self.atomic_weights @ c,
            core_charges=self.core_charges,
            functions=None if self.functions is None else self.functions @ c,
        )


def observables_of_molecule(molecule: Any, frozen: Array, active: Array) -> Observables:
    """Observables over a molecule's orbitals.

    Args:
        molecule: PySCF's ``Mole``.
        frozen: Doubly occupied orbitals outside the active space, over the basis functions, shape
            ``(n_functions, n_frozen)``.
        active: The active orbitals, shape ``(n_functions, n_orb)``.

    Raises:
        InputError: The active orbitals are not orthonormal.

    Example:
        >>> from pyscf import gto, scf
        >>> atom = scf.RHF(gto.M(atom="He 0 0 1", basis="sto-3g", unit="bohr", verbose=0)).run()
        >>> found = observables_of_molecule(atom.mol, atom.mo_coeff[:, :0], atom.mo_coeff)
        >>> found.atoms, found.origin_bohr.tolist(), found.core_charges.tolist()
        (('He1',), [0.0, 0.0, 1.0], [2.0])
    """
    charges = np.asarray(molecule.atom_charges(), dtype=np.float64)
    places = np.asarray(molecule.atom_coords())  # bohr
    origin = charges @ places / charges.sum()
    with molecule.with_common_orig(origin):
        position = np.asarray(molecule.intor_symmetric("int1e_r", comp=3))
    core_density = 2 * frozen @ frozen.T
    constant = charges @ (places - origin) - np.einsum("xmn,mn->x", position, core_density)
    overlap = np.asarray(molecule.intor_symmetric("int1e_ovlp"))
    eigenvalues, vectors = np.linalg.eigh(overlap)
    # A power of S that needs no inverse: functions that depend on each other do no harm.
    root = vectors * np.sqrt(eigenvalues.clip(min=0.0)) @ vectors.T
    on_frozen, on_active = root @ frozen, root @ active
    functions = [slice(first, last) for first, last in molecule.aoslice_by_atom()[:, 2:]]
    return Observables(
        position_bohr=active.T @ position @ active,
        constant_dipole_atomic_units=constant,
        origin_bohr=origin,
        atoms=tuple(f"{molecule.atom_pure_symbol(i)}{i + 1}" for i in range(molecule.natm)),
        atomic_weights=np.array([on_active[own].T @ on_active[own] for own in functions]),
        core_charges=charges - np.array([2 * np.square(on_frozen[own]).sum() for own in functions]),
        functions=on_active,
    )
