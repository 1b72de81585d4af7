"""Snapshots against what was counted in the files, and against qiskit's own reading of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.device.twins.lattice import heavy_hex_lattice
from kakehashi.device.twins.snapshot import describe_snapshots, list_snapshots, read_snapshot, snapshot_from_files

provider = pytest.importorskip("qiskit_ibm_runtime.fake_provider")

COUNTED = {
    # qubits, edges, dead, cut off, median of the two-qubit error of all edges: qiskit-ibm-runtime 0.51.0
    "fake-torino": (133, 150, 11, [19, 58, 86, 97], 4.2e-3),
    "fake-fez": (156, 176, 7, [32, 80], 3.9e-3),
    "fake-marrakesh": (156, 176, 13, [24, 102, 113], 3.3e-3),
    "fake-kingston": (156, 176, 7, [96, 120, 146], 1.8e-3),
    "fake-aachen": (156, 176, 2, [], 1.5e-3),
    "fake-pittsburgh": (156, 176, 5, [], 1.5e-3),
    "fake-boston": (156, 176, 1, [], 1.3e-3),
    "fake-miami": (120, 218, 7, [], 3.0e-3),
    "fake-berlin": (120, 218, 6, [], 2.2e-3),
    "fake-kawasaki": (127, 144, 11, [7, 21, 98, 108, 113], 9.0e-3),
}


@pytest.mark.parametrize("name", COUNTED)
def test_numbers_are_those_that_were_counted(name):
    n_qubits, n_edges, n_dead, cut_off, median = COUNTED[name]
    twin = read_snapshot(name)
    assert (twin.n_qubits, len(twin.edges), int((~twin.usable_edges).sum())) == (n_qubits, n_edges, n_dead)
    degree = np.bincount(twin.edges[twin.usable_edges].ravel(), minlength=n_qubits)
    assert np.flatnonzero(degree == 0).tolist() == cut_off
    assert np.median(twin.edge_error) == pytest.approx(median, abs=0.6e-4)
    assert twin.lattice == ("square" if n_qubits == 120 else "heavy-hex")


@pytest.mark.parametrize("name", list_snapshots())
def test_every_snapshot_is_read(name):
    twin = read_snapshot(name)
    assert not twin.is_assumed
    assert twin.sources["calibration"].text.startswith("Snapshot of ")
    assert len({tuple(place) for place in twin.positions.round(3).tolist()}) == twin.n_qubits
    assert 0.1 < twin.clock_ns < 10


def test_every_snapshot_is_described():
    assert len(describe_snapshots()) == len(list_snapshots()) >= 60
    assert ("fake-boston", "Heron r3", 156) in [(e.name, e.family, e.n_qubits) for e in describe_snapshots()]


def test_values_are_those_of_the_target_of_qiskit():
    """FakeFez and FakeKawasaki: errors and durations of every gate, in the direction in which it is listed."""
    for name, backend in (("fake-fez", provider.FakeFez()), ("fake-kawasaki", provider.FakeKawasaki())):
        twin, target = read_snapshot(name), backend.target
        given = twin.calibration
        for edge, pair in enumerate(map(tuple, twin.edges.tolist())):
            properties = target[twin.two_qubit_gate][pair]
            assert twin.edge_error[edge] == properties.error
            assert given.gate_ns[twin.two_qubit_gate][edge] == pytest.approx(1e9 * properties.duration)
        for q in range(twin.n_qubits):
            assert given.gate_error["sx"][q] == target["sx"][q,].error
            assert given.readout_ns[q] == pytest.approx(1e9 * target["measure"][q,].duration)
            assert given.t1_us[q] == pytest.approx(1e6 * target.qubit_properties[q].t1)
    assert twin.directed
    assert (0, 14) in set(map(tuple, twin.edges.tolist()))
    assert given.frequency_ghz[0] == pytest.approx(5.243372944137052)


def test_fez_is_the_heavy_hex_lattice_in_place_and_number():
    twin, lattice = read_snapshot("fake-fez"), heavy_hex_lattice()
    np.testing.assert_array_equal(twin.edges, lattice.edges)
    np.testing.assert_array_equal(twin.positions, lattice.positions)


def test_traps_are_seen_and_said():
    kingston = read_snapshot("fake-kingston")
    assert np.isnan(kingston.calibration.t1_us[146])
    assert kingston.sources["t1_us"].text == "As in the snapshot; not stated for qubit 146."
    torino = read_snapshot("fake-torino")
    assert torino.sources["t2_us"].text == "As in the snapshot; cut to twice T1 at qubits 23, 44, 61, 65, 86."
    assert (torino.calibration.t2_us <= 2 * torino.calibration.t1_us).all()
    kyoto = read_snapshot("fake-kyoto")
    assert not kyoto.usable_edges.any()
    assert read_snapshot("fake-poughkeepsie").clock_ns == pytest.approx(32 / 9)  # stated in seconds there
    assert "rzz" not in read_snapshot("fake-fez").calibration.gate_error
    assert "rz" not in read_snapshot("fake-fez").calibration.gate_error
    assert read_snapshot("fake-armonk").edges.shape == (0, 2)


def test_unknown_snapshots_and_broken_files(tmp_path):
    with pytest.raises(InputError, match="There is no snapshot 'fake-kobe'"):
        read_snapshot("fake-kobe")
    conf, props = tmp_path / "conf_x.json", tmp_path / "props_x.json"
    with pytest.raises(FileFormatError, match=r"conf_x.json: this is no JSON file that can be read"):
        snapshot_from_files(conf, props, name="x", origin="a test")
    conf.write_text(json.dumps({"n_qubits": 1, "basis_gates": ["sx"], "backend_name": "x"}))
    props.write_text(json.dumps({"gates": []}))
    with pytest.raises(FileFormatError, match=r"props_x.json: this is not a backend's properties: KeyError"):
        snapshot_from_files(conf, props, name="x", origin="a test")
