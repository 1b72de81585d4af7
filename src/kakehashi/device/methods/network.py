"""An expectation value as a sum over paths, carried out one variable after another.

A density matrix has two bits a qubit, one of its row and one of its column. Every qubit gets a variable with these four
values, and a new one after each step that is not diagonal on it; a step is a table over the variables that it touches.
The expectation value is the sum of the product of all tables. Summing the variables in a good order costs ``4**w``,
where ``w``, the width, is small for few steps even where the qubits are many. The border cone of the kicked Ising model
on a square lattice, 25 qubits after 5 steps, needs tables of 4^9 entries, where its state vector has 2^25 amplitudes.
Channels are tables like any other, so that noise is exact and costs no trajectories.

I. L. Markov and Y. Shi, SIAM J. Comput. 38, 963 (2008), https://doi.org/10.1137/050644756 (the bound by tree width).
"""

from __future__ import annotations

import functools
import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kakehashi.circuit.gates import Operation
from kakehashi.core.errors import InputError
from kakehashi.device.methods.model import Observable
from kakehashi.device.methods.transfer import MOST_QUBITS, pauli_products
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel, Step

__all__ = ["Network", "Order", "build_network", "contract", "find_order"]

Array: TypeAlias = NDArray[np.complex128]
Factor: TypeAlias = tuple[tuple[int, ...], Array]

TINY = 1e-14
MOST_SLICED = 5
MOST_VARIABLES = 20_000
"""Beyond this even the search for an order would take minutes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """Tables over variables with four values each.

    Attributes:
        n_variables: Number of variables.
        factors: Each a tuple of variables and an array with one axis of length 4 for each of them.
    """

    n_variables: int
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """In which order to sum the variables, and what it takes.

    Attributes:
        variables: Every variable but the sliced ones, once.
        width: Number of variables of the largest table.
        entries: Number of entries of all tables together, over all slices.
        sliced: Variables that are given each of their values in turn, so that the tables need less memory.
    """

    variables: tuple[int, ...]
    width: int
    entries: float
    sliced: tuple[int, ...] = ()


def _kraus_of(step: Step) -> Array:
    if isinstance(step, PauliChannel):
        weights = np.sqrt(np.clip(step.probabilities, 0.0, None))
        whole: Array = weights[:, None, None] * pauli_products(len(step.qubits))
        return whole
    if isinstance(step, KrausChannel):
        return step.operators
    if step.name == "measure":  # nobody looks at the bit: what is left is that Z was measured
        one = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], dtype=np.complex128)
    elif step.name == "reset":
        one = np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]], dtype=np.complex128)
    else:
        return step.unitary()[None]
    many = np.ones((1, 1, 1), dtype=np.complex128)
    for _ in step.qubits:
        size = 2 * many.shape[1]
        many = np.einsum("aij,bkl->abikjl", one, many).reshape(-1, size, size)
    return many


def _superoperator(step: Step) -> Array:
    """Shape ``(4,) * 2k``: the values after, then before the step, of each qubit from the first on."""
    k = len(step.qubits)
    kraus = _kraus_of(step)
    whole = np.einsum("rab,rcd->acbd", kraus, kraus.conj()).reshape((2,) * (4 * k))
    # The axes are now bits (last qubit first) of row after, column after, row before, column before.
    axes = [part * k + k - 1 - j for half in (0, 2) for j in range(k) for part in (half + 1, half)]
    return np.ascontiguousarray(whole.transpose(axes).reshape((4,) * (2 * k)))


def _table(step: Step) -> tuple[Array, tuple[bool, ...]]:
    """The step's table, and on which of its qubits it is diagonal: there one axis serves for before and after."""
    k = len(step.qubits)
    whole = _superoperator(step)
    diagonal: list[bool] = []
    axes_after = list(range(k))
    for j in range(k):
        before = j - k  # axes of "before" stand last, and stay last
        after = axes_after[j]
        moved = np.moveaxis(whole, (after, before), (-2, -1))
        off = moved[..., ~np.eye(4, dtype=np.bool_)]
        diagonal.append(bool(np.abs(off).max(initial=0.0) < TINY))
        if diagonal[-1]:
            kept = np.diagonal(moved, axis1=-2, axis2=-1)
            whole = np.moveaxis(kept, -1, whole.ndim - 1 + before)
            axes_after = [axis - (axis > after) for axis in axes_after]
    return np.ascontiguousarray(whole), tuple(diagonal)


@functools.lru_cache(maxsize=4096)
def _table_of_gate(name: str, parameters: tuple[float, ...], n_qubits: int) -> tuple[Array, tuple[bool, ...]]:
    return _table(Operation(name=name, qubits=tuple(range(n_qubits)), parameters=parameters))


