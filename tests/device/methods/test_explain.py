"""Plans in words and as JSON."""

from __future__ import annotations

import json

from kakehashi.device.methods.explain import describe, format_seconds, to_json
from kakehashi.device.methods.model import Cost, Plan, Refusal

COST = Cost(time_s=0.5, memory_bytes=2**20, error="exact", error_bound=0.0, reason="it is small")
PLAN = Plan(
    method="mps",
    cost=COST,
    reductions=("Dropped 3 of 9 qubits.",),
    refused=(Refusal(method="stabilizer", reason="2 gates are not Clifford."),),
    slower=(("state-vector", 75.0),),
    approximations=("Twirled.",),
)


def test_words():
    assert describe(PLAN).splitlines() == [
        "Method: mps, as it is small",
        "Estimate: 5e+02 ms, 1.0 MiB; error of the method: exact",
        "Before: Dropped 3 of 9 qubits.",
        "Noise: Twirled.",
        "Also possible: state-vector, 75 s",
        "Refused: stabilizer: 2 gates are not Clifford.",
    ]


def test_json_holds_the_same():
    table = json.loads(json.dumps(to_json(PLAN)))
    assert table["cost"]["time_s"] == 0.5
    assert table["refused"] == [{"method": "stabilizer", "reason": "2 gates are not Clifford."}]
    assert table["slower"] == [{"method": "state-vector", "time_s": 75.0}]


def test_times():
    assert [format_seconds(s) for s in (2e-5, 600, 1e4, 1e12)] == ["0.02 ms", "10 min", "2.8 h", "3.2e+04 years"]
