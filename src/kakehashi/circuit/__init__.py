"""Circuits: the ansatz that is sampled, from coupled-cluster amplitudes to qiskit and OpenQASM 3."""
