"""How a problem is written into the spec of a run."""

from __future__ import annotations

from typing import Any

from kakehashi.problem.identity import identify_problem
from kakehashi.problem.model import Problem

__all__ = ["describe_problem"]


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
