"""Molecules: a restricted Hartree-Fock calculation with PySCF, and the integrals over its orbitals."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import MAX_ORBITALS
from kakehashi.core.errors import ConvergenceError, InputError
from kakehashi.core.resources import require_memory
from kakehashi.problem.geometry import Atom, check_atoms, parse_geometry
from kakehashi.problem.model import Hamiltonian, Problem, symmetrized_one_body, symmetrized_two_body
from kakehashi.problem.observables import observables_of_molecule
from kakehashi.problem.orbitals import with_fixed_signs

__all__ = ["molecule_problem"]

_log = logging.getLogger(__name__)

FEW_FUNCTIONS = 150
"""Basis functions up to which Hartree-Fock runs on one thread."""

# Tight, so that orbitals, and with them all truncated energies, repeat to many digits.
SCF_TOLERANCE_HARTREE = 1e-12

# What PySCF raises for a name or a geometry that it cannot make sense of.
_PYSCF_FAULTS = (RuntimeError, KeyError, ValueError, IndexError, TypeError, AssertionError, OSError)

NOISE_HARTREE = 1e-8
"""An integral that symmetry forbids and that is larger than this means that the labels are wrong."""


def molecule_problem(
    geometry: str | Sequence[Atom],
    *,
    basis: str | Mapping[str, str],
    charge: int = 0,
    two_s: int = 0,
    unit: Literal["angstrom", "bohr"] = "angstrom",
    frozen_core: bool | int = False,
    active_space: tuple[int, int] | None = None,
    active_orbitals: Sequence[int] | None = None,
    symmetry: bool = True,
    name: str | None = None,
    max_cycles: int = 100,
) -> Problem:
    """Integrals of a molecule over its restricted Hartree-Fock orbitals (open shells: ROHF).

    Orbitals come in PySCF's order (doubly occupied, singly occupied, empty; each by energy), with the sign of
    each fixed. Doubly occupied orbitals outside the active space are frozen: folded into ``one_body`` and
    ``constant``. Effective core potentials that belong to the basis set are used.

    Args:
        geometry: Atoms as text, ``"N 0 0 0; N 0 0 1.1"``, or as pairs of symbol and coordinates.
        basis: Name of a basis set that PySCF knows, or one for each element.
        charge: Charge of the molecule.
        two_s: Twice the spin: number of unpaired electrons (PySCF's ``spin``).
        unit: Unit of the coordinates.
        frozen_core: Number of lowest orbitals to freeze; True freezes the usual chemical core.
        active_space: Numbers of electrons and of orbitals, around the highest occupied orbital.
        active_orbitals: The active orbitals themselves, numbered from 0.
        symmetry: Whether to find and use the point group (D2h or a subgroup of it).
        name: Name of the problem; the formula and basis where not given.
        max_cycles: Most iterations of each Hartree-Fock solver.

    Returns:
        The problem, with the irreducible representation of each orbital in Molpro's numbering, and with dipole
        integrals and atomic shares as :class:`~kakehashi.problem.observables.Observables`.

    Raises:
        InputError: Unknown element or basis, impossible electron number, spin or active space.
        ConvergenceError: Neither DIIS nor the second-order solver converged.
        ResourceError: The integrals do not fit into memory.

    Example:
        >>> problem = molecule_problem("H 0 0 0; H 0 0 0.74", basis="sto-3g")
        >>> problem.n_orb, problem.n_elec, problem.orbital_symmetry
        (2, (1, 1), (1, 5))
    """
    from pyscf import lib

    atoms = check_atoms(parse_geometry(geometry) if isinstance(geometry, str) else geometry)
    molecule = _build_molecule(atoms, basis, charge, two_s, unit, symmetry)
    # The space is chosen first: what is impossible is said before the long work.
    choice = (frozen_core, active_space, active_orbitals)
    space = _choose_space(molecule, molecule.nao, *choice)
    # Several threads add in any order: where it costs little, one makes every call give the same digits.
    with lib.with_omp_threads(1 if molecule.nao <= FEW_FUNCTIONS else None):
        scf = _solve_scf(molecule, max_cycles)
        if scf.mo_coeff.shape[1] < molecule.nao:  # linearly dependent functions were left out
            space = _choose_space(molecule, scf.mo_coeff.shape[1], *choice)
        hamiltonian = _integrals(scf, space)
    labels: tuple[int, ...] = ()
    if symmetry:
        labels = _label(molecule, scf.mo_coeff[:, space.active])
        hamiltonian = _without_forbidden(hamiltonian, labels)
    formula, n_active = _formula(atoms), len(space.active)
    basis_name = basis if isinstance(basis, str) else ", ".join(f"{k}: {v}" for k, v in sorted(basis.items()))
    return Problem(
        name=name or f"{formula}-{basis_name}".lower().replace(" ", ""),
        hamiltonian=hamiltonian,
        n_elec=space.n_elec,
        orbital_symmetry=labels,
        # Molpro's numbers less one multiply by exclusive or; pairs cancel.
        state_symmetry=1 + int(np.bitwise_xor.reduce(np.array(labels)[space.singly] - 1)) if labels else 1,
        description=f"{formula} in {basis_name}, {sum(space.n_elec)} electrons in {n_active} orbitals.",
        settings={
            "geometry": [[symbol, list(place)] for symbol, place in atoms],
            "unit": unit,
            "basis": basis if isinstance(basis, str) else dict(basis),
            "charge": charge,
            "two_s": two_s,
            "frozen_orbitals": [int(p) for p in space.frozen],
            "active_orbitals": [int(p) for p in space.active],
            "point_group": str(molecule.topgroup) if symmetry else None,
            "orbital_group": str(molecule.groupname) if symmetry else None,
        },
        observables=observables_of_molecule(molecule, scf.mo_coeff[:, space.frozen], scf.mo_coeff[:, space.active]),
    )


@dataclass(frozen=True, slots=True)
class _Space:
    """Which molecular orbitals are frozen and which are active."""

    frozen: NDArray[np.intp]
    active: NDArray[np.intp]
    singly: NDArray[np.bool_]
    n_elec: tuple[int, int]


def _build_molecule(
    atoms: tuple[Atom, ...],
    basis: str | Mapping[str, str],
    charge: int,
    two_s: int,
    unit: str,
    symmetry: bool,
) -> Any:
    from pyscf import gto
    from pyscf.data.elements import charge as nuclear_charge

    if unit not in ("angstrom", "bohr"):
        raise InputError(f"Argument `unit` must be 'angstrom' or 'bohr', but is {unit!r}.")
    n_electrons = sum(int(nuclear_charge(symbol)) for symbol, _ in atoms) - charge
    if n_electrons < 1:
        raise InputError(f"With charge {charge} there are no electrons left.")
    if two_s < 0 or two_s > n_electrons or (n_electrons - two_s) % 2:
        raise InputError(
            f"{n_electrons} electrons cannot have two_s = {two_s} unpaired ones; "
            f"an {'odd' if n_electrons % 2 else 'even'} number from 0 to {n_electrons} is possible."
        )
    names, potentials = _basis_sets(basis, sorted({symbol for symbol, _ in atoms}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PySCF advertises the basis-set exchange
        molecule = gto.Mole(atom=list(atoms), basis=names, ecp=potentials, charge=charge, spin=two_s, unit=unit)
        molecule.verbose = 0
        molecule.symmetry = symmetry
        try:
            molecule.build(dump_input=False, parse_arg=False)
        except _PYSCF_FAULTS as error:
            raise InputError(
                f"PySCF could not set up the molecule ({error or 'its symmetry cannot be told'}); "
                "check the geometry, or use symmetry=False."
            ) from None
        subgroup = {"Dooh": "D2h", "SO3": "D2h", "Coov": "C2v"}.get(molecule.groupname) if symmetry else None
        if subgroup:
            # In the full linear group orbitals carry complex-like labels; its subgroup keeps them real.
            molecule.symmetry_subgroup = subgroup
            molecule.build(dump_input=False, parse_arg=False)
    return molecule


def _basis_sets(basis: str | Mapping[str, str], symbols: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Basis set of each element, and where it belongs to an effective core potential, that too."""
    from pyscf.gto.basis import load, load_ecp

    names = {symbol: basis if isinstance(basis, str) else basis.get(symbol, "") for symbol in symbols}
    potentials: dict[str, str] = {}
    for symbol, name in names.items():
        if not name:
            raise InputError(f"Argument `basis` names no basis set for {symbol}.")
        if name.lower().startswith("gth"):
            raise InputError(f"Basis set {name!r} needs pseudopotentials, which are not supported.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                load(name, symbol)
            except _PYSCF_FAULTS:
                raise InputError(f"PySCF has no basis set {name!r} for {symbol}.") from None
            with contextlib.suppress(*_PYSCF_FAULTS):  # most basis sets are for all electrons
                if load_ecp(name, symbol):
                    potentials[symbol] = name
    return names, potentials


def _solve_scf(molecule: Any, max_cycles: int) -> Any:
    from pyscf import scf

    n_functions = molecule.nao
    require_memory(
        3 * n_functions**4,  # 8-fold packed integrals, twice in core, and the transformation's buffers
        f"Hartree-Fock with {n_functions} basis functions",
        remedy="use a smaller basis set",
    )
    solver = scf.ROHF(molecule) if molecule.spin else scf.RHF(molecule)
    solver.chkfile = None
    solver.conv_tol = SCF_TOLERANCE_HARTREE
    solver.max_cycle = max_cycles
    solver.kernel()
    if not solver.converged:
        _log.info("Hartree-Fock did not converge with DIIS; trying the second-order solver.")
        start = solver.mo_coeff, solver.mo_occ
        solver = solver.newton()
        solver.max_cycle = max_cycles
        solver.kernel(*start)
    if not solver.converged:
        raise ConvergenceError(
            f"Hartree-Fock did not converge within {max_cycles} DIIS and {max_cycles} second-order cycles; "
            "check geometry, charge and two_s, or allow more with max_cycles."
        )
    order = np.argsort(-solver.mo_occ, kind="stable")  # ROHF may leave gaps
    solver.mo_occ = solver.mo_occ[order]
    solver.mo_coeff = with_fixed_signs(np.asarray(solver.mo_coeff)[:, order])
    return solver


def _choose_space(
    molecule: Any,
    n_mo: int,
    frozen_core: bool | int,
    active_space: tuple[int, int] | None,
    active_orbitals: Sequence[int] | None,
) -> _Space:
    from pyscf.data.elements import chemcore

    n_doubly = (molecule.nelectron - molecule.spin) // 2
    if n_doubly + molecule.spin > n_mo:
        raise InputError(
            f"{molecule.nelectron} electrons, {molecule.spin} of them unpaired, do not fit into {n_mo} basis functions."
        )
    doubly = np.arange(n_doubly)
    if sum((bool(frozen_core), active_space is not None, active_orbitals is not None)) > 1:
        raise InputError("Give only one of frozen_core, active_space and active_orbitals.")
    if active_orbitals is not None:
        active = np.array(sorted(active_orbitals), dtype=np.intp)
        if len(set(active_orbitals)) != len(active) or not len(active) or active[0] < 0 or active[-1] >= n_mo:
            raise InputError(
                f"Argument `active_orbitals` must be different numbers from 0 to {n_mo - 1}, "
                f"but is {list(active_orbitals)}."
            )
        frozen = np.setdiff1d(doubly, active)
    elif active_space is not None:
        n_electrons, n_orb = active_space
        n_frozen, odd = divmod(molecule.nelectron - n_electrons, 2)
        if odd or not 0 <= n_frozen <= n_doubly or n_orb < 1 or n_frozen + n_orb > n_mo:
            raise InputError(
                f"Argument `active_space` asks for {n_electrons} electrons in {n_orb} orbitals, but the "
                f"molecule has {molecule.nelectron} electrons ({molecule.spin} unpaired) in {n_mo} orbitals, "
                "and frozen orbitals hold two each."
            )
        frozen, active = np.arange(n_frozen), np.arange(n_frozen, n_frozen + n_orb)
    else:
        n_frozen = int(chemcore(molecule)) if frozen_core is True else int(frozen_core)
        if not 0 <= n_frozen <= n_doubly:
            raise InputError(
                f"Argument `frozen_core` must be 0 to {n_doubly}, the number of doubly occupied orbitals, "
                f"but is {n_frozen}."
            )
        frozen, active = np.arange(n_frozen), np.arange(n_frozen, n_mo)
    singly = (active >= n_doubly) & (active < n_doubly + molecule.spin)
    if singly.sum() != molecule.spin:
        raise InputError("The active space must hold all singly occupied orbitals.")
    n_beta = int((active < n_doubly).sum())
    if n_beta + molecule.spin == 0:
        raise InputError("The active space holds no electrons.")
    if len(active) > MAX_ORBITALS:
        raise InputError(
            f"At most {MAX_ORBITALS} orbitals are supported, but there are {len(active)}; choose an active space."
        )
    return _Space(frozen, active, singly, (n_beta + molecule.spin, n_beta))


def _integrals(scf: Any, space: _Space) -> Hamiltonian:
    from pyscf import ao2mo, mcscf

    n_orb = len(space.active)
    require_memory(
        40 * n_orb**4,
        f"Integrals over {n_orb} orbitals",
        remedy="choose a smaller active space",
    )
    solver = mcscf.CASCI(scf, n_orb, space.n_elec, ncore=len(space.frozen))
    orbitals = np.hstack((scf.mo_coeff[:, space.frozen], scf.mo_coeff[:, space.active]))
    one_body, constant = solver.get_h1eff(orbitals)
    two_body = ao2mo.restore(1, np.asarray(solver.get_h2eff(orbitals)), n_orb)
    return Hamiltonian(
        one_body=symmetrized_one_body(one_body),
        two_body=symmetrized_two_body(two_body),
        constant=float(constant),
    )


def _label(molecule: Any, orbitals: NDArray[np.float64]) -> tuple[int, ...]:
    """Irreducible representations in Molpro's numbering."""
    from pyscf import symm
    from pyscf.tools.fcidump import ORBSYM_MAP

    numbers = symm.label_orb_symm(molecule, molecule.irrep_id, molecule.symm_orb, orbitals, check=False)
    return tuple(int(ORBSYM_MAP[molecule.groupname][number]) for number in numbers)


def _without_forbidden(hamiltonian: Hamiltonian, labels: tuple[int, ...]) -> Hamiltonian:
    """Set to zero what the point group forbids: there the integrals are rounding, which hides the symmetry."""
    number = np.array(labels) - 1
    pair = number[:, None] ^ number[None, :]
    one_body, two_body = hamiltonian.one_body.copy(), hamiltonian.two_body.copy()
    worst = float(np.abs(one_body[pair != 0]).max(initial=0.0))
    one_body[pair != 0] = 0.0
    for p, q in np.ndindex(*pair.shape):
        forbidden = pair != pair[p, q]
        worst = max(worst, float(np.abs(two_body[p, q][forbidden]).max(initial=0.0)))
        two_body[p, q][forbidden] = 0.0
    if worst > NOISE_HARTREE:
        raise ConvergenceError(
            f"The orbitals do not have the molecule's symmetry (an integral that must be zero is {worst:.1e} "
            "hartree); use symmetry=False."
        )
    return Hamiltonian(one_body=one_body, two_body=two_body, constant=hamiltonian.constant)


def _formula(atoms: tuple[Atom, ...]) -> str:
    symbols = [symbol for symbol, _ in atoms]
    return "".join(f"{s}{symbols.count(s) if symbols.count(s) > 1 else ''}" for s in dict.fromkeys(symbols))
