"""Exact before rough, quick before slow, and never beyond the limits."""

from __future__ import annotations

from kakehashi.device.methods.choose import Limits, choose, rank, within
from kakehashi.device.methods.model import Cost, Refusal


def cost(time_s=1.0, bound=0.0, memory=1):
    return Cost(time_s=time_s, memory_bytes=memory, error="", error_bound=bound, reason="")


class Says:
    def __init__(self, name, verdict):
        self.name, self.verdict = name, verdict


def ask(method):
    return method.verdict


def test_the_quickest_of_those_that_are_exact_enough():
    methods = [Says("slow", cost(9.0)), Says("rough", cost(0.1, None)), Says("quick", cost(2.0, 0.005))]
    chosen = choose(methods, Limits(), ask)
    assert chosen.method.name == "quick"
    assert [name for name, _ in chosen.slower] == ["slow", "rough"]
    assert choose(methods, Limits(max_error=0.001), ask).method.name == "slow"
    assert choose(methods[1:2], Limits(), ask).method.name == "rough"


def test_limits_refuse_with_their_number():
    limits = Limits(max_wall_s=5.0, memory_bytes=100)
    assert "more than the 5 s" in within(limits, "a", cost(9.0)).reason
    assert "100 B are free" in within(limits, "a", cost(memory=101)).reason
    assert within(limits, "a", cost()) == cost()
    refusal = Refusal(method="a", reason="No.")
    assert within(limits, "a", refusal) is refusal
    assert choose([Says("a", cost(9.0))], limits, ask).refused[0].method == "a"


def test_ranks():
    assert rank(cost(1.0, 0.02), Limits()) == (1, 1.0)
    assert rank(cost(1.0, 0.02), Limits(max_error=0.1)) == (0, 1.0)
