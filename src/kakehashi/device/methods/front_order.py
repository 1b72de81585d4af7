"""The order of a sweep over a circuit: which qubit is measured next, and which rotations it needs before.

A rotation is needed for a qubit's measurement if it does not commute with it, or with a later rotation that is needed.
All others may as well come after the measurement, so that a sweep can measure a qubit long before others are touched.
J. Napp, R. L. La Placa, A. M. Dalzell, F. G. S. L. Brandao and A. W. Harrow, Phys. Rev. X 12, 021021 (2022),
https://doi.org/10.1103/PhysRevX.12.021021, sweep over a plane in this way.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TypeAlias

from kakehashi.device.methods.pauli_rotations import Unravelled

__all__ = ["Sweep", "find_sweep", "needed_rotations"]

N_STARTS = 32

_Operator: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """In which order qubits are measured.

    Attributes:
        order: The qubits.
        rotations: Numbers of the rotations that come right before each measurement.
        width: The most qubits that are reached and not yet measured.
        work: Sum over all rotations about two qubits, and all measurements, of the amplitudes that each goes through.
    """

    order: tuple[int, ...]
    rotations: tuple[tuple[int, ...], ...]
    width: int
    work: float


def needed_rotations(circuit: Unravelled, *, most: int) -> list[list[int]] | None:
    """The rotations that the measurement of each qubit needs.

    Args:
        circuit: The circuit.
        most: Largest number of qubits that a measurement may depend on.

    Returns:
        Numbers of rotations, ascending, for each qubit; None where one depends on more than ``most`` qubits.

    Example:
        >>> from kakehashi.device.methods.pauli_rotations import PauliRotation
        >>> chain = (PauliRotation((0,), (1,), 0.3, 0), PauliRotation((0, 1), (3, 1), 0.3, 1))
        >>> circuit = Unravelled(n_qubits=2, rotations=chain, measured=(3, 3), flipped=(False, False))
        >>> needed_rotations(circuit, most=2)
        [[0], [0, 1]]
    """
    on: list[list[int]] = [[] for _ in range(circuit.n_qubits)]
    place: list[dict[int, int]] = [{} for _ in range(circuit.n_qubits)]
    for number, rotation in enumerate(circuit.rotations):
        for qubit in rotation.qubits:
            place[qubit][number] = len(on[qubit])
            on[qubit].append(number)
    cones: list[list[int]] = []
    for qubit in range(circuit.n_qubits):
        cone = _cone(circuit, qubit, on, place, most)
        if cone is None:
            return None
        cones.append(cone)
    return cones


def _cone(
    circuit: Unravelled, qubit: int, on: list[list[int]], place: list[dict[int, int]], most: int
) -> list[int] | None:
    """Go back from the measurement, from the latest rotation on any qubit of the cone to the next."""
    # By qubit, the operators that were needed so far.
    needed: dict[int, set[_Operator]] = {qubit: {((qubit,), (circuit.measured[qubit],))}}
    cone: list[int] = []
    waiting = [-number for number in on[qubit][-1:]]
    seen = set(waiting)
    while waiting:
        number = -heapq.heappop(waiting)
        rotation = circuit.rotations[number]
        qubits, letters = rotation.qubits, rotation.letters
        if any(not rotation.commutes_with(*other) for q in qubits for other in needed.get(q, ())):
            cone.append(number)
            for q in qubits:
                needed.setdefault(q, set()).add((qubits, letters))
            if len(needed) > most:
                return None
        for q in qubits:
            k = place[q][number]
            if q in needed and k and -on[q][k - 1] not in seen:
                seen.add(-on[q][k - 1])
                heapq.heappush(waiting, -on[q][k - 1])
    return cone[::-1]


def find_sweep(circuit: Unravelled, *, most: int) -> Sweep | None:
    """An order in which few qubits are alive at once: the best of several greedy ones.

    Args:
        circuit: The circuit.
        most: Largest width.

    Returns:
        The sweep; None where none of that width was found.

    Example:
        >>> from kakehashi.device.methods.pauli_rotations import PauliRotation
        >>> chain = [PauliRotation((q,), (1,), 0.3, q) for q in range(9)]
        >>> chain += [PauliRotation((q, q + 1), (3, 1), 0.3, 9 + q) for q in range(8)]
        >>> circuit = Unravelled(n_qubits=9, rotations=tuple(chain), measured=(2,) * 9, flipped=(False,) * 9)
        >>> find_sweep(circuit, most=9).width
        2
    """
    cones = needed_rotations(circuit, most=most)
    if cones is None:
        return None
    n = circuit.n_qubits
    pairs = [[number for number in cone if len(circuit.rotations[number].qubits) == 2] for cone in cones]
    reach = [sum({1 << q for number in cone for q in circuit.rotations[number].qubits}) for cone in pairs]
    small = sorted(range(n), key=lambda q: reach[q].bit_count())
    starts = dict.fromkeys([*small[: N_STARTS // 2], *range(0, n, max(1, 2 * n // N_STARTS))])
    orders = [list(range(n)), *(_greedy(reach, start) for start in starts)]
    work, width, order = min((*_work(order, reach, pairs), order) for order in orders)
    if width > most:
        return None
    done: set[int] = set()
    parts = []
    for qubit in order:
        part = tuple(number for number in cones[qubit] if number not in done)
        done.update(part)
        parts.append(part)
    return Sweep(order=tuple(order), rotations=tuple(parts), width=width, work=work)


def _greedy(reach: list[int], start: int) -> list[int]:
    """Next the qubit for which the fewest others must join; among such the one that waits longest."""
    left = set(range(len(reach)))
    joined, waiting = 0, [start]
    order: list[int] = []
    while left:
        if not waiting:
            waiting = [min(left)]
        costs = [(reach[q] & ~joined).bit_count() for q in waiting]
        qubit = waiting.pop(costs.index(min(costs)))
        new = reach[qubit] & ~joined
        joined |= new | 1 << qubit
        left.discard(qubit)
        order.append(qubit)
        present = set(waiting)
        while new:
            lowest = new & -new
            q = lowest.bit_length() - 1
            if q in left and q not in present:
                waiting.append(q)
            new ^= lowest
    return order


def _work(order: list[int], reach: list[int], pairs: list[list[int]]) -> tuple[float, int]:
    """Work and width of an order."""
    joined = gone = width = 0
    done: set[int] = set()
    work = 0.0
    for qubit in order:
        joined |= reach[qubit]
        alive = (joined & ~gone).bit_count()
        width = max(width, alive)
        before = len(done)
        done.update(pairs[qubit])
        work += (1 + len(done) - before) * 2.0**alive
        gone |= 1 << qubit
    return work, width
