"""The properties of states as text: for the summary, and as tables of states and of atoms."""

from __future__ import annotations

from kakehashi.report.properties import StateProperties
from kakehashi.report.selected import SelectedSummary
from kakehashi.report.tables import Table

__all__ = [
    "atom_table",
    "describe_fractional",
    "describe_spins",
    "format_component",
    "fractional_occupations",
    "spin_atoms",
    "state_table",
]

FRACTIONAL = 0.1
"""Natural occupations this far from 0 and from 2 belong to electrons that no single determinant describes."""

MOST_FRACTIONAL = 6
"""More occupations than this are counted, not listed; more atoms likewise."""

LEAST_SPIN = 0.01
"""Electrons on an atom below which it has no spin worth a line."""


def fractional_occupations(properties: StateProperties) -> list[float]:
    """The natural occupations that are neither near 0 nor near 2, descending.

    Example:
        >>> from kakehashi.report.example import example_selected
        >>> fractional_occupations(example_selected().properties[0])
        []
    """
    return [n for n in properties.natural_occupations if min(n, 2 - n) > FRACTIONAL]


def describe_fractional(properties: StateProperties) -> str:
    """Those occupations in a few words, or nothing where there are none."""
    found = fractional_occupations(properties)
    if len(found) > MOST_FRACTIONAL:
        return f"from {found[0]:.2f} to {found[-1]:.2f}"
    return ", ".join(f"{n:.2f}" for n in found)


def spin_atoms(properties: StateProperties) -> list[tuple[str, float]]:
    """Atoms that carry a spin, with their alpha minus beta electrons, the largest first.

    Example:
        >>> bare = {"natural_occupations": (1.0,), "n_unpaired": 1.0, "spin_density": (1.0,)}
        >>> spin_atoms(StateProperties(**bare, atoms=("H1", "O2"), spin_populations=(-0.004, 1.004)))
        [('O2', 1.004)]
    """
    spins = zip(properties.atoms, properties.spin_populations or (), strict=False)
    return sorted((item for item in spins if abs(item[1]) > LEAST_SPIN), key=lambda item: -abs(item[1]))


def describe_spins(properties: StateProperties) -> str:
    """The spins of the atoms in a line: those of the largest, and how many more there are."""
    found = spin_atoms(properties)
    text = ", ".join(f"{atom} {spin:+.2f}" for atom, spin in found[:MOST_FRACTIONAL])
    more = len(found) - MOST_FRACTIONAL
    return f"{text} and {more} more" if more > 0 else text


def format_component(value: float, *, decimals: int = 3) -> str:
    """A number with its sign, except where it is zero to these decimals.

    Example:
        >>> format_component(-5.0004), format_component(-1e-9)
        ('-5.000', '0.000')
    """
    rounded = round(value, decimals)
    return f"{rounded:+.{decimals}f}" if rounded else f"{0:.{decimals}f}"


def _names(selected: SelectedSummary) -> list[str]:
    return ["Ground state", *(f"State {index}" for index in range(1, len(selected.properties)))]


def state_table(selected: SelectedSummary) -> Table:
    """What the density of each state tells, one column for each state.

    Example:
        >>> from kakehashi.report.example import example_selected
        >>> state_table(example_selected()).rows[0]
        ('Unpaired electrons', '0.05')
    """
    states = selected.properties
    rows = [
        ("Unpaired electrons", *(f"{state.n_unpaired:.2f}" for state in states)),
        ("Open orbitals", *(str(len(fractional_occupations(state))) for state in states)),
        ("Their occupations", *(describe_fractional(state) or "–" for state in states)),
    ]
    sizes = [state.dipole_size_debye for state in states]
    if None not in sizes:
        rows.append(("Dipole moment (debye)", *(f"{size or 0.0:.3f}" for size in sizes)))
        rows += [
            (f"along {axis}", *(format_component((state.dipole_debye or (0.0,) * 3)[index]) for state in states))
            for index, axis in enumerate("xyz")
        ]
    return Table(columns=("", *_names(selected)), rows=tuple(rows))


def atom_table(selected: SelectedSummary) -> Table | None:
    """Charge of each atom in each state, and its spin where any has one; None where the problem has no atoms.

    Example:
        >>> from kakehashi.report.example import example_selected
        >>> atom_table(example_selected()).rows
        (('H1', '0.000'), ('H2', '0.000'))
    """
    states = selected.properties
    if not states[0].atoms:
        return None
    columns, cells = ["Atom"], [list(states[0].atoms)]
    with_spin = any(spin_atoms(state) for state in states)
    for name, state in zip(_names(selected), states, strict=True):
        where = f", {name.lower()}" if len(states) > 1 else ""
        shown = {"Charge": state.atomic_charges, "Spin": state.spin_populations if with_spin else None}
        for title, values in shown.items():
            if values is not None:
                columns.append(f"{title}{where}")
                cells.append([format_component(value) for value in values])
    return Table(columns=tuple(columns), rows=tuple(zip(*cells, strict=True)))
