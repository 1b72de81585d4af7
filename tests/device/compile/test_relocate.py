import itertools

import numpy as np
import pytest

from kakehashi.device.compile.example import example_twin
from kakehashi.device.compile.relocate import find_better_place
from kakehashi.device.compile.score import Scorer
from kakehashi.device.compile.steps import read_steps


@pytest.mark.parametrize("directed", [False, True])
def test_a_circuit_moves_to_better_edges(directed):
    twin = example_twin(5, spread=1.0, directed=directed)
    scorer = Scorer(twin)
    worst = int(np.argmax(twin.edge_error))
    pair = tuple(int(q) for q in twin.edges[worst])
    steps = [(twin.two_qubit_gate, pair, 0.0)] * 3 + [("measure", (q,), 0.0) for q in pair]
    place, after = find_better_place(read_steps(steps, scorer), scorer)
    assert after.log_esp > scorer(steps).log_esp
    assert tuple(place[q] for q in pair) in scorer.log_two


def test_the_best_place_is_not_left():
    twin = example_twin(3)
    steps = [("cz", (0, 1), 0.0)]
    scorer = Scorer(twin)
    assert find_better_place(read_steps(steps, scorer), scorer) is None
    assert find_better_place(read_steps([("x", (0,), 0.0)], scorer), scorer) is None


def test_the_best_of_all_places_of_a_small_chain_is_found():
    twin = example_twin(4, spread=1.0, rng=5)
    scorer = Scorer(twin)
    steps = [("cz", pair, 0.0) for pair in ((0, 1), (1, 2), (2, 3))] * 2 + [("measure", (q,), 0.0) for q in range(4)]
    edges = {*map(tuple, twin.edges.tolist()), *(tuple(pair[::-1]) for pair in twin.edges.tolist())}
    best = max(
        scorer((name, tuple(place[q] for q in on), t) for name, on, t in steps).log_esp
        for place in itertools.permutations(range(16), 4)
        if all(pair in edges for pair in itertools.pairwise(place))
    )
    assert find_better_place(read_steps(steps, scorer), scorer)[1].log_esp == pytest.approx(best, abs=1e-12)


def test_qubits_without_a_partner_come_along():
    twin = example_twin(4, spread=1.0, rng=1)
    scorer = Scorer(twin)
    pair = tuple(int(q) for q in twin.edges[int(np.argmax(twin.edge_error))])
    alone = next(q for q in range(16) if q not in pair)
    steps = [("cz", pair, 0.0)] * 4 + [("rz", (alone,), 0.0), ("measure", (alone,), 0.0), ("measure", (pair[0],), 0.0)]
    place, _ = find_better_place(read_steps(steps, scorer), scorer)
    assert len(set(place.values())) == len(place) == 3
