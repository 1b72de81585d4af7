"""Problems small enough for full configuration interaction, from easy to hopeless: what the error bar is held to."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from pyscf import fci

from kakehashi.problem.lattice import anderson, hubbard
from kakehashi.problem.model import Problem
from kakehashi.problem.molecule import molecule_problem

__all__ = ["PROBLEMS", "exact_energy", "sector_size"]

Atoms = list[tuple[str, tuple[float, float, float]]]
PROBLEMS: dict[str, Callable[[], Problem]] = {}


def _add(
    name: str, atoms: Atoms, *, basis: str = "6-31g", two_s: int = 0, active: tuple[int, int] | None = None
) -> None:
    PROBLEMS[name] = lambda: molecule_problem(atoms, basis=basis, two_s=two_s, active_space=active)


def _chain(symbol: str, n: int, spacing: float) -> Atoms:
    return [(symbol, (0.0, 0.0, spacing * i)) for i in range(n)]


def _ring(n: int, spacing: float) -> Atoms:
    radius = spacing / (2 * math.sin(math.pi / n))
    angles = [2 * math.pi * i / n for i in range(n)]
    return [("H", (radius * math.cos(angle), radius * math.sin(angle), 0.0)) for angle in angles]


def _sheet(n_x: int, n_y: int, spacing: float) -> Atoms:
    return [("H", (spacing * x, spacing * y, 0.0)) for x in range(n_x) for y in range(n_y)]


def _diatomic(one: str, other: str, bond: float) -> Atoms:
    return [(one, (0.0, 0.0, 0.0)), (other, (0.0, 0.0, bond))]


def _water(bond: float) -> Atoms:
    y, z = bond * math.sin(math.radians(52.25)), bond * math.cos(math.radians(52.25))
    return [("O", (0.0, 0.0, 0.0)), ("H", (0.0, y, z)), ("H", (0.0, -y, z))]


for _spacing in (0.8, 1.2, 1.6, 2.4):
    _add(f"H10 chain {_spacing}", _chain("H", 10, _spacing), basis="sto-3g")
for _spacing in (1.0, 2.0):
    _add(f"H12 chain {_spacing}", _chain("H", 12, _spacing), basis="sto-3g")
_add("H10 ring 1.5", _ring(10, 1.5), basis="sto-3g")
_add("H12 sheet 1.4", _sheet(3, 4, 1.4), basis="sto-3g")
for _bond in (1.0, 1.5, 2.0, 2.6):
    _add(f"N2 {_bond}", _diatomic("N", "N", _bond), active=(10, 13))
for _bond in (1.2, 1.6):
    _add(f"C2 {_bond}", _diatomic("C", "C", _bond), active=(8, 14))
for _bond in (0.96, 1.5, 2.2):
    _add(f"H2O {_bond}", _water(_bond), basis="cc-pvdz", active=(8, 14))
for _bond in (0.92, 1.4, 2.0):
    _add(f"HF {_bond}", _diatomic("F", "H", _bond), basis="cc-pvdz", active=(8, 14))
for _bond in (1.4, 2.0):
    _add(f"F2 {_bond}", _diatomic("F", "F", _bond), active=(14, 13))
for _bond in (1.13, 1.7):
    _add(f"CO {_bond}", _diatomic("C", "O", _bond), active=(10, 13))
for _bond in (1.33, 2.2):
    atoms: Atoms = [("Be", (0.0, 0.0, 0.0)), ("H", (0.0, 0.0, _bond)), ("H", (0.0, 0.0, -_bond))]
    _add(f"BeH2 {_bond}", atoms, basis="cc-pvdz", active=(4, 22))
for _bond in (1.2, 2.0):
    _add(f"O2 triplet {_bond}", _diatomic("O", "O", _bond), two_s=2, active=(12, 13))
_add(
    "NH2 doublet",
    [("N", (0.0, 0.0, 0.0)), ("H", (0.0, 0.8, 0.6)), ("H", (0.0, -0.8, 0.6))],
    basis="cc-pvdz",
    two_s=1,
    active=(7, 15),
)
_add("CN doublet 1.17", _diatomic("C", "N", 1.17), two_s=1, active=(9, 13))
_add("B2 1.6", _diatomic("B", "B", 1.6), active=(6, 16))
_add(
    "NH3",
    [("N", (0.0, 0.0, 0.0)), ("H", (0.94, 0.0, 0.38)), ("H", (-0.47, 0.814, 0.38)), ("H", (-0.47, -0.814, 0.38))],
    active=(8, 14),
)
_add(
    "CH4 1.9",
    [
        ("C", (0.0, 0.0, 0.0)),
        *(("H", xyz) for xyz in ((1.1, 1.1, 1.1), (-1.1, -1.1, 1.1), (-1.1, 1.1, -1.1), (1.1, -1.1, -1.1))),
    ],
    active=(8, 16),
)
_add(
    "C2H4",
    [
        ("C", (0.0, 0.0, 0.667)),
        ("C", (0.0, 0.0, -0.667)),
        *(("H", (0.0, y, z)) for y in (0.923, -0.923) for z in (1.238, -1.238)),
    ],
    active=(10, 13),
)
_add(
    "H2O2",
    [("O", (0.0, 0.9, 0.0)), ("O", (0.0, -0.9, 0.0)), ("H", (0.8, 1.0, 0.4)), ("H", (-0.8, -1.0, 0.4))],
    active=(10, 13),
)
_add(
    "Be4",
    [("Be", (x, y, z)) for x, y, z in ((0.8, 0.8, 0.8), (-0.8, -0.8, 0.8), (-0.8, 0.8, -0.8), (0.8, -0.8, -0.8))],
    active=(8, 14),
)
for _u in (1.0, 2.0, 4.0):
    PROBLEMS[f"Hubbard ring 10 u={_u:g}"] = lambda u=_u: hubbard(10, u=u, n_elec=(5, 5), basis="standing_wave")
PROBLEMS["Hubbard ring 12 u=2"] = lambda: hubbard(12, u=2.0, n_elec=(6, 6), basis="standing_wave")
PROBLEMS["Hubbard ring 10 doped u=4"] = lambda: hubbard(10, u=4.0, n_elec=(3, 3), basis="standing_wave")
PROBLEMS["Hubbard 3x4 u=2"] = lambda: hubbard(4, 3, u=2.0, n_elec=(6, 6), basis="standing_wave")
PROBLEMS["Hubbard 2x5 u=3"] = lambda: hubbard(5, 2, u=3.0, n_elec=(5, 5), periodic=False, basis="standing_wave")
PROBLEMS["Anderson impurity u=6"] = lambda: anderson(
    u=6.0, epsilon=-3.0, hybridisation=[0.45] * 11, bath=np.linspace(-2, 2, 11).tolist(), n_elec=(6, 6)
)


def sector_size(problem: Problem) -> int:
    """Determinants of the problem's symmetry."""
    counts = []
    for n_electrons in problem.n_elec:
        # ways[k, s]: strings of k electrons whose irreducible representations multiply to s
        ways = np.zeros((n_electrons + 1, 8), dtype=object)
        ways[0, 0] = 1
        for label in problem.orbital_symmetry or (1,) * problem.n_orb:
            turned = ways[:-1, np.arange(8) ^ (label - 1)]
            ways[1:] += turned
        counts.append(ways[-1])
    alpha, beta = counts
    wanted = problem.state_symmetry - 1
    return int(sum(alpha[s] * beta[s ^ wanted] for s in range(8)))


