"""Properties of the states of a result: what follows from a one-body density, as plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from kakehashi.core.errors import InputError
from kakehashi.energy.properties import Properties

__all__ = ["StateProperties"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateProperties:
    """Properties of one state; those of :class:`kakehashi.energy.properties.Properties`, without the orbitals.

    Attributes:
        natural_occupations: Descending, 0 to 2, one for each orbital.
        n_unpaired: Effectively unpaired electrons.
        spin_density: Alpha minus beta electrons in each of the problem's orbitals.
        dipole_debye: Dipole moment along x, y and z in the frame of the geometry, from minus to plus, or None where the
            problem has no positions.
        atoms: Label of each atom; empty where the problem has no positions.
        spin_populations: Alpha minus beta electrons on each atom (Loewdin), or None.
        atomic_charges: Charge of each atom in elementary charges (Loewdin), or None.

    Raises:
        InputError: A number is not finite, or there are not as many as there are orbitals, atoms or directions.

    Example:
        >>> state = StateProperties(natural_occupations=(1.9, 0.1), n_unpaired=0.2, spin_density=(0.0, 0.0))
        >>> state.dipole_debye is None
        True
    """

    natural_occupations: tuple[float, ...]
    n_unpaired: float
    spin_density: tuple[float, ...]
    dipole_debye: tuple[float, ...] | None = None
    atoms: tuple[str, ...] = ()
    spin_populations: tuple[float, ...] | None = None
    atomic_charges: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        wanted = {
            "natural_occupations": len(self.spin_density),
            "spin_density": len(self.spin_density),
            "dipole_debye": 3,
            "spin_populations": len(self.atoms),
            "atomic_charges": len(self.atoms),
        }
        for name, count in wanted.items():
            values = getattr(self, name)
            if values is None:
                continue
            if len(values) != count:
                raise InputError(f"Argument `{name}` must hold {count} numbers, but holds {len(values)}.")
            if not all(map(math.isfinite, values)):
                raise InputError(f"Argument `{name}` holds a number that is not finite.")
        if not math.isfinite(self.n_unpaired):
            raise InputError(f"Argument `n_unpaired` must be finite, but is {self.n_unpaired}.")

    @classmethod
    def of(cls, found: Properties) -> Self:
        """Take over what a report tells.

        Example:
            >>> import numpy as np
            >>> from kakehashi.energy.properties import properties_of
            >>> from kakehashi.problem import load_problem
            >>> molecule = load_problem("hydrogen-chain", n_atoms=2)
            >>> StateProperties.of(properties_of(molecule, [np.diag([1.0, 0.0])] * 2)).atoms
            ('H1', 'H2')
        """
        dipole, spins, charges = found.dipole_debye, found.spin_populations, found.atomic_charges
        return cls(
            natural_occupations=tuple(found.natural_occupations.tolist()),
            n_unpaired=found.n_unpaired,
            spin_density=tuple(found.spin_density.tolist()),
            dipole_debye=None if dipole is None else tuple(dipole.tolist()),
            atoms=found.atoms,
            spin_populations=None if spins is None else tuple(spins.tolist()),
            atomic_charges=None if charges is None else tuple(charges.tolist()),
        )

    @property
    def dipole_size_debye(self) -> float | None:
        """Length of the dipole moment."""
        return None if self.dipole_debye is None else math.hypot(*self.dipole_debye)
