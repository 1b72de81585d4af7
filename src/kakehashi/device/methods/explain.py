"""A plan in words, and as plain values for JSON."""

from __future__ import annotations

from kakehashi.core.resources import format_bytes
from kakehashi.device.methods.model import Plan

__all__ = ["describe", "format_seconds", "to_json"]


def format_seconds(seconds: float) -> str:
    """A time for a person.

    Example:
        >>> format_seconds(0.0042), format_seconds(75), format_seconds(3e5)
        ('4.2 ms', '75 s', '3.5 days')
    """
    if seconds < 1:
        return f"{1e3 * seconds:.2g} ms"
    for unit, size, most in (("s", 1.0, 120.0), ("min", 60.0, 120.0), ("h", 3600.0, 48.0), ("days", 86400.0, 1000.0)):
        if seconds < most * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds / 3.156e7:.2g} years"


def describe(plan: Plan) -> str:
    """What will be done and why, line by line.

    Args:
        plan: What the router chose.

    Example:
        >>> print(describe(Plan(method=None, cost=None, nearest="Ask for an expectation value.")))
        Method: none can
        Nearest: Ask for an expectation value.
    """
    lines = [f"Method: {plan.method or 'none can'}"]
    if plan.cost is not None:
        lines[0] += f", as {plan.cost.reason}"
        lines.append(
            f"Estimate: {format_seconds(plan.cost.time_s)}, {format_bytes(float(plan.cost.memory_bytes))}; "
            f"error of the method: {plan.cost.error}"
        )
    for title, sentences in (
        ("Before", plan.reductions),
        ("Noise", plan.approximations),
        ("Also possible", tuple(f"{name}, {format_seconds(time_s)}" for name, time_s in plan.slower)),
        ("Refused", tuple(f"{refusal.method}: {refusal.reason}" for refusal in plan.refused)),
    ):
        lines.extend(f"{title}: {sentence}" for sentence in sentences)
    if plan.nearest:
        lines.append(f"Nearest: {plan.nearest}")
    return "\n".join(lines)


def to_json(plan: Plan) -> dict[str, object]:
    """A plan as plain JSON values.

    Example:
        >>> to_json(Plan(method=None, cost=None))["method"] is None
        True
    """
    cost = plan.cost
    return {
        "method": plan.method,
        "cost": None
        if cost is None
        else {
            "time_s": cost.time_s,
            "memory_bytes": cost.memory_bytes,
            "error": cost.error,
            "error_bound": cost.error_bound,
            "reason": cost.reason,
        },
        "reductions": list(plan.reductions),
        "refused": [{"method": refusal.method, "reason": refusal.reason} for refusal in plan.refused],
        "slower": [{"method": name, "time_s": time_s} for name, time_s in plan.slower],
        "approximations": list(plan.approximations),
        "nearest": plan.nearest,
    }