def build_network(circuit: NoisyCircuit, observable: Observable) -> Network:
    """The sum whose value is the observable's expectation value.

    Args:
        circuit: The circuit, without feedback.
        observable: The observable.

    Raises:
        InputError: A step waits for a measured bit, or is on more than four qubits.

    Example:
        >>> steps = (Operation(name="h", qubits=(0,)), Operation(name="cz", qubits=(0, 1)))
        >>> circuit = NoisyCircuit(n_qubits=2, n_bits=0, steps=steps)
        >>> build_network(circuit, Observable(paulis=((0, "X"),))).n_variables
        3
    """
    start = np.array([1, 0, 0, 0], dtype=np.complex128)
    now = list(range(circuit.n_qubits))
    factors: list[Factor] = [((q,), start) for q in now]
    n_variables = circuit.n_qubits
    for step in circuit.steps:
        if len(step.qubits) > MOST_QUBITS:
            raise InputError(f"A step on {len(step.qubits)} qubits is too wide; at most {MOST_QUBITS} are supported.")
        if isinstance(step, Operation):
            if step.condition is not None:
                raise InputError("A step waits for a measured bit.")
            if step.name in ("barrier", "delay"):
                continue
        if isinstance(step, Operation) and step.name != "unitary":
            table, diagonal = _table_of_gate(step.name, step.parameters, len(step.qubits))
        else:
            table, diagonal = _table(step)
        before = [now[q] for q in step.qubits]
        after = []
        for q, same in zip(step.qubits, diagonal, strict=True):
            if not same:
                now[q] = n_variables
                after.append(n_variables)
                n_variables += 1
        factors.append(((*after, *before), table))
    letters = dict(observable.paulis)
    for q, variable in enumerate(now):
        letter = pauli_products(1)["IXYZ".index(letters.get(q, "I"))]
        # Value = row + 2 column, and the trace takes the letter's entry of that column and row.
        factors.append(((variable,), np.ascontiguousarray(letter.ravel())))
    return Network(n_variables=n_variables, factors=tuple(factors))


def _neighbours(network: Network, sliced: Sequence[int] = ()) -> list[set[int]]:
    near: list[set[int]] = [set() for _ in range(network.n_variables)]
    for variables, _ in network.factors:
        left = [v for v in variables if v not in sliced]
        for v in left:
            near[v].update(left)
    for v, others in enumerate(near):
        others.discard(v)
    return near


def _fill(near: list[set[int]], v: int) -> int:
    """How many pairs of neighbours are not linked yet."""
    others = near[v]
    return sum(len(others) - 1 - len(near[u] & others) for u in others)


def _greedy(network: Network, rng: np.random.Generator | None, most_width: int, sliced: tuple[int, ...] = ()) -> Order:
    near = _neighbours(network, sliced)
    noise = rng.random(network.n_variables) if rng is not None else np.arange(network.n_variables) * 1e-9
    fill_weight = 0.0 if rng is None else float(rng.choice([0.0, 0.05, 0.3, 1.0]))

    def rank(v: int) -> float:
        return len(near[v]) + (fill_weight * _fill(near, v) if fill_weight else 0.0) + 0.5 * float(noise[v])

    ranks = [rank(v) for v in range(network.n_variables)]
    heap = [(r, v) for v, r in enumerate(ranks) if v not in sliced]
    heapq.heapify(heap)
    done = [False] * network.n_variables
    order: list[int] = []
    width, entries = 0, 0.0
    while heap:
        r, v = heapq.heappop(heap)
        if done[v] or r != ranks[v]:
            continue
        done[v] = True
        order.append(v)
        others = near[v]
        width = max(width, len(others) + 1)
        entries += 4.0 ** (len(others) + 1)
        if width > most_width:
            return Order(variables=(), width=width, entries=np.inf, sliced=sliced)
        for u in others:
            near[u] |= others
            near[u].discard(u)
            near[u].discard(v)
        for u in others:
            ranks[u] = rank(u)
            heapq.heappush(heap, (ranks[u], u))
    return Order(variables=tuple(order), width=width, entries=entries * 4.0 ** len(sliced), sliced=sliced)


def _most_shared(network: Network, order: Order) -> int:
    """The variable that is in most of the largest tables of an order."""
    near = _neighbours(network, order.sliced)
    shared: dict[int, int] = {}
    for v in order.variables:
        others = near[v]
        if len(others) + 1 >= order.width - 1:
            for u in (v, *others):
                shared[u] = shared.get(u, 0) + 1
        for u in others:
            near[u] |= others
            near[u] -= {u, v}
    return max(shared, key=lambda u: (shared[u], -u))


