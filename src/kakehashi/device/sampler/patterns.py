"""Draws which Pauli errors happen in which shot, and what they leave: signs of rotations and flips of the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.device.noise.model import PauliChannel
from kakehashi.device.sampler.rotations import RotationCircuit

__all__ = [
    "Effects",
    "Events",
    "Trajectories",
    "carry_errors",
    "draw_events",
    "find_effects",
    "group_trajectories",
    "join_errors",
]

Words = NDArray[np.uint64]

MANY = -7
"""Binary logarithm of the probability from which on errors are drawn for a few channels at a time."""

MAX_CHOICES = 1 << 23
"""Shots times channels that are then drawn together: 64 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Events:
    """Errors that happened.

    Attributes:
        shot: Number of the shot, ascending, shape ``(n_events,)``, int64.
        place: Number of the channel, likewise.
        operator: Number of the Pauli operator in its channel, never 0, likewise.
    """

    shot: NDArray[np.int64]
    place: NDArray[np.int64]
    operator: NDArray[np.int64]


def draw_events(channels: Sequence[PauliChannel], n_shots: int, rng: np.random.Generator) -> Events:
    """Draw the errors of all shots: their number first, then where they are.

    Channels of about equal probability are drawn together at the largest of them, and the surplus thrown away.

    Args:
        channels: The channels, in order.
        n_shots: Number of shots.
        rng: Source of randomness.

    Example:
        >>> import numpy as np
        >>> from kakehashi.device.noise.model import PauliChannel
        >>> channel = PauliChannel(qubits=(0,), probabilities=np.array([0.9, 0.1, 0, 0]))
        >>> events = draw_events([channel], 10_000, np.random.default_rng(1))
        >>> abs(len(events.shot) - 1000) < 100, set(events.operator.tolist())
        (True, {1})
    """
    probabilities = np.array([channel.error_probability for channel in channels])
    shots: list[NDArray[np.int64]] = []
    at: list[NDArray[np.int64]] = []
    classes = np.floor(np.log2(np.maximum(probabilities, 1e-300)))
    for value in np.unique(classes[probabilities > 0]):
        members = np.flatnonzero((classes == value) & (probabilities > 0))
        # To choose a large part without repetition, numpy writes all of them down.
        at_once = len(members) if value < MANY else max(1, MAX_CHOICES // n_shots)
        for k in range(0, len(members), at_once):
            shot, place = _draw_alike(members[k : k + at_once], probabilities, n_shots, rng)
            shots.append(shot)
            at.append(place)
    shot = np.concatenate(shots) if shots else np.zeros(0, dtype=np.int64)
    place = np.concatenate(at) if at else np.zeros(0, dtype=np.int64)
    order = np.lexsort((place, shot))
    shot, place = shot[order], place[order]
    return Events(shot=shot, place=place, operator=_draw_operators(channels, place, rng))


def _draw_alike(
    members: NDArray[np.int64], probabilities: NDArray[np.float64], n_shots: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Shots and channels that err, of channels that are about equally likely to."""
    largest = probabilities[members].max()
    total = len(members) * n_shots
    chosen = rng.choice(total, rng.binomial(total, largest), replace=False, shuffle=False)
    place = members[chosen // n_shots]
    kept = rng.random(len(chosen)) * largest < probabilities[place]
    return (chosen % n_shots)[kept], place[kept]


def _draw_operators(
    channels: Sequence[PauliChannel], at: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    cumulative = np.full((len(channels), 16), 2.0)
    for k, channel in enumerate(channels):
        errors = np.maximum(channel.probabilities[1:], 0.0)
        cumulative[k, : len(errors)] = np.cumsum(errors) / max(errors.sum(), 1e-300)
        cumulative[k, len(errors) - 1] = 1.0
    drawn: NDArray[np.int64] = 1 + (cumulative[at] <= rng.random(len(at))[:, None]).sum(axis=1)
    return drawn


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Effects:
    """What each operator of each channel leaves; products of operators leave the exclusive or.

    Attributes:
        signs: Rotations that turn the other way, shape ``(n_generators, n_words)``, highest bit of word 0 first.
        flips: Qubits that end flipped, shape ``(n_generators,)``, uint64.
        first: Generators of place ``k`` are ``first[k]``, for X on its first qubit, then Z, then of the second, ...
    """

    signs: Words
    flips: Words
    first: NDArray[np.int64]


def find_effects(circuit: RotationCircuit, bit: Sequence[int], n_words: int) -> Effects:
    """Take X and Z of every place to the end of the circuit, going through it once, backwards.

    Args:
        circuit: Rotations and places.
        bit: Number of the sign's bit of each rotation, -1 where the rotation is left out.
        n_words: Words of signs.
    """
    found, first = carry_errors(circuit, bit, 64 * n_words)
    n_bytes = 8 * n_words + 8
    raw = b"".join(value.to_bytes(n_bytes, "little") for value in found)
    table = np.frombuffer(raw, dtype="<u8").reshape(len(found), n_words + 1)
    return Effects(
        signs=_reverse_bits(table[:, :n_words]),
        flips=table[:, n_words].astype(np.uint64),
        first=first,
    )


def carry_errors(circuit: RotationCircuit, bit: Sequence[int], n_bits: int) -> tuple[list[int], NDArray[np.int64]]:
    """What X and Z of every place leave at the end, as integers of any length.

    Args:
        circuit: Rotations and places.
        bit: Number of the sign's bit of each rotation, -1 where the rotation is left out.
        n_bits: Number of bits for signs; bit ``n_bits + q`` of an integer says that qubit ``q`` ends flipped.

    Returns:
        The integers, in the order of :class:`Effects`, and where those of each place begin.
    """
    n = circuit.n_qubits
    # One integer holds the signs, lowest bit first, and above them the flips.
    after_x = [1 << (n_bits + q) for q in range(n)]
    after_z = [0] * n
    found: list[int] = []
    first = np.zeros(len(circuit.places), dtype=np.int64)
    k = len(circuit.rotations)
    for number in range(len(circuit.places) - 1, -1, -1):
        place = circuit.places[number]
        while k > place.after:
            k -= 1
            _go_back(circuit, k, bit[k], after_x, after_z)
        # Generators are collected in reverse, and turned round at the end.
        for q in reversed(place.qubits):
            found += [after_z[q], after_x[q]]
        first[number] = len(found)
    found.reverse()
    return found, len(found) - first


def _go_back(circuit: RotationCircuit, k: int, bit: int, after_x: list[int], after_z: list[int]) -> None:
    """What X and Z before rotation ``k`` leave, from what they leave after it."""
    if bit < 0:
        return
    rotation = circuit.rotations[k]
    if rotation.is_clifford:
        if rotation.kind == "Y":
            (q,) = rotation.qubits
            after_x[q], after_z[q] = after_z[q], after_x[q]
            return
        product = 0
        for q in rotation.qubits:
            product ^= after_z[q]
        for q in rotation.qubits:
            after_x[q] ^= product
        return
    for q in rotation.qubits:
        after_x[q] ^= 1 << bit
        if rotation.kind == "Y":
            after_z[q] ^= 1 << bit


def _reverse_bits(words: NDArray[np.uint64]) -> Words:
    """Lowest bit first to highest bit first, so that rows sort by the first rotation that differs."""
    octets = np.ascontiguousarray(words).view(np.uint8)
    reversed_bits = np.packbits(np.unpackbits(octets, bitorder="little"), bitorder="big").reshape(octets.shape)
    return reversed_bits.view(">u8").astype(np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trajectories:
    """Shots by what their errors leave.

    Attributes:
        signs: Distinct rows in ascending order, shape ``(n_distinct, n_words)``, uint64.
        number: Row of each shot, shape ``(n_shots,)``, int64.
        flips: Qubits of each shot that end flipped, shape ``(n_shots,)``, uint64.
    """

    signs: Words
    number: NDArray[np.int64]
    flips: Words


def group_trajectories(effects: Effects, events: Events, n_shots: int) -> Trajectories:
    """Join the errors of each shot, and shots whose errors leave the same signs."""
    n_words = effects.signs.shape[1]
    shots, signs, flips = join_errors(effects, events)
    rows = np.concatenate((np.zeros((1, n_words), dtype=np.uint64), signs))
    order = np.lexsort(rows.T[::-1]) if n_words else np.zeros(len(rows), dtype=np.int64)
    ordered = rows[order]
    new = np.ones(len(rows), dtype=np.bool_)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    number_of_row = np.empty(len(rows), dtype=np.int64)
    number_of_row[order] = np.cumsum(new) - 1
    number = np.full(n_shots, number_of_row[0], dtype=np.int64)
    number[shots] = number_of_row[1:]
    all_flips = np.zeros(n_shots, dtype=np.uint64)
    all_flips[shots] = flips
    distinct = np.ascontiguousarray(ordered[new])
    if number_of_row[0] == 0 and not (number == 0).any() and len(distinct) > 1:
        return Trajectories(signs=distinct[1:], number=number - 1, flips=all_flips)
    return Trajectories(signs=distinct, number=number, flips=all_flips)


def join_errors(effects: Effects, events: Events) -> tuple[NDArray[np.int64], Words, Words]:
    """Shots with errors, and the exclusive or of what their errors leave: signs and flips."""
    generator: list[NDArray[np.int64]] = []
    shot: list[NDArray[np.int64]] = []
    for k in range(2):
        pauli = (events.operator >> (2 * k)) & 3
        for letters, offset in (((1, 2), 0), ((2, 3), 1)):
            there = np.isin(pauli, letters)
            generator.append(effects.first[events.place[there]] + 2 * k + offset)
            shot.append(events.shot[there])
    which, at = np.concatenate(generator), np.concatenate(shot)
    order = np.argsort(at, kind="stable")
    which, at = which[order], at[order]
    if not len(at):
        return at, np.zeros((0, effects.signs.shape[1]), dtype=np.uint64), np.zeros(0, dtype=np.uint64)
    starts = np.flatnonzero(np.concatenate(([True], at[1:] != at[:-1])))
    signs = np.bitwise_xor.reduceat(effects.signs[which], starts, axis=0)
    return at[starts], signs, np.bitwise_xor.reduceat(effects.flips[which], starts)
