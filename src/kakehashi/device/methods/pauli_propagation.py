"""``pauli-propagation``: the observable is carried backwards as a sum of products of Pauli operators.

Clifford gates change the products, other gates make more of them, and noise makes their coefficients smaller, all of it
exactly; the noisier the circuit, the fewer are needed. Where there are too many, the smallest are left out, and the sum
of their coefficients' sizes bounds the error. A. Angrisani et al., https://arxiv.org/abs/2409.01706.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.core.progress import Reporter
from kakehashi.core.resources import available_memory_bytes, format_bytes
from kakehashi.device.methods.model import Cost, Expectation, Method, Observable, Refusal, Sampled, Verdict
from kakehashi.device.methods.reduce import has_feedback
from kakehashi.device.methods.transfer import MOST_QUBITS, heisenberg_matrix
from kakehashi.device.noise.model import NoisyCircuit, Step

__all__ = ["PauliPropagationMethod", "Propagated", "propagate"]

Floats: TypeAlias = NDArray[np.float64]
Words: TypeAlias = NDArray[np.uint64]

PER_WORD = 32
"""Letters of two bits in a word of 64."""

PILOT_TERMS = 2000
SECONDS_PER_TERM = 4e-7
"""Of one term and one gate that makes more of them; measured on one core."""

BYTES_PER_TERM = 200
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Propagated:
    """The observable at the beginning of the circuit, in the state with all qubits in 0.

    Attributes:
        value: The expectation value.
        discarded: Sum of the sizes of all coefficients that were left out: the error is at most this.
        n_terms: Largest number of terms.
        n_branching: Number of steps that made more terms.
        capped: Whether terms were left out because there were too many.
    """

    value: float
    discarded: float
    n_terms: int
    n_branching: int
    capped: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rule:
    """What a step does to the letters on its qubits: up to ``m`` images of each product."""

    images: NDArray[np.int64]  # (4**k, m)
    factors: Floats  # (4**k, m), 0 beyond the last image
    branches: bool
    merges: bool


class _Rules:
    """The rules of a circuit's steps, each made once."""

    def __init__(self) -> None:
        self._known: dict[object, _Rule] = {}

    def of(self, step: Step) -> _Rule:
        key: object = id(step)
        if isinstance(step, Operation) and step.matrix is None:
            key = (step.name, step.parameters, len(step.qubits))
        if key not in self._known:
            self._known[key] = _make_rule(step)
        return self._known[key]


def _make_rule(step: Step) -> _Rule:
    if isinstance(step, Operation) and step.name == "measure":
        matrix: Floats = np.ones((1, 1))
        for _ in step.qubits:
            matrix = np.kron(np.diag([1.0, 0.0, 0.0, 1.0]), matrix).astype(np.float64)
    else:
        matrix = heisenberg_matrix(step)
    present = np.abs(matrix) > 1e-15
    most = max(1, int(present.sum(axis=0).max()))
    order = np.argsort(~present, axis=0, kind="stable")[:most].T
    factors = np.take_along_axis(np.where(present, matrix, 0.0).T, order, axis=1)
    return _Rule(
        images=order.astype(np.int64),
        factors=np.ascontiguousarray(factors),
        branches=most > 1,
        merges=bool((present.sum(axis=1) > 1).any()),
    )


