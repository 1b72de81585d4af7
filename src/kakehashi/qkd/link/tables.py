"""A channel as the native simulation reads it: thresholds that random words are compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi import _native
from kakehashi.qkd.link.channel import Channel

__all__ = ["Tables", "build_tables", "native_channel", "thresholds"]

Numbers = NDArray[np.float64]
Words = NDArray[np.uint64]


def thresholds(probabilities: Numbers | float, *, bits: int) -> Words:
    """Probabilities in units of ``2**-bits``, dtype uint64; of 64 bits, 1 is cut off.

    Example:
        >>> thresholds(np.array([0.0, 0.5, 1.0]), bits=32).tolist()
        [0, 2147483648, 4294967296]
        >>> int(thresholds(1.0, bits=64)) == 2**64 - 1
        True
    """
    high = np.minimum(np.floor(np.ldexp(np.asarray(probabilities, dtype=np.float64), 32)), 2.0**32)
    if bits == 32:
        return np.minimum(np.rint(np.ldexp(np.asarray(probabilities, dtype=np.float64), 32)), 2.0**32).astype(np.uint64)
    low = np.ldexp(np.asarray(probabilities, dtype=np.float64), 64) - np.ldexp(high, 32)
    words = (np.minimum(high, 2.0**32 - 1).astype(np.uint64) << np.uint64(32)) + np.floor(low).astype(np.uint64)
    return np.where(high >= 2.0**32, np.uint64(2**64 - 1), words)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """What :class:`kakehashi._native.PhotonChannel` and its slow twin read. Cells are (intensity, photon number).

    Attributes:
        joint: Upper ends of the cells, in units of 2^-32.
        cell_intensity: Intensity of each cell.
        detected: That anything is detected, by cell, in units of 2^-64.
        first: First outcome of each cell, and one more.
        outcome_intensity: Of each outcome.
        outcome_detected: Number of detected photons of each outcome.
        outcome_scramble: That its photons have forgotten their bit, in units of 2^-32.
        cumulative: Of the outcomes, given that something is detected, in units of 2^-64.
        idle: Cumulative over intensities, given that nothing is detected.
        dark_any: That any detector fires without a photon, in units of 2^-64.
        dark_one: That a given one does, in units of 2^-32.
        dark_next: That the next one does, if none before it did but any must.
        detected_any: Probability that anything is detected, all intensities together.
    """

    joint: Words
    cell_intensity: NDArray[np.uint8]
    detected: Words
    first: NDArray[np.int64]
    outcome_intensity: NDArray[np.uint8]
    outcome_detected: NDArray[np.uint8]
    outcome_scramble: Words
    cumulative: Words
    idle: Words
    dark_any: int
    dark_one: int
    dark_next: Words
    detected_any: float


def build_tables(channel: Channel, *, joined: bool) -> Tables:
    """The tables of a channel.

    Args:
        channel: The channel.
        joined: Whether outcomes of all cells stand in one list, as the statistical mode has them.
    """
    cells = channel.probabilities[:, None] * channel.photons
    n_intensities, n_photons = cells.shape
    shares = np.array([way.share for way in channel.ways])
    # By (way, photon number, detected photons); without a photon, a dark count must be there.
    seen = np.array([way.detected for way in channel.ways]) * shares[:, None, None]
    seen[:, :, 0] *= channel.dark_any
    detected = seen.sum(axis=(0, 2))
    scramble = np.array([way.scramble for way in channel.ways])
    if joined:
        weights = np.einsum("kn,wnm->kwm", cells, seen)
    else:
        weights = np.broadcast_to(seen.transpose(1, 0, 2), (n_intensities, *seen.transpose(1, 0, 2).shape))
        weights = weights.reshape(n_intensities * n_photons, *weights.shape[2:])
    lists = [weights.reshape(-1)] if joined else [cell.reshape(-1) for cell in weights]
    index = np.indices(weights.shape).reshape(3, -1)
    gain = channel.photons @ detected
    quiet = channel.probabilities * (1 - gain)
    remaining = np.arange(channel.n_detectors, 0, -1)
    some = -np.expm1(remaining * np.log1p(-channel.dark))
    following = np.divide(channel.dark, some, out=np.ones_like(some), where=some > 0)
    following[-1] = 1.0
    return Tables(
        joint=thresholds(np.cumsum(cells.reshape(-1)), bits=32),
        cell_intensity=np.repeat(np.arange(n_intensities), n_photons).astype(np.uint8),
        detected=thresholds(np.tile(detected, n_intensities), bits=64),
        first=np.cumsum([0, *(len(weight) for weight in lists)]),
        outcome_intensity=(index[0] if joined else index[0] // n_photons).astype(np.uint8),
        outcome_detected=index[2].astype(np.uint8),
        outcome_scramble=thresholds(scramble[index[1]], bits=32),
        cumulative=np.concatenate([_cumulative(weight) for weight in lists]),
        idle=_cumulative(quiet),
        dark_any=int(thresholds(channel.dark_any, bits=64)),
        dark_one=int(thresholds(channel.dark, bits=32)),
        dark_next=thresholds(following, bits=32),
        detected_any=float(channel.probabilities @ gain),
    )


def _cumulative(weights: Numbers) -> Words:
    total = weights.sum()
    return thresholds(np.cumsum(weights) / total if total > 0 else np.ones_like(weights), bits=64)


def native_channel(channel: Channel, *, joined: bool) -> _native.PhotonChannel:
    """The channel as the kernels read it; arguments as in :func:`build_tables`."""
    tables = build_tables(channel, joined=joined)
    made = _native.make_photon_channel()
    made.set_cells(tables.joint, tables.cell_intensity, tables.detected, tables.idle)
    made.set_outcomes(
        tables.first,
        tables.outcome_intensity,
        tables.outcome_detected,
        tables.outcome_scramble,
        tables.cumulative,
    )
    made.set_bases(*_bases(channel), channel.is_passive, channel.is_differential)
    made.set_dark(tables.dark_any, tables.dark_one, tables.dark_next)
    made.set_memory(channel.dead_slots, int(thresholds(channel.afterpulse, bits=32)), -1 / channel.decay_slots)
    made.set_detected_any(min(tables.detected_any, 1 - 1e-16))
    return made


def _bases(channel: Channel) -> tuple[int, int, int]:
    sender, receiver, flip = thresholds(np.array([channel.sender_key, channel.receiver_key, channel.flip]), bits=32)
    return int(sender), int(receiver), int(flip)
