"""What a simulation method is to the router, and what the router says of its choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.progress import Reporter
from kakehashi.device.noise.model import NoisyCircuit

__all__ = ["Cost", "Expectation", "Method", "Observable", "Plan", "Refusal", "Sampled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a method would take for a task.

    Attributes:
        time_s: Estimated wall time.
        memory_bytes: Estimated memory.
        error: How far the answer is from the noise model's own, in words with a number.
        error_bound: The number: total variation distance of counts, or absolute error of an expectation value; 0 where
            the method is exact, None where it only shows afterwards.
        reason: Why the method suits, in words.
    """

    time_s: float
    memory_bytes: int
    error: str
    error_bound: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a method cannot do a task.

    Attributes:
        method: The method.
        reason: One sentence with the number that causes it.
    """

    method: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observable:
    """A product of Pauli operators.

    Attributes:
        paulis: ``{qubit: "X", "Y" or "Z"}`` as pairs, ascending by qubit.
    """

    paulis: tuple[tuple[int, str], ...]

    @property
    def qubits(self) -> tuple[int, ...]:
        """Where it acts."""
        return tuple(qubit for qubit, _ in self.paulis)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampled:
    """Shots of a method.

    Attributes:
        bits: Packed rows that may repeat, shape ``(n_rows, ceil(n_bits / 8))``, dtype uint8, lowest bit first.
        counts: How often each row came, shape ``(n_rows,)``, int64.
        error: How far the distribution is from the noise model's own, in words; known now where it was not before.
    """

    bits: NDArray[np.uint8]
    counts: NDArray[np.int64]
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """An expectation value of a method.

    Attributes:
        value: The value.
        error_bound: Absolute error of the method, or None where nothing bounds it.
        error: The same in words.
    """

    value: float
    error_bound: float | None
    error: str


Verdict: TypeAlias = Cost | Refusal


class Method(Protocol):
    """One way to simulate."""

    @property
    def name(self) -> str:
        """What results call it."""
        ...

    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """What shots would take, or why there can be none; quick, and without side effects."""
        ...

    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """Likewise for an expectation value."""
        ...

    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """Draw shots, readout errors included."""
        ...

    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """The expectation value before readout."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the router chose, and why.

    Attributes:
        method: Name of the method; None where none can.
        cost: What it will take; None where none can.
        reductions: One sentence for each simplification before the method.
        refused: The methods that cannot, and why.
        slower: Names and times of those that could, and are slower or less exact.
        approximations: What the noise itself leaves out.
        nearest: Where none can: the nearest thing that can be done.
    """

    method: str | None
    cost: Cost | None
    reductions: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    slower: tuple[tuple[str, float], ...] = ()
    approximations: tuple[str, ...] = ()
    nearest: str = ""
