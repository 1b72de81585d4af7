"""Named problems with cited reference energies.

The energies are data: ``references.toml`` beside this file, with method, source and uncertainty of each.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

from kakehashi.core.errors import InputError
from kakehashi.core.files import find_data
from kakehashi.core.registry import Registry
from kakehashi.problem.fcidump import read_fcidump
from kakehashi.problem.lattice import LatticeBasis, hubbard
from kakehashi.problem.model import Problem, Reference
from kakehashi.problem.molecule import molecule_problem

__all__ = ["Entry", "Parameter", "find_reference", "library", "list_problems", "load_problem"]

Value: TypeAlias = "float | int | str | tuple[int, int]"

FE2S2_URL = (
    "https://raw.githubusercontent.com/zhendongli2008/Active-space-model-for-Iron-Sulfur-Clusters/"
    "master/Fe2S2_and_Fe4S4/Fe2S2/fe2s2"
)
FE2S2_SHA256 = "95d8786af06eeea2107e19ffd98c66a6ca97fc8c9864175a4f6d64512b6f2df9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """Something that a user may choose about a named problem.

    Attributes:
        name: Its keyword.
        default: Its value where none is given; its type is the parameter's.
        description: A few words for a person.
    """

    name: str
    default: Value
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One named problem, as a row of a table.

    Attributes:
        name: What :func:`load_problem` takes.
        description: One line for a person.
        parameters: What can be chosen.
        n_elec: Numbers of alpha and beta electrons, with default parameters.
        n_orb: Number of spatial orbitals, with default parameters.
        references: Which reference energies there are, in words.
        build: Makes the problem from all parameters; :func:`load_problem` calls it.

    Example:
        >>> library["n2-6-31g"].n_qubits
        32
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    n_elec: tuple[int, int]
    n_orb: int
    references: str
    build: Callable[..., Problem] = dataclasses.field(repr=False)

    @property
    def n_qubits(self) -> int:
        """Number of qubits, with default parameters."""
        return 2 * self.n_orb


library: Registry[Entry] = Registry("problem")
"""The named problems."""


def list_problems() -> tuple[Entry, ...]:
    """All named problems, by name.

    Example:
        >>> [entry.name for entry in list_problems()][:3]
        ['fe2s2', 'hubbard-4x4', 'hydrogen-chain']
    """
    return tuple(library[name] for name in library)


def load_problem(name: str, **parameters: Value) -> Problem:
    """Make a named problem.

    Args:
        name: A name from :func:`list_problems`.
        **parameters: The parameters of that problem; defaults for the others.

    Returns:
        The problem, with its reference energy where one is known for exactly these parameters.

    Raises:
        InputError: Unknown name or parameter, or an impossible value.
        DataError: A data file could not be found, fetched or verified.

    Example:
        >>> problem = load_problem("hydrogen-chain", n_atoms=4)
        >>> problem.n_elec, problem.reference.method
        ((2, 2), 'FCI (PySCF)')
    """
    entry = library[name]
    values = _complete(entry, parameters)
    problem = entry.build(**values)
    return dataclasses.replace(
        problem,
        name=name,
        reference=find_reference(name, values),
        settings={
            "library": name,
            "parameters": {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()},
            **problem.settings,
        },
    )


def find_reference(name: str, parameters: Mapping[str, Value]) -> Reference | None:
    """The cited energy of a named problem for exactly these parameters, or None.

    Example:
        >>> find_reference("n2-6-31g", {"bond_angstrom": 1.0}).energy_hartree
        -109.046671778
    """
    defaults = {parameter.name: parameter.default for parameter in library[name].parameters}
    wanted = defaults | dict(parameters)
    for row in _references().get(name, []):
        if all(_equal(wanted[key], value) for key, value in (defaults | row["parameters"]).items()):
            return Reference(**{key: value for key, value in row.items() if key != "parameters"})
    return None


@cache
def _references() -> dict[str, list[dict[str, Any]]]:
    text = resources.files("kakehashi.problem").joinpath("references.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, str) or isinstance(right, str):
        return str(left).lower() == str(right).lower()
    if isinstance(left, (tuple, list)):
        return tuple(left) == tuple(right)
    return math.isclose(left, right, rel_tol=0.0, abs_tol=1e-9)


def _complete(entry: Entry, parameters: Mapping[str, Value]) -> dict[str, Value]:
    """All parameters of an entry, checked."""
    known = {parameter.name: parameter for parameter in entry.parameters}
    values = {parameter.name: parameter.default for parameter in entry.parameters}
    for key, value in parameters.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            has = f"it has {', '.join(known)}" if known else "it has none"
            hint = f"did you mean {close[0]!r}?" if close else f"{has}."
            raise InputError(f"The problem {entry.name!r} has no parameter {key!r}; {hint}")
        values[key] = _convert(key, value, known[key].default)
    return values


def _convert(key: str, value: Any, default: Value) -> Value:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(default, str) and isinstance(value, str):
        return value
    if isinstance(default, float) and number and math.isfinite(value):
        return float(value)
    if isinstance(default, int) and number and value == int(value):
        return int(value)
    if isinstance(default, tuple) and isinstance(value, (list, tuple)) and len(value) == len(default):
        return tuple(int(_convert(key, item, 0)) for item in value)  # type: ignore[arg-type, return-value]
    kind = {str: "text", float: "a number", int: "a whole number", tuple: "two whole numbers"}[type(default)]
    raise InputError(f"Parameter {key!r} must be {kind}, such as {default!r}, but is {value!r}.")


def _nitrogen(basis: str, frozen_core: int) -> Callable[..., Problem]:
    def build(*, bond_angstrom: float) -> Problem:
        if bond_angstrom <= 0:
            raise InputError(f"Parameter 'bond_angstrom' must be positive, but is {bond_angstrom}.")
        atoms = [("N", (0.0, 0.0, 0.0)), ("N", (0.0, 0.0, bond_angstrom))]
        return molecule_problem(atoms, basis=basis, frozen_core=frozen_core)

    return build


def _hydrogen_chain(*, n_atoms: int, spacing_angstrom: float, basis: str) -> Problem:
    if n_atoms < 1 or spacing_angstrom <= 0:
        raise InputError(
            f"A hydrogen chain needs at least one atom and a positive spacing, "
            f"but n_atoms is {n_atoms} and spacing_angstrom is {spacing_angstrom}."
        )
    atoms = [("H", (0.0, 0.0, i * spacing_angstrom)) for i in range(n_atoms)]
    return molecule_problem(atoms, basis=basis, two_s=n_atoms % 2)


def _hubbard_4x4(*, u_over_t: float, n_elec: tuple[int, int], basis: LatticeBasis) -> Problem:
    return hubbard(4, 4, u=u_over_t, n_elec=n_elec, basis=basis)


def _fe2s2() -> Problem:
    path = find_data("fe2s2.fcidump", url=FE2S2_URL, sha256=FE2S2_SHA256)
    return dataclasses.replace(
        read_fcidump(path), description="[2Fe-2S] cluster, 30 electrons in 20 localised orbitals."
    )


def _references_in_words(name: str, parameters: tuple[Parameter, ...]) -> str:
    rows = _references().get(name, [])
    if not rows:
        return "none"
    methods = " and ".join(dict.fromkeys(row["method"] for row in rows))
    first = parameters[0].name if parameters else ""
    at = sorted({row["parameters"][first] for row in rows if first in row["parameters"]})
    return f"{methods} at {first} = {', '.join(map(str, at))}" if at else methods


def _add(
    name: str,
    build: Callable[..., Problem],
    description: str,
    n_elec: tuple[int, int],
    n_orb: int,
    *parameters: Parameter,
) -> None:
    library.add(
        name,
        Entry(
            name=name,
            description=description,
            parameters=parameters,
            n_elec=n_elec,
            n_orb=n_orb,
            references=_references_in_words(name, parameters),
            build=build,
        ),
    )


_BOND = Parameter(name="bond_angstrom", default=1.0, description="distance of the nuclei in angstrom")

_add(
    "n2-6-31g",
    _nitrogen("6-31g", 2),
    "Nitrogen molecule in 6-31G, 1s frozen: 10 electrons in 16 orbitals.",
    (5, 5),
    16,
    _BOND,
)
_add(
    "n2-cc-pvdz",
    _nitrogen("cc-pvdz", 2),
    "Nitrogen molecule in cc-pVDZ, 1s frozen: 10 electrons in 26 orbitals.",
    (5, 5),
    26,
    _BOND,
)
_add(
    "n2-cc-pvdz-all-electron",
    _nitrogen("cc-pvdz", 0),
    "Nitrogen molecule in cc-pVDZ, nothing frozen: 14 electrons in 28 orbitals.",
    (7, 7),
    28,
    _BOND,
)
_add(
    "hydrogen-chain",
    _hydrogen_chain,
    "Evenly spaced hydrogen atoms in a line, in Hartree-Fock orbitals.",
    (3, 3),
    6,
    Parameter(name="n_atoms", default=6, description="number of atoms"),
    Parameter(name="spacing_angstrom", default=1.0, description="distance of neighbours in angstrom"),
    Parameter(name="basis", default="sto-3g", description="basis set"),
)
_add(
    "hubbard-4x4",
    _hubbard_4x4,
    "Hubbard model on a periodic 4 x 4 lattice; energies in units of t.",
    (8, 8),
    16,
    Parameter(name="u_over_t", default=4.0, description="repulsion on a site, in units of the hopping t"),
    Parameter(name="n_elec", default=(8, 8), description="numbers of alpha and beta electrons"),
    Parameter(name="basis", default="standing_wave", description="orbitals: standing_wave or site"),
)
_add(
    "fe2s2",
    _fe2s2,
    "Iron-sulfur cluster [2Fe-2S] (Li and Chan 2017): 30 electrons in 20 localised orbitals.",
    (15, 15),
    20,
)
