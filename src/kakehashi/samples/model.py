"""Configurations: what we make of raw shots, with the right number of electrons of each spin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.bits import Strings, count_electrons
from kakehashi.core.errors import InputError

__all__ = ["Configurations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configurations:
    """Distinct electron configurations and their weights.

    Attributes:
        alpha: Alpha strings, shape ``(n, 2)``, dtype uint64 (see :mod:`kakehashi.core.bits`).
        beta: Beta strings, the same shape and dtype.
        weights: Probabilities, shape ``(n,)``, float64, positive, summing to 1 (empty where ``n`` is 0).
        n_orb: Number of spatial orbitals.
        n_elec: Numbers of alpha and beta electrons; every row has them.
    """

    alpha: Strings
    beta: Strings
    weights: NDArray[np.float64]
    n_orb: int
    n_elec: tuple[int, int]

    def __post_init__(self) -> None:
        n = len(self.weights)
        for name, n_electrons in zip(("alpha", "beta"), self.n_elec, strict=True):
            strings = getattr(self, name)
            if strings.shape != (n, 2) or strings.dtype != np.uint64:
                raise InputError(
                    f"Argument `{name}` must be uint64 with shape ({n}, 2), "
                    f"but is {strings.dtype} with {strings.shape}."
                )
            if n and (count_electrons(strings) != n_electrons).any():
                raise InputError(f"Argument `{name}` must have {n_electrons} electrons in every row.")
        if n and (self.weights.min() <= 0 or abs(float(self.weights.sum()) - 1) > 1e-9):
            raise InputError("Argument `weights` must be positive and sum to 1.")

    def __len__(self) -> int:
        return len(self.weights)
