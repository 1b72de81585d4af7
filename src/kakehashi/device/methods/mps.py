"""``mps``: circuits on lines, or nearly so, as matrix product states; noise by trajectories.

Whether the bonds stay small is read from the gates before anything is computed: each gate across a cut multiplies the
bond there by at most its rank. A circuit within the budget is simulated exactly up to rounding. One beyond it is
refused, or cut short where that was asked for, and then the fidelity says what was lost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError, ResourceError
from kakehashi.core.progress import Reporter
from kakehashi.device.methods.matrix_product import MatrixProductState
from kakehashi.device.methods.model import Cost, Expectation, Method, Observable, Refusal, Sampled, Verdict
from kakehashi.device.methods.trajectory_patterns import Pattern, draw_patterns
from kakehashi.device.methods.transfer import pauli_products
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Step
from kakehashi.device.noise.readout import misread, readout_of

__all__ = ["MatrixProductMethod", "bond_bound", "line_up"]

SECONDS_PER_GATE = 1.5e-4
SECONDS_PER_BOND_CUBED = 4e-8
SECONDS_PER_SHOT_AND_SITE = 1.5e-7
SECONDS_PER_SHOT_SITE_AND_BOND_SQUARED = 4e-9
"""Measured on one core."""

LOST = 1e-9
"""A fidelity nearer to 1 than this is called exact."""


def _rank(step: Step) -> int:
    """By how much a step multiplies a bond that it crosses, at most."""
    if not isinstance(step, Operation) or not step.is_unitary or len(step.qubits) != 2:
        return 1
    halves = step.unitary().reshape(2, 2, 2, 2).transpose(1, 3, 0, 2).reshape(4, 4)
    values = np.linalg.svd(halves, compute_uv=False)
    return int((values > 1e-12 * values[0]).sum())


def bond_bound(circuit: NoisyCircuit, place: Sequence[int]) -> int:
    """A bound on the largest bond: over all cuts the product of the ranks across, or the size of the smaller side.

    Args:
        circuit: The circuit.
        place: Place on the line of each qubit.

    Returns:
        The bound; at most ``2**62``.

    Example:
        >>> steps = tuple(Operation(name="cx", qubits=(q, q + 1)) for q in range(9))
        >>> bond_bound(NoisyCircuit(n_qubits=10, n_bits=0, steps=steps), range(10))
        2
    """
    n = circuit.n_qubits
    logs = np.zeros(max(n, 1))
    known: dict[object, float] = {}
    for step in circuit.steps:
        if not isinstance(step, Operation) or len(step.qubits) != 2 or not step.is_unitary:
            continue
        key = id(step) if step.matrix is not None else (step.name, step.parameters)
        if key not in known:
            known[key] = float(np.log2(_rank(step)))
        first, second = sorted((place[step.qubits[0]], place[step.qubits[1]]))
        logs[first:second] += known[key]
    sites = np.arange(1, n)
    bound = np.minimum(logs[: n - 1], np.minimum(sites, n - sites)) if n > 1 else np.zeros(1)
    return int(2.0 ** min(62.0, float(bound.max())) + 0.5)


def line_up(circuit: NoisyCircuit) -> tuple[int, ...]:
    """Place of each qubit on a line such that gates reach not far: as numbered, or by reverse Cuthill-McKee.

    Example:
        >>> steps = tuple(Operation(name="cz", qubits=pair) for pair in ((0, 2), (2, 1), (1, 3)))
        >>> line_up(NoisyCircuit(n_qubits=4, n_bits=0, steps=steps))
        (3, 1, 2, 0)
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    n = circuit.n_qubits
    pairs = sorted({tuple(sorted(s.qubits)) for s in circuit.steps if len(s.qubits) == 2})
    plain = tuple(range(n))
    if not pairs:
        return plain
    a, b = np.array(pairs).T
    graph = csr_array((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, a])), shape=(n, n))
    other = tuple(int(p) for p in np.argsort(reverse_cuthill_mckee(graph, symmetric_mode=True)))
    return min((plain, other), key=lambda place: bond_bound(circuit, place))


def _measured(circuit: NoisyCircuit) -> dict[int, int] | None:
    """Qubit of each bit where all measurements come last; None where something follows one."""
    bits: dict[int, int] = {}
    done: set[int] = set()
    for step in circuit.steps:
        if isinstance(step, Operation) and step.name == "measure":
            bits.update(zip(step.bits, step.qubits, strict=True))
            done |= set(step.qubits)
        elif done & set(step.qubits) and (not isinstance(step, Operation) or step.name not in ("barrier", "delay")):
            return None
    return bits


