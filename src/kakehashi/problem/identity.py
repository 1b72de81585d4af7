"""What tells a problem from another one."""

from __future__ import annotations

import hashlib
from typing import Any

from kakehashi.problem.model import Problem

__all__ = ["identify_problem"]


def identify_problem(problem: Problem) -> dict[str, Any]:
    """What made the problem, as plain JSON values; for integrals that somebody handed over, their checksum.

    Computed numbers are left out: they differ in their last digits from call to call.

    Example:
        >>> from kakehashi.problem.lattice import hubbard
        >>> identify_problem(hubbard(4, u=2.0, n_elec=(2, 2))) == identify_problem(hubbard(4, u=3.0, n_elec=(2, 2)))
        False
    """
    settings = dict(problem.settings)
    if not settings:
        digest = hashlib.sha256(problem.hamiltonian.one_body.tobytes())
        digest.update(problem.hamiltonian.two_body.tobytes())
        settings = {"integrals_sha256": digest.hexdigest(), "constant_hartree": problem.hamiltonian.constant}
    return {"name": problem.name, "n_elec": list(problem.n_elec), **settings}
