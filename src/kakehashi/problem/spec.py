"""What a user writes about the problem: the table ``[problem]`` of a run's TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pydantic

from kakehashi.core.spec import Spec
from kakehashi.problem.fcidump import read_fcidump
from kakehashi.problem.geometry import read_xyz
from kakehashi.problem.lattice import LatticeBasis, anderson, hubbard
from kakehashi.problem.library import load_problem
from kakehashi.problem.model import Problem
from kakehashi.problem.molecule import molecule_problem

__all__ = ["AndersonSpec", "HubbardSpec", "MoleculeSpec", "ProblemSpec"]

# TOML has lists only: a strict model would otherwise refuse them for tuples.
Pair = Annotated[tuple[int, int], pydantic.Field(strict=False)]
Integers = Annotated[tuple[int, ...], pydantic.Field(strict=False)]
Floats = Annotated[tuple[float, ...], pydantic.Field(strict=False)]
Flags = Annotated[tuple[bool, bool], pydantic.Field(strict=False)]


class MoleculeSpec(Spec):
    """A molecule: see :func:`kakehashi.problem.molecule_problem`.

    Example:
        >>> MoleculeSpec(geometry="H 0 0 0; H 0 0 0.74", basis="sto-3g").build(base=Path()).n_orb
        2
    """

    geometry: str | None = None
    """Atoms as text, ``symbol x y z`` per line or between semicolons."""
    xyz: str | None = None
    """Path of an XYZ file instead, relative to the TOML file."""
    basis: str | dict[str, str]
    charge: int = 0
    two_s: int = 0
    unit: Literal["angstrom", "bohr"] = "angstrom"
    frozen_core: bool | int = False
    active_space: Pair | None = None
    active_orbitals: Integers | None = None
    symmetry: bool = True

    @pydantic.model_validator(mode="after")
    def _check(self) -> MoleculeSpec:
        if (self.geometry is None) == (self.xyz is None):
            raise ValueError("give either geometry or xyz")
        if self.xyz is not None and self.unit != "angstrom":
            raise ValueError("an XYZ file is in angstrom; leave unit out")
        return self

    def build(self, *, base: Path) -> Problem:
        """Make the problem; a relative ``xyz`` is looked for in ``base``."""
        options = self.model_dump(exclude={"geometry", "xyz"})
        if self.xyz is not None:
            path = base / self.xyz
            return molecule_problem(read_xyz(path), name=path.stem, **options)
        return molecule_problem(self.geometry or "", **options)


class HubbardSpec(Spec):
    """A Hubbard lattice: see :func:`kakehashi.problem.hubbard`.

    Example:
        >>> HubbardSpec(n_x=4, u=4.0, n_elec=(2, 2)).build().n_qubits
        8
    """

    n_x: int
    n_y: int = 1
    u: float
    t: float = 1.0
    n_elec: Pair
    periodic: bool | Flags = True
    basis: LatticeBasis = "site"

    def build(self) -> Problem:
        """Make the problem."""
        return hubbard(**self.model_dump())


class AndersonSpec(Spec):
    """A single-impurity Anderson model: see :func:`kakehashi.problem.anderson`.

    Example:
        >>> AndersonSpec(u=4, epsilon=-2, hybridisation=[1.0], bath=[0.0], n_elec=(1, 1)).build().n_orb
        2
    """

    u: float
    epsilon: float
    hybridisation: Floats
    bath: Floats
    n_elec: Pair

    def build(self) -> Problem:
        """Make the problem."""
        return anderson(**self.model_dump())


class ProblemSpec(Spec):
    """The table ``[problem]``: exactly one of ``name``, ``fcidump``, ``molecule``, ``hubbard``, ``anderson``.

    Example:
        >>> ProblemSpec(name="hydrogen-chain", n_atoms=2).build(base=Path()).n_orb
        2
    """

    name: str | None = None
    """A named problem; the parameters below belong to it (see ``kakehashi problems``)."""
    bond_angstrom: float | None = None
    n_atoms: int | None = None
    spacing_angstrom: float | None = None
    basis: str | None = None
    u_over_t: float | None = None
    n_elec: Pair | None = None
    fcidump: str | None = None
    """Path of an FCIDUMP file, relative to the TOML file."""
    molecule: MoleculeSpec | None = None
    hubbard: HubbardSpec | None = None
    anderson: AndersonSpec | None = None

    @pydantic.model_validator(mode="after")
    def _check(self) -> ProblemSpec:
        kinds = ("name", "fcidump", "molecule", "hubbard", "anderson")
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            but = f"but got {' and '.join(given)}" if given else "but got none of them"
            raise ValueError(f"the problem must be given by exactly one of {', '.join(kinds)}, {but}")
        stray = [key for key in self._parameters() if self.name is None]
        if stray:
            raise ValueError(f"{', '.join(stray)} belongs to a named problem, not to {given[0]}")
        return self

    def _parameters(self) -> dict[str, float | int | str | tuple[int, int]]:
        """Parameters of a named problem that were given."""
        kinds = {"name", "fcidump", "molecule", "hubbard", "anderson"}
        return self.model_dump(exclude=kinds, exclude_none=True)

    def build(self, *, base: Path) -> Problem:
        """Make the problem.

        Args:
            base: Folder of the TOML file: relative paths start there.

        Raises:
            InputError: The problem cannot be made; the sentence says why.
            ConvergenceError: Hartree-Fock did not converge.
            DataError: A data file could not be found, fetched or verified.
        """
        if self.name is not None:
            return load_problem(self.name, **self._parameters())
        if self.fcidump is not None:
            return read_fcidump(base / self.fcidump)
        if self.molecule is not None:
            return self.molecule.build(base=base)
        if self.hubbard is not None:
            return self.hubbard.build()
        assert self.anderson is not None
        return self.anderson.build()
