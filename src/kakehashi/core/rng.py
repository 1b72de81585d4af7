"""Random numbers: one seed per run, one named child stream per purpose.

A stream depends on the seed and on its name alone, so that adding a stage to a run does not change the
random numbers of the others.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np

from kakehashi.core.errors import InputError

__all__ = ["RngLike", "as_generator", "named_stream"]

RngLike: TypeAlias = np.random.Generator | int | None
"""What every function that needs random numbers takes: a generator, a seed, or None for a fresh one."""


def as_generator(rng: RngLike) -> np.random.Generator:
    """Turn a seed, a generator or None into a generator.

    Raises:
        InputError: The seed is negative or no whole number.

    Example:
        >>> int(as_generator(7).integers(100)) == int(as_generator(7).integers(100))
        True
    """
    if isinstance(rng, np.random.Generator):
        return rng
    return np.random.default_rng(None if rng is None else _checked_seed(rng))


def _checked_seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"A seed must be a whole number of at least 0, but got {seed!r}.")
    return int(seed)


def named_stream(seed: int, *names: str | int) -> np.random.Generator:
    """Generator that depends on ``seed`` and ``names`` alone.

    Args:
        seed: The seed of the run.
        names: What the stream is for, from the general to the particular.

    Raises:
        InputError: The seed is negative or no whole number.

    Example:
        >>> a, b = named_stream(7, "shots"), named_stream(7, "batches", 0)
        >>> bool(a.random() != b.random())
        True
    """
    digest = hashlib.sha256("\x1f".join(map(str, names)).encode()).digest()
    spawn_key = tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))
    return np.random.default_rng(np.random.SeedSequence(_checked_seed(seed), spawn_key=spawn_key))
