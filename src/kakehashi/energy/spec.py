"""What a user writes in the table ``[energy]``."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from kakehashi.core.spec import Spec

__all__ = ["EnergySpec", "OrbitalChoice"]

Positive = Annotated[int, Field(ge=1)]
Hartree = Annotated[float, Field(gt=0)]

OrbitalChoice: TypeAlias = Literal["auto", "given", "natural", "broken-symmetry", "optimized"]
"""Which orbitals determinants are made of; ``auto`` tries all in a small space and keeps the lowest."""


class EnergySpec(Spec):
    """How far selected configuration interaction goes on from the samples, and how its error is estimated.

    Attributes:
        max_determinants: Size at which the space stops growing; 0 leaves this stage out.
        max_wall_s: No space is begun that would probably end after this time.
        growth: Size of a space over that of the one before.
        orbitals: Which orbitals the determinants are made of: ``given`` keeps those of the problem and of the samples,
            ``natural`` takes those of a first wave function, ``broken-symmetry`` those of the best determinant whose
            spins are not paired, ``optimized`` minimises the energy of a small space over them; ``auto`` tries all.
        orbital_determinants: Size of the small space in which orbitals are compared and optimised.
        max_orbital_turns: Most turns of the orbital optimisation.
        n_seeds: Determinants that the space begins with, those of largest weight in the samples' state; only the given
            orbitals, and what grows from them, know them.
        n_starts: Patterns of spins from which a broken-symmetry determinant is sought.
        n_roots: Number of states.
        two_s: Twice the total spin that is wanted; the lowest that the electrons allow where not given.
        spin_penalty_hartree: Weight of ``S^2`` in the Hamiltonian, to raise states of higher spin. Where not given the
            space grows without, and a second one with 0.05 where the first holds a mixture with higher spins.
        perturbation_threshold_hartree: Contributions to the second-order energy above are summed for the whole outside.
        fine_threshold_hartree: Contributions down to this are summed for a random sample.
        n_samples: Shares of the outside in that sample, from 2 to 256; 0 leaves the random part out.
        residual_tolerance_hartree: Norm of the eigensolver's residual.
        n_threads: Threads of the kernels; all processors, or ``OMP_NUM_THREADS``, where not given.
        memory_gib: Memory of each process for the matrix and for perturbation theory, beside the space itself and
            vectors over it; half of the free memory where not given.
    """

    max_determinants: Annotated[int, Field(ge=0)] = 100_000
    max_wall_s: Annotated[float, Field(gt=0)] | None = None
    growth: Annotated[float, Field(gt=1)] = 2.0
    orbitals: OrbitalChoice = "auto"
    orbital_determinants: Positive = 2000
    max_orbital_turns: Annotated[int, Field(ge=0)] = 10
    n_seeds: Annotated[int, Field(ge=0)] = 500
    n_starts: Positive = 6
    n_roots: Positive = 1
    two_s: Annotated[int, Field(ge=0)] | None = None
    spin_penalty_hartree: Annotated[float, Field(ge=0)] | None = None
    perturbation_threshold_hartree: Hartree = 1e-6
    fine_threshold_hartree: Hartree = 1e-9
    n_samples: Annotated[int, Field(ge=0, le=256)] = 16
    residual_tolerance_hartree: Hartree = 3e-5
    n_threads: Positive | None = None
    memory_gib: Annotated[float, Field(gt=0)] | None = None

    @field_validator("n_samples")
    @classmethod
    def _has_a_spread(cls, value: int) -> int:
        if value == 1:
            raise ValueError("one share has no spread to tell its error from: take 0, or at least 2")
        return value

    @model_validator(mode="after")
    def _fine_is_finer(self) -> EnergySpec:
        if self.fine_threshold_hartree > self.perturbation_threshold_hartree:
            raise ValueError(
                f"fine_threshold_hartree is {self.fine_threshold_hartree}, but must not be above "
                f"perturbation_threshold_hartree, {self.perturbation_threshold_hartree}"
            )
        return self
