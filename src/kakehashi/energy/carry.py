"""Going on from a similar problem: its orbitals and its heaviest determinants as a start for the next one.

Along a scan, the state of one geometry is the best guess for the next. Orbitals of two geometries are compared over
Loewdin's orthogonalised basis functions, which are orthonormal at both (J. Chem. Phys. 18, 365 (1950),
doi:10.1063/1.1747632); where a problem knows none, as a lattice or an FCIDUMP file, by their numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings
from kakehashi.energy.starts import Start
from kakehashi.problem.model import Problem
from kakehashi.subspace.checkpoint import has_checkpoint, read_heaviest

__all__ = ["carry_start", "match_orbitals", "read_carried"]

Array = NDArray[np.float64]


def match_orbitals(old: Array, new: Array) -> Array:
    """The orthogonal matrix that makes orbitals of one geometry out of another's, as nearly as it can be done.

    It is the polar factor of their overlaps, the nearest orthogonal matrix: signs, permutations and mixtures of
    degenerate orbitals all come out of it.

    Args:
        old: Orbitals over orthonormal functions, shape ``(n_functions, n_orb)``.
        new: Others over the same functions, same shape.

    Returns:
        Shape ``(n_orb, n_orb)``: column ``j`` is old orbital ``j`` over the new ones.

    Example:
        >>> old = np.eye(3)[:, :2]
        >>> match_orbitals(old, -old[:, ::-1]).round(6) + 0.0
        array([[ 0., -1.],
               [-1.,  0.]])
    """
    left, _, right = np.linalg.svd(new.T @ old)
    matched: Array = left @ right
    return matched


def carry_start(
    problem: Problem, *, rotation: Array, alpha: Strings, beta: Strings, functions: Array | None = None
) -> Start | None:
    """A start for a problem from the end of a similar one.

    Args:
        problem: The problem.
        rotation: The orbitals of the similar one's determinants: column ``j`` over its problem's orbitals.
        alpha: Alpha strings of its determinants, the heaviest first, shape ``(n, 2)``.
        beta: Their beta strings.
        functions: Its problem's orbitals over Loewdin's functions, shape ``(n_functions, n_orb)``, where they are
            known; see :class:`~kakehashi.problem.observables.Observables`.

    Returns:
        The start, or None where the two have different numbers of orbitals or electrons.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> from kakehashi.problem import load_problem
        >>> near, far = (load_problem("hydrogen-chain", n_atoms=2, spacing_angstrom=r) for r in (1.0, 1.1))
        >>> heaviest = {"alpha": lowest_string(1), "beta": lowest_string(1)}
        >>> start = carry_start(far, rotation=np.eye(2), functions=near.observables.functions, **heaviest)
        >>> bool(abs(abs(start.rotation[0, 0]) - 1.0) < 1e-9)
        True
    """
    if rotation.shape != (problem.n_orb, problem.n_orb) or (_count(alpha), _count(beta)) != problem.n_elec:
        return None
    known = None if problem.observables is None else problem.observables.functions
    if functions is not None and known is not None and functions.shape == known.shape:
        rotation = match_orbitals(functions, known) @ rotation
    return Start(
        name="carried",
        hamiltonian=problem.hamiltonian.rotate(rotation),
        rotation=rotation,
        alpha=alpha,
        beta=beta,
    )


def _count(strings: Strings) -> int:
    """Electrons of the first string."""
    return sum(int(word).bit_count() for word in strings[0])


def read_carried(path: Path | str, problem: Problem, *, n_determinants: int) -> Start | None:
    """A start for a problem from the file in which the growth for a similar one kept its spaces.

    Args:
        path: The file, as :func:`~kakehashi.energy.ladder.climb` was told.
        problem: The problem.
        n_determinants: How many determinants to take at most, those of largest weight; one at least is taken.

    Returns:
        The start; None where there is no such file or it does not suit.

    Raises:
        FileFormatError: The file and the one before it are damaged.

    Example:
        >>> from kakehashi.problem import load_problem
        >>> read_carried("no-such-folder/selected.h5", load_problem("hydrogen-chain"), n_determinants=1) is None
        True
    """
    if not has_checkpoint(path):
        return None
    alpha, beta, notes = read_heaviest(path, max(n_determinants, 1))
    functions = notes.get("functions")
    return carry_start(
        problem,
        rotation=np.array(notes["start"]["rotation"]),
        alpha=alpha,
        beta=beta,
        functions=None if functions is None else np.array(functions),
    )