def find_order(network: Network, *, tries: int = 16, most_width: int = 40) -> Order:
    """A good order by greedy choice: the fewest neighbours first, with some chance.

    Args:
        network: The network.
        tries: Number of attempts; the cheapest is returned. A network that is cheap already is not tried again.
        most_width: Where the best order is wider, up to five variables are sliced. An order that is too wide even so
            has no variables and infinitely many entries.

    Example:
        >>> chain = Network(n_variables=3, factors=(((0, 1), np.ones((4, 4))), ((1, 2), np.ones((4, 4)))))
        >>> find_order(chain).width
        2
    """
    if network.n_variables > MOST_VARIABLES:
        return Order(variables=(), width=network.n_variables, entries=np.inf)
    tries = min(tries, max(2, tries * 500 // max(network.n_variables, 1)))
    widest = most_width + MOST_SLICED
    rng = np.random.default_rng(0)  # the order does not change the value, and must not change between runs
    best = _best(network, widest, tries, rng)
    while best.variables and best.width > most_width and len(best.sliced) < MOST_SLICED:
        best = _best(network, widest, tries, rng, (*best.sliced, _most_shared(network, best)))
    if best.width > most_width:
        return Order(variables=(), width=best.width, entries=np.inf)
    return best


def _best(network: Network, widest: int, tries: int, rng: np.random.Generator, sliced: tuple[int, ...] = ()) -> Order:
    best = _greedy(network, None, widest, sliced)
    for attempt in range(4 * tries):
        # The search may take a little of the time that a better order saves.
        enough = best.entries < (1e6 if attempt < tries else 1e8)
        if enough or (not best.variables and network.n_variables > 500):
            break
        best = min(best, _greedy(network, rng, widest, sliced), key=lambda o: (o.entries, o.width))
    return best


def _join(a: Factor, b: Factor) -> Factor:
    """Product of two tables."""
    variables = tuple(dict.fromkeys((*a[0], *b[0])))
    return variables, _spread(a, variables) * _spread(b, variables)


def _spread(factor: Factor, variables: Sequence[int]) -> Array:
    """A view with one axis for each of these variables, of length 1 where the table lacks it."""
    have = {v: k for k, v in enumerate(factor[0])}
    moved = factor[1].transpose([have[v] for v in variables if v in have])
    return moved.reshape([4 if v in have else 1 for v in variables])


def _sum_out(v: int, factors: list[Factor]) -> Factor:
    """Sum of the product of tables over one variable."""
    factors = sorted(factors, key=lambda f: f[1].size)
    small = factors[0]
    for factor in factors[1:-1]:
        small = _join(small, factor)
    if len(factors) == 1:
        return tuple(u for u in small[0] if u != v), small[1].sum(axis=small[0].index(v))
    large = factors[-1]
    # The axes that only the large table has stand last: then the innermost loops are long.
    front = [u for u in small[0] if u != v]
    kept = (*front, *(u for u in large[0] if u != v and u not in front))
    a, b = _spread(small, (v, *kept)), _spread(large, (v, *kept))
    out = a[0] * b[0]
    for value in range(1, 4):
        out += a[value] * b[value]
    return kept, out


def _fixed(network: Network, values: dict[int, int]) -> Network:
    """The network with some variables at given values."""
    factors: list[Factor] = []
    for variables, table in network.factors:
        index = tuple(values.get(v, slice(None)) for v in variables)
        factors.append((tuple(v for v in variables if v not in values), table[index]))
    return Network(n_variables=network.n_variables, factors=tuple(factors))


def contract(network: Network, order: Order) -> complex:
    """The sum of the product of all tables.

    Args:
        network: The network.
        order: In which order to sum.

    Example:
        >>> chain = Network(n_variables=2, factors=(((0, 1), np.ones((4, 4), dtype=complex)),))
        >>> contract(chain, find_order(chain))
        (16+0j)
    """
    if order.sliced:
        inner = Order(variables=order.variables, width=order.width, entries=order.entries)
        return sum(
            (
                contract(_fixed(network, dict(zip(order.sliced, values, strict=True))), inner)
                for values in itertools.product(range(4), repeat=len(order.sliced))
            ),
            0j,
        )
    alive = dict(enumerate(network.factors))
    holds: list[set[int]] = [set() for _ in range(network.n_variables)]
    for number, (variables, _) in alive.items():
        for v in variables:
            holds[v].add(number)
    value = 1.0 + 0.0j
    for number in [number for number, (variables, _) in alive.items() if not variables]:
        value *= complex(alive.pop(number)[1])
    fresh = len(alive)
    for v in order.variables:
        numbers = sorted(holds[v])
        gone = [alive.pop(number) for number in numbers]
        made = _sum_out(v, gone)
        for number, (variables, _) in zip(numbers, gone, strict=True):
            for u in variables:
                holds[u].discard(number)
        if not made[0]:
            value *= complex(made[1])
            continue
        alive[fresh] = made
        for u in made[0]:
            holds[u].add(fresh)
        fresh += 1
    return value
