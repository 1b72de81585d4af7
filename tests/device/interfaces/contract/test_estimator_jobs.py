"""Clause: jobs and metadata."""

from qiskit import QuantumCircuit
from qiskit.primitives import BasePrimitiveJob, PrimitiveResult, PubResult
from qiskit.providers import JobStatus


def test_a_job_has_a_status_and_a_result_for_each_pub(make_estimator):
    circuit = QuantumCircuit(1, metadata={"mine": 1})
    job = make_estimator().run([(circuit, "Z"), (circuit, ["X", "Y"])])
    assert isinstance(job, BasePrimitiveJob)
    result = job.result()
    assert isinstance(result, PrimitiveResult)
    assert job.status() == JobStatus.DONE
    assert [type(pub) for pub in result] == [PubResult, PubResult]
    assert [pub.data.evs.shape for pub in result] == [(), (2,)]
    assert result.metadata["version"] == 2
    assert result[0].metadata["circuit_metadata"] == {"mine": 1}
    assert len(make_estimator().run([]).result()) == 0
