"""A device with the faces that other packages know: qiskit's backend, sampler and estimator."""