class MatrixProductMethod(Method):
    """Shots and expectation values of circuits with small bonds.

    Args:
        max_bond: Largest bond.
        truncate: Whether to go on beyond it, with the fidelity as the answer's error.

    Example:
        >>> steps = (Operation(name="h", qubits=(0,)), *(Operation(name="cx", qubits=(q, q + 1)) for q in range(29)),
        ...          Operation(name="measure", qubits=tuple(range(30)), bits=tuple(range(30))))
        >>> circuit = NoisyCircuit(n_qubits=30, n_bits=30, steps=steps)
        >>> done = MatrixProductMethod().sample(circuit, 50, rng=np.random.default_rng(1), reporter=Reporter())
        >>> sorted({bytes(row).hex() for row in done.bits})
        ['00000000', 'ffffff3f']
    """

    def __init__(self, *, max_bond: int = 64, truncate: bool = False) -> None:
        self._max_bond = max_bond
        self._truncate = truncate

    @property
    def name(self) -> str:
        """``"mps"``."""
        return "mps"

    def _consider(self, circuit: NoisyCircuit) -> tuple[int, bool] | Refusal:
        """The bond, and whether it is cut short."""
        for step in circuit.steps:
            if isinstance(step, Operation):
                if step.condition is not None:
                    return Refusal(method=self.name, reason="A gate waits for a measured bit, which is not supported.")
                if step.name == "reset":
                    return Refusal(method=self.name, reason=f"Qubit {step.qubits[0]} is reset, which is not supported.")
                if step.is_unitary and len(step.qubits) > 2:
                    return Refusal(
                        method=self.name, reason=f"A gate is on {len(step.qubits)} qubits; at most 2 can be."
                    )
            elif isinstance(step, KrausChannel) and len(step.qubits) > 1:
                return Refusal(method=self.name, reason="A channel of Kraus operators is on more than one qubit.")
        if _measured(circuit) is None:
            return Refusal(method=self.name, reason="Something follows a measurement, which is not supported.")
        bound = bond_bound(circuit, line_up(circuit))
        if bound > self._max_bond and not self._truncate:
            return Refusal(
                method=self.name,
                reason=f"The bond may grow to {bound:,}, beyond the {self._max_bond:,} that are allowed.",
            )
        return min(bound, self._max_bond), bound > self._max_bond

    def _cost(self, circuit: NoisyCircuit, bond: int, cut: bool, n_runs: float, n_shots: int) -> Cost:
        gates = sum(len(step.qubits) == 2 for step in circuit.steps if isinstance(step, Operation))
        run = (gates + circuit.n_qubits) * (SECONDS_PER_GATE + SECONDS_PER_BOND_CUBED * bond**3)
        site = SECONDS_PER_SHOT_AND_SITE + SECONDS_PER_SHOT_SITE_AND_BOND_SQUARED * bond**2
        error = "fidelity known afterwards" if cut else "exact up to rounding"
        return Cost(
            time_s=n_runs * run + n_shots * circuit.n_qubits * site,
            memory_bytes=circuit.n_qubits * 2 * bond**2 * 16 * 4 + n_shots * (circuit.n_qubits + 32 * bond),
            error=error,
            error_bound=None if cut else 0.0,
            reason=f"on a line no bond is larger than {bond}" + (", as the rest is cut off" if cut else ""),
        )

    @override
    def consider_shots(self, circuit: NoisyCircuit, n_shots: int) -> Verdict:
        """What shots would take."""
        found = self._consider(circuit)
        if isinstance(found, Refusal):
            return found
        runs = float(n_shots) if not circuit.is_pauli else 1 + n_shots * (1 - circuit.error_free_probability)
        return self._cost(circuit, *found, n_runs=runs, n_shots=n_shots)

    @override
    def consider_expectation(self, circuit: NoisyCircuit, observable: Observable) -> Verdict:
        """What an expectation value would take."""
        if any(isinstance(step, PauliChannel | KrausChannel) for step in circuit.steps):
            return Refusal(
                method=self.name,
                reason="With noise an expectation value would be a mean over trajectories, with a statistical error.",
            )
        found = self._consider(circuit)
        return found if isinstance(found, Refusal) else self._cost(circuit, *found, n_runs=1, n_shots=0)

    def _run(
        self,
        circuit: NoisyCircuit,
        state: MatrixProductState,
        place: Sequence[int],
        span: range,
        errors: Pattern,
        rng: np.random.Generator,
    ) -> None:
        """Carry out a part of the steps, with these errors."""
        at = dict(errors)
        for number in span:
            step = circuit.steps[number]
            sites = tuple(place[q] for q in step.qubits)
            if isinstance(step, PauliChannel):
                if number in at:
                    for j, site in enumerate(sites):
                        letter = at[number] // 4**j % 4
                        if letter:
                            state.apply(pauli_products(1)[letter], (site,))
            elif isinstance(step, KrausChannel):
                state.choose(step.operators, sites[0], rng)
            elif step.is_unitary:
                state.apply(step.unitary(), sites)

    @override
    def sample(self, circuit: NoisyCircuit, n_shots: int, *, rng: np.random.Generator, reporter: Reporter) -> Sampled:
        """Draw shots: one state for each distinct pattern of errors, from where its first error parts from no error.

        Raises:
            ResourceError: The bonds may grow beyond the budget.
        """
        found = self._consider(circuit)
        if isinstance(found, Refusal):
            raise ResourceError(found.reason)
        place = line_up(circuit)
        qubit_of = _measured(circuit) or {}
        patterns = draw_patterns(circuit.steps, n_shots, rng)
        if not circuit.is_pauli:
            patterns = [(pattern, 1) for pattern, n in patterns for _ in range(n)]
        n_steps = len(circuit.steps)
        clean = MatrixProductState(circuit.n_qubits, max_bond=self._max_bond)
        reached, fidelity = 0, 1.0
        # Where a Kraus operator is drawn, the ways part there, with or without a Pauli error.
        part = next((k for k, s in enumerate(circuit.steps) if isinstance(s, KrausChannel)), n_steps)
        bits: list[NDArray[np.uint8]] = []
        for k, (pattern, n) in enumerate(patterns):
            start = min(pattern[0][0] if pattern else n_steps, part)
            self._run(circuit, clean, place, range(reached, start), (), rng)
            reached = start
            state = clean.copy()
            self._run(circuit, state, place, range(start, n_steps), pattern, rng)
            sites = state.sample(n, rng)
            matrix = np.zeros((n, circuit.n_bits), dtype=np.bool_)
            for bit, qubit in qubit_of.items():
                matrix[:, bit] = sites[:, place[qubit]]
            bits.append(np.packbits(matrix, axis=1, bitorder="little"))
            fidelity = min(fidelity, state.fidelity)
            if k % 100 == 0:
                reporter.step("sample", f"bond {state.largest_bond}", step=k, total=len(patterns))
        rows = misread(np.concatenate(bits), readout_of(circuit), rng=rng)
        reporter.step("sample", "done", step=len(patterns), total=len(patterns), fidelity=fidelity)
        return Sampled(bits=rows, counts=np.ones(len(rows), dtype=np.int64), error=_error(fidelity)[1])

    @override
    def expect(self, circuit: NoisyCircuit, observable: Observable, *, reporter: Reporter) -> Expectation:
        """The expectation value in the state without noise.

        Raises:
            InputError: There is noise in the circuit.
            ResourceError: The bonds may grow beyond the budget.
        """
        verdict = self.consider_expectation(circuit, observable)
        if isinstance(verdict, Refusal):
            noisy = any(isinstance(step, PauliChannel | KrausChannel) for step in circuit.steps)
            raise InputError(verdict.reason) if noisy else ResourceError(verdict.reason)
        place = line_up(circuit)
        state = MatrixProductState(circuit.n_qubits, max_bond=self._max_bond)
        self._run(circuit, state, place, range(len(circuit.steps)), (), np.random.default_rng(0))
        letters = {place[q]: pauli_products(1)["IXYZ".index(letter)] for q, letter in observable.paulis}
        value = state.expect(letters)
        reporter.step("expect", f"bond {state.largest_bond}", step=1, total=1, fidelity=state.fidelity)
        bound, words = _error(state.fidelity)
        return Expectation(value=value, error_bound=bound, error=words)


def _error(fidelity: float) -> tuple[float | None, str]:
    """From a fidelity to the error of a value: nothing that bounds it where much was cut off."""
    if fidelity > 1 - LOST:
        return 0.0, "exact up to rounding"
    return None, f"the state has a fidelity of about {fidelity:.4f}; values may be off by {np.sqrt(1 - fidelity):.2g}"
