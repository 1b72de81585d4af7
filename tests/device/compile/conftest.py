"""What the tests of the compiler share: does a compiled circuit do what the given one does?"""

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from kakehashi.circuit.gates import GateCircuit, Operation, to_qiskit
from kakehashi.device.twins.lattice import heavy_hex_lattice


def overlap_of(circuit, compiled):
    """|<wanted|compiled>|^2, with every qubit outside the final layout back in |0>."""
    used = sorted({*compiled.circuit.used_qubits, *compiled.final_layout})
    place = {q: k for k, q in enumerate(used)}
    small = GateCircuit(
        n_qubits=len(used),
        operations=tuple(
            Operation(name=o.name, qubits=tuple(place[q] for q in o.qubits), parameters=o.parameters, matrix=o.matrix)
            for o in compiled.circuit.operations
            if o.is_unitary
        ),
    )
    wanted = Statevector(circuit.remove_final_measurements(inplace=False)).data
    got = Statevector(to_qiskit(small)).data.reshape([2] * len(used))
    axes = [len(used) - 1 - place[q] for q in compiled.final_layout][::-1]
    rest = [k for k in range(len(used)) if k not in axes]
    got = np.transpose(got, rest + axes).reshape(-1, len(wanted))
    return abs(np.vdot(wanted, got[0])) ** 2


@pytest.fixture(scope="session")
def overlap():
    return overlap_of


@pytest.fixture(scope="session")
def heavy_hex():
    """Edges of the heavy-hex lattice of 8 rows of 16 qubits with 4 between them: IBM's Heron, 156 qubits."""
    return [tuple(edge) for edge in heavy_hex_lattice().edges.tolist()]
