"""``uniform``: uniformly random bits, the control that every other device must beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.model import Circuit
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.resources import require_memory
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.model import Shots
from kakehashi.device.record import describe_run, require_shots

__all__ = ["UniformDevice", "random_rows", "require_rows"]


def random_rows(n_rows: int, n_qubits: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Packed rows of fair coins, shape ``(n_rows, ceil(n_qubits / 8))``, dtype uint8.

    Example:
        >>> random_rows(2, 12, np.random.default_rng(1)).shape
        (2, 2)
    """
    rows = rng.integers(0, 256, size=(n_rows, -(-n_qubits // 8)), dtype=np.uint8)
    if n_qubits % 8:
        rows[:, -1] &= (1 << (n_qubits % 8)) - 1
    return rows


def require_rows(n_rows: int, n_qubits: int) -> None:
    """Refuse more shots than fit into memory one by one.

    Raises:
        ResourceError: They do not fit.
    """
    n_words = -(-n_qubits // 64)
    # Rows, their words twice, the order and the counts while they are sorted.
    need = n_rows * (n_qubits // 8 + 1 + 2 * 8 * n_words + 4 * 8)
    require_memory(need, f"Counting {n_rows} shots of {n_qubits} qubits", remedy="ask for fewer shots")


class UniformDevice:
    """Fair coins for every qubit; the circuit only says how many there are.

    Example:
        >>> from kakehashi.circuit.model import Circuit
        >>> UniformDevice().run(Circuit(n_orb=1, n_elec=(1, 0)), 1000, rng=1).n_distinct
        4
    """

    @property
    def name(self) -> str:
        """``"uniform"``."""
        return "uniform"

    @property
    def reads_circuit(self) -> bool:
        """False."""
        return False

    def run(self, circuit: Circuit, n_shots: int, *, rng: RngLike = None, progress: Progress = silent) -> Shots:
        """Draw random bits for all qubits of ``circuit``.

        Raises:
            InputError: No shot was asked for.
            ResourceError: The shots do not fit into memory.
        """
        require_shots(n_shots)
        require_rows(n_shots, circuit.n_qubits)
        Reporter(progress).step("sample", f"drawing {n_shots} random shots", step=0, total=1)
        rows = random_rows(n_shots, circuit.n_qubits, as_generator(rng))
        provenance = describe_run("uniform", circuit, n_shots, rng)
        return Shots.from_packed(rows, n_qubits=circuit.n_qubits, provenance=provenance)
