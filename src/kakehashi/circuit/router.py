"""Routing that knows what merges: a swap beside a gate on the same two qubits costs what the two cost together.

Sabre counts swaps, and three CZ gates are what a swap costs alone. Beside a CZ it adds one, beside a CP or RZZ it adds
one, beside a gate that needs three it adds nothing. This router prices each swap by what it adds, moves a gate that
commutes with all that came after it to a later swap on its two qubits, may take commuting gates in any order, and
chooses among its passes by the estimated errors of the native gates and of waiting.

Source of the search: Li, Ding, Xie, arXiv:1809.02573; Zou, Treinish, Hartman, Ivrii, Lishman, arXiv:2409.08368.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi import _native
from kakehashi.circuit.router_input import Machine, Program
from kakehashi.core.rng import RngLike, as_generator

__all__ = ["MERGING_SETTINGS", "MergingEffort", "MergingSetting", "Routed", "route_merging", "start_layouts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergingSetting:
    """What draws qubits together, and what holds them back.

    Attributes:
        name: For the table of candidates.
        lookahead: Weight of each layer behind the front.
        price: Of one native gate, in steps by which a swap brings a pair of the front together.
        crowding: Of each native gate that the two qubits of a swap had before.
        as_listed: Whether gates keep the order of the circuit though they commute.
    """

    name: str
    lookahead: tuple[float, ...]
    price: float
    crowding: float
    as_listed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MergingEffort:
    """How much is tried.

    Attributes:
        n_scouts: Layouts from which each setting starts.
        n_layouts: Layouts from which the best setting goes on; 0 to leave it at that.
        rounds: Passes forward and backward from each of these; after each round the better half of the layouts stays.
    """

    n_scouts: int = 4
    n_layouts: int = 10
    rounds: int = 4


MERGING_SETTINGS: tuple[MergingSetting, ...] = (
    MergingSetting(name="merged swaps", lookahead=(0.3, 0.2), price=0.6, crowding=0.005, as_listed=True),
    MergingSetting(
        name="merged swaps, commuting gates", lookahead=(0.3, 0.2), price=0.6, crowding=0.005, as_listed=False
    ),
    MergingSetting(
        name="merged swaps, commuting gates, one layer",
        lookahead=(0.2,),
        price=0.3,
        crowding=0.01,
        as_listed=False,
    ),
    MergingSetting(
        name="merged swaps, three layers", lookahead=(0.5, 0.35, 0.25), price=0.6, crowding=0.005, as_listed=True
    ),
)
"""The settings that are tried."""

CHANCE = 0.01
"""Width of what is added to each swap's value by chance."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Routed:
    """A route.

    Attributes:
        entries: Shape ``(n, 3)``: number of the operation, or -1 for a swap, and the physical qubits that it is on.
        start: Physical qubit of each qubit at first; those of the circuit come before spare ones.
        end: Physical qubit of each qubit in the end.
        loss: Estimate of minus the logarithm of the success probability.
        n_native: Estimate of the number of native gates on two qubits.
        setting: What found it.
    """

    entries: NDArray[np.int32]
    start: tuple[int, ...]
    end: tuple[int, ...]
    loss: float
    n_native: int
    setting: MergingSetting


def start_layouts(n_qubits: int, machine: Machine, n_layouts: int, *, rng: RngLike = None) -> NDArray[np.int32]:
    """Random layouts on compact parts of the processor, each part the best of three by its errors.

    Args:
        n_qubits: Of the circuit.
        machine: The processor.
        n_layouts: How many.
        rng: Of the layouts.

    Returns:
        Shape ``(n_layouts, machine's qubits)``: physical qubit of each qubit, spare ones behind.
    """
    rng = as_generator(rng)
    n = machine.n_qubits
    size = min(n, max(n_qubits + 1, round(ROOM * n_qubits)))
    layouts = np.empty((n_layouts, n), dtype=np.int32)
    for row in layouts:
        parts = [np.lexsort((rng.random(n), machine.distance[c]))[:size] for c in rng.integers(n, size=PARTS)]
        part = min(parts, key=lambda inside: float(machine.badness[inside].sum()))
        used = rng.permutation(part)[:n_qubits]
        free = np.ones(n, dtype=np.bool_)
        free[used] = False
        row[:n_qubits], row[n_qubits:] = used, rng.permutation(np.flatnonzero(free))
    return layouts


ROOM = 1.15
"""A part holds so many times the circuit's qubits."""

PARTS = 3


def route_merging(
    program: Program,
    machine: Machine,
    settings: Sequence[MergingSetting] = MERGING_SETTINGS,
    *,
    effort: MergingEffort | None = None,
    rng: RngLike = None,
) -> list[Routed]:
    """Lay out and route.

    Every setting is tried from a few layouts; the best setting then goes on from more of them.

    Args:
        program: The circuit.
        machine: The processor.
        settings: What to try.
        effort: How much.
        rng: Of everything random.

    Returns:
        The best route of each try, the best first.
    """
    effort, rng = effort or MergingEffort(), as_generator(rng)

    def search(setting: MergingSetting, starts: NDArray[np.int32], rounds: int, tries: int) -> Routed:
        entries, start, end, loss, n_native = _native.search_route(
            program.native,
            machine.native,
            starts,
            machine.pull,
            np.array(setting.lookahead),
            setting.price,
            setting.crowding,
            CHANCE,
            setting.as_listed,
            rounds,
            tries,
            int(rng.integers(2**31)),
        )
        return Routed(
            entries=entries,
            start=tuple(start[0].tolist()),
            end=tuple(end[0].tolist()),
            loss=loss,
            n_native=n_native,
            setting=setting,
        )

    scouts = start_layouts(program.n_qubits, machine, effort.n_scouts, rng=rng)
    found = sorted((search(setting, scouts, 2, 0) for setting in settings), key=_rank)
    if effort.n_layouts:
        best = found[0]
        more = start_layouts(program.n_qubits, machine, effort.n_layouts, rng=rng)
        more[0] = best.start
        found.append(search(best.setting, more, effort.rounds, effort.rounds))
    return sorted(found, key=_rank)


def _rank(route: Routed) -> tuple[float, int]:
    return route.loss, route.n_native
