import numpy as np

from kakehashi.device.compile.example import example_twin, twin_of_graph


def test_directions_are_a_checkerboard():
    twin = example_twin(4, directed=True)
    assert ((twin.edges[:, 0] // 4 + twin.edges[:, 0] % 4) % 2 == 0).all()


def test_dead_edges_and_absent_qubits():
    twin = twin_of_graph([(0, 1), (1, 2), (2, 3)], 4, dead=[(2, 1)], absent=[3], spread=0.5)
    assert twin.usable_edges.tolist() == [True, False, False]
    assert np.isfinite(twin.calibration.t1_us).all()
