"""The same contract for qiskit's own primitives and for ours: a test that qiskit's fail is a wrong test."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2, StatevectorEstimator, StatevectorSampler
from tests.device.interfaces.density_runner import DensityRunner, make_twin

from kakehashi.device.interfaces.estimator import EstimatorV2
from kakehashi.device.interfaces.sampler import SamplerV2


@pytest.fixture(params=["kakehashi", "qiskit"])
def make_sampler(request: pytest.FixtureRequest) -> Callable[..., BaseSamplerV2]:
    """From ``default_shots`` and ``seed`` to a sampler."""

    def make(*, default_shots: int = 1024, seed: int = 7) -> BaseSamplerV2:
        if request.param == "qiskit":
            return StatevectorSampler(default_shots=default_shots, seed=seed)
        return SamplerV2(DensityRunner(make_twin()), default_shots=default_shots, rng=seed)

    return make


@pytest.fixture(params=["kakehashi", "qiskit"])
def make_estimator(request: pytest.FixtureRequest) -> Callable[..., BaseEstimatorV2]:
    """From ``default_precision`` and ``seed`` to an estimator."""

    def make(*, default_precision: float = 0.0, seed: int = 7) -> BaseEstimatorV2:
        if request.param == "qiskit":
            return StatevectorEstimator(default_precision=default_precision, seed=seed)
        return EstimatorV2(DensityRunner(make_twin()), default_precision=default_precision, rng=seed)

    return make
