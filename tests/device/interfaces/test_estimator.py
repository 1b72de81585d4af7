"""What our estimator says beyond the contract (see ``contract/``)."""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from tests.device.interfaces.density_runner import DensityRunner, make_twin

from kakehashi.core.errors import InputError
from kakehashi.device.interfaces.estimator import EstimatorV2
from kakehashi.device.methods.model import Expectation


class Bounded(DensityRunner):
    """Exact, but says less of it."""

    bound: float | None = 0.01

    def expect(self, circuit, observables):
        found = super().expect(circuit, observables)
        return [Expectation(value=e.value, error_bound=self.bound, error="as told") for e in found]


def turned():
    circuit = QuantumCircuit(2)
    circuit.ry(0.4, 0)
    return circuit


def test_the_default_precision_is_that_of_qiskits_estimator_and_means_4096_shots():
    result = EstimatorV2(DensityRunner(make_twin()), rng=1).run([(turned(), "IX")]).result()[0]
    assert (result.metadata["target_precision"], result.metadata["shots"]) == (1 / 64, 4096)
    assert result.data.stds == pytest.approx(np.cos(0.4) / 64, rel=0.05)


def test_error_bars_cover_as_they_should():
    observable = SparsePauliOp(["IX", "IZ", "XI"], [1.0, 0.5, 0.2])
    truth = np.sin(0.4) + 0.5 * np.cos(0.4)
    estimator = EstimatorV2(DensityRunner(make_twin()), default_precision=0.05, rng=3)
    found = [pub.data for pub in estimator.run([(turned(), observable)] * 200).result()]
    pulls = np.array([(data.evs - truth) / data.stds for data in found])
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)


def test_bounds_of_a_method_add_up_by_weight():
    observable = SparsePauliOp(["II", "IX", "IZ"], [3.0, 1.0, -2.0])
    result = EstimatorV2(Bounded(make_twin())).run([(turned(), observable)], precision=0).result()[0]
    assert result.data.stds == pytest.approx(0.03)
    assert result.metadata["errors"] == ["as told"]
    assert result.metadata["shots"] is None


def test_without_a_bound_the_error_is_not_a_number():
    runner = Bounded(make_twin())
    runner.__class__.bound = None
    data = EstimatorV2(runner).run([(turned(), ["IX", "II"])], precision=0).result()[0].data
    assert [math.isnan(error) for error in data.stds] == [True, False]


def test_readout_is_in_the_shots_and_not_in_the_value():
    runner = DensityRunner(make_twin(misread=(0.1, 0.1)))
    exact, sampled = (
        EstimatorV2(runner, rng=1).run([(QuantumCircuit(1), "Z")], precision=p).result()[0].data.evs for p in (0, 0.01)
    )
    assert exact == 1
    assert sampled == pytest.approx(0.8, abs=0.04)


def test_measurements_are_refused_where_there_are_no_shots():
    circuit = turned()
    circuit.measure_all()
    with pytest.raises(InputError, match="pub 0 has measurements"):
        EstimatorV2(DensityRunner(make_twin())).run([(circuit, "IZ")], precision=0)
    value = EstimatorV2(DensityRunner(make_twin()), rng=1).run([(circuit, "IZ")], precision=0.05).result()[0].data.evs
    assert value == pytest.approx(np.cos(0.4), abs=0.2)
