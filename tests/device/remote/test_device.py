"""Three dialects, one shape: every test here runs on each of them, through the vendor's client where there is one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from kakehashi.circuit.gates import GateCircuit, Operation, to_qiskit
from kakehashi.circuit.model import Circuit
from kakehashi.core.errors import DeviceError, InputError
from kakehashi.device.model import Device
from kakehashi.device.remote.device import RemoteDevice
from kakehashi.device.remote.journal import jobs_folder
from kakehashi.device.twin_device import TwinDevice

from .conftest import KINDS, MACHINES, QUICK, TOKEN, Center, connect, set_environment, skewed, twin_of

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def open_requests():
    return sorted(jobs_folder().glob("*.jsonl"))


def ended_requests():
    return sorted((jobs_folder() / "ended").glob("*.jsonl"))


def outcomes():
    return [json.loads(path.read_text().splitlines()[-1])["outcome"] for path in ended_requests()]


def agree(one, other):
    """Probability of such a difference between two samples of one distribution."""
    first, second = one.to_counts(), other.to_counts()
    strings = sorted({*first, *second})
    table = np.array([[shots.get(string, 0) for string in strings] for shots in (first, second)])
    frequent = table.sum(axis=0) >= 20
    table = np.concatenate([table[:, frequent], table[:, ~frequent].sum(axis=1, keepdims=True)], axis=1)
    return chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue


def test_the_machine_gives_the_distribution_of_its_twin(kind, device):
    shots = device.run(skewed(), 8000, rng=1)
    program = device.compile(skewed())
    assert program.compiled
    here = TwinDevice(twin=twin_of(kind)).run_gates(program.gates, 8000, rng=2)
    assert shots.n_shots == 8000
    assert agree(shots, here) > 1e-5
    share = shots.counts @ shots.to_matrix() / shots.n_shots
    assert share[0] > 0.8
    assert share[1:4] == pytest.approx(np.full(3, 0.5), abs=0.15)
    assert share[4] < 0.2


def test_the_record_names_job_machine_and_time(kind, device, center):
    events = []
    shots = device.run(skewed(), 500, rng=1, progress=events.append)
    record = shots.provenance["machine"]
    (job,) = record["jobs"]
    assert center.states() == {job["id"]: "done"}
    assert record["service"] == kind
    assert record["name"] == MACHINES[kind]
    assert job["n_shots"] == 500
    assert job["submitted_utc"].endswith("Z")
    assert record["compiled"]["n_two_qubit_gates"] >= 2
    assert record["compiled"]["calibrated_utc"].startswith("20")
    assert not record["picked_up_again"]
    assert shots.provenance["device"] == f"{kind}:{MACHINES[kind]}"
    assert any(job["id"] in event.message for event in events)
    json.dumps(dict(shots.provenance), allow_nan=False)
    kept = "".join(path.read_text() for path in ended_requests())
    assert job["id"] in kept
    assert TOKEN not in kept + json.dumps(dict(shots.provenance))
    assert open_requests() == []


def test_many_shots_are_several_jobs(device, center):
    shots = replace(device, max_shots=400).run(skewed(), 1000, rng=1)
    assert shots.n_shots == 1000
    assert sorted(n for _, n in center.seen()["jobs"].values()) == [333, 333, 334]
    assert len(shots.provenance["machine"]["jobs"]) == 3


def test_the_machine_s_own_limit_holds(kind, device, center):
    if kind == "oqtopus":
        assert device.describe().max_shots == 10_000_000
        return
    assert device.run(skewed(), 30_000, rng=1).n_shots == 30_000
    assert [n for _, n in center.seen()["jobs"].values()] == [15_000, 15_000]


def test_circuits_of_the_chain_and_of_qiskit_run(device):
    protocol: Device = device
    assert protocol.reads_circuit
    assert protocol.run(Circuit(n_orb=2, n_elec=(1, 1)), 400, rng=1).to_counts()["0101"] > 150
    shots = device.run(to_qiskit(skewed()), 400, rng=1)
    assert (shots.counts @ shots.to_matrix() / 400)[0] > 0.8


def test_a_compiled_circuit_is_sent_as_it_is(device):
    program = device.compile(skewed())
    again = device.compile(program.gates)
    assert again.gates is program.gates
    assert device.run_gates(program.gates, 200, rng=1).n_qubits == 5


def test_what_does_not_fit_is_said_before_anything_is_sent(device, center):
    wide = GateCircuit(n_qubits=200, n_bits=1, operations=(Operation(name="measure", qubits=(0,), bits=(0,)),))
    with pytest.raises(InputError, match="200 qubits"):
        device.run(wide, 10)
    with pytest.raises(InputError, match="measures nothing"):
        device.run(GateCircuit(n_qubits=2), 10)
    with pytest.raises(InputError, match="at least 1"):
        device.run(skewed(), 0)
    assert center.seen()["jobs"] == {}
    assert open_requests() == []


def test_a_failed_job_is_an_error_that_stays(device, center):
    center.fault("fail", 1)
    with pytest.raises(DeviceError, match=r"^Job \S+ at \S+ failed: .*refrigerator warmed up") as caught:
        device.run(skewed(), 100, rng=1)
    assert not caught.value.transient
    assert open_requests() == []
    assert device.run(skewed(), 100, rng=1).n_shots == 100
    assert any(word == "done" for word in outcomes())
    assert any("refrigerator" in word for word in outcomes()) or device.service.kind == "ibm"


def test_a_job_that_the_operators_cancelled_may_be_tried_again(device, center):
    center.fault("evict", 1)
    with pytest.raises(DeviceError, match="was cancelled there") as caught:
        device.run(skewed(), 100, rng=1)
    assert caught.value.transient
    assert open_requests() == []


def test_credentials_that_are_not_accepted_are_said(kind, center, monkeypatch):
    if kind == "ibm":
        pytest.skip("its client tries for a minute; see test_runtime.py")
    for name in ("OQTOPUS_API_TOKEN", f"{MACHINES['qrmi']}_QRMI_IBM_QS_IAM_APIKEY"):
        monkeypatch.setenv(name, "wrong-token")
    with pytest.raises(DeviceError) as caught:
        RemoteDevice(service=connect(kind), pace=QUICK).run(skewed(), 100)
    assert "wrong-token" not in str(caught.value)
    assert not caught.value.transient
    assert open_requests() == []


def test_credentials_that_expire_lose_no_job(kind, device, center):
    center.fault("hold", 1)

    def expire(event):
        if "is queued" in event.message or "is running" in event.message:
            center.fault("revoked", 1)

    with pytest.raises(DeviceError, match="the same run picks it up again"):
        device.run(skewed(), 100, rng=1, progress=expire)
    center.fault("revoked", 0)
    center.fault("hold", 0)
    assert (
        RemoteDevice(service=connect(kind), pace=QUICK)
        .run(skewed(), 100, rng=1)
        .provenance["machine"]["picked_up_again"]
    )
    assert len(center.seen()["jobs"]) == 1


@pytest.mark.parametrize("fault", ["gone", "broken", "busy"])
def test_a_service_that_is_away_for_a_while_is_asked_again(kind, device, center, fault):
    if kind == "ibm" and fault != "gone":
        pytest.skip("its client asks again by itself, for a minute")
    if kind == "qrmi" and fault != "busy":
        pytest.skip("its client asks again by itself; once is enough")
    center.fault("hold", 1)
    asked = []

    def leave(event):
        if "is queued" in event.message or "is running" in event.message:
            asked.append(event)
            if len(asked) == 1:
                center.fault(fault, 2)
                center.fault("hold", 0)

    shots = device.run(skewed(), 100, rng=1, progress=leave)
    assert shots.n_shots == 100
    assert len(center.seen()["jobs"]) == 1


def test_ctrl_c_cancels_the_job(kind, device, center):
    center.fault("hold", 1)

    def interrupt(event):
        if "is queued" in event.message or "is running" in event.message:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        device.run(skewed(), 100, rng=1, progress=interrupt)
    # Of a machine behind QRMI the record goes with the job.
    assert list(center.states().values()) == ([] if kind == "qrmi" else ["cancelled"])
    assert open_requests() == []
    assert outcomes() == ["cancelled by the user"]


def test_a_job_that_takes_too_long_is_picked_up_later(device, center):
    center.fault("hold", 1)
    hasty = replace(device, pace=replace(QUICK, timeout_s=0.5))
    with pytest.raises(DeviceError, match=r"no shots within 0.5 s.*picks it up again") as caught:
        hasty.run(skewed(), 100, rng=1)
    assert caught.value.transient
    assert len(open_requests()) == 1
    center.fault("hold", 0)
    shots = device.run(skewed(), 100, rng=1)
    (job,) = shots.provenance["machine"]["jobs"]
    assert shots.provenance["machine"]["picked_up_again"]
    assert center.states() == {job["id"]: "done"}
    other = device.run(skewed(), 100, rng=1)
    assert not other.provenance["machine"]["picked_up_again"], "its shots were handed over: this is a new request"
    assert len(center.states()) == 2


def test_other_seeds_and_other_circuits_are_other_requests(device, center):
    center.fault("hold", 1)
    hasty = replace(device, pace=replace(QUICK, timeout_s=0.2))
    slightly = GateCircuit(
        n_qubits=5, n_bits=5, operations=(Operation(name="rx", qubits=(0,), parameters=(0.1,)), *skewed().operations)
    )
    for circuit, n_shots, seed in ((skewed(), 100, 1), (skewed(), 100, 2), (skewed(), 101, 1), (slightly, 100, 1)):
        with pytest.raises(DeviceError):
            hasty.run(circuit, n_shots, rng=seed)
    assert len(center.states()) == 4


def test_two_at_once_do_not_share_a_job(device, center):
    """Each holds the lock of its own request."""
    center.fault("hold", 1)
    got = []
    threads = [
        threading.Thread(target=lambda: got.append(device.run(skewed(), 100, rng=1).provenance["machine"]))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while len(center.states()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    center.fault("hold", 0)
    for thread in threads:
        thread.join()
    assert len({record["jobs"][0]["id"] for record in got}) == 2


def test_a_job_that_was_accepted_without_an_answer_is_found_by_its_tag(kind, device, center):
    if kind != "oqtopus":
        pytest.skip("QRMI keeps no tags; IBM's client posts again by itself")
    center.fault("swallow", 1)
    with pytest.raises(DeviceError, match="does not answer") as caught:
        device.run(skewed(), 100, rng=1)
    assert caught.value.transient
    shots = device.run(skewed(), 100, rng=1)
    assert shots.provenance["machine"]["picked_up_again"]
    assert list(center.states()) == [shots.provenance["machine"]["jobs"][0]["id"]]


def test_a_job_that_the_service_has_forgotten_is_submitted_anew(device, center):
    center.fault("hold", 1)
    with pytest.raises(DeviceError):
        replace(device, pace=replace(QUICK, timeout_s=0.2)).run(skewed(), 100, rng=1)
    center.fault("forget", 0)
    center.fault("hold", 0)
    with pytest.raises(DeviceError, match="does not know") as caught:
        device.run(skewed(), 100, rng=1)
    assert caught.value.transient
    assert not device.run(skewed(), 100, rng=1).provenance["machine"]["picked_up_again"]


CHILD = """
import sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[2])
from kakehashi.circuit.qasm3 import read_qasm3
from kakehashi.device.spec import parse_device
device = parse_device({"name": sys.argv[1], "effort": "fast"}).build()
device.run(read_qasm3(sys.argv[3]), 300, rng=5)
"""


@pytest.mark.parametrize("name", [k if k == "oqtopus" else pytest.param(k, marks=pytest.mark.slow) for k in KINDS])
def test_a_process_that_is_killed_loses_no_job(name, center):
    from kakehashi.circuit.qasm3 import write_qasm3

    center.fault("hold", 1)
    command = [sys.executable, "-c", CHILD, f"{name}:{MACHINES[name]}", "", write_qasm3(skewed())]
    child = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 100
    while not any('"event": "sent"' in path.read_text() for path in open_requests()):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    center.fault("hold", 0)
    shots = RemoteDevice(service=connect(name), effort="fast", pace=QUICK).run(skewed(), 300, rng=5)
    record = shots.provenance["machine"]
    assert record["picked_up_again"]
    assert center.states() == {record["jobs"][0]["id"]: "done"}


def test_a_service_that_stays_away_leaves_the_job_for_later(monkeypatch, tmp_path):
    center = Center()
    try:
        set_environment(monkeypatch, center.base, tmp_path)
        center.fault("hold", 1)
        pace = replace(QUICK, patience_s=0.5)

        def kill(event):
            if "is queued" in event.message:
                center.stop()

        with pytest.raises(DeviceError, match=r"does not answer.*Job \S+ is kept in mind") as caught:
            RemoteDevice(service=connect("oqtopus"), pace=pace, effort="fast").run(skewed(), 100, rng=1, progress=kill)
        assert caught.value.transient
        assert len(open_requests()) == 1
    finally:
        if center.process.poll() is None:
            center.stop()
