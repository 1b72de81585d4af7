"""What a user writes under ``[subspace]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kakehashi.core.spec import Spec

__all__ = ["SubspaceSpec"]

Positive = Annotated[int, Field(ge=1)]


class SubspaceSpec(Spec):
    """How the sampled strings are diagonalised, and how often.

    Attributes:
        max_strings: Most strings per spin; the subspace has at most the square of this many determinants.
        max_iterations: Turns of the self-consistent loop.
        max_wall_s: Seconds after which no further turn is begun; no limit where it is not given.
        energy_tolerance_hartree: The loop ends when three turns in a row lower the energy by less than this;
            0 leaves the other limits alone to end it.
        carry_over_share: Largest share of ``max_strings`` that is carried over from the best state so far; the
            rest is new strings, so that every turn tests some.
        same_strings: Whether both spins have the same strings where they have equally many electrons. States
            then have a sign under spin exchange, only those with the sign of ``two_s`` are looked for, and the
            work is halved.
        two_s: Twice the total spin that is wanted; the lowest that the electrons allow where not given. It acts
            through the sign under spin exchange and through the penalty.
        spin_penalty_hartree: Weight of the penalty on states of other spins; 0 switches it off.
        n_roots: Number of states; the loop follows the lowest. With the same strings for both spins all have the
            sign of ``two_s``: a singlet has no triplet beside it.
        residual_tolerance_hartree: Norm of the eigensolver's residual; the energy is right to about its square
            over the gap to the next state, some 1e-7 hartree.
        max_eigensolver_iterations: Iterations of the eigensolver before it is reported as not converged.
        n_threads: Threads of the kernels; all processors, or ``OMP_NUM_THREADS``, where not given.
        memory_gib: Refuse to start a diagonalisation that would need more than this; the free memory where
            not given.
    """

    max_strings: Positive = 1000
    max_iterations: Positive = 10
    max_wall_s: Annotated[float, Field(gt=0)] | None = None
    energy_tolerance_hartree: Annotated[float, Field(ge=0)] = 1e-5
    carry_over_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    same_strings: bool = True
    two_s: Annotated[int, Field(ge=0)] | None = None
    spin_penalty_hartree: Annotated[float, Field(ge=0)] = 0.0
    n_roots: Positive = 1
    residual_tolerance_hartree: Annotated[float, Field(gt=0)] = 1e-4
    max_eigensolver_iterations: Positive = 100
    n_threads: Positive | None = None
    memory_gib: Annotated[float, Field(gt=0)] | None = None

    @property
    def memory_budget_bytes(self) -> int | None:
        """The memory budget in bytes, or None."""
        return None if self.memory_gib is None else int(self.memory_gib * 1024**3)
