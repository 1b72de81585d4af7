"""``exact``: the circuit's state vector in its electron sector, sampled without noise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.model import Circuit
from kakehashi.core.bits import lowest_string, unpack_strings
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Progress, Reporter, silent
from kakehashi.core.resources import require_memory
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.model import Shots
from kakehashi.device.record import describe_run, require_shots

__all__ = ["ExactDevice", "estimate_memory_bytes", "require_state_vector", "state_vector"]

MAX_ORBITALS = 63
"""PySCF's and ffsim's determinant addresses are signed 64-bit integers."""

STATE_VECTORS = 4
"""Peak of the simulation in units of one complex128 vector: ffsim rotates orbitals out of place."""

SHOTS_AT_ONCE = 1_000_000


def estimate_memory_bytes(n_orb: int, n_elec: tuple[int, int]) -> int:
    """Peak memory that the simulation of a circuit needs, in bytes.

    Example:
        >>> estimate_memory_bytes(16, (5, 5)) // 2**20
        1164
    """
    n_alpha, n_beta = n_elec
    return STATE_VECTORS * 16 * math.comb(n_orb, n_alpha) * math.comb(n_orb, n_beta)


def require_state_vector(n_orb: int, n_elec: tuple[int, int]) -> None:
    """Refuse a simulation that does not fit, before anything is computed.

    Raises:
        InputError: There are more than 63 orbitals.
        ResourceError: The state vector does not fit into the free memory.
    """
    if n_orb > MAX_ORBITALS:
        raise InputError(
            f"The exact simulator handles at most {MAX_ORBITALS} orbitals, but there are {n_orb}; "
            "take the device 'file' with shots of a quantum computer, or 'uniform'."
        )
    require_memory(
        estimate_memory_bytes(n_orb, n_elec),
        f"The state vector of {2 * n_orb} qubits with {n_elec[0]} alpha and {n_elec[1]} beta electrons",
        remedy="take fewer orbitals, the device 'file' with shots of a quantum computer, or 'uniform'",
    )


def state_vector(circuit: Circuit) -> NDArray[np.complex128]:
    """The state that the circuit prepares.

    Args:
        circuit: A circuit with an operator.

    Returns:
        Shape ``(n_alpha_strings * n_beta_strings,)``, beta strings fastest, each in ascending order.

    Example:
        >>> import ffsim
        >>> operator = ffsim.random.random_ucj_op_spin_balanced(3, n_reps=1, seed=1)
        >>> round(float(np.linalg.norm(state_vector(Circuit(n_orb=3, n_elec=(2, 1), operator=operator)))), 12)
        1.0
    """
    import ffsim
    from ffsim import gates

    operator, n_orb, n_elec = circuit.operator, circuit.n_orb, circuit.n_elec
    if operator is None:
        raise InputError("A circuit without an operator has one determinant and no state vector to compute.")
    if operator.n_reps == 0:
        reference = ffsim.hartree_fock_state(n_orb, n_elec)
        rotated: NDArray[np.complex128] = ffsim.apply_unitary(reference, operator, norb=n_orb, nelec=n_elec)
        return rotated
    # A rotation is (n_orb, n_orb) for both spins or (2, n_orb, n_orb) for each; the first of them turns the
    # determinant into another, whose amplitudes are minors: far cheaper than rotating the whole vector.
    adjoint = operator.orbital_rotations[0].swapaxes(-1, -2).conj()
    state = _slater_determinant(adjoint, n_orb, n_elec)
    spin_balanced = operator.orbital_rotations.ndim == 3
    last = operator.n_reps - 1
    for layer, matrices in enumerate(operator.diag_coulomb_mats):
        same, opposite = matrices[0], matrices[1]
        state = gates.apply_diag_coulomb_evolution(
            state,
            (same, opposite, same if spin_balanced else matrices[2]),
            time=-1.0,
            norb=n_orb,
            nelec=n_elec,
            copy=False,
        )
        following = (
            operator.final_orbital_rotation
            if layer == last
            else operator.orbital_rotations[layer + 1].swapaxes(-1, -2).conj()
        )
        rotation = operator.orbital_rotations[layer]
        if following is not None:
            rotation = following @ rotation
        state = gates.apply_orbital_rotation(
            state,
            rotation if spin_balanced else (rotation[0], rotation[1]),
            norb=n_orb,
            nelec=n_elec,
            copy=False,
        )
    vector: NDArray[np.complex128] = state
    return vector


def _slater_determinant(
    rotation: NDArray[np.complex128], n_orb: int, n_elec: tuple[int, int]
) -> NDArray[np.complex128]:
    """The determinant of the lowest orbitals after an orbital rotation."""
    from pyscf.fci import cistring

    spins = np.broadcast_to(rotation, (2, n_orb, n_orb))
    factors = []
    for matrix, n in zip(spins, n_elec, strict=True):
        if n == 0:
            factors.append(np.ones(1, dtype=np.complex128))
            continue
        occupied = np.asarray(cistring.gen_occslst(range(n_orb), n))
        factors.append(np.linalg.det(matrix[occupied][:, :, :n]))
    return np.outer(factors[0], factors[1]).ravel()


def draw(
    state: NDArray[np.complex128], n_shots: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sample addresses by inverting the distribution function.

    Args:
        state: Amplitudes; they need not be normalised.
        n_shots: Number of samples.
        rng: Source of random numbers.

    Returns:
        Distinct addresses, ascending, and how often each was drawn.

    Example:
        >>> addresses, counts = draw(np.array([0, 1, 0, 1j]), 10, np.random.default_rng(1))
        >>> addresses.tolist(), int(counts.sum())
        ([1, 3], 10)
    """
    cumulative = np.square(state.real)
    cumulative += np.square(state.imag)
    np.cumsum(cumulative, out=cumulative)
    total = cumulative[-1]
    last = int(np.searchsorted(cumulative, total))
    addresses: list[NDArray[np.int64]] = []
    counts: list[NDArray[np.int64]] = []
    for start in range(0, n_shots, SHOTS_AT_ONCE):
        points = np.sort(rng.random(min(SHOTS_AT_ONCE, n_shots - start))) * total
        # Rounding may put a point on the total itself; `last` is the last address that can be drawn.
        found = np.minimum(np.searchsorted(cumulative, points, side="right"), last)
        distinct, repeats = np.unique(found, return_counts=True)
        addresses.append(distinct)
        counts.append(repeats)
    distinct, where = np.unique(np.concatenate(addresses), return_inverse=True)
    totals = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(totals, where, np.concatenate(counts))
    return distinct.astype(np.int64), totals


