"""``file``: shots that a real machine returned earlier."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.model import Shots
from kakehashi.device.read import ShotsFormat, read_shots

__all__ = ["FileDevice"]

MAX_SUBSAMPLED = 1_000_000_000
"""NumPy's multivariate hypergeometric distribution takes fewer items than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDevice:
    r"""Shots from a file, whatever the circuit was.

    ``n_shots = 0`` gives all of them. A smaller number than the file holds gives a random subset without
    replacement; a larger one is an error.

    Attributes:
        path: The file (see :func:`kakehashi.device.read.read_shots`).
        format: How it is written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "shots.txt"
        ...     _ = path.write_text("0101 30\n")
        ...     FileDevice(path=path).run(Circuit(n_orb=2, n_elec=(1, 1)), 10).to_counts()
        {'0101': 10}
    """

    path: Path
    format: ShotsFormat = "auto"

    @property
    def name(self) -> str:
        """``"file"``."""
        return "file"

    @property
    def reads_circuit(self) -> bool:
        """False."""
        return False

    def run(self, circuit: Circuit, n_shots: int = 0, *, rng: RngLike = None, progress: Progress = silent) -> Shots:
        """Read the shots.

        Args:
            circuit: Says how many qubits the shots must have.
            n_shots: How many shots to use; 0 for all.
            rng: Picks the subset where not all are used.
            progress: Receives one event.

        Raises:
            InputError: The file is missing, or holds fewer shots than asked for.
            FileFormatError: The file is malformed, or its shots have another number of qubits.
        """
        if n_shots < 0:
            raise InputError(f"Argument `n_shots` must not be negative, but is {n_shots}.")
        Reporter(progress).step("sample", f"reading {self.path.name}", step=0, total=1)
        shots = read_shots(self.path, n_qubits=circuit.n_qubits, format=self.format)
        if n_shots in (0, shots.n_shots):
            return shots
        if n_shots > shots.n_shots:
            raise InputError(
                f"{self.path} holds {shots.n_shots} shots, but {n_shots} were asked for; "
                "leave n_shots out to use all of them."
            )
        if shots.n_shots >= MAX_SUBSAMPLED:
            raise InputError(
                f"{self.path} holds {shots.n_shots} shots, too many to draw a subset from; "
                "leave n_shots out to use all of them."
            )
        drawn = as_generator(rng).multivariate_hypergeometric(shots.counts, n_shots)
        kept = drawn > 0
        return Shots(
            bits=shots.bits[kept],
            counts=drawn[kept],
            n_qubits=shots.n_qubits,
            provenance={**shots.provenance, "subset_of": shots.n_shots},
        )