def _local(codes: Words, qubits: tuple[int, ...]) -> NDArray[np.int64]:
    local = np.zeros(len(codes), dtype=np.int64)
    for j, q in enumerate(qubits):
        letters = codes[:, q // PER_WORD] >> np.uint64(2 * (q % PER_WORD)) & np.uint64(3)
        local |= letters.astype(np.int64) << (2 * j)
    return local


def _change(codes: Words, qubits: tuple[int, ...], change: NDArray[np.int64]) -> None:
    """Exclusive-or letters into codes, in place."""
    for j, q in enumerate(qubits):
        letters = (change >> (2 * j) & 3).astype(np.uint64)
        codes[:, q // PER_WORD] ^= letters << np.uint64(2 * (q % PER_WORD))


def _merge(codes: Words, weights: Floats) -> tuple[Words, Floats]:
    """Add up equal terms. The order is that of a hash; what is added is compared in full, so chance plays no part."""
    key = np.zeros(len(codes), dtype=np.uint64)
    for word in range(codes.shape[1]):
        key = (key ^ codes[:, word]) * MULTIPLIER
        key ^= key >> np.uint64(29)
    order = np.argsort(key, kind="stable")
    codes, weights = codes[order], weights[order]
    first = np.ones(len(codes), dtype=np.bool_)
    first[1:] = (codes[1:] != codes[:-1]).any(axis=1)
    return codes[first], np.add.reduceat(weights, np.flatnonzero(first))


def _apply(codes: Words, weights: Floats, rule: _Rule, qubits: tuple[int, ...]) -> tuple[Words, Floats]:
    local = _local(codes, qubits)
    if not rule.branches:
        _change(codes, qubits, rule.images[local, 0] ^ local)
        return codes, weights * rule.factors[local, 0]
    many_codes, many_weights = [], []
    for m in range(rule.images.shape[1]):
        factors = rule.factors[local, m]
        rows = slice(None) if m == 0 else np.flatnonzero(factors)
        part = codes[rows].copy() if m == 0 else codes[rows]
        _change(part, qubits, (rule.images[local, m] ^ local)[rows])
        many_codes.append(part)
        many_weights.append((weights * factors)[rows])
    return np.concatenate(many_codes), np.concatenate(many_weights)


def _truncate(codes: Words, weights: Floats, most: int, smallest: float) -> tuple[Words, Floats, float, bool]:
    size = np.abs(weights)
    keep = size > smallest
    capped = int(np.count_nonzero(keep)) > most
    if capped:
        limit = np.partition(size, len(size) - most)[len(size) - most]
        keep &= size > limit
    lost = float(size[~keep].sum())
    return (codes, weights, lost, capped) if keep.all() else (codes[keep], weights[keep], lost, capped)


def propagate(
    circuit: NoisyCircuit, observable: Observable, *, max_terms: int = 1_000_000, smallest: float = 1e-8
) -> Propagated:
    """Carry an observable back to the beginning.

    Args:
        circuit: The circuit, without feedback, of steps on at most four qubits.
        observable: The observable.
        max_terms: Number of terms that are kept at most: those with the largest coefficients.
        smallest: Coefficients of this size or less are left out.

    Example:
        >>> circuit = NoisyCircuit(n_qubits=1, n_bits=0, steps=(
        ...     Operation(name="rx", qubits=(0,), parameters=(0.3,)),))
        >>> round(propagate(circuit, Observable(paulis=((0, "Z"),))).value, 6)
        0.955336
    """
    n_words = max(1, -(-circuit.n_qubits // PER_WORD))
    codes = np.zeros((1, n_words), dtype=np.uint64)
    for q, letter in observable.paulis:
        codes[0, q // PER_WORD] |= np.uint64("IXYZ".index(letter) << (2 * (q % PER_WORD)))
    weights = np.ones(1)
    rules = _Rules()
    discarded, most, n_branching, capped = 0.0, 1, 0, False
    for step in reversed(circuit.steps):
        if isinstance(step, Operation) and step.name in ("barrier", "delay"):
            continue
        rule = rules.of(step)
        codes, weights = _apply(codes, weights, rule, step.qubits)
        if not rule.branches and not rule.merges:
            continue
        n_branching += rule.branches
        codes, weights = _merge(codes, weights)
        codes, weights, lost, over = _truncate(codes, weights, max_terms, smallest)
        discarded += lost
        capped |= over
        most = max(most, len(weights))
        if not len(weights):
            break
    ones = np.uint64(0x5555555555555555)
    # Letters X and Y have different bits; their expectation value in 0 is 0.
    flat = ~(((codes >> np.uint64(1)) ^ codes) & ones).any(axis=1)
    value = float(weights[flat].sum())
    return Propagated(value=value, discarded=discarded, n_terms=most, n_branching=n_branching, capped=capped)


class PauliPropagationMethod(Method):
    """Expectation values of circuits whose cone is too large, best where there is noise or few non-Clifford gates.

    Args:
        max_terms: Number of terms that are kept at most.
        smallest: Coefficients of this size or less are left out.

    Example:
        >>> steps = (Operation(name="h", qubits=(0,)), *(Operation(name="cx", qubits=(q, q + 1)) for q in range(99)))
        >>> circuit = NoisyCircuit(n_qubits=100, n_bits=0, steps=steps)
        >>> observable = Observable(paulis=((0, "Z"), (99, "Z")))
        >>> PauliPropagationMethod().expect(circuit, observable, reporter=Reporter()).value
        1.0
    """

    def __init__(self, *, max_terms: int = 1_000_000, smallest: float = 1e-8) -> None:
        self._max_terms = max_terms
        self._smallest = smallest

    @property
    def name(self) -> str:
        """``"pauli-propagation"``."""
        return "pauli-propagation"

    @override
    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """Refused: it follows one observable."""
        return Refusal(
            method=self.name,
            reason=f"Pauli propagation gives expectation values, not counts of {circuit.n_bits} bits.",
        )

    @override
    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """What the value would take, judged from a run with few terms."""
        if has_feedback(circuit):
            return Refusal(method=self.name, reason="A gate waits for a measured bit, which cannot be carried back.")
        widest = max((len(step.qubits) for step in circuit.steps), default=0)
        if widest > MOST_QUBITS:
            return Refusal(method=self.name, reason=f"A step on {widest} qubits is too wide; at most {MOST_QUBITS}.")
        memory = self._max_terms * (BYTES_PER_TERM + circuit.n_qubits)
        if memory > available_memory_bytes():
            return Refusal(
                method=self.name,
                reason=f"{self._max_terms:,} terms need {format_bytes(memory)}, "
                f"but {format_bytes(available_memory_bytes())} are free.",
            )
        pilot = propagate(circuit, observable, max_terms=PILOT_TERMS, smallest=self._smallest)
        if not pilot.capped:
            return Cost(
                time_s=len(circuit.steps) * (1e-4 + pilot.n_terms * SECONDS_PER_TERM),
                memory_bytes=pilot.n_terms * (BYTES_PER_TERM + circuit.n_qubits),
                error="exact" if pilot.discarded < 1e-12 else f"at most {pilot.discarded:.2g}",
                error_bound=pilot.discarded,
                reason=f"the observable never has more than {pilot.n_terms:,} terms",
            )
        return Cost(
            time_s=len(circuit.steps) * 1e-4 + pilot.n_branching * self._max_terms * SECONDS_PER_TERM,
            memory_bytes=memory,
            error=f"bounded afterwards by what is left out beyond {self._max_terms:,} terms",
            error_bound=None,
            reason=f"the observable grows beyond {PILOT_TERMS:,} terms; the smallest are left out",
        )

    @override
    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """Refused, see :meth:`consider_shots`."""
        raise InputError("Pauli propagation gives expectation values, not shots.")

    @override
    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """The expectation value, with what was left out as its error."""
        reporter.step("expect", f"carrying the observable back over {len(circuit.steps):,} steps", step=0, total=1)
        done = propagate(circuit, observable, max_terms=self._max_terms, smallest=self._smallest)
        reporter.step("expect", "done", step=1, total=1, n_terms=done.n_terms, discarded=done.discarded)
        if done.discarded < 1e-12:
            return Expectation(value=done.value, error_bound=done.discarded, error="exact")
        words = f"the coefficients left out sum to {done.discarded:.2g}"
        if done.discarded > 1:
            return Expectation(value=done.value, error_bound=None, error=f"{words}: above 1 this bounds nothing")
        return Expectation(value=done.value, error_bound=done.discarded, error=f"{words}, which bounds the error")
