"""What a check is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kakehashi.qkd.conformance.model import Demand
from kakehashi.qkd.conformance.session import Session

__all__ = ["Check", "check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that has to hold.

    Attributes:
        id: Its name.
        clause: Where the standard speaks of it, by the clause's title.
        demand: What the standard says.
        demands: What has to hold, one sentence.
        run: Tries it; gives a sentence where it holds, and ends with a ``VerdictError`` where it does not.
        guards_keys: Whether keys are in danger where it does not hold. Then it counts as a failure even where the
            standard is silent; other matters on which it is silent give a warning.
        needs: What the caller must give: ``third``, ``hooks``, ``exhaust``.
    """

    id: str
    clause: str
    demand: Demand
    demands: str
    run: Callable[[Session], str]
    guards_keys: bool = False
    needs: tuple[str, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether it can fail, or only warn."""
        return self.demand == "must" or self.guards_keys


def check(
    id_: str, *, clause: str, demand: Demand = "must", guards_keys: bool = False, needs: tuple[str, ...] = ()
) -> Callable[[Callable[[Session], str]], Check]:
    """Make a check of a function; its docstring is what has to hold.

    Example:
        >>> @check("always", clause="none", demand="may")
        ... def always(session):
        ...     '''Nothing is asked.'''
        ...     return "true"
        >>> always.id, always.demands, always.fails
        ('always', 'Nothing is asked.', False)
    """

    def make(run: Callable[[Session], str]) -> Check:
        return Check(
            id=id_,
            clause=clause,
            demand=demand,
            demands=" ".join((run.__doc__ or "").split()),
            run=run,
            guards_keys=guards_keys,
            needs=needs,
        )

    return make
