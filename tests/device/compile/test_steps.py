import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi import _native
from kakehashi.device.compile.example import example_twin, twin_of_graph
from kakehashi.device.compile.score import Scorer
from kakehashi.device.compile.steps import MEASURE, TURN, read_steps, score_and_idle, score_steps, tables_of

WHOLE = example_twin(3)
TWINS = [
    Scorer(example_twin(3, spread=0.6)),
    Scorer(example_twin(3, spread=0.6, directed=True)),
    Scorer(twin_of_graph(WHOLE.edges.tolist(), 9, spread=0.6, dead=[(0, 1)], absent=[8])),
]


@st.composite
def schedules(draw):
    operations = []
    for _ in range(draw(st.integers(0, 30))):
        name = draw(st.sampled_from(["sx", "x", "rz", "cz", "cx", "swap", "measure", "barrier", "delay", "h"]))
        width = {"cz": 2, "cx": 2, "swap": 2, "barrier": 3}.get(name, 1)
        on = tuple(draw(st.permutations(range(9)))[:width])
        operations.append((name, on, 400.0 * (name == "delay")))
    return operations


@given(schedules(), st.sampled_from(TWINS))
def test_the_kernel_says_what_its_slow_twin_says(operations, scorer):
    slow, fast = scorer(operations), score_steps(read_steps(operations, scorer), scorer)
    for name in ("log_gates", "log_readout", "log_idle", "duration_ns", "n_two_qubit_gates", "two_qubit_depth"):
        assert getattr(fast, name) == pytest.approx(getattr(slow, name), abs=1e-9), name


def test_waiting_is_counted_between_gates():
    scorer = TWINS[0]
    steps = read_steps([("x", (0,), 0.0), ("delay", (0,), 300.0), ("x", (0,), 0.0)], scorer)
    _, idle_ns = score_and_idle(steps, scorer)
    assert idle_ns[0] == 300.0
    assert idle_ns[1:].sum() == 0


def test_steps_can_be_moved():
    scorer = TWINS[0]
    steps = read_steps([("cz", (0, 1), 0.0), ("sx", (1,), 0.0), ("measure", (1,), 0.0)], scorer)
    place = np.arange(9, dtype=np.int32)[::-1].copy()
    moved = steps.moved(place)
    assert moved.pairs.tolist() == [[8, 7]]
    assert moved.singles(TURN).tolist() == moved.singles(MEASURE).tolist() == [7]


def test_the_kernel_refuses_what_does_not_fit():
    scorer = TWINS[0]
    steps = read_steps([("cz", (0, 1), 0.0)], scorer)
    with pytest.raises(ValueError, match="out of range"):
        _native.estimate_schedule(
            steps.kind, steps.row, steps.first, steps.qubits + 90, steps.wait_ns, *tables_of(scorer)
        )