def address_bits(addresses: NDArray[np.int64], n_orb: int, n_elec: tuple[int, int]) -> NDArray[np.bool_]:
    """Measured bits of determinants, shape ``(n, 2 * n_orb)``; column ``q`` is qubit ``q``.

    Example:
        >>> address_bits(np.array([0]), 3, (2, 1)).astype(int)
        array([[1, 1, 0, 1, 0, 0]])
    """
    from pyscf.fci import cistring

    n_beta_strings = math.comb(n_orb, n_elec[1])
    halves = []
    for n, index in zip(n_elec, np.divmod(addresses, n_beta_strings), strict=True):
        strings = np.asarray(cistring.addrs2str(n_orb, n, index), dtype=np.int64)
        halves.append((strings[:, None] >> np.arange(n_orb)) & 1)
    return np.concatenate(halves, axis=1).astype(np.bool_)


class ExactDevice:
    """Noiseless sampling of the circuit's state vector.

    The vector lives in the sector with the circuit's numbers of electrons, which is what makes 32 qubits cheap
    (Sung et al., ffsim, https://github.com/qiskit-community/ffsim). A circuit without an operator needs none.

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
            ResourceError: The state vector does not fit into memory; said before it starts.
        """
        require_shots(n_shots)
        report = Reporter(progress)
        provenance = describe_run("exact", circuit, n_shots, rng)
        if circuit.operator is None:
            halves = [unpack_strings(lowest_string(n), circuit.n_orb) for n in circuit.n_elec]
            return Shots.from_matrix(np.concatenate(halves, axis=1), counts=np.array([n_shots]), provenance=provenance)
        require_state_vector(circuit.n_orb, circuit.n_elec)
        report.step("sample", f"simulating {circuit.n_qubits} qubits", step=0, total=2)
        state = state_vector(circuit)
        report.step("sample", f"drawing {n_shots} shots", step=1, total=2)
        addresses, counts = draw(state, n_shots, as_generator(rng))
        matrix = address_bits(addresses, circuit.n_orb, circuit.n_elec)
        shots = Shots.from_matrix(matrix, counts=counts, provenance=provenance)
        report.step("sample", "done", step=2, total=2, n_distinct=shots.n_distinct)
        return shots
