"""Noiseless shots of a circuit that keeps the numbers of electrons, by whichever exact way suits its size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.connectivity import HEAVY_HEX_STEP
from kakehashi.circuit.model import Circuit
from kakehashi.core.bits import lowest_string, unpack_strings
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Reporter
from kakehashi.core.resources import available_memory_bytes, require_memory
from kakehashi.device.sector import factored, vector

__all__ = ["SectorMethod", "SectorShots", "choose_method", "require_sector", "sample_sector"]

MAX_ORBITALS = 63
"""PySCF's and ffsim's determinant addresses are signed 64-bit integers."""

LARGEST_VECTOR = 50_000_000
"""Amplitudes up to which a state vector, some tens of seconds, is not worth avoiding."""

SectorMethod: TypeAlias = Literal["determinant", "state-vector", "spin-factored"]
"""How a circuit is simulated: it prepares one determinant; by its state vector; as a sum of products of the spins."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SectorShots:
    """Noiseless shots.

    Attributes:
        bits: Distinct rows, shape ``(n_distinct, n_qubits)``, bool; column ``q`` is qubit ``q``.
        counts: How often each came, shape ``(n_distinct,)``, int64.
        method: How they were found.
    """

    bits: NDArray[np.bool_]
    counts: NDArray[np.int64]
    method: SectorMethod


def choose_method(circuit: Circuit) -> SectorMethod:
    """The way in which a circuit will be simulated.

    Example:
        >>> choose_method(Circuit(n_orb=26, n_elec=(5, 5)))
        'determinant'
    """
    if circuit.operator is None:
        return "determinant"
    size = math.comb(circuit.n_orb, circuit.n_elec[0]) * math.comb(circuit.n_orb, circuit.n_elec[1])
    if size <= LARGEST_VECTOR or not factored.count_patterns(circuit):
        return "state-vector"
    cheaper = factored.estimate_memory_bytes(circuit) < vector.estimate_memory_bytes(circuit.n_orb, circuit.n_elec)
    return "spin-factored" if cheaper else "state-vector"


def require_sector(n_orb: int, n_elec: tuple[int, int]) -> None:
    """Refuse a problem that no circuit of one layer could be simulated for, before there is a circuit.

    Raises:
        InputError: There are more than 63 orbitals.
        ResourceError: Neither its state vector nor its strings over the rungs of a heavy-hex lattice fit.

    Example:
        >>> require_sector(26, (5, 5))
    """
    if n_orb > MAX_ORBITALS:
        raise InputError(
            f"The exact simulator handles at most {MAX_ORBITALS} orbitals, but there are {n_orb}; "
            "take the device 'file' with shots of a quantum computer, or 'uniform'."
        )
    needed = vector.estimate_memory_bytes(n_orb, n_elec)
    if needed > available_memory_bytes():
        n_patterns = 2 ** len(range(0, n_orb, HEAVY_HEX_STEP))
        strings = sum(math.comb(n_orb, n) for n in n_elec)
        needed = min(needed, factored.bytes_of(strings, n_patterns))
    _require(n_orb, n_elec, needed)


def _require(n_orb: int, n_elec: tuple[int, int], needed: int) -> None:
    require_memory(
        needed,
        f"The state vector of {2 * n_orb} qubits with {n_elec[0]} alpha and {n_elec[1]} beta electrons",
        remedy="take fewer orbitals, one layer on a heavy-hex lattice, the device 'file' with shots of a quantum "
        "computer, or 'uniform'",
    )


def sample_sector(
    circuit: Circuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter | None = None
) -> SectorShots:
    """Draw noiseless shots.

    Args:
        circuit: What to run.
        n_shots: Number of shots.
        rng: Source of random numbers.
        reporter: Told how far it is.

    Raises:
        InputError: There are more than 63 orbitals.
        ResourceError: The state does not fit into memory; said before it starts.

    Example:
        >>> shots = sample_sector(Circuit(n_orb=3, n_elec=(2, 1)), 100, rng=np.random.default_rng(1))
        >>> shots.bits.astype(int), shots.counts
        (array([[1, 1, 0, 1, 0, 0]]), array([100]))
    """
    reporter = Reporter() if reporter is None else reporter
    n_orb, n_elec, method = circuit.n_orb, circuit.n_elec, choose_method(circuit)
    if method == "determinant":
        halves = [unpack_strings(lowest_string(n), n_orb) for n in n_elec]
        return SectorShots(bits=np.concatenate(halves, axis=1), counts=np.array([n_shots]), method=method)
    if method == "spin-factored":
        factors = factored.factor_state(circuit, reporter=reporter)
        alpha, beta, counts = factors.draw(n_shots, rng, reporter=reporter)
        addresses = alpha * math.comb(n_orb, n_elec[1]) + beta
    else:
        require_sector(n_orb, n_elec)
        _require(n_orb, n_elec, vector.estimate_memory_bytes(n_orb, n_elec))
        reporter.step("sample", f"simulating {circuit.n_qubits} qubits", step=0, total=2)
        state = vector.state_vector(circuit)
        reporter.step("sample", f"drawing {n_shots} shots", step=1, total=2)
        addresses, counts = vector.draw(state, n_shots, rng)
    return SectorShots(bits=vector.address_bits(addresses, n_orb, n_elec), counts=counts, method=method)
