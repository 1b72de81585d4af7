"""What our sampler says beyond the contract (see ``contract/``)."""

from qiskit import QuantumCircuit
from tests.device.interfaces.density_runner import DensityRunner, make_twin

from kakehashi.device.interfaces.sampler import SamplerV2


def test_results_say_where_they_come_from():
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    result = SamplerV2(DensityRunner(make_twin())).run([circuit], shots=3).result()
    assert result.metadata == {"version": 2, "device": "line", "assumed": False}
    assert result[0].metadata["provenance"] == [{"device": "density", "error": "none"}]


def test_misreading_shows():
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    runner = DensityRunner(make_twin(misread=(0.25, 0.0)))
    counts = SamplerV2(runner, rng=1).run([circuit], shots=4000).result()[0].data.meas.get_counts()
    assert 900 < counts["1"] < 1100


def test_jobs_of_one_sampler_follow_each_other_in_its_stream():
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    samplers = [SamplerV2(DensityRunner(make_twin()), rng=1) for _ in range(2)]
    bits = [[s.run([circuit], shots=50).result()[0].data.meas for _ in range(2)] for s in samplers]
    assert bits[0] == bits[1]
    assert bits[0][0] != bits[0][1]
