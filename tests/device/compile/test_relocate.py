import numpy as np
import pytest

from kakehashi.device.compile.example import example_twin
from kakehashi.device.compile.relocate import find_better_place
from kakehashi.device.compile.score import Scorer


@pytest.mark.parametrize("directed", [False, True])
def test_a_circuit_moves_to_better_edges(directed):
    twin = example_twin(5, spread=1.0, directed=directed)
    scorer = Scorer(twin)
    worst = int(np.argmax(twin.edge_error))
    pair = tuple(int(q) for q in twin.edges[worst])
    steps = [(twin.two_qubit_gate, pair, 0.0)] * 3 + [("measure", (q,), 0.0) for q in pair]
    place, after = find_better_place(steps, scorer)
    assert after.log_esp > scorer(steps).log_esp
    assert tuple(place[q] for q in pair) in scorer.log_two


def test_the_best_place_is_not_left():
    twin = example_twin(3)
    steps = [("cz", (0, 1), 0.0)]
    assert find_better_place(steps, Scorer(twin)) is None
    assert find_better_place([("x", (0,), 0.0)], Scorer(twin)) is None


def test_qubits_without_a_partner_come_along():
    twin = example_twin(4, spread=1.0, rng=1)
    scorer = Scorer(twin)
    pair = tuple(int(q) for q in twin.edges[int(np.argmax(twin.edge_error))])
    alone = next(q for q in range(16) if q not in pair)
    steps = [("cz", pair, 0.0)] * 4 + [("rz", (alone,), 0.0), ("measure", (alone,), 0.0), ("measure", (pair[0],), 0.0)]
    place, _ = find_better_place(steps, scorer)
    assert len(set(place.values())) == len(place) == 3
