"""Observables as sums of Pauli products, the products that one measurement serves, and their sums over shots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.device.methods.model import Observable
from kakehashi.device.model import Shots

__all__ = [
    "IDENTITY",
    "Basis",
    "combine",
    "group_terms",
    "mean_and_variance",
    "read_observable",
    "signs",
    "with_measurement",
]

Weights: TypeAlias = dict[Observable, float]

IDENTITY = Observable(paulis=())

ROTATIONS: dict[str, tuple[tuple[str, float], ...]] = {"X": (("rz", np.pi / 2), ("sx", 0.0)), "Y": (("sx", 0.0),)}
"""Before a measurement of Z: gates that every processor here has."""


def read_observable(observable: Any) -> Weights:
    """The terms of a qiskit ``SparseObservable``, projectors expanded.

    Args:
        observable: With real coefficients.

    Example:
        >>> from qiskit.quantum_info import SparseObservable
        >>> read_observable(SparseObservable("0I"))
        {Observable(paulis=()): 0.5, Observable(paulis=((1, 'Z'),)): 0.5}
    """
    weights: Weights = {}
    for letters, qubits, coefficient in observable.as_paulis().to_sparse_list():
        term = Observable(paulis=tuple(sorted(zip((int(q) for q in qubits), letters, strict=True))))
        weights[term] = weights.get(term, 0.0) + float(np.real(coefficient))
    return dict(sorted(weights.items(), key=lambda item: item[0].paulis))


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """A way to measure qubits, and the terms that it gives.

    Attributes:
        letters: In which basis each qubit is measured, ``"X"``, ``"Y"`` or ``"Z"``.
        terms: What it gives.
    """

    letters: Mapping[int, str]
    terms: tuple[Observable, ...]


def group_terms(terms: Iterable[Observable]) -> list[Basis]:
    """Few bases that give all terms; each term into the first basis that agrees with it on every qubit.

    Args:
        terms: Pauli products; the identity needs no measurement and is left out.

    Example:
        >>> found = group_terms([Observable(paulis=((0, "Z"),)), Observable(paulis=((1, "X"),)),
        ...                      Observable(paulis=((0, "X"), (1, "X")))])
        >>> [dict(basis.letters) for basis in found]
        [{0: 'X', 1: 'X'}, {0: 'Z'}]
    """
    # As whole numbers, two masks and where they count: whether two products agree is then four machine operations,
    # which matters for the ten thousand terms of a molecule.
    masks: list[tuple[int, int, int]] = []
    members: list[list[Observable]] = []
    # Heavy terms first: they leave the least freedom.
    for term in sorted(set(terms), key=lambda term: (-len(term.paulis), term.paulis)):
        if not term.paulis:
            continue
        x, z, where = _masks(term)
        for k, (base_x, base_z, base_where) in enumerate(masks):
            if not ((x ^ base_x) | (z ^ base_z)) & where & base_where:
                masks[k] = (x | base_x, z | base_z, where | base_where)
                members[k].append(term)
                break
        else:
            masks.append((x, z, where))
            members.append([term])
    return [
        Basis(letters=dict(sorted(pair for term in group for pair in term.paulis)), terms=tuple(group))
        for group in members
    ]


def _masks(term: Observable) -> tuple[int, int, int]:
    x = sum(1 << qubit for qubit, letter in term.paulis if letter != "Z")
    z = sum(1 << qubit for qubit, letter in term.paulis if letter != "X")
    return x, z, x | z


def with_measurement(circuit: GateCircuit, basis: Basis) -> GateCircuit:
    """The circuit with a measurement in a basis at its end, into new classical bits, one a qubit, ascending."""
    operations = list(circuit.operations)
    for qubit, letter in basis.letters.items():
        for name, angle in ROTATIONS.get(letter, ()):
            operations.append(Operation(name=name, qubits=(qubit,), parameters=(angle,) if name == "rz" else ()))
    for bit, qubit in enumerate(basis.letters, start=circuit.n_bits):
        operations.append(Operation(name="measure", qubits=(qubit,), bits=(bit,)))
    return GateCircuit(
        n_qubits=circuit.n_qubits,
        n_bits=circuit.n_bits + len(basis.letters),
        operations=tuple(operations),
        name=circuit.name,
        metadata=circuit.metadata,
    )


def signs(shots: Shots, basis: Basis) -> NDArray[np.float64]:
    """What each distinct shot says of each term of the basis: shape ``(n_distinct, n_terms)``, +1 or -1.

    Args:
        shots: Of :func:`with_measurement`: the bits of the basis are the last ones.
        basis: The basis.

    Raises:
        InputError: The shots have too few bits.
    """
    first = shots.n_qubits - len(basis.letters)
    if first < 0:
        raise InputError(f"The shots have {shots.n_qubits} bits, but {len(basis.letters)} qubits were to be measured.")
    column = {qubit: first + k for k, qubit in enumerate(basis.letters)}
    matrix = shots.to_matrix()
    found = np.empty((shots.n_distinct, len(basis.terms)), dtype=np.float64)
    for k, term in enumerate(basis.terms):
        odd = np.logical_xor.reduce(matrix[:, [column[q] for q in term.qubits]], axis=1)
        found[:, k] = 1.0 - 2.0 * odd
    return found


def mean_and_variance(values: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float]:
    """Mean of weighted values, and the variance of that mean."""
    total = int(counts.sum())
    mean = float(values @ counts) / total
    spread = float(((values - mean) ** 2) @ counts) / max(total - 1, 1)
    return mean, spread / total


def combine(
    weights: Mapping[Observable, float], measured: Sequence[tuple[Basis, Shots, NDArray[np.float64]]]
) -> tuple[float, float]:
    """Value and standard error of a sum of terms.

    Terms of one basis come from the same shots, so that their covariance is in the error.
    """
    value, variance = weights.get(IDENTITY, 0.0), 0.0
    for basis, shots, found in measured:
        coefficients = np.array([weights.get(term, 0.0) for term in basis.terms])
        if coefficients.any():
            mean, spread = mean_and_variance(found @ coefficients, shots.counts)
            value, variance = value + mean, variance + spread
    return value, float(np.sqrt(variance))
