"""``exact``: the circuit's state in its electron sector, sampled without noise."""

from __future__ import annotations

from kakehashi.circuit.model import Circuit
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.model import Shots
from kakehashi.device.record import describe_run, require_shots
from kakehashi.device.sector.sample import sample_sector

__all__ = ["ExactDevice"]


class ExactDevice:
    """Noiseless sampling of the circuit's state.

    It is simulated in the sector with the circuit's numbers of electrons: by its state vector, which is what makes 32
    qubits cheap (Sung et al., ffsim, https://github.com/qiskit-community/ffsim), or, where that does not fit, as a sum
    of products of the spins (:mod:`kakehashi.device.sector.factored`), which is exact, too, and reaches 52.

    Example:
        >>> from kakehashi.circuit.model import Circuit
        >>> ExactDevice().run(Circuit(n_orb=3, n_elec=(2, 1)), 100).to_counts()
        {'001011': 100}
    """

    @property
    def name(self) -> str:
        """``"exact"``."""
        return "exact"

    @property
    def reads_circuit(self) -> bool:
        """True."""
        return True

    def run(self, circuit: Circuit, n_shots: int, *, rng: RngLike = None, progress: Progress = silent) -> Shots:
        """Sample the circuit.

        Args:
            circuit: What to run.
            n_shots: Number of shots.
            rng: Seed or generator; the same seed gives the same shots.
            progress: Receives one event per step.

        Raises:
            InputError: There are more than 63 orbitals, or no shot was asked for.
            ResourceError: The state does not fit into memory; said before it starts.
        """
        require_shots(n_shots)
        report = Reporter(progress)
        provenance = describe_run("exact", circuit, n_shots, rng)
        found = sample_sector(circuit, n_shots, rng=as_generator(rng), reporter=report)
        shots = Shots.from_matrix(found.bits, counts=found.counts, provenance={**provenance, "method": found.method})
        report.step("sample", "done", step=2, total=2, n_distinct=shots.n_distinct)
        return shots
