"""Clause: jobs and metadata."""

from qiskit import QuantumCircuit
from qiskit.primitives import BasePrimitiveJob
from qiskit.providers import JobStatus


def test_a_job_has_a_status_and_a_name(make_sampler):
    circuit = QuantumCircuit(1, metadata={"mine": 1})
    circuit.measure_all()
    sampler = make_sampler()
    one, other = sampler.run([circuit], shots=8), sampler.run([circuit], shots=8)
    assert isinstance(one, BasePrimitiveJob)
    assert one.job_id() != other.job_id()
    result = one.result()
    assert (one.status(), one.done(), one.in_final_state()) == (JobStatus.DONE, True, True)
    assert not one.running()
    assert not one.cancelled()
    assert result.metadata["version"] == 2
    assert result[0].metadata["shots"] == 8
    assert result[0].metadata["circuit_metadata"] == {"mine": 1}
