"""Semistochastic Epstein-Nesbet perturbation theory: what the determinants outside a space still lower the energy by.

Contributions ``|H_ai c_i|`` above a coarse threshold are summed for every determinant ``a`` outside. What lies between
the coarse and a much finer threshold is summed for a random sample of the outside alone, whose spread gives the error.
Source: S. Sharma and others, J. Chem. Theory Comput. 13, 1595 (2017), doi:10.1021/acs.jctc.6b01028. There the sample is
drawn from the determinants of the space; here it is drawn from the outside, dealt into batches by a hash of the alpha
string, so that each sampled sum is exact and no pair of samples interferes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kakehashi.core.errors import InputError
from kakehashi.core.parts import Part, Parts
from kakehashi.core.progress import Reporter
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.subspace.determinants import DeterminantSpace
from kakehashi.subspace.distributed import DistributedSpace

__all__ = ["Perturbation", "perturb"]

N_SHARES = 256
"""Shares of the outside that a sample is drawn from: enough for many samples, few enough to walk little twice."""

SUMS = ("energy_hartree", "coarse_energy_hartree", "n_determinants", "n_contributions")
"""What is wanted of each pass over the outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """Second-order energy of everything outside a space.

    Attributes:
        energy_hartree: Its estimate, not positive.
        error_hartree: Standard error of its random part; 0 where nothing was drawn.
        coarse_hartree: The part that was summed for the whole outside.
        n_determinants: Determinants outside that the whole sum met.
        n_contributions: Elements ``H_ai c_i`` in all sums.
        cpu_s: Processor time, all threads, parts of earlier calls included.
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
    parts: Parts | None = None,
    reporter: Reporter | None = None,
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
        parts: Where each batch and each share is kept when it is done, and taken from if it is there. Its key must name
            the state, the thresholds and the sample.
        reporter: Told of each of them.

    Raises:
        InputError: A threshold or a number is impossible, or the parts cannot be written.
        ResourceError: The budget is too small, or the disk is full.

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
    parts, reporter = Parts() if parts is None else parts, Reporter() if reporter is None else reporter
    drawn = as_generator(rng).choice(N_SHARES, size=n_samples, replace=False).tolist()
    asked = _parts_of(threshold_hartree, fine_threshold_hartree, n_batches, drawn)

    def look(options: dict[str, Any]) -> Callable[[], dict[str, Any]]:
        def compute() -> dict[str, Any]:
            outside = space.look_outside(
                coefficients, energy_hartree, memory_budget_bytes=memory_budget_bytes, **options
            )
            return {name: getattr(outside, name) for name in SUMS}

        return compute

    found: list[Part] = []
    for name, options in asked.items():
        found.append(parts.finish(name, look(options)))
        whence = " of the earlier call" if found[-1].kept else ""
        reporter.step("perturb", f"part {len(found)} of {len(asked)}{whence}")
    sums = [part.values for part in found]
    coarse = sum(each["energy_hartree"] for each in sums[:n_batches])
    differences = [each["energy_hartree"] - each["coarse_energy_hartree"] for each in sums[n_batches:]]
    fine, error = _random_part(differences)
    return Perturbation(
        energy_hartree=coarse + fine,
        error_hartree=error,
        coarse_hartree=coarse,
        n_determinants=sum(each["n_determinants"] for each in sums[:n_batches]),
        n_contributions=sum(each["n_contributions"] for each in sums),
        cpu_s=sum(part.cpu_s for part in found),
    )


def _parts_of(
    threshold_hartree: float, fine_threshold_hartree: float, n_batches: int, drawn: Sequence[int]
) -> dict[str, dict[str, Any]]:
    """What is looked for outside: the batches of the whole sum, then the shares of the sample, by name."""
    asked: dict[str, dict[str, Any]] = {}
    for batch in range(n_batches):
        asked[f"batch {batch + 1} of {n_batches}"] = {
            "threshold_hartree": threshold_hartree,
            "batch": batch,
            "n_batches": n_batches,
        }
    for share in drawn:
        asked[f"share {share}"] = {
            "threshold_hartree": fine_threshold_hartree,
            "coarse_threshold_hartree": threshold_hartree,
            "batch": share,
            "n_batches": N_SHARES,
        }
    return asked


def _random_part(differences: Sequence[float]) -> tuple[float, float]:
    """What the finer threshold adds, from a sample of the shares, and its standard error."""
    if not differences:
        return 0.0, 0.0
    # Drawn without putting back: a full sample has no error.
    left = 1 - len(differences) / N_SHARES
    error = N_SHARES * float(np.std(differences, ddof=1)) * float(np.sqrt(left / len(differences)))
    return N_SHARES * float(np.mean(differences)), error
