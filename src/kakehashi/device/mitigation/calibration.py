"""Rates of misreading, measured on the device as a user of a machine has to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.interfaces.runner import Runner
from kakehashi.device.noise.model import Readout

__all__ = ["measure_readout"]

LEAST_PATTERNS = 2


def measure_readout(
    runner: Runner, qubits: Sequence[int], *, n_shots: int = 10_000, n_patterns: int = 8, rng: RngLike = None
) -> Readout:
    """Prepare known strings and count what is misread.

    Patterns come in pairs, a random one and its complement, so that each qubit is in 0 and in 1 equally often while its
    neighbours are in anything: crosstalk is averaged as it is in a random string. The errors of the ``x`` gates that
    prepare the strings are in the rates.

    Args:
        runner: The device.
        qubits: Which qubit each classical bit reads: of a circuit, ``[qubit for qubit, bit in circuit.measured]``,
            sorted by bit.
        n_shots: Shots of all patterns together.
        n_patterns: Number of patterns, even.
        rng: For patterns and shots.

    Returns:
        Rates of each bit. Their own standard error is about ``sqrt(2 p / n_shots)``.

    Raises:
        InputError: There is no qubit, one stands twice or is none of the device's, or the numbers of patterns and shots
            do not fit.

    Example:
        >>> from kakehashi import TwinDevice, load_twin
        >>> twin = load_twin("ibm-kobe")
        >>> found = measure_readout(TwinDevice(twin), [4, 7], n_shots=200_000, rng=1)
        >>> bool(np.abs(found.prob_meas1_prep0 - twin.calibration.prob_meas1_prep0[[4, 7]]).max() < 0.002)
        True
    """
    chosen = [int(qubit) for qubit in qubits]
    if not chosen or len(set(chosen)) != len(chosen):
        raise InputError(f"Argument `qubits` must hold distinct qubits, at least one, but is {chosen}.")
    if min(chosen) < 0 or max(chosen) >= runner.twin.n_qubits:
        raise InputError(f"Argument `qubits` must hold qubits 0 to {runner.twin.n_qubits - 1}, but is {chosen}.")
    if n_patterns < LEAST_PATTERNS or n_patterns % 2 or n_shots < n_patterns:
        raise InputError(
            f"Patterns come in pairs of at least one shot each, but there are {n_patterns} for {n_shots} shots."
        )
    generator = as_generator(rng)
    prepared = np.zeros((n_patterns, len(chosen)), dtype=np.bool_)
    prepared[::2] = generator.random((n_patterns // 2, len(chosen))) < 1 / 2
    prepared[1::2] = ~prepared[::2]
    ones = np.zeros((2, len(chosen)))
    totals = np.zeros((2, len(chosen)))
    for pattern in prepared:
        shots = runner.run_gates(
            _preparation(pattern, chosen, runner.twin.n_qubits), n_shots // n_patterns, rng=generator
        )
        read = shots.counts @ shots.to_matrix()
        for value in (0, 1):
            ones[value] += read * (pattern == value)
            totals[value] += shots.n_shots * (pattern == value)
    return Readout(prob_meas1_prep0=ones[0] / totals[0], prob_meas0_prep1=1 - ones[1] / totals[1])


def _preparation(pattern: NDArray[np.bool_], qubits: list[int], n_qubits: int) -> GateCircuit:
    """On all of the device's qubits: a narrower circuit it would lay where it reads best."""
    flips = [Operation(name="x", qubits=(q,)) for q, flip in zip(qubits, pattern, strict=True) if flip]
    reads = [Operation(name="measure", qubits=(q,), bits=(bit,)) for bit, q in enumerate(qubits)]
    return GateCircuit(n_qubits=n_qubits, n_bits=len(qubits), operations=(*flips, *reads))
