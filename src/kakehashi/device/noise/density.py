"""The exact reference: a noisy circuit by its density matrix, with measurements in the middle and conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.device.noise.compact import compact, final_measurements
from kakehashi.device.noise.model import NoisyCircuit, Readout, Step
from kakehashi.device.noise.readout import confuse
from kakehashi.device.noise.superoperators import apply_matrix, superoperator

__all__ = ["Distribution", "evolve_density", "exact_distribution"]

Complex: TypeAlias = NDArray[np.complex128]
Floats: TypeAlias = NDArray[np.float64]

NEGLIGIBLE = 1e-30
"""Probability below which an outcome in the middle of a circuit is not followed: far below rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distribution:
    """Probabilities of classical bits.

    Attributes:
        written: The bits that measurements write, ascending; all others are 0.
        probabilities: Shape ``(2**len(written),)``; bit ``k`` of the index is the bit ``written[k]``.
        n_bits: Number of classical bits.
    """

    written: tuple[int, ...]
    probabilities: Floats
    n_bits: int

    def pack(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Outcomes by their index as packed rows, shape ``(n, ceil(n_bits / 8))``, lowest bit first."""
        matrix = np.zeros((len(index), self.n_bits), dtype=np.bool_)
        for k, bit in enumerate(self.written):
            matrix[:, bit] = (index >> k) & 1
        return np.packbits(matrix, axis=1, bitorder="little")


def exact_distribution(circuit: NoisyCircuit) -> Distribution:
    """Exact probabilities of all outcomes, misreading included.

    Memory: ``16 * 4**n`` bytes, about three times over, for each outcome of the measurements in the middle.

    Args:
        circuit: At most about 12 touched qubits.

    Example:
        >>> from kakehashi.device.noise.model import PauliChannel
        >>> flip = PauliChannel(qubits=(5,), probabilities=np.array([0.9, 0.1, 0.0, 0.0]))
        >>> measure = Operation(name="measure", qubits=(5,), bits=(1,))
        >>> exact_distribution(NoisyCircuit(n_qubits=9, n_bits=2, steps=(flip, measure))).probabilities
        array([0.9, 0.1])
    """
    small, _ = compact(circuit)
    finals = final_measurements(small)
    written = tuple(sorted({bit for step in small.steps if isinstance(step, Operation) for bit in step.bits}))
    place = {bit: k for k, bit in enumerate(written)}
    basis = np.arange(2**small.n_qubits)
    from_qubits = np.zeros_like(basis)
    fixed = 0
    for k in finals:
        measure = small.steps[k]
        assert isinstance(measure, Operation)
        for q, bit in zip(measure.qubits, measure.bits, strict=True):
            from_qubits |= ((basis >> q) & 1) << place[bit]
            fixed |= 1 << bit
    true = np.zeros(2 ** len(written))
    for bits, rho in evolve_density(small).items():
        size = 2**small.n_qubits
        diagonal = rho.reshape(size, size).diagonal().real
        known = sum(1 << place[bit] for bit in written if (bits >> bit) & 1 and not (fixed >> bit) & 1)
        true += np.bincount(from_qubits | known, weights=diagonal, minlength=len(true))
    true = np.clip(true, 0.0, None)
    read = confuse(true, restrict(circuit.readout, written))
    return Distribution(written=written, probabilities=read, n_bits=circuit.n_bits)


def restrict(readout: Readout | None, bits: tuple[int, ...]) -> Readout | None:
    """The readout of some of the bits."""
    if readout is None:
        return None
    chosen = list(bits)
    return Readout(
        prob_meas1_prep0=readout.prob_meas1_prep0[chosen],
        prob_meas0_prep1=readout.prob_meas0_prep1[chosen],
        line=None if readout.line is None else readout.line[chosen],
        line_crosstalk=readout.line_crosstalk,
    )


def evolve_density(circuit: NoisyCircuit) -> dict[int, Complex]:
    """Density matrices at the end, by what the classical bits hold; final measurements are not taken.

    Args:
        circuit: Every qubit counts, touched or not.

    Returns:
        ``{bits: rho}``: bit ``b`` of the number is classical bit ``b``. The traces are the probabilities. Shape
        ``(2,) * 2n``: reshaped to ``(2**n, 2**n)``, qubit 0 is the lowest bit of row and column.
    """
    n = circuit.n_qubits
    start = np.zeros((2,) * (2 * n), dtype=np.complex128)
    start[(0,) * (2 * n)] = 1.0
    branches = {0: start}
    finals = final_measurements(circuit)
    known: dict[int, Complex] = {}
    for k, step in enumerate(circuit.steps):
        if k in finals or (isinstance(step, Operation) and step.name in ("barrier", "delay")):
            continue
        if isinstance(step, Operation) and step.name == "measure":
            for q, bit in zip(step.qubits, step.bits, strict=True):
                branches = _measure(branches, n, q, bit, step.condition)
            continue
        if id(step) not in known:
            known[id(step)] = superoperator(step)
        axes = [n - 1 - q for q in step.qubits] + [2 * n - 1 - q for q in step.qubits]
        for bits, rho in branches.items():
            if _holds(step, bits):
                branches[bits] = apply_matrix(known[id(step)], rho, axes)
    return branches


def _holds(step: Step, bits: int) -> bool:
    if not isinstance(step, Operation) or step.condition is None:
        return True
    bit, value = step.condition
    return (bits >> bit) & 1 == value


def _measure(
    branches: dict[int, Complex], n: int, q: int, bit: int, condition: tuple[int, int] | None
) -> dict[int, Complex]:
    """Every branch for both outcomes; branches whose bits agree become one."""
    split: dict[int, Complex] = {}
    for bits, rho in branches.items():
        if condition is not None and (bits >> condition[0]) & 1 != condition[1]:
            split[bits] = split[bits] + rho if bits in split else rho
            continue
        for value in (0, 1):
            projected = np.zeros_like(rho)
            where: list[slice | int] = [slice(None)] * (2 * n)
            where[n - 1 - q] = where[2 * n - 1 - q] = value
            projected[tuple(where)] = rho[tuple(where)]
            trace = projected.reshape(2**n, 2**n).trace().real
            if trace < NEGLIGIBLE:
                continue
            after = (bits & ~(1 << bit)) | (value << bit)
            split[after] = split[after] + projected if after in split else projected
    return split
