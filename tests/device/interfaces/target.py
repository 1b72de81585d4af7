"""A Target of a twin for tests that do not ask how the library makes it."""

from __future__ import annotations

from typing import Any

import numpy as np
from qiskit.circuit import Delay, Measure, Parameter
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

from kakehashi.device.twins.model import Twin


def make_target(twin: Twin) -> Any:
    given, gates = twin.calibration, get_standard_gate_name_mapping()
    qubits = np.flatnonzero(twin.present).tolist()
    pairs = [tuple(edge) for edge in twin.edges[twin.usable_edges].tolist()]
    if not twin.directed:
        pairs += [(b, a) for a, b in pairs]
    target = Target(
        num_qubits=twin.n_qubits,
        dt=1e-9 * twin.clock_ns,
        qubit_properties=[
            QubitProperties(t1=1e-6 * a, t2=1e-6 * b) for a, b in zip(given.t1_us, given.t2_us, strict=True)
        ],
    )
    for name in twin.one_qubit_gates:
        error, duration = (table.get(name, np.zeros(twin.n_qubits)) for table in (given.gate_error, given.gate_ns))
        target.add_instruction(gates[name], {(q,): InstructionProperties(1e-9 * duration[q], error[q]) for q in qubits})
    where = {frozenset(edge): k for k, edge in enumerate(twin.edges.tolist())}
    duration = given.gate_ns[twin.two_qubit_gate]
    target.add_instruction(
        gates[twin.two_qubit_gate],
        {
            pair: InstructionProperties(1e-9 * duration[k], twin.edge_error[k])
            for pair in pairs
            for k in (where[frozenset(pair)],)
        },
    )
    misread = (given.prob_meas0_prep1 + given.prob_meas1_prep0) / 2
    target.add_instruction(
        Measure(), {(q,): InstructionProperties(1e-9 * given.readout_ns[q], misread[q]) for q in qubits}
    )
    target.add_instruction(Delay(Parameter("t")), {(q,): None for q in qubits})
    return target
