import numpy as np
import pytest

from kakehashi.core.errors import InputError
from kakehashi.device.compile.coupling import build_region, good_region, largest_component, usable_edges, whole_region
from kakehashi.device.compile.example import example_twin, twin_of_graph


def test_a_region_leaves_out_what_does_not_work():
    twin = twin_of_graph(example_twin(3).edges.tolist(), 9, dead=[(0, 1)], absent=[8])
    region = build_region(twin)
    assert region.qubits == (0, 1, 2, 3, 4, 5, 6, 7)
    assert (0, 1) not in region.edges
    assert region.bipartite
    pairs = {tuple(sorted((region.qubits[a], region.qubits[b]))) for a, b in region.target["cz"]}
    assert pairs == {tuple(sorted(pair)) for pair in region.edges}


def test_the_target_holds_errors_and_directions():
    twin = example_twin(2, directed=True)
    target = build_region(twin).target
    assert set(target["cx"]) == {(0, 1), (0, 2), (3, 1), (3, 2)}
    assert target["cx"][0, 1].error == pytest.approx(3e-3)
    assert target["cx"][0, 1].duration == pytest.approx(68e-9)
    assert target["measure"][0,].duration == pytest.approx(1.5e-6)


def test_the_largest_part_of_a_broken_graph():
    twin = twin_of_graph([(0, 1), (1, 2), (3, 4)], 5)
    assert whole_region(twin).qubits == (0, 1, 2)
    assert largest_component(0, []) == ()


def test_a_good_region_hangs_together():
    twin = example_twin(6, spread=0.8, rng=3)
    for size in (2, 10, 20):
        part = good_region(twin, size)
        inside = [pair for pair in usable_edges(twin) if set(pair) <= set(part)]
        assert len(part) == size
        assert largest_component(36, inside) == part
    everything = good_region(twin, 99)
    assert len(everything) == 36
    part = set(good_region(twin, 10))
    error = twin.edge_error[[set(pair) <= part for pair in twin.edges.tolist()]]
    assert np.median(error) < np.median(twin.edge_error)


def test_an_unknown_native_gate_is_refused():
    twin = example_twin(2)
    odd = type(twin)(**{**{f: getattr(twin, f) for f in twin.__dataclass_fields__}, "one_qubit_gates": ("rz", "wow")})
    with pytest.raises(InputError, match="native gate 'wow'"):
        build_region(odd)
