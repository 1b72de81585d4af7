"""Channels refuse what is no channel; a noisy circuit knows its chance of no error."""

from __future__ import annotations

import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.device.noise.model import KrausChannel, NoisyCircuit, PauliChannel


def test_channels_must_be_channels():
    with pytest.raises(InputError, match="has 4 probabilities"):
        PauliChannel(qubits=(0,), probabilities=np.full(16, 1 / 16))
    with pytest.raises(InputError, match="sum to 1"):
        PauliChannel(qubits=(0,), probabilities=np.array([0.5, 0.1, 0.1, 0.1]))
    with pytest.raises(InputError, match="sum K"):
        KrausChannel(qubits=(0,), operators=np.ones((1, 2, 2), dtype=np.complex128))
    with pytest.raises(InputError, match="the shape"):
        KrausChannel(qubits=(0, 1), operators=np.eye(2, dtype=np.complex128)[None])


def test_chance_of_no_error():
    channel = PauliChannel(qubits=(0,), probabilities=np.array([0.9, 0.1, 0, 0]))
    decay = KrausChannel(qubits=(0,), operators=np.eye(2, dtype=np.complex128)[None])
    circuit = NoisyCircuit(n_qubits=1, n_bits=0, steps=(channel, channel, decay))
    assert circuit.error_free_probability == pytest.approx(0.81)
    assert not circuit.is_pauli
    assert channel.error_probability == pytest.approx(0.1)
