"""What a run's identity says of its problem, and how the problem is written into a spec."""

from __future__ import annotations

import hashlib
from typing import Any

from kakehashi.problem.model import Problem

__all__ = ["describe_problem", "identify_problem"]


def identify_problem(problem: Problem) -> dict[str, Any]:
    """What made the problem; for integrals that somebody handed over, their checksum.

    Computed numbers are left out: they differ in their last digits from call to call.
    """
    settings = dict(problem.settings)
    if not settings:
        digest = hashlib.sha256(problem.hamiltonian.one_body.tobytes())
        digest.update(problem.hamiltonian.two_body.tobytes())
        settings = {"integrals_sha256": digest.hexdigest(), "constant_hartree": problem.hamiltonian.constant}
    return {"name": problem.name, "n_elec": list(problem.n_elec), **settings}


def describe_problem(problem: Problem) -> dict[str, Any]:
    """The table ``[problem]`` of a spec that repeats the run, where the problem is from the library.

    Example:
        >>> from kakehashi.problem.library import load_problem
        >>> describe_problem(load_problem("hydrogen-chain", n_atoms=2))
        {'name': 'hydrogen-chain', 'n_atoms': 2, 'spacing_angstrom': 1.0, 'basis': 'sto-3g'}
    """
    library, parameters = problem.settings.get("library"), problem.settings.get("parameters", {})
    if isinstance(library, str) and isinstance(parameters, dict):
        return {"name": library, **parameters}
    return identify_problem(problem)
