"""Differential phase shift: what an interferometer that delays by one slot makes of a train of pulses.

Each pulse is split in two, one half is delayed by one slot, and it meets the half of the next pulse. Equal phases leave
the interferometer at one port, opposite phases at the other: a bit is the change of phase from one slot to the next.
This module computes the field itself, and is what the tables of :mod:`kakehashi.qkd.link.channel` are checked against:
a coherent train gives Poisson light at each port, independent from slot to slot once the phases are given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["bits_of", "error_with_interception", "light_at_ports"]

Numbers = NDArray[np.float64]


def bits_of(phases: NDArray[np.uint8], *, before: int = 0) -> NDArray[np.uint8]:
    """Bits of a train.

    Args:
        phases: Phase of each pulse, 0 or 1 for 0 or pi, shape ``(n,)``, dtype uint8.
        before: Phase of the pulse before the first.

    Returns:
        Change of phase against the slot before, shape ``(n,)``, dtype uint8.

    Example:
        >>> bits_of(np.array([1, 1, 0], np.uint8)).tolist()
        [1, 0, 1]
    """
    delayed = np.concatenate([np.array([before], np.uint8), phases[:-1]])
    return np.asarray(np.bitwise_xor(phases, delayed), dtype=np.uint8)


def light_at_ports(
    phases: NDArray[np.uint8], *, mean_photons: float, misalignment: float = 0.0, before: int = 0
) -> Numbers:
    """Mean photon number at the two ports of the interferometer, slot by slot.

    Args:
        phases: As in :func:`bits_of`.
        mean_photons: Of each pulse, at the interferometer.
        misalignment: Share of the light that leaves at the wrong port: (1 - visibility) / 2.
        before: As in :func:`bits_of`.

    Returns:
        Shape ``(n, 2)``: column ``b`` is the port that reads bit ``b``.

    Source:
        Inoue, Waks, Yamamoto, Phys. Rev. Lett. 89, 037902 (2002).

    Example:
        >>> light_at_ports(np.array([0, 1], np.uint8), mean_photons=0.2).round(3).tolist()
        [[0.2, 0.0], [0.0, 0.2]]
    """
    fields = np.sqrt(mean_photons) * np.exp(1j * np.pi * np.concatenate([[before], phases]))
    now, delayed = fields[1:] / 2, fields[:-1] / 2  # through two beam splitters, by either arm
    same, opposite = np.abs(now + delayed) ** 2, np.abs(now - delayed) ** 2
    ports = np.stack([same, opposite], axis=1)
    return np.asarray((1 - misalignment) * ports + misalignment * ports[:, ::-1], dtype=np.float64)


def error_with_interception() -> float:
    """Share of wrong bits where an eavesdropper measures like the receiver and sends on a photon in two slots.

    She learns one change of phase and sends one photon that is spread over these two slots. Behind the receiver's
    interferometer it is found in the middle slot with probability 1/2, with the right bit, and in each of the two
    beside it with 1/4, with a random one.

    Example:
        >>> error_with_interception()
        0.25
    """
    photon = np.array([0, 1, 1, 0]) / np.sqrt(2)  # equal phases in slots 1 and 2
    padded = np.concatenate([[0], photon])
    now, delayed = padded[1:] / 2, padded[:-1] / 2
    same, opposite = np.abs(now + delayed) ** 2, np.abs(now - delayed) ** 2
    beside = np.minimum(same, opposite).sum()  # the receiver's bit there is as often wrong as right
    return float(beside / (same + opposite).sum())
