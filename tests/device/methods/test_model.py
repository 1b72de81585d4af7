"""What passes between the router and its methods."""

from __future__ import annotations

from kakehashi.device.methods.model import Observable


def test_an_observable_knows_where_it_acts():
    assert Observable(paulis=((2, "Z"), (5, "X"))).qubits == (2, 5)
