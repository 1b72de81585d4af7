"""What a twin cannot run is refused in one sentence that names it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.core.errors import InputError
from kakehashi.device.noise.example import line_twin
from kakehashi.device.noise.fit import number_edges, require_fit


def circuit(name, *qubits, n_qubits=4, **more):
    return GateCircuit(n_qubits=n_qubits, operations=(Operation(name=name, qubits=qubits, **more),))


def broken_twin():
    """Qubit 3 is absent, the edge 0-1 is dead, that of 2-3 has no known error."""
    twin = line_twin(4)
    error = {**twin.calibration.gate_error, "cz": np.array([1.0, 0.004, np.nan])}
    present = np.array([True, True, True, False])
    return replace(twin, present=present, calibration=replace(twin.calibration, gate_error=error))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (circuit("h", 0), "The twin 'line-4' has no gate 'h'; compile the circuit to sx, x, rz, cz first."),
        (circuit("cx", 0, 1), "The twin 'line-4' has no gate 'cx'; compile the circuit to sx, x, rz, cz first."),
        (circuit("sx", 3), "Qubit 3 of the twin 'line-4' does not work, but the circuit uses it."),
        (circuit("measure", 3), "Qubit 3 of the twin 'line-4' does not work, but the circuit uses it."),
        (circuit("cz", 0, 2), "The twin 'line-4' does not couple qubits 0 and 2 of a 'cz'."),
        (
            circuit("cz", 1, 0),
            "The circuit has a 'cz' on the edge 1-0 of the twin 'line-4', whose error is 1, and from 0.5 on an edge "
            "counts as dead.",
        ),
        (circuit("sx", 6, n_qubits=7), "The circuit uses qubit 6, but the twin 'line-4' has 4 qubits."),
    ],
)
def test_refusals(given, sentence):
    with pytest.raises(InputError) as caught:
        require_fit(given, broken_twin())
    assert str(caught.value) == sentence


def test_an_edge_whose_error_is_not_known_is_refused():
    twin = replace(broken_twin(), present=np.ones(4, dtype=bool))
    with pytest.raises(InputError, match="whose error is not known"):
        require_fit(circuit("cz", 2, 3), twin)


def directed_twin():
    twin = line_twin(3)
    gate_error, gate_ns = dict(twin.calibration.gate_error), dict(twin.calibration.gate_ns)
    gate_error["cx"], gate_ns["cx"] = gate_error.pop("cz"), gate_ns.pop("cz")
    calibration = replace(twin.calibration, gate_error=gate_error, gate_ns=gate_ns, leakage={})
    return replace(twin, directed=True, two_qubit_gate="cx", calibration=calibration)


def test_the_direction_counts_where_the_gate_has_one():
    require_fit(circuit("cx", 0, 1), directed_twin())
    with pytest.raises(InputError, match="from qubit 0 to qubit 1 only"):
        require_fit(circuit("cx", 1, 0), directed_twin())
    require_fit(circuit("cz", 1, 0), replace(line_twin(3), directed=True))


def test_barriers_and_delays_may_lie_anywhere():
    require_fit(circuit("barrier", 0, 1, 2, 3), broken_twin())
    require_fit(circuit("delay", 3, parameters=(100.0,)), broken_twin())


def test_both_directions_of_an_edge_have_their_own_number():
    twin = line_twin(2)
    calibration = replace(
        twin.calibration,
        gate_error={**twin.calibration.gate_error, "cz": np.array([0.01, 0.02])},
        gate_ns={**twin.calibration.gate_ns, "cz": np.array([80.0, 90.0])},
    )
    both = replace(twin, edges=np.array([[0, 1], [1, 0]]), calibration=calibration)
    assert number_edges(both) == {(0, 1): 0, (1, 0): 1}
    assert number_edges(twin) == {(0, 1): 0, (1, 0): 0}
