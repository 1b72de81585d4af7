"""The choice among methods: within the limits, exact enough, and then the quickest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kakehashi.core.resources import available_memory_bytes, format_bytes
from kakehashi.device.methods.explain import format_seconds
from kakehashi.device.methods.model import Cost, Method, Refusal, Verdict

__all__ = ["Choice", "Limits", "choose", "rank", "within"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an answer may cost.

    Attributes:
        max_error: Error bound up to which a method counts as exact enough; one beyond it, or without a bound, is taken
            only where no other can.
        max_wall_s: Longest estimated time; None for any.
        memory_bytes: Memory that may be used; None for what is free.
        even_s: Estimated times up to this count as equal; of these methods the first in their order is taken, so that
            a small circuit goes where a large one of its kind goes.
    """

    max_error: float = 0.01
    max_wall_s: float | None = None
    memory_bytes: int | None = None
    even_s: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The best method for a circuit, and what the others said.

    Attributes:
        method: The best; None where none can.
        cost: What it takes.
        refused: Those that cannot.
        slower: Those that could, with their times.
    """

    method: Method | None
    cost: Cost | None
    refused: tuple[Refusal, ...]
    slower: tuple[tuple[str, float], ...]


def within(limits: Limits, name: str, verdict: Verdict) -> Verdict:
    """A verdict, or a refusal where it costs more than is allowed.

    Args:
        limits: What the answer may cost.
        name: The method's name.
        verdict: What it said.

    Example:
        >>> cost = Cost(time_s=9.0, memory_bytes=1, error="exact", error_bound=0.0, reason="")
        >>> within(Limits(max_wall_s=1.0), "mps", cost).reason
        'It would take about 9 s, more than the 1 s that are allowed.'
    """
    if isinstance(verdict, Refusal):
        return verdict
    free = available_memory_bytes() if limits.memory_bytes is None else limits.memory_bytes
    if verdict.memory_bytes > free:
        need = format_bytes(float(verdict.memory_bytes))
        return Refusal(method=name, reason=f"It needs {need} of memory, and {format_bytes(float(free))} are free.")
    if limits.max_wall_s is not None and verdict.time_s > limits.max_wall_s:
        took, most = format_seconds(verdict.time_s), format_seconds(limits.max_wall_s)
        return Refusal(method=name, reason=f"It would take about {took}, more than the {most} that are allowed.")
    return verdict


def rank(cost: Cost, limits: Limits) -> tuple[int, float]:
    """Methods that are exact enough come first, then those whose error only shows afterwards; the quickest first.

    Example:
        >>> cost = Cost(time_s=9.0, memory_bytes=1, error="exact", error_bound=0.0, reason="")
        >>> rank(cost, Limits())
        (0, 9.0)
    """
    if cost.error_bound is not None and cost.error_bound <= limits.max_error:
        return 0, max(cost.time_s, limits.even_s)
    return 1, max(cost.time_s, limits.even_s)


def choose(methods: Sequence[Method], limits: Limits, ask: Callable[[Method], Verdict]) -> Choice:
    """Ask every method, and choose.

    Args:
        methods: The methods.
        limits: What the answer may cost.
        ask: The question.

    Example:
        >>> choose([], Limits(), lambda method: Refusal(method=method.name, reason="")).method is None
        True
    """
    refused: list[Refusal] = []
    able: list[tuple[Method, Cost]] = []
    for method in methods:
        verdict = within(limits, method.name, ask(method))
        if isinstance(verdict, Refusal):
            refused.append(verdict)
        else:
            able.append((method, verdict))
    able.sort(key=lambda pair: rank(pair[1], limits))
    best = able[0] if able else (None, None)
    return Choice(
        method=best[0],
        cost=best[1],
        refused=tuple(refused),
        slower=tuple((method.name, cost.time_s) for method, cost in able[1:]),
    )
