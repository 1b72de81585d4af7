"""What follows from a state's one-body density: natural occupations, dipole moment, spins and charges of atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.core.errors import InputError
from kakehashi.problem.model import SYMMETRY_TOLERANCE, Problem
from kakehashi.problem.orbitals import NaturalOrbitals, natural_orbitals

__all__ = ["DEBYE_PER_ATOMIC_UNIT", "Properties", "Transition", "properties_of", "transition_of"]

Array = NDArray[np.float64]

DEBYE_PER_ATOMIC_UNIT = 8.4783536198e-30 * 299_792_458 * 1e21
"""One elementary charge times one bohr, in debye: CODATA 2022's value in C m, and 1 debye = 1e-21 C m^2/s over c."""

TRACE_TOLERANCE = 1e-6
"""How many electrons a density may hold too much or too little."""

MIXING_TOLERANCE = 1e-8
"""A density element between orbitals of different symmetry up to which they are kept apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Properties:
    """Properties of one state.

    Attributes:
        natural_occupations: Descending, 0 to 2, shape ``(n_orb,)``.
        natural_orbitals: Column ``j`` is natural orbital ``j`` over the problem's orbitals, shape ``(n_orb, n_orb)``.
        n_unpaired: Effectively unpaired electrons, ``sum min(n, 2 - n)`` over the natural occupations
            (M. Head-Gordon, Chem. Phys. Lett. 372, 508 (2003), doi:10.1016/S0009-2614(03)00422-6).
        spin_density: Alpha minus beta electrons in each of the problem's orbitals, shape ``(n_orb,)``. Zero for
            a singlet, and for the component of any spin that has as many alpha as beta electrons.
        dipole_atomic_units: Dipole moment in the frame of the geometry, from minus to plus, shape ``(3,)``; about the
            centre of nuclear charge where the molecule is charged. None where the problem has no observables.
        atoms: Label of each atom; empty where the problem has no observables.
        spin_populations: Alpha minus beta electrons on each atom (Loewdin), shape ``(n_atom,)``, or None.
        atomic_charges: Charge of each atom in elementary charges (Loewdin), shape ``(n_atom,)``, or None.
    """

    natural_occupations: Array
    natural_orbitals: Array
    n_unpaired: float
    spin_density: Array
    dipole_atomic_units: Array | None = None
    atoms: tuple[str, ...] = ()
    spin_populations: Array | None = None
    atomic_charges: Array | None = None

    @property
    def dipole_debye(self) -> Array | None:
        """The dipole moment in debye."""
        return None if self.dipole_atomic_units is None else self.dipole_atomic_units * DEBYE_PER_ATOMIC_UNIT


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transition:
    """Absorption or emission of light between two states.

    Attributes:
        excitation_hartree: Energy of the final state less that of the first.
        dipole_atomic_units: Transition dipole moment, shape ``(3,)``; its sign means nothing.
        oscillator_strength: ``2/3 * excitation * |dipole|^2`` in the length form, without a unit (R. C. Hilborn, Am. J.
            Phys. 50, 982 (1982), doi:10.1119/1.12937). Negative for emission. Those of degenerate final states add.
    """

    excitation_hartree: float
    dipole_atomic_units: Array
    oscillator_strength: float

    @property
    def dipole_debye(self) -> Array:
        """The transition dipole moment in debye."""
        return self.dipole_atomic_units * DEBYE_PER_ATOMIC_UNIT


def properties_of(problem: Problem, one_body: ArrayLike) -> Properties:
    """Properties of a state.

    Args:
        problem: The problem; dipole moment and populations need its ``observables``.
        one_body: ``<a+_p a_q>`` of alpha and of beta over the problem's orbitals, shape ``(2, n_orb, n_orb)``. A
            density ``D`` over rotated orbitals, whose column ``j`` in ``R`` is new orbital ``j``, is ``R @ D @ R.T``.

    Raises:
        InputError: The density is of another shape, not symmetric, or does not hold the problem's electrons.

    Example:
        >>> from kakehashi.problem import load_problem
        >>> molecule = load_problem("hydrogen-chain", n_atoms=2)
        >>> found = properties_of(molecule, [np.diag([1.0, 0.0]), np.diag([1.0, 0.0])])  # Hartree-Fock
        >>> found.natural_occupations.tolist(), found.n_unpaired, found.atoms
        ([2.0, 0.0], 0.0, ('H1', 'H2'))
        >>> bool(abs(found.dipole_debye).max() < 1e-8)
        True
    """
    density = _checked(problem, one_body)
    if np.abs(density - density.transpose(0, 2, 1)).max() > SYMMETRY_TOLERANCE:
        raise InputError("Argument `one_body` must be symmetric for each spin.")
    n_alpha, n_beta = density.trace(axis1=1, axis2=2)
    if max(abs(n_alpha - problem.n_elec[0]), abs(n_beta - problem.n_elec[1])) > TRACE_TOLERANCE:
        raise InputError(
            f"Argument `one_body` must hold {problem.n_elec[0]} alpha and {problem.n_elec[1]} beta electrons, "
            f"but holds {n_alpha:.6f} and {n_beta:.6f}."
        )
    total, spin = density.sum(axis=0), density[0] - density[1]
    natural = _natural(problem, total)
    occupations = natural.occupations
    dipole = spins = charges = None
    atoms: tuple[str, ...] = ()
    known = problem.observables
    if known is not None:
        atoms = known.atoms
        dipole = known.constant_dipole_atomic_units - _contract(known.position_bohr, total)
        spins = _contract(known.atomic_weights, spin)
        charges = known.core_charges - _contract(known.atomic_weights, total)
    return Properties(
        natural_occupations=occupations,
        natural_orbitals=natural.rotation,
        n_unpaired=float(np.minimum(occupations, 2 - occupations).clip(min=0.0).sum()),  # rounding leaves 0 to 2
        spin_density=spin.diagonal().copy(),
        dipole_atomic_units=dipole,
        atoms=atoms,
        spin_populations=spins,
        atomic_charges=charges,
    )


def transition_of(problem: Problem, one_body: ArrayLike, *, excitation_hartree: float) -> Transition:
    """Transition dipole moment and oscillator strength between two orthogonal states.

    Args:
        problem: The problem, with ``observables``.
        one_body: ``<final|a+_p a_q|first>`` of alpha and of beta over the problem's orbitals, shape
            ``(2, n_orb, n_orb)``. Its symmetric part, which
            :meth:`kakehashi.subspace.determinants.DeterminantSpace.densities` gives, is all that counts: the position
            is a symmetric operator.
        excitation_hartree: Energy of the final state less that of the first.

    Raises:
        InputError: The problem has no observables, the density is of another shape, or its trace is not zero: the
            states are not orthogonal.

    Example:
        >>> from kakehashi.problem import load_problem
        >>> molecule = load_problem("hydrogen-chain", n_atoms=2)
        >>> up = np.array([[0.0, 0.5], [0.5, 0.0]]) / np.sqrt(2)  # from both electrons below to the open singlet
        >>> light = transition_of(molecule, [up, up], excitation_hartree=0.9)
        >>> abs(light.dipole_atomic_units).round(3).tolist(), round(light.oscillator_strength, 2)
        ([0.0, 0.0, 1.539], 1.42)
    """
    known = problem.observables
    if known is None:
        raise InputError(f"The problem {problem.name!r} has no dipole integrals; those of molecules have them.")
    if not np.isfinite(excitation_hartree):
        raise InputError(f"Argument `excitation_hartree` must be finite, but is {excitation_hartree}.")
    density = _checked(problem, one_body)
    overlap = np.abs(density.trace(axis1=1, axis2=2)).max()
    if overlap > TRACE_TOLERANCE:
        raise InputError(
            f"Argument `one_body` must be of two orthogonal states, but the trace of a spin is {overlap:.1e} in size."
        )
    dipole = -_contract(known.position_bohr, density.sum(axis=0))
    return Transition(
        excitation_hartree=excitation_hartree,
        dipole_atomic_units=dipole,
        oscillator_strength=float(2 / 3 * excitation_hartree * (dipole @ dipole)),
    )


def _contract(operators: Array, density: Array) -> Array:
    """Expectation value of each of several one-body operators."""
    values: Array = np.einsum("xpq,pq->x", operators, density)
    return values


def _checked(problem: Problem, one_body: ArrayLike) -> Array:
    density, shape = np.asarray(one_body), (2, problem.n_orb, problem.n_orb)
    if density.shape != shape or np.iscomplexobj(density):
        raise InputError(
            f"Argument `one_body` must be real with shape {shape}, but is {density.dtype} with {density.shape}."
        )
    density = density.astype(np.float64, copy=False)
    if not np.isfinite(density).all():
        raise InputError("Argument `one_body` holds a value that is not finite.")
    return density


def _natural(problem: Problem, density: Array) -> NaturalOrbitals:
    """Natural orbitals, of pure symmetry where the state has it; a state in broken-symmetry orbitals may not."""
    labels = np.array(problem.orbital_symmetry)
    if labels.size and np.abs(density[labels[:, None] != labels]).max(initial=0.0) < MIXING_TOLERANCE:
        return natural_orbitals(density, orbital_symmetry=problem.orbital_symmetry)
    return natural_orbitals(density)
