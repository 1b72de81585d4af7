"""Exact quantum trajectories: pure states that follow one error after another, many of them side by side."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.noise.channels import pauli_matrices
from kakehashi.device.noise.compact import final_measurements
from kakehashi.device.noise.model import NoisyCircuit, PauliChannel, Step
from kakehashi.device.noise.superoperators import apply_matrix, kraus_of

__all__ = ["draw_trajectories", "measure_states"]

Complex: TypeAlias = NDArray[np.complex128]

PROJECTORS = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], dtype=np.complex128)


def draw_trajectories(
    circuit: NoisyCircuit, n_trajectories: int, *, rng: RngLike = None
) -> tuple[Complex, NDArray[np.bool_]]:
    """Final states of independent runs; final measurements are not taken.

    Averaged over runs, the projectors on the states are the density matrix of the noisy circuit. Memory: about
    ``3 * 16 * 2**n * n_trajectories`` bytes.

    Args:
        circuit: Every qubit counts, touched or not.
        n_trajectories: Number of runs.
        rng: Generator, seed or None.

    Returns:
        The states, shape ``(n_trajectories, 2, ..., 2)`` where the last axis is qubit 0, normalised; and the classical
        bits of the measurements in the middle, shape ``(n_trajectories, n_bits)``.

    Example:
        >>> coin = (Operation(name="h", qubits=(0,)), Operation(name="measure", qubits=(0,), bits=(0,)),
        ...         Operation(name="reset", qubits=(0,)))
        >>> states, bits = draw_trajectories(NoisyCircuit(n_qubits=1, n_bits=1, steps=coin), 1000, rng=1)
        >>> bool((states[:, 0] == 1).all()), 400 < int(bits.sum()) < 600
        (True, True)
    """
    generator = as_generator(rng)
    n = circuit.n_qubits
    states = np.zeros((n_trajectories, *(2,) * n), dtype=np.complex128)
    states.reshape(n_trajectories, -1)[:, 0] = 1.0
    bits = np.zeros((n_trajectories, circuit.n_bits), dtype=np.bool_)
    finals = final_measurements(circuit)
    for k, step in enumerate(circuit.steps):
        if k in finals or (isinstance(step, Operation) and step.name in ("barrier", "delay")):
            continue
        condition = step.condition if isinstance(step, Operation) else None
        if condition is None:
            states = _take(step, states, bits, generator)
            continue
        rows = np.flatnonzero(bits[:, condition[0]] == bool(condition[1]))
        some_bits = bits[rows]
        states[rows] = _take(step, states[rows], some_bits, generator)
        bits[rows] = some_bits
    return states, bits


def measure_states(states: Complex, rng: np.random.Generator) -> NDArray[np.int64]:
    """One outcome of measuring all qubits of each state, shape ``(n,)``; qubit ``q`` is bit ``q``.

    Example:
        >>> measure_states(np.array([[0, 1], [1, 0]], dtype=np.complex128), np.random.default_rng(1))
        array([1, 0])
    """
    weights = np.cumsum(np.abs(states.reshape(len(states), -1)) ** 2, axis=1)
    thresholds = rng.random(len(states)) * weights[:, -1]
    # Rounding may lift a threshold to the very sum; the last outcome must not be passed.
    outcomes: NDArray[np.int64] = (weights[:, :-1] <= thresholds[:, None]).sum(axis=1)
    return outcomes


def _take(step: Step, states: Complex, bits: NDArray[np.bool_], rng: np.random.Generator) -> Complex:
    """One step on all states; bits that are measured are written in place."""
    n = states.ndim - 1
    axes = [n - q for q in step.qubits]
    if isinstance(step, PauliChannel):
        return _hit(step, states, axes, rng)
    if isinstance(step, Operation) and step.is_unitary:
        return apply_matrix(step.unitary(), states, axes)
    if isinstance(step, Operation) and step.name == "measure":
        for axis, bit in zip(axes, step.bits, strict=True):
            states, chosen = _choose(PROJECTORS, states, [axis], rng)
            bits[:, bit] = chosen == 1
        return states
    return _choose(kraus_of(step), states, axes, rng)[0]


def _hit(channel: PauliChannel, states: Complex, axes: list[int], rng: np.random.Generator) -> Complex:
    """Draw a Pauli operator for each state; most get none."""
    edges = np.cumsum(channel.probabilities)
    chosen = np.searchsorted(edges, rng.random(len(states)) * edges[-1], side="right")
    hit = np.flatnonzero(chosen)
    if len(hit):
        states = states.copy()
        paulis = pauli_matrices(len(axes))
        for number in np.unique(chosen[hit]):
            rows = np.flatnonzero(chosen == number)
            states[rows] = apply_matrix(paulis[number], states[rows], axes)
    return states


def _choose(
    kraus: Complex, states: Complex, axes: list[int], rng: np.random.Generator
) -> tuple[Complex, NDArray[np.int64]]:
    """One of several Kraus operators for each state, with the probability that it has there."""
    flat = (-1, *(1,) * (states.ndim - 1))
    weights = np.stack([_norms(apply_matrix(operator, states, axes)) for operator in kraus])
    edges = np.cumsum(weights, axis=0)
    # The threshold lies below the last edge, so what is chosen has a weight above 0.
    chosen: NDArray[np.int64] = (edges <= rng.random(len(states)) * edges[-1]).sum(axis=0)
    made = np.empty_like(states)
    for number in np.unique(chosen):
        rows = np.flatnonzero(chosen == number)
        norm = np.sqrt(weights[number, rows]).reshape(flat)
        made[rows] = apply_matrix(kraus[number], states[rows], axes) / norm
    return made, chosen


def _norms(states: Complex) -> NDArray[np.float64]:
    """Squared norm of each state."""
    norms: NDArray[np.float64] = (np.abs(states.reshape(len(states), -1)) ** 2).sum(axis=1)
    return norms
