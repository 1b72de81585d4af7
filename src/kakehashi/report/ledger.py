"""The quantum ledger: what the sampled determinants are worth beside random ones and beside selection alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kakehashi.core.errors import InputError

__all__ = ["ARMS", "Arm", "Ledger", "LedgerPoint"]

ARMS = ("samples", "random", "heat-bath", "samples + heat-bath", "random + heat-bath")
"""Names of the arms: where the determinants of a space come from."""

LEAST_CPU_S = 1e-6
"""Processor clocks may show no time at all; logarithms need some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPoint:
    """One space of an arm.

    Attributes:
        n_determinants: Its size.
        energy_hartree: Variational total energy.
        cpu_s: Processor time of all threads since the arm began, this space included.
        spin_squared: ``<S^2>``.
    """

    n_determinants: int
    energy_hartree: float
    cpu_s: float
    spin_squared: float

    def __post_init__(self) -> None:
        if not np.isfinite((self.energy_hartree, self.cpu_s, self.spin_squared)).all():
            raise InputError(f"A space of {self.n_determinants:,} determinants has numbers that are not finite.")
        if self.n_determinants < 1 or self.cpu_s < 0:
            raise InputError("A space has at least 1 determinant and takes no negative time.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Energies of growing spaces whose determinants come from one place.

    Attributes:
        name: One of :data:`ARMS`.
        points: The spaces by size.
        repeats: The same for other draws of the random numbers, where the arm has any.
        complete: Whether it ended because there were no more determinants to take in.

    Example:
        >>> points = [LedgerPoint(n_determinants=n, energy_hartree=-n / 100, cpu_s=n, spin_squared=0) for n in (1, 100)]
        >>> arm = Arm(name="random", points=tuple(points))
        >>> round(arm.energy_at(10), 3), arm.energy_after(1000.0)
        (-0.505, None)
    """

    name: str
    points: tuple[LedgerPoint, ...]
    repeats: tuple[tuple[LedgerPoint, ...], ...] = ()
    complete: bool = False

    def __post_init__(self) -> None:
        for points in (self.points, *self.repeats):
            if not points:
                raise InputError(f"The arm {self.name!r} holds no space.")
            if any(a.n_determinants >= b.n_determinants or a.cpu_s > b.cpu_s for a, b in pairwise(points)):
                raise InputError(f"The spaces of the arm {self.name!r} must grow, and so must their time.")

    @property
    def last(self) -> LedgerPoint:
        """The largest space."""
        return self.points[-1]

    def energy_at(self, n_determinants: float) -> float | None:
        """Energy at a size, on straight lines over the logarithm of the size; None where the arm does not reach."""
        return _interpolate(self.points, "n_determinants", n_determinants)

    def energy_after(self, cpu_s: float) -> float | None:
        """Energy after a processor time, on straight lines over its logarithm; None where the arm does not reach."""
        return _interpolate(self.points, "cpu_s", cpu_s)

    def scatter_at(self, n_determinants: float) -> float:
        """Largest difference of the draws' energies at a size, hartree; 0 where there is one draw."""
        return _scatter(self, "n_determinants", n_determinants)

    def scatter_after(self, cpu_s: float) -> float:
        """Largest difference of the draws' energies after a processor time, hartree; 0 where there is one draw."""
        return _scatter(self, "cpu_s", cpu_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Energies of growing spaces from the device's samples, from random determinants, from selection, and from both.

    Every space holds the Hartree-Fock determinant and is made of the problem's own orbitals. With equally many
    electrons of both spins each determinant comes with its mirror image. The device's own time is not counted; turning
    its shots into determinants is.

    Attributes:
        arms: One for each name of :data:`ARMS`, in that order.
        n_shots: Number of shots.
        n_in_sector: Distinct configurations among them with the right electron numbers.
        n_configurations: Distinct configurations after recovery: what the arm of the samples can be made of.
        n_seeds: Configurations that selection starts from, where it does not start from the Hartree-Fock determinant
            alone.
    """

    arms: tuple[Arm, ...]
    n_shots: int
    n_in_sector: int
    n_configurations: int
    n_seeds: int

    def __post_init__(self) -> None:
        names = tuple(arm.name for arm in self.arms)
        if names != ARMS:
            raise InputError(f"A ledger has the arms {', '.join(ARMS)}, but this one has {', '.join(names)}.")

    def arm(self, name: str) -> Arm:
        """The arm of a name."""
        return self.arms[ARMS.index(name)]

    @property
    def lowest_hartree(self) -> float:
        """The lowest energy of all arms: an upper bound on the exact one."""
        return min(point.energy_hartree for arm in self.arms for point in arm.points)

    @property
    def verdict(self) -> str:
        """What the samples were worth; see :func:`kakehashi.report.ledger_verdict.judge_ledger`."""
        from kakehashi.report.ledger_verdict import judge_ledger

        return judge_ledger(self)


def _interpolate(points: tuple[LedgerPoint, ...], name: str, place: float) -> float | None:
    places = np.log(np.maximum([getattr(point, name) for point in points], LEAST_CPU_S))
    energies = [point.energy_hartree for point in points]
    wanted = np.log(max(place, LEAST_CPU_S))
    if not places[0] - 1e-12 <= wanted <= places[-1] + 1e-12:
        return None
    return float(np.interp(wanted, places, energies))


def _scatter(arm: Arm, name: str, place: float) -> float:
    found = [_interpolate(points, name, place) for points in (arm.points, *arm.repeats)]
    energies = [energy for energy in found if energy is not None]
    return max(energies) - min(energies) if energies else 0.0
