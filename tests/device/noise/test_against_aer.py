"""Qiskit schedules and Qiskit Aer simulates the same circuits with the same numbers, and both agree with us."""

from __future__ import annotations

import numpy as np
import pytest
import qiskit
from qiskit.circuit import Delay, Measure, Parameter
from qiskit.circuit.library import CZGate, RZGate, SXGate, XGate
from qiskit.providers import BackendV2, Options
from qiskit.quantum_info import SuperOp
from qiskit.transpiler import InstructionProperties, QubitProperties, Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import thermal_relaxation_error
from qiskit_aer.noise.device import basic_device_gate_errors

from kakehashi.circuit.gates import to_qiskit
from kakehashi.device.noise.attach import attach_noise
from kakehashi.device.noise.compact import touched_qubits
from kakehashi.device.noise.density import evolve_density
from kakehashi.device.noise.options import NoiseOptions


class Processor(BackendV2):
    """A twin as Qiskit knows processors: what a noise model of Aer is made from."""

    def __init__(self, twin):
        super().__init__(name=twin.name)
        given = twin.calibration
        qubits = range(twin.n_qubits)
        self._target = Target(
            num_qubits=twin.n_qubits,
            dt=1e-9,
            qubit_properties=[QubitProperties(t1=1e-6 * given.t1_us[q], t2=1e-6 * given.t2_us[q]) for q in qubits],
        )
        for name, gate in (("sx", SXGate()), ("x", XGate()), ("rz", RZGate(Parameter("angle")))):
            properties = {
                (q,): InstructionProperties(duration=1e-9 * given.gate_ns[name][q], error=given.gate_error[name][q])
                for q in qubits
            }
            self._target.add_instruction(gate, properties)
        both = {}
        for k, (a, b) in enumerate(twin.edges.tolist()):
            both[a, b] = both[b, a] = InstructionProperties(
                duration=1e-9 * given.gate_ns["cz"][k], error=given.gate_error["cz"][k]
            )
        self._target.add_instruction(CZGate(), both)
        readout = {(q,): InstructionProperties(duration=1e-9 * given.readout_ns[q], error=0.0) for q in qubits}
        self._target.add_instruction(Measure(), readout)
        self._target.add_instruction(Delay(Parameter("duration")), {(q,): None for q in qubits})

    @property
    def target(self):
        return self._target

    @property
    def max_circuits(self):
        return None

    @classmethod
    def _default_options(cls):
        return Options()

    def run(self, run_input, **options):
        raise NotImplementedError


def aer_density(circuit, twin, policy):
    """Density matrix before the measurements.

    The errors are Aer's own, made from the target. They go into the circuit as maps: simulated through a noise model
    instead, Aer's result differs from this one by up to 2e-9.
    """
    processor = Processor(twin)
    scheduled = qiskit.transpile(
        to_qiskit(circuit),
        processor,
        optimization_level=0,
        scheduling_method=policy,
        initial_layout=list(range(twin.n_qubits)),
    )
    given = twin.calibration
    errors = {
        (name, tuple(qubits)): SuperOp(error)
        for name, qubits, error in basic_device_gate_errors(target=processor.target)
        if name != "measure"
    }
    noisy = scheduled.copy_empty_like()
    for instruction in scheduled.data:
        name, on = instruction.operation.name, tuple(scheduled.find_bit(q).index for q in instruction.qubits)
        if name == "measure":
            continue
        noisy.append(instruction.operation, instruction.qubits)
        if name == "delay":
            lifetimes = 1e3 * given.t1_us[on[0]], 1e3 * given.t2_us[on[0]]
            waited = thermal_relaxation_error(*lifetimes, instruction.operation.duration)
            noisy.append(SuperOp(waited).to_instruction(), instruction.qubits)
        elif (name, on) in errors:
            noisy.append(errors[name, on].to_instruction(), instruction.qubits)
    noisy.save_density_matrix()
    result = AerSimulator(method="density_matrix").run(noisy, shots=1).result()
    return np.asarray(result.data(0)["density_matrix"])


@pytest.mark.parametrize(
    ("n_qubits", "seed", "policy", "relaxed"),
    [(3, 1, "alap", False), (4, 2, "asap", False), (5, 3, "alap", False), (6, 4, "alap", False), (4, 5, "alap", True)],
)
def test_the_noisy_state_is_that_of_aer(uneven_twin, random_circuit, n_qubits, seed, policy, relaxed):
    twin = uneven_twin(n_qubits, relaxed=relaxed)
    circuit = random_circuit(twin, 12 * n_qubits, seed=seed)
    expected = aer_density(circuit, twin, policy)
    # Aer leaves relaxation whole where it alone exceeds the error, and thinks of no crosstalk.
    noisy = attach_noise(
        circuit, twin, options=NoiseOptions(twirl=False, crosstalk="off", policy=policy, excess="keep", readout=False)
    )
    assert touched_qubits(noisy) == tuple(range(n_qubits))
    (ours,) = evolve_density(noisy).values()
    assert np.abs(ours.reshape(2**n_qubits, -1) - expected).max() < 1e-10
    assert 1 - np.trace(expected @ expected).real > 0.01  # noise that can be seen
