"""OQTOPUS device topologies: there and back without loss, and refused where they are wrong."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from kakehashi.core.errors import FileFormatError, InputError
from kakehashi.device.twins.library import load_twin
from kakehashi.device.twins.oqtopus import from_oqtopus, read_oqtopus, to_oqtopus, write_oqtopus


def without_assignment(table):
    """The one field that is written anew: it lags behind the two that it is the mean of."""
    for qubit in table["qubits"]:
        qubit["meas_error"].pop("readout_assignment_error")
    return table


def test_the_public_files_come_back_as_they_were(public):
    assert without_assignment(to_oqtopus(from_oqtopus(public))) == without_assignment(public)


def test_the_public_files_are_read_in_their_units(public):
    twin = from_oqtopus(public)
    first, coupling = public["qubits"][0], public["couplings"][0]
    assert twin.calibration.t1_us[0] == first["qubit_lifetime"]["t1"]
    assert twin.calibration.gate_error["sx"][0] == 1 - first["fidelity"]
    assert twin.calibration.gate_ns["cx"][0] == coupling["gate_duration"]["rzx90"] + 16
    assert twin.edges[0].tolist() == [coupling["control"], coupling["target"]]
    assert twin.one_qubit_gates == ("rz", "sx", "x")
    assert twin.calibration.taken_utc == public["calibrated_at"]
    assert twin.positions[0].tolist() == [first["position"]["x"], -first["position"]["y"]]


def test_numbers_of_the_chip_put_qubits_in_their_place(public):
    twin = from_oqtopus(public, chip_qubits=64)
    physical = [qubit["physical_id"] for qubit in public["qubits"]]
    assert np.flatnonzero(twin.present).tolist() == sorted(physical)
    lattice = load_twin("riken-64")
    assert set(map(tuple, twin.edges.tolist())) <= set(map(tuple, lattice.edges.tolist()))
    np.testing.assert_array_equal(twin.positions, lattice.positions)
    np.testing.assert_array_equal(twin.readout_line, lattice.readout_line)
    with pytest.raises(InputError, match="was said to have 2 qubits, but the topology has physical_id"):
        from_oqtopus(public, chip_qubits=2)


@pytest.mark.parametrize("name", ["riken-64", "osaka-144"])
def test_a_twin_comes_back_with_all_that_the_format_holds(name):
    twin = load_twin(name, seed=4, qubit_yield=0.8)
    back = from_oqtopus(to_oqtopus(twin), chip_qubits=twin.n_qubits)
    one, other = twin.calibration, back.calibration
    np.testing.assert_array_equal(back.present, twin.present)
    np.testing.assert_array_equal(back.positions, twin.positions)
    np.testing.assert_array_equal(back.readout_line, twin.readout_line)
    np.testing.assert_array_equal(back.edges, twin.edges[twin.usable_edges])
    for field in ("t1_us", "t2_us", "prob_meas1_prep0", "prob_meas0_prep1"):
        np.testing.assert_array_equal(getattr(other, field), getattr(one, field))
    np.testing.assert_allclose(other.gate_error["sx"], one.gate_error["sx"], rtol=1e-12)
    np.testing.assert_allclose(other.gate_error["cx"], one.gate_error["cx"][twin.usable_edges], rtol=1e-12)
    np.testing.assert_array_equal(other.gate_ns["cx"], one.gate_ns["cx"][twin.usable_edges])
    np.testing.assert_array_equal(other.gate_ns["x"], one.gate_ns["x"])


def test_numbers_are_dense_in_the_file():
    twin = load_twin("riken-64", seed=4, qubit_yield=0.5)
    table = to_oqtopus(twin)
    assert [qubit["id"] for qubit in table["qubits"]] == list(range(32))
    assert [qubit["physical_id"] for qubit in table["qubits"]] == np.flatnonzero(twin.present).tolist()
    again = from_oqtopus(table)
    assert again.n_qubits == 32
    assert again.physical_ids.tolist() == np.flatnonzero(twin.present).tolist()
    assert to_oqtopus(again) == table


def test_what_is_not_known_is_null(pair):
    pair["qubits"][0]["qubit_lifetime"]["t1"] = None
    twin = from_oqtopus(pair)
    assert np.isnan(twin.calibration.t1_us[0])
    assert to_oqtopus(twin)["qubits"][0]["qubit_lifetime"] == {"t1": None, "t2": 20.0}


def test_placeholders_are_refused_unless_asked_for(pair):
    pair["couplings"][0]["fidelity"] = 0.25
    with pytest.raises(InputError, match=r"couplings\[0\].fidelity: a value that the software writes where nothing"):
        from_oqtopus(pair)
    unknown = from_oqtopus(pair, placeholders="unknown")
    assert not unknown.usable_edges.any()
    assert unknown.sources["placeholders"].text == "Taken for unknown: couplings[0].fidelity."
    assert from_oqtopus(pair, placeholders="keep").edge_error[0] == 0.75


def test_without_places_the_couplings_tell_them(pair):
    for qubit in pair["qubits"]:
        del qubit["position"]
    np.testing.assert_allclose(from_oqtopus(pair).positions, [[0.0, 0.0], [1.0, 0.0]], atol=1e-9)


def test_t2_is_cut_to_twice_t1(pair):
    pair["qubits"][1]["qubit_lifetime"] = {"t1": 10.0, "t2": 25.0}
    twin = from_oqtopus(pair)
    assert twin.calibration.t2_us[1] == 20.0
    assert twin.sources["t2_us"].text == "Cut to twice T1 at qubits [1]."


def test_files_as_json_string_and_zip(pair, tmp_path):
    text = json.dumps(pair)
    assert from_oqtopus(text).name == "pair"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("device_info.json", text)
    (tmp_path / "device.zip").write_bytes(buffer.getvalue())
    assert read_oqtopus(tmp_path / "device.zip").name == "pair"
    (tmp_path / "text.json").write_text(json.dumps(text))
    assert read_oqtopus(tmp_path / "text.json").name == "pair"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"name": "x",\n "qubits": [}', r"device.json:2: this is not valid JSON"),
        ("[1, 2]", "a device topology must be a JSON object, but is list"),
        ('{"name": "x"}', "'qubits' is missing"),
        ('{"name": "x", "qubits": []}', "'qubits': .*at least 1 item"),
        ('{"name": "x", "qubits": [{"id": "zero"}]}', "'id' of qubits 'zero': .*valid integer, but got 'zero'"),
        ('{"name": "x", "qubits": [{"id": 0, "fidelity": NaN}]}', "'fidelity' of entry 1 of 'qubits'"),
        ('{"name": "x", "qubits": [{"id": 0, "fidelity": 3}]}', r"qubits\[0\].fidelity: must be in \[0, 1\], but is 3"),
        ("PK", "this is no JSON, nor a ZIP with device_info.json"),
    ],
)
def test_broken_files_say_what_and_where(tmp_path, content, words):
    path = tmp_path / "device.json"
    path.write_text(content)
    with pytest.raises(FileFormatError, match=f"(?i){words}") as caught:
        read_oqtopus(path)
    assert str(path) in str(caught.value)


def test_only_cx_can_be_written(tmp_path):
    with pytest.raises(InputError, match="holds cx gates alone, but ibm-kobe has 'cz'"):
        write_oqtopus(tmp_path / "x.json", load_twin("ibm-kobe"))


def test_gates_that_run_either_way_are_written_both_ways():
    table = to_oqtopus(load_twin("fake-algiers"))
    pairs = [(coupling["control"], coupling["target"]) for coupling in table["couplings"]]
    assert len(pairs) == 2 * 27
    assert {(b, a) for a, b in pairs} == set(pairs)
