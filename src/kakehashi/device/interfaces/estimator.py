"""qiskit's ``EstimatorV2``: circuits and observables in, expectation values with error bars out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from qiskit.primitives import BaseEstimatorV2, DataBin, PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from kakehashi.circuit.gates import GateCircuit, from_qiskit
from kakehashi.core.errors import InputError
from kakehashi.core.rng import RngLike, as_generator
from kakehashi.device.interfaces.backend import TwinBackend
from kakehashi.device.interfaces.primitive import start_job
from kakehashi.device.interfaces.runner import Runner
from kakehashi.device.interfaces.terms import IDENTITY, combine, group_terms, read_observable, signs, with_measurement
from kakehashi.device.methods.model import Observable

__all__ = ["EstimatorV2"]

Weights: TypeAlias = Mapping[Observable, float]
Estimate: TypeAlias = tuple[float, float]

DEFAULT_PRECISION = 1 / 64


class EstimatorV2(BaseEstimatorV2):  # type: ignore[misc]
    """Estimates expectation values on a device.

    A precision above 0 means shots: ``ceil(1 / precision**2)`` of each measured basis, as qiskit's and IBM's estimators
    take them, with the errors of readout in them; ``stds`` are then the standard errors that the shots show. A
    precision of 0 means the expectation value itself, with the noise of the gates and without readout, where the device
    has a method for it; ``stds`` are then that method's error bounds, and not-a-number where it has none.

    Args:
        mode: The device, or a :class:`~kakehashi.device.interfaces.backend.TwinBackend` of it.
        default_precision: Precision where neither the pub nor the call says one.
        rng: For the shots.

    Attributes:
        runner: The device.
        default_precision: As given.

    Example:
        >>> from qiskit import QuantumCircuit, transpile
        >>> from qiskit.quantum_info import SparsePauliOp
        >>> from kakehashi import TwinDevice, load_twin
        >>> backend = TwinBackend(TwinDevice(load_twin("ibm-kobe")))
        >>> bell = QuantumCircuit(2)
        >>> _ = bell.h(0), bell.cx(0, 1)
        >>> isa = transpile(bell, backend, seed_transpiler=1)
        >>> observable = SparsePauliOp("ZZ").apply_layout(isa.layout)
        >>> result = EstimatorV2(backend).run([(isa, observable)], precision=0).result()[0]
        >>> bool(0.98 < result.data.evs < 1)
        True
    """

    def __init__(
        self, mode: Runner | TwinBackend, *, default_precision: float = DEFAULT_PRECISION, rng: RngLike = None
    ) -> None:
        self.runner: Runner = mode.runner if isinstance(mode, TwinBackend) else mode
        self.default_precision = default_precision
        self._rng = as_generator(rng)

    def run(self, pubs: Iterable[Any], *, precision: float | None = None) -> Any:
        """Submit a job.

        Args:
            pubs: Tuples ``(circuit, observables, parameter values, precision)`` whose later parts may be left out.
                Observables of a transpiled circuit are given its layout with ``apply_layout(circuit.layout)``.
            precision: Precision of the pubs that say none.

        Returns:
            A ``PrimitiveJob`` whose result holds for each pub arrays ``evs`` and ``stds``.

        Raises:
            TypeError: A pub is none.
            ValueError: A pub's observables or values do not fit its circuit, or a precision is negative.
        """
        wanted = self.default_precision if precision is None else precision
        coerced = [EstimatorPub.coerce(pub, wanted) for pub in pubs]
        for number, pub in enumerate(coerced):
            if pub.precision == 0 and pub.circuit.count_ops().get("measure", 0):
                raise InputError(
                    f"The circuit of pub {number} has measurements, and an expectation value without shots has none; "
                    "remove them, or ask for a precision above 0."
                )
        return start_job(self.runner, coerced, self._rng, self._run_pub)

    def _run_pub(self, pub: Any, rng: np.random.Generator) -> Any:
        shape = pub.parameter_values.shape
        indices = np.empty(shape, dtype=object)
        for index in np.ndindex(shape):
            indices[index] = index
        wanted = np.broadcast_arrays(indices, pub.observables.sparse_observables_array())
        weights = {id(observable): read_observable(observable) for observable in wanted[1].flat}
        evs, stds = np.zeros(wanted[0].shape), np.zeros(wanted[0].shape)
        n_shots = math.ceil(1 / pub.precision**2) if pub.precision else None
        errors: list[str] = []
        for index in np.ndindex(shape):
            # Every observable that meets this binding shares its circuits.
            places = [place for place in np.ndindex(evs.shape) if wanted[0][place] == index]
            circuit = from_qiskit(pub.parameter_values.bind(pub.circuit, index), clock_ns=self.runner.twin.clock_ns)
            sums = [weights[id(wanted[1][place])] for place in places]
            if n_shots is None:
                estimates = self._exact(circuit, sums, errors)
            else:
                estimates = self._sampled(circuit, sums, n_shots, rng, errors)
            for place, (value, error) in zip(places, estimates, strict=True):
                evs[place], stds[place] = value, error
        metadata = {
            "target_precision": pub.precision,
            "circuit_metadata": pub.circuit.metadata,
            "shots": n_shots,
            "errors": errors,
        }
        return PubResult(DataBin(evs=evs, stds=stds, shape=evs.shape), metadata=metadata)

    def _exact(self, circuit: GateCircuit, sums: Sequence[Weights], errors: list[str]) -> list[Estimate]:
        terms = sorted({term for weights in sums for term in weights} - {IDENTITY}, key=lambda term: term.paulis)
        known: dict[Observable, Estimate] = {IDENTITY: (1.0, 0.0)}
        for term, found in zip(terms, self.runner.expect(circuit, terms) if terms else (), strict=True):
            known[term] = (found.value, math.nan if found.error_bound is None else found.error_bound)
            if found.error not in errors:
                errors.append(found.error)
        return [
            (
                sum(weight * known[term][0] for term, weight in weights.items()),
                sum(abs(weight) * known[term][1] for term, weight in weights.items()),
            )
            for weights in sums
        ]

    def _sampled(
        self,
        circuit: GateCircuit,
        sums: Sequence[Weights],
        n_shots: int,
        rng: np.random.Generator,
        errors: list[str],
    ) -> list[Estimate]:
        measured = []
        for basis in group_terms(term for weights in sums for term in weights):
            shots = self.runner.run_gates(with_measurement(circuit, basis), n_shots, rng=rng)
            measured.append((basis, shots, signs(shots, basis)))
            said = str(shots.provenance.get("error", ""))
            if said and said not in errors:
                errors.append(said)
        return [combine(weights, measured) for weights in sums]
