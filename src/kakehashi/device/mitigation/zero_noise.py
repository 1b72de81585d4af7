"""Extrapolation to zero noise: an expectation value at several scales of the noise, and what they point to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kakehashi.circuit.gates import GateCircuit, from_qiskit, to_qiskit
from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.interfaces.estimator import DEFAULT_PRECISION, EstimatorV2
from kakehashi.device.interfaces.runner import Runner
from kakehashi.device.mitigation.folding import fold
from kakehashi.device.mitigation.model import Mitigated

__all__ = ["as_executor", "fold_qiskit", "zero_noise"]


def as_executor(
    runner: Runner, observable: Any, *, precision: float = DEFAULT_PRECISION, rng: RngLike = None
) -> Callable[[Any], float]:
    """A function from a circuit to an expectation value, as mitiq and others want one.

    Args:
        runner: The device.
        observable: For qiskit's estimators, as wide as the circuits.
        precision: Of each value, or 0 for values without shots.
        rng: For the shots.

    Returns:
        The function; it takes a ``qiskit.QuantumCircuit`` without measurements.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> from kakehashi import TwinDevice, load_twin
        >>> circuit = QuantumCircuit(156)
        >>> _ = circuit.x(7)
        >>> execute = as_executor(TwinDevice(load_twin("ibm-kobe")), "I" * 148 + "Z" + "I" * 7, precision=0)
        >>> -1 < execute(circuit) < -0.999
        True
    """
    estimator = EstimatorV2(runner, default_precision=precision, rng=rng)

    def execute(circuit: Any) -> float:
        return float(estimator.run([(circuit, observable)]).result()[0].data.evs)

    return execute


def fold_qiskit(circuit: Any, scale: float) -> Any:
    """:func:`~kakehashi.device.mitigation.folding.fold` for qiskit circuits: mitiq's argument ``scale_noise``.

    It keeps native gates native and qubits where they are, which mitiq's own functions do not.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> circuit = QuantumCircuit(1)
        >>> _ = circuit.sx(0)
        >>> dict(fold_qiskit(circuit, 3).count_ops())
        {'sx': 3, 'rz': 2}
    """
    return to_qiskit(fold(from_qiskit(circuit), scale))


def zero_noise(
    runner: Runner,
    circuit: GateCircuit | Any,
    observable: Any,
    *,
    scales: Sequence[float] = (1, 3, 5),
    degree: int = 1,
    precision: float = DEFAULT_PRECISION,
    rng: RngLike = None,
) -> Mitigated:
    """An expectation value, extrapolated to zero noise by a polynomial.

    The polynomial is an assumption: where the noise is strong the value decays as an exponential, and what is left of
    that is a bias which the error bar does not hold.

    Args:
        runner: The device. It must run circuits as they are: a compiler would undo the folding.
        circuit: In native gates on physical qubits, without measurements; of this project or of qiskit.
        observable: For qiskit's estimators, as wide as the circuit.
        scales: By which factors to make the noise larger; the smallest is that of the unmitigated value.
        degree: Of the polynomial.
        precision: Of each value, or 0 for values without shots.
        rng: For the shots.

    Raises:
        InputError: There are too few different scales for the degree, or one is below 1.

    Example:
        >>> from kakehashi import TwinDevice, load_twin
        >>> from kakehashi.circuit.gates import Operation
        >>> device = TwinDevice(load_twin("ibm-kobe"))
        >>> flips = (Operation(name="x", qubits=(7,)),) * 101
        >>> circuit = GateCircuit(n_qubits=156, operations=flips)
        >>> observable = "I" * 148 + "Z" + "I" * 7
        >>> found = zero_noise(device, circuit, observable, precision=0, degree=2)
        >>> abs(found.value + 1) < abs(found.unmitigated + 1) / 10
        True
    """
    if len(set(scales)) <= degree or degree < 1:
        raise InputError(
            f"A polynomial of degree {degree} needs at least {max(degree, 1) + 1} different scales, not {list(scales)}."
        )
    given = circuit if isinstance(circuit, GateCircuit) else from_qiskit(circuit, clock_ns=runner.twin.clock_ns)
    ordered = sorted(set(scales))
    estimator = EstimatorV2(runner, default_precision=precision, rng=as_generator(rng))
    folded = [fold(given, scale) for scale in ordered]
    found = estimator.run([(to_qiskit(f), observable) for f in folded]).result()
    values, errors = (np.array([float(pub.data[name]) for pub in found]) for name in ("evs", "stds"))
    # The scales that folding reached, counted in the gates that make most of the noise.
    counts = np.array([f.n_two_qubit_gates or len(f) for f in folded], dtype=np.float64)
    reached = counts / max(given.n_two_qubit_gates or len(given), 1)
    weights = np.linalg.pinv(np.vander(reached, degree + 1, increasing=True))[0]
    error = float(np.sqrt(weights**2 @ errors**2))
    n_runs = len(ordered)
    return Mitigated(
        value=float(weights @ values),
        error=error,
        unmitigated=float(values[0]),
        unmitigated_error=float(errors[0]),
        overhead=n_runs * (error / errors[0]) ** 2 if errors[0] > 0 else float(n_runs * (weights**2).sum()),
        method=f"zero-noise (scales {', '.join(f'{scale:g}' for scale in reached)}, degree {degree})",
    )
