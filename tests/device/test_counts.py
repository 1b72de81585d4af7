"""JSON counts: the shapes that qiskit, IBM's runtime and OQTOPUS give."""

import json
from pathlib import Path

import hypothesis
import pytest
import qiskit
from hypothesis import strategies as st
from qiskit.primitives import BitArray, StatevectorSampler
from qiskit.providers.basic_provider import BasicSimulator

from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import FileFormatError
from kakehashi.device.counts import parse_json

DATA = Path(__file__).parent / "data"
COUNTS = {"0011": 3, "0101": 5}


def parse(document, **options):
    text = document if isinstance(document, str) else json.dumps(document)
    return parse_json(text, path="shots.json", **options).to_counts()


def oqtopus_job(result):
    """A job as the OQTOPUS user API gives it (oqtopus-team/quri-parts-oqtopus, rest models, 1.1)."""
    return {
        "job_id": "0b1f",
        "name": "bell",
        "job_type": "sampling",
        "status": "succeeded",
        "device_id": "qpu",
        "shots": 8,
        "job_info": {
            "program": ["OPENQASM 3;"],
            "transpile_result": {"stats": "{}", "transpiled_program": "", "virtual_physical_mapping": "{}"},
            "result": result,
            "message": None,
        },
        "transpiler_info": {},
        "mitigation_info": {},
        "execution_time": 0.31,
    }


@pytest.mark.parametrize(
    "document",
    [
        COUNTS,
        {"counts": COUNTS},
        {"meas": COUNTS},
        {"c": COUNTS},
        {"meas": {"counts": COUNTS}},
        {"00 11": 3, "01 01": 5},
        {"00_11": 3, "01_01": 5},
        {"0b0011": 3, "0b0101": 5},
        ["0011", "0101"] * 3 + ["0101"] * 2,
        {"sampling": {"counts": COUNTS, "divided_counts": None}},
        {"sampling": {"counts": COUNTS, "divided_counts": {"0": {"11": 8}, "1": {"00": 8}}}},
        {"result": {"sampling": {"counts": COUNTS}}},
        oqtopus_job({"sampling": {"counts": COUNTS}}),
        {**COUNTS, "1111": 0},
    ],
)
def test_shapes(document):
    assert parse(document) == COUNTS
    assert parse(document, n_qubits=4) == COUNTS


@pytest.mark.parametrize(
    "document",
    [{"0x3": 3, "0x5": 5}, {"counts": {"3": 3, "5": 5}, "divided_counts": {"0": {"3": 8}}}],
)
def test_numbers_need_a_width(document):
    assert parse(document, n_qubits=4) == COUNTS
    with pytest.raises(FileFormatError, match="give n_qubits"):
        parse(document)


def test_quri_parts_oqtopus_counts_are_decimal():
    """``OqtopusSamplingResult.counts`` has integer keys, which JSON writes in decimal."""
    counts = {0: 490, 1: 10, 2: 20, 3: 480}
    assert parse(json.dumps(counts), n_qubits=4) == {"0000": 490, "0001": 10, "0010": 20, "0011": 480}


def test_ibm_runtime_file():
    """Written by qiskit-ibm-runtime 0.51.0: ``json.dump(result, file, cls=RuntimeEncoder)``."""
    text = (DATA / "ibm_runtime_result.json").read_text()
    assert parse(text) == {"1000001001": 19, "0000001000": 21}
    assert parse(text, n_qubits=10) == {"1000001001": 19, "0000001000": 21}
    with pytest.raises(FileFormatError, match="10 bits, but 12"):
        parse(text, n_qubits=12)


def test_qiskit_result_of_the_older_interface():
    circuit = qiskit.QuantumCircuit(3, 3)
    circuit.x(0)
    circuit.measure(range(3), range(3))
    result = BasicSimulator().run(circuit, shots=20).result().to_dict()
    assert "0x1" in json.dumps(result, default=str)
    assert parse(json.dumps(result, default=str)) == {"001": 20}
    encoded = {"__type__": "Result", "__value__": result}
    assert parse(json.dumps(encoded, default=str)) == {"001": 20}


@pytest.mark.parametrize(("n_orb", "n_elec"), [(2, (1, 0)), (3, (2, 1)), (4, (1, 3))])
def test_qiskit_samples_of_the_hartree_fock_circuit(n_orb, n_elec):
    circuit = Circuit(n_orb=n_orb, n_elec=n_elec).to_qiskit(decompose=True)
    measured = StatevectorSampler(seed=1).run([circuit], shots=30).result()[0].data.meas
    alpha, beta = (("1" * n).rjust(n_orb, "0") for n in n_elec)
    assert parse(measured.get_counts()) == {beta + alpha: 30}
    plain = {"array": measured.array.tolist(), "num_bits": measured.num_bits}
    assert parse(plain) == {beta + alpha: 30}
    by_number = {hex(number): count for number, count in measured.get_int_counts().items()}
    assert parse(by_number, n_qubits=2 * n_orb) == {beta + alpha: 30}


