"""Which pairs of spin orbitals a chip lets interact without swaps."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from kakehashi.core.errors import InputError

__all__ = ["CONNECTIVITIES", "Connectivity", "Pairs", "interaction_pairs"]

Connectivity: TypeAlias = Literal["heavy-hex", "square", "all-to-all"]
"""Lattice of the quantum processor."""

CONNECTIVITIES: tuple[str, ...] = get_args(Connectivity)
"""The lattices that are known."""

Pairs: TypeAlias = list[tuple[int, int]]
"""Pairs of orbitals ``(p, q)`` with ``p <= q``, ascending."""

HEAVY_HEX_STEP = 4
"""On a heavy-hex lattice two qubit lines meet, through one qubit between them, at every fourth site."""


def interaction_pairs(n_orb: int, connectivity: Connectivity) -> tuple[Pairs | None, Pairs | None]:
    """Orbital pairs whose density-density terms a local cluster Jastrow circuit keeps.

    Alpha and beta orbitals lie on two lines of qubits; neighbours on a line interact, and so do ``p`` alpha
    and ``p`` beta where the lattice joins the lines: everywhere on a square lattice, at every fourth orbital
    on a heavy-hex one.

    Args:
        n_orb: Number of spatial orbitals.
        connectivity: Lattice of the processor.

    Returns:
        The same-spin pairs and the alpha-beta pairs; None where every pair is kept.

    Raises:
        InputError: The lattice is not known.

    Source:
        Motta, Sung, Whaley, Head-Gordon, Shee, Chem. Sci. 14, 11213 (2023), doi:10.1039/D3SC02516K.

    Example:
        >>> interaction_pairs(6, "heavy-hex")
        ([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], [(0, 0), (4, 4)])
    """
    line = [(p, p + 1) for p in range(n_orb - 1)]
    if connectivity == "heavy-hex":
        return line, [(p, p) for p in range(0, n_orb, HEAVY_HEX_STEP)]
    if connectivity == "square":
        return line, [(p, p) for p in range(n_orb)]
    if connectivity == "all-to-all":
        return None, None
    raise InputError(f"There is no connectivity {connectivity!r}; there are {', '.join(CONNECTIVITIES)}.")
