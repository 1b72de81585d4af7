"""Shots over numbered bits as qiskit's registers hold them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kakehashi.device.model import Shots

__all__ = ["pack_register", "shot_order"]


def shot_order(shots: Shots, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which row of the distinct strings each shot is, in an order as by chance; shape ``(n_shots,)``.

    Shots are kept counted and sorted; but who takes the first hundred of a thousand shots expects a fair sample.

    Args:
        shots: The shots.
        rng: Draws the order.

    Example:
        >>> shots = Shots.from_counts({"0": 2, "1": 1})
        >>> sorted(shot_order(shots, np.random.default_rng(1)).tolist())
        [0, 0, 1]
    """
    order: NDArray[np.int64] = rng.permutation(np.repeat(np.arange(shots.n_distinct), shots.counts))
    return order


def pack_register(shots: Shots, bits: Sequence[int]) -> NDArray[np.uint8]:
    """Some bits of each distinct string, packed as qiskit's ``BitArray`` wants them.

    Args:
        shots: The shots.
        bits: Numbers of the classical bits of a register, its first bit first.

    Returns:
        Shape ``(n_distinct, ceil(len(bits) / 8))``, uint8: the number that the register writes, highest byte first.

    Example:
        >>> pack_register(Shots.from_counts({"1000000001": 1}), range(10))
        array([[2, 1]], dtype=uint8)
    """
    chosen = shots.to_matrix()[:, list(bits)]
    return np.ascontiguousarray(np.packbits(chosen, axis=1, bitorder="little")[:, ::-1])