def exact_energy(problem: Problem) -> float:
    """Energy of the lowest state of the problem's spin and symmetry, by PySCF's full configuration interaction."""
    h, n, n_elec = problem.hamiltonian, problem.n_orb, problem.n_elec
    wanted = abs(problem.two_s) / 2 * (abs(problem.two_s) / 2 + 1)
    labels = np.array(problem.orbital_symmetry or (1,) * n) - 1
    for shift in (0.0, 0.5):
        # Equal numbers: states that are even under spin exchange, so no triplet; quintets need the shift.
        solver = fci.direct_spin0_symm.FCI() if problem.two_s == 0 and not shift else fci.direct_spin1_symm.FCI()
        if shift:
            fci.addons.fix_spin_(solver, shift=shift, ss=wanted)
        solver.max_cycle, solver.conv_tol, solver.verbose = 500, 1e-11, 0
        energy, state = solver.kernel(
            h.one_body, h.two_body, n, n_elec, orbsym=labels, wfnsym=problem.state_symmetry - 1, ecore=h.constant
        )
        spin = float(fci.spin_op.spin_square0(state, n, n_elec)[0])
        if solver.converged and abs(spin - wanted) < 1e-4:
            return float(energy)
    raise RuntimeError(f"{problem.name} did not converge to the wanted spin: <S^2> is {spin}.")
