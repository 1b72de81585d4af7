"""Extrapolation on a runner whose noise is known, by itself and through mitiq where it is installed."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from tests.device.interfaces.density_runner import DensityRunner, make_twin

from kakehashi.core.errors import InputError
from kakehashi.device.mitigation.zero_noise import as_executor, fold_qiskit, zero_noise

LOSS = 0.02
RUNNER = DensityRunner(make_twin(2), depolarizing=LOSS)


def echo():
    """Six cz on two qubits."""
    circuit = QuantumCircuit(2)
    for k in range(6):
        circuit.rz(0.2 * (k + 1), 0)
        circuit.sx([0, 1])
        circuit.cz(0, 1)
    return circuit


IDEAL = as_executor(DensityRunner(make_twin(2)), "ZX", precision=0)(echo())


def test_values_decay_with_the_scale_as_the_noise_says():
    execute = as_executor(RUNNER, "ZX", precision=0)
    assert abs(IDEAL) > 0.2
    for scale in (1, 3, 5):
        assert execute(fold_qiskit(echo(), scale)) == pytest.approx(IDEAL * (1 - LOSS) ** (6 * scale))


@pytest.mark.parametrize(("degree", "left"), [(1, 0.35), (2, 0.1)])
def test_the_extrapolated_value_is_nearer_to_the_truth(degree, left):
    found = zero_noise(RUNNER, echo(), "ZX", precision=0, degree=degree)
    before, after = (abs(value - IDEAL) for value in (found.unmitigated, found.value))
    assert after < left * before
    assert (found.error, found.unmitigated_error) == (0, 0)


def test_error_bars_cover_the_spread_of_the_shots():
    exact = zero_noise(RUNNER, echo(), "ZX", precision=0).value
    found = [zero_noise(RUNNER, echo(), "ZX", precision=0.05, rng=seed) for seed in range(30)]
    pulls = np.array([(f.value - exact) / f.error for f in found])
    assert np.std(pulls) == pytest.approx(1, abs=0.4)
    assert abs(pulls.mean()) < 0.5
    assert 3 < found[0].overhead < 12
    assert "zero-noise (scales 1, 3, 5, degree 1)" in str(found[0])


def test_too_few_scales_are_refused():
    for scales, degree in (((1, 3), 2), ((1, 1), 1), ((1, 3), 0)):
        with pytest.raises(InputError, match="different scales"):
            zero_noise(RUNNER, echo(), "ZX", scales=scales, degree=degree)


def test_mitiq_extrapolates_with_our_executor_and_our_folding():
    zne = pytest.importorskip("mitiq.zne", exc_type=ImportError)
    execute = as_executor(RUNNER, "ZX", precision=0)
    factory = zne.inference.LinearFactory(scale_factors=[1, 3, 5])
    found = zne.execute_with_zne(echo(), execute, factory=factory, scale_noise=fold_qiskit)
    assert found == pytest.approx(zero_noise(RUNNER, echo(), "ZX", precision=0).value)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No representation found:UserWarning")
def test_mitiq_cancels_errors_with_our_executor():
    pec = pytest.importorskip("mitiq.pec", exc_type=ImportError)
    from mitiq.pec.representations import represent_operation_with_global_depolarizing_noise

    runner = DensityRunner(make_twin(2), depolarizing=0.2)
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cz(0, 1)
    gate = QuantumCircuit(2)
    gate.cz(0, 1)
    known = represent_operation_with_global_depolarizing_noise(gate, noise_level=0.2 * 15 / 16)
    execute = as_executor(runner, "IX", precision=0)
    found = pec.execute_with_pec(circuit, execute, representations=[known], num_samples=100, random_state=1)
    assert execute(circuit) == pytest.approx(0.8)
    assert found == pytest.approx(1.0, abs=0.15)
