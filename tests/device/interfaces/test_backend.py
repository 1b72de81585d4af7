"""The backend is one for qiskit's transpiler, for its old way of running, and for its wrappers."""

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.transpiler import generate_preset_pass_manager
from tests.device.interfaces.density_runner import DensityRunner, make_twin
from tests.device.interfaces.target import make_target

from kakehashi.circuit.gates import from_qiskit
from kakehashi.core.errors import InputError
from kakehashi.device.interfaces.backend import TwinBackend
from kakehashi.device.interfaces.estimator import EstimatorV2
from kakehashi.device.interfaces.sampler import SamplerV2
from kakehashi.device.noise.fit import require_fit
from kakehashi.device.twin_device import TwinDevice
from kakehashi.device.twins.library import load_twin


def backend(n_qubits=5, **changes):
    runner = DensityRunner(make_twin(n_qubits, **changes))
    return TwinBackend(runner, target=make_target(runner.twin), rng=1)


def ghz(n_qubits=3):
    circuit = QuantumCircuit(n_qubits)
    circuit.h(0)
    for q in range(1, n_qubits):
        circuit.cx(0, q)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("gate", ["cz", "cx", "ecr"])
def test_circuits_are_compiled_to_what_the_device_has(level, gate):
    device = backend(gate=gate, directed=gate != "cz")
    isa = transpile(ghz(4), device, optimization_level=level, seed_transpiler=1)
    pairs = {tuple(pair) for pair in device.runner.twin.edges.tolist()}
    pairs |= {pair[::-1] for pair in pairs} if gate == "cz" else set()
    for operation in from_qiskit(isa):
        assert operation.name in ("rz", "sx", "x", gate, "measure", "barrier")
        assert len(operation.qubits) != 2 or operation.name == "barrier" or operation.qubits in pairs
    counts = device.run(isa, shots=100).result().get_counts()
    assert set(counts) == {"0000", "1111"}


def test_dead_edges_and_absent_qubits_are_not_used():
    twin = make_twin(6)
    errors = twin.edge_error.copy()
    errors[2] = 1.0
    calibration = {f: getattr(twin.calibration, f) for f in twin.calibration.__slots__}
    calibration["gate_error"] = {**twin.calibration.gate_error, "cz": errors}
    present = np.array([True, True, True, True, True, False])
    changed = make_twin(6, calibration=type(twin.calibration)(**calibration), present=present)
    device = TwinBackend(DensityRunner(changed), target=make_target(changed))
    isa = transpile(ghz(3), device, optimization_level=3, seed_transpiler=1)
    assert set(from_qiskit(isa).used_qubits) == {0, 1, 2}
    assert (2, 3) not in device.target["cz"]
    assert (5,) not in device.target["reset"]


@pytest.mark.parametrize("name", ["osaka-144", "fujitsu-1024"])
@pytest.mark.parametrize(
    "options", [{"optimization_level": 0, "layout_method": "kakehashi"}, {"optimization_level": 1}]
)
def test_absent_qubits_in_the_way_are_gone_round(name, options):
    """Qubits 0 to 19 are not connected there, which is where level 0 puts a circuit unless a layout is named."""
    device = TwinDevice(load_twin(name))
    isa = transpile(ghz(20), TwinBackend(device), seed_transpiler=1, **options)
    require_fit(from_qiskit(isa), device.twin)
    assert TwinBackend(device, rng=1).run(isa, shots=10).result().results[0].shots == 10


def test_resets_delays_and_conditions_pass_the_transpiler():
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.reset(0)
    circuit.delay(200, 0, unit="ns")
    circuit.measure([0, 1], [0, 1])
    device = backend()
    isa = generate_preset_pass_manager(optimization_level=1, backend=device, seed_transpiler=1).run(circuit)
    assert set(device.run(isa, shots=50).result().get_counts()) == {"00", "10"}


def test_results_have_counts_and_memory_by_register():
    first, second = ClassicalRegister(2, "first"), ClassicalRegister(1, "second")
    circuit = QuantumCircuit(QuantumRegister(3), first, second, name="mine", metadata={"k": 1})
    circuit.x([1, 2])
    circuit.measure([0, 1, 2], [0, 1, 2])
    result = backend().run([circuit, circuit], shots=3, memory=True).result()
    assert result.get_counts(0) == {"1 10": 3}
    assert result.get_counts(1) == {"1 10": 3}
    assert result.get_memory(0) == ["1 10"] * 3
    assert (result.success, result.results[0].shots, result.backend_name) == (True, 3, "line")


def test_qiskit_can_wrap_it():
    device = backend()
    sampled = BackendSamplerV2(backend=device).run([transpile(ghz(), device, seed_transpiler=1)], shots=64).result()
    assert set(sampled[0].data.meas.get_counts()) == {"000", "111"}
    circuit = QuantumCircuit(2)
    circuit.ry(0.4, 0)
    isa = transpile(circuit, device, seed_transpiler=1)
    observable = "Z" if isa.num_qubits == 1 else "I" * (isa.num_qubits - 1) + "Z"
    estimated = BackendEstimatorV2(backend=device).run([(isa, observable)], precision=0.02).result()
    assert np.isfinite(estimated[0].data.evs)


def test_the_primitives_take_the_backend():
    device = backend()
    isa = transpile(ghz(), device, seed_transpiler=1)
    assert SamplerV2(device).run([isa], shots=4).result().metadata["device"] == "line"
    assert EstimatorV2(mode=device).runner is device.runner


def test_seeds_repeat_and_jobs_follow_each_other():
    device, circuit = backend(), ghz(2)
    one, other = (device.run(circuit, shots=200, seed_simulator=3).result().get_counts() for _ in range(2))
    assert one == other
    assert len({str(device.run(circuit, shots=200).result().get_counts()) for _ in range(5)}) > 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"shots": 0}, "must be a whole number of at least 1, but is 0"),
        ({"noise_model": 1}, "has no option 'noise_model'"),
    ],
)
def test_options_that_are_wrong(options, sentence):
    with pytest.raises(InputError, match=sentence):
        backend().run(ghz(), **options)


def test_circuits_without_bits_or_with_free_parameters_are_refused():
    from qiskit.circuit import Parameter

    with pytest.raises(InputError, match="without classical bits"):
        backend().run(QuantumCircuit(1))
    circuit = QuantumCircuit(1, 1)
    circuit.rx(Parameter("theta"), 0)
    with pytest.raises(InputError, match="free parameters"):
        backend().run(circuit)


def test_the_target_is_the_twins_where_none_is_given():
    device = TwinBackend(DensityRunner(make_twin()))
    assert device.num_qubits == 5
    assert device.target["cz"][0, 1].duration == pytest.approx(68e-9)
    assert {"reset", "if_else", "delay", "measure"} <= set(device.operation_names)
    isa = transpile(ghz(), device, optimization_level=3, seed_transpiler=1)
    assert set(device.run(isa, shots=20).result().get_counts()) == {"000", "111"}
