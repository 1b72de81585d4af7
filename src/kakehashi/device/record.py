"""What every device checks about a request, and what it writes about a run."""

from __future__ import annotations

import numpy as np

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.core.provenance import collect_provenance
from kakehashi.core.rng import RngLike

__all__ = ["describe_run", "require_shots"]


def require_shots(n_shots: int) -> None:
    """Refuse a run without shots.

    Raises:
        InputError: ``n_shots`` is less than 1.
    """
    if n_shots < 1:
        raise InputError(f"Argument `n_shots` must be at least 1, but is {n_shots}.")


def describe_run(
    device: str, circuit: Circuit | None, n_shots: int, rng: RngLike, **settings: object
) -> dict[str, object]:
    """Provenance of shots, as plain JSON values.

    Args:
        device: Name of the device.
        circuit: The ansatz circuit that ran; None for one of general gates.
        n_shots: Number of shots asked for.
        rng: Seed or generator; a seed is written down.
        **settings: The device's own settings.

    Example:
        >>> described = describe_run("exact", Circuit(n_orb=2, n_elec=(1, 1)), 10, 7)
        >>> described["device"], described["seed"], described["n_elec"]
        ('exact', 7, [1, 1])
    """
    ansatz: dict[str, object] = {}
    if circuit is not None:
        ansatz = {"n_orb": circuit.n_orb, "n_elec": list(circuit.n_elec), "circuit": dict(circuit.settings)}
    return {
        "device": device,
        "device_settings": settings,
        "n_shots": n_shots,
        "seed": int(rng) if isinstance(rng, (int, np.integer)) else None,
        **ansatz,
        "software": collect_provenance(),
    }