@hypothesis.given(
    st.integers(1, 60).flatmap(
        lambda width: st.dictionaries(
            st.integers(0, 2**width - 1).map(lambda key: format(key, f"0{width}b")),
            st.integers(1, 30),
            min_size=1,
            max_size=9,
        )
    )
)
def test_round_trip_through_qiskit(table):
    width = len(next(iter(table)))
    measured = BitArray.from_counts(table, num_bits=width)
    assert parse(measured.get_counts()) == table
    assert parse(measured.get_bitstrings()) == table
    assert parse({"array": measured.array.tolist(), "num_bits": width}) == table
    by_number = {hex(number): count for number, count in measured.get_int_counts().items()}
    assert parse(by_number, n_qubits=width) == table


@pytest.mark.parametrize(
    ("document", "options", "message"),
    [
        ("{", {}, "shots.json:1: this is not valid JSON"),
        ('{\n"01": 3,\n"01": 4}', {}, "shots.json:3: the key '01' is there twice"),
        ('{\n"01": 3,\n"011": 4}', {}, "shots.json:3: '011' has 3 bits, but 2 were expected"),
        ({"0101": 3}, {"n_qubits": 6}, "shots.json:1: '0101' has 4 bits, but 6 were expected"),
        ({"0x40": 3}, {"n_qubits": 6}, "'0x40' has 7 bits, but 6 were expected"),
        ({}, {}, "no shots"),
        ({"counts": {}}, {}, "no shots"),
        ([], {}, "0 results"),
        ({"0101": 0}, {}, "no shots"),
        ({"0101": -1}, {}, "must be a whole number, but is -1"),
        ({"0101": 0.5}, {}, "must be a whole number, but is 0.5"),
        ({"0101": "3"}, {}, "must be a whole number"),
        ({"0101": True}, {}, "must be a whole number"),
        ({"0101": 2**70}, {}, "2\\^62"),
        (["0101", "01x1"], {}, "'01x1' is no bit string"),
        ([COUNTS, COUNTS], {}, "2 results"),
        ({"alpha": COUNTS, "beta": COUNTS}, {}, r"several objects \(alpha, beta\)"),
        ({"energy": -1.5}, {}, "expected counts such as"),
        ({"estimation": {"exp_value": 0.5, "stds": 0.01}}, {}, "found the keys 'exp_value'"),
        ("3", {}, "expected an object"),
        (oqtopus_job("https://example.org/result.zip"), {}, "link instead of the result"),
        ({**oqtopus_job(None), "status": "failed"}, {}, "status 'failed' and no result"),
        ({"array": [[1, 2]], "num_bits": 4}, {}, r"\(n_shots, 1\)"),
        ({"array": [[999]], "num_bits": 4}, {}, "cannot be decoded"),
        ({"array": "x", "num_bits": 4}, {}, "cannot be decoded"),
        ({"array": [[1]], "num_bits": "4"}, {}, "num_bits"),
        ({"array": {"__type__": "ndarray", "__value__": "AAAA"}, "num_bits": 4}, {}, "cannot be decoded"),
        ({"__type__": "QuantumCircuit", "__value__": "eJ"}, {}, "expected the result of a sampler"),
        ({"__type__": [], "__value__": {}}, {}, "expected the result of a sampler"),
        ({"__type__": "EstimatorPubResult", "__value__": {"data": 1}}, {}, "expected the result of a sampler"),
        ("[" * 600 + "]" * 600, {}, "shots.json"),
        ("[" * 100_000, {}, "shots.json"),
        ('{"0101": ' + "9" * 5000 + "}", {}, "shots.json"),
    ],
)
def test_faults(document, options, message):
    with pytest.raises(FileFormatError, match=message):
        parse(document, **options)


WORDS = ["0101", "0x3", "7", "counts", "result", "sampling", "meas", "array", "num_bits", "status"]
WORDS += ["__type__", "__value__", "header", "data", "results"]
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 9), st.floats(), st.text("01x", max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "0101",
                    "0x3",
                    "7",
                    "counts",
                    "result",
                    "sampling",
                    "meas",
                    "array",
                    "num_bits",
                    "status",
                    "__type__",
                    "__value__",
                    "header",
                    "data",
                    "results",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@hypothesis.given(VALUES, st.sampled_from([None, 4]))
def test_anything_gives_shots_or_a_format_error(document, n_qubits):
    try:
        counts = parse(document, n_qubits=n_qubits)
    except FileFormatError:
        return
    assert sum(counts.values()) > 0
