"""Clause: a pub's precision goes before the call's, and that before the default; results vary by about so much."""

import numpy as np
import pytest
from qiskit import QuantumCircuit


def half():
    circuit = QuantumCircuit(1)
    circuit.ry(1.0, 0)
    return circuit


def test_whose_precision_counts(make_estimator):
    estimator = make_estimator(default_precision=0.3)
    pubs = [(half(), "Z"), (half(), "Z", None, 0.1)]
    taken = [
        [pub.metadata["target_precision"] for pub in estimator.run(pubs, precision=precision).result()]
        for precision in (None, 0.2)
    ]
    assert taken == [[0.3, 0.1], [0.2, 0.1]]


def test_values_spread_by_the_precision_at_most(make_estimator):
    observables = [["X"]] * 1
    evs = [
        float(make_estimator(seed=seed).run([(half(), observables, None, 0.1)]).result()[0].data.evs[0, 0])
        for seed in range(40)
    ]
    assert np.mean(evs) == pytest.approx(np.sin(1.0), abs=0.06)
    assert 0.02 < np.std(evs) < 0.15


def test_precision_zero_is_the_value_itself(make_estimator):
    data = make_estimator().run([(half(), "X")], precision=0).result()[0].data
    assert float(data.evs) == pytest.approx(np.sin(1.0), abs=1e-12)
    assert float(data.stds) == 0


def test_a_negative_precision_is_refused(make_estimator):
    with pytest.raises(ValueError, match="non-negative"):
        make_estimator().run([(half(), "X")], precision=-0.1)


def test_equal_seeds_give_equal_values(make_estimator):
    one, other = (make_estimator(seed=5).run([(half(), "X")], precision=0.1).result()[0].data.evs for _ in range(2))
    assert one == other
