"""Clause: a transpiled circuit with the observable in its layout gives what the circuit gave before."""

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import CouplingMap


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("precision", [0.0, 0.02])
def test_the_value_survives_the_layout(make_estimator, level, precision):
    circuit = QuantumCircuit(3)
    circuit.ry(0.3, 0), circuit.ry(0.9, 1), circuit.cx(0, 2), circuit.cx(1, 2), circuit.cx(0, 1), circuit.rx(0.2, 2)
    observable = SparsePauliOp(["ZIX", "YZI", "IIZ", "ZZZ"], [1.0, 0.5, -0.3, 0.7])
    isa = transpile(
        circuit,
        basis_gates=["rz", "sx", "x", "cz"],
        coupling_map=CouplingMap.from_line(5),
        optimization_level=level,
        seed_transpiler=3,
        initial_layout=[4, 0, 2],
    )
    estimator = make_estimator()
    before = estimator.run([(circuit, observable)], precision=0).result()[0].data.evs
    after = estimator.run([(isa, observable.apply_layout(isa.layout))], precision=precision).result()[0].data.evs
    assert after == pytest.approx(np.asarray(before), abs=max(8 * precision, 1e-9))
