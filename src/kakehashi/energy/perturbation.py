"""Semistochastic Epstein-Nesbet perturbation theory: what the determinants outside a space still lower the energy by.

Contributions ``|H_ai c_i|`` above a coarse threshold are summed for every determinant ``a`` outside. What lies between
the coarse and a much finer threshold is summed for a random sample of the outside alone, whose spread gives the error.
Source: S. Sharma and others, J. Chem. Theory Comput. 13, 1595 (2017), doi:10.1021/acs.jctc.6b01028. There the sample is
drawn from the determinants of the space; here it is drawn from the outside, dealt into batches by a hash of the alpha
string, so that each sampled sum is exact and no pair of samples interferes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.distributed import DistributedSpace

__all__ = ["Perturbation", "perturb"]

N_SHARES = 256
"""Shares of the outside that a sample is drawn from: enough for many samples, few enough to walk little twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """Second-order energy of everything outside a space.

    Attributes:
        energy_hartree: Its estimate, not positive.
        error_hartree: Standard error of its random part; 0 where nothing was drawn.
        coarse_hartree: The part that was summed for the whole outside.
        n_determinants: Determinants outside that the whole sum met.
        n_contributions: Elements ``H_ai c_i`` in all sums.
        cpu_s: Processor time, all threads.
    """

    energy_hartree: float
    error_hartree: float
    coarse_hartree: float
    n_determinants: int
    n_contributions: int
    cpu_s: float


def perturb(
    space: DeterminantSpace | DistributedSpace,
    coefficients: NDArray[np.float64],
    energy_hartree: float,
    *,
    threshold_hartree: float = 1e-6,
    fine_threshold_hartree: float = 1e-9,
    n_samples: int = 16,
    n_batches: int = 1,
    rng: RngLike = None,
    memory_budget_bytes: int | None = None,
) -> Perturbation:
    """Epstein-Nesbet energy outside a space.

    Args:
        space: The space.
        coefficients: The state, normalised, shape ``(n,)``.
        energy_hartree: Its energy as :meth:`DeterminantSpace.apply` gives it: without the constant, penalty included.
        threshold_hartree: Contributions above are summed for the whole outside.
        fine_threshold_hartree: Contributions down to this are summed for a sample.
        n_samples: Shares of the outside in the sample, of 256; 0 leaves the random part out, 256 makes it exact.
        n_batches: Shares in which the whole sum is done, one after the other.
        rng: For the sample.
        memory_budget_bytes: For all that is held meanwhile beside the space, on each process; half of the free memory
            where not given. A smaller budget costs time and changes no result.

    Raises:
        InputError: A threshold or a number is impossible.
        ResourceError: The budget is too small.

    Example:
        >>> from kakehashi.core.bits import lowest_string
        >>> from kakehashi.problem import hubbard
        >>> dimer = hubbard(2, u=1.0, n_elec=(1, 1), basis="standing_wave").hamiltonian
        >>> space = DeterminantSpace(dimer, n_threads=1)
        >>> space.append(lowest_string(1), lowest_string(1))
        1
        >>> second_order = perturb(space, np.ones(1), float(space.diagonal()[0]))
        >>> round(second_order.energy_hartree, 6), second_order.error_hartree  # (U/2)^2 over -4t
        (-0.0625, 0.0)
    """
    if not 0 <= fine_threshold_hartree <= threshold_hartree:
        raise InputError(
            "Arguments `threshold_hartree` and `fine_threshold_hartree` must not be negative, the fine the smaller, "
            f"but are {threshold_hartree} and {fine_threshold_hartree}."
        )
    if not 0 <= n_samples <= N_SHARES or n_samples == 1:
        raise InputError(f"Argument `n_samples` must be 0 or from 2 to {N_SHARES}, but is {n_samples}.")
    if n_batches < 1:
        raise InputError(f"Argument `n_batches` must be positive, but is {n_batches}.")
    began = time.process_time()
    passes = [
        space.look_outside(
            coefficients,
            energy_hartree,
            threshold_hartree=threshold_hartree,
            batch=batch,
            n_batches=n_batches,
            memory_budget_bytes=memory_budget_bytes,
        )
        for batch in range(n_batches)
    ]
    coarse = sum(outside.energy_hartree for outside in passes)
    n_contributions = sum(outside.n_contributions for outside in passes)
    drawn = as_generator(rng).choice(N_SHARES, size=n_samples, replace=False)
    differences = []
    for share in drawn.tolist():
        outside = space.look_outside(
            coefficients,
            energy_hartree,
            threshold_hartree=fine_threshold_hartree,
            coarse_threshold_hartree=threshold_hartree,
            batch=share,
            n_batches=N_SHARES,
            memory_budget_bytes=memory_budget_bytes,
        )
        differences.append(outside.energy_hartree - outside.coarse_energy_hartree)
        n_contributions += outside.n_contributions
    fine, error = 0.0, 0.0
    if n_samples:
        fine = N_SHARES * float(np.mean(differences))
        # Drawn without putting back: a full sample has no error.
        left = 1 - n_samples / N_SHARES
        error = N_SHARES * float(np.std(differences, ddof=1)) * float(np.sqrt(left / n_samples))
    return Perturbation(
        energy_hartree=coarse + fine,
        error_hartree=error,
        coarse_hartree=coarse,
        n_determinants=sum(outside.n_determinants for outside in passes),
        n_contributions=n_contributions,
        cpu_s=time.process_time() - began,
    )
