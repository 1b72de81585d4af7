"""kakehashi: from a molecule through a quantum sampler to an energy that can be trusted.

The whole chain is one call::

    import kakehashi

    result = kakehashi.solve("n2-6-31g", device="noisy", seed=7)

and so is a circuit on a processor's twin, of this project's gates or of qiskit's::

    shots = kakehashi.TwinDevice(kakehashi.load_twin("ibm-kobe")).run(circuit, 10_000)

Every room is a subpackage: ``problem``, ``circuit``, ``device``, ``samples``, ``subspace``, ``energy``, ``report``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kakehashi.device.twin_device import TwinDevice
    from kakehashi.device.twins.library import load_twin
    from kakehashi.problem.fcidump import read_fcidump, write_fcidump
    from kakehashi.problem.library import load_problem
    from kakehashi.problem.molecule import molecule_problem
    from kakehashi.report.document import read_json as read_result
    from kakehashi.workflow.run import solve

__all__ = [
    "TwinDevice",
    "load_problem",
    "load_twin",
    "molecule_problem",
    "read_fcidump",
    "read_result",
    "solve",
    "write_fcidump",
]

_HOMES = {
    "TwinDevice": ("kakehashi.device.twin_device", "TwinDevice"),
    "load_problem": ("kakehashi.problem.library", "load_problem"),
    "load_twin": ("kakehashi.device.twins.library", "load_twin"),
    "molecule_problem": ("kakehashi.problem.molecule", "molecule_problem"),
    "read_fcidump": ("kakehashi.problem.fcidump", "read_fcidump"),
    "read_result": ("kakehashi.report.document", "read_json"),
    "solve": ("kakehashi.workflow.run", "solve"),
    "write_fcidump": ("kakehashi.problem.fcidump", "write_fcidump"),
}


def __getattr__(name: str) -> Any:
    """Load the public names when they are first used, so that ``import kakehashi`` is quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'kakehashi' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
