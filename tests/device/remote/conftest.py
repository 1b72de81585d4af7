"""A machine room on loopback, started once, that answers in the dialects of the real ones (see ``loopback``)."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from kakehashi.circuit.gates import GateCircuit, Operation
from kakehashi.device.remote.device import RemoteDevice
from kakehashi.device.remote.follow import Pace
from kakehashi.device.twins.library import load_twin
from kakehashi.device.twins.oqtopus import from_oqtopus, to_oqtopus

collect_ignore = ["loopback"]  # a program of its own

HERE = Path(__file__).parent
KINDS = ("oqtopus", "qrmi", "ibm")
MACHINES = {"oqtopus": "riken_twin", "qrmi": "torino_twin", "ibm": "torino_twin"}
TOKEN = "right-token"
QUICK = Pace(first_s=0.02, longest_s=0.1, patience_s=20.0, timeout_s=100.0)


class Center:
    """The room, from outside."""

    def __init__(self):
        self.start()

    def start(self):
        command = [sys.executable, str(HERE / "loopback")]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self.base = self.process.stdout.readline().strip()
        assert self.base.startswith("http"), "the room did not open"

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def fault(self, name, n):
        body = json.dumps({"name": name, "n": n}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.base}/_fault", data=body)).close()

    def seen(self):
        with urllib.request.urlopen(f"{self.base}/_seen") as answer:
            return json.load(answer)

    def states(self):
        return {job: state for job, (state, _) in self.seen()["jobs"].items()}


@pytest.fixture(scope="session")
def room():
    pytest.importorskip("qiskit_ibm_runtime", exc_type=ImportError)
    center = Center()
    yield center
    center.stop()


def set_environment(monkeypatch, base, tmp_path):
    values = {
        "KAKEHASHI_JOBS": str(tmp_path / "jobs"),
        "OQTOPUS_URL": base,
        "OQTOPUS_API_TOKEN": TOKEN,
        "IAM_URL": base,
        # Without this the client asks IBM's global search for the account.
        "QISKIT_FUNCTIONS_EXPERIMENTAL": "1",
        "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
        "QISKIT_IBM_TOKEN": TOKEN,
        "QISKIT_IBM_URL": f"{base}/experimental",
        "QISKIT_IBM_INSTANCE": "crn:v1:bluemix:public:quantum-computing:us-east:a/acc:inst::",
    }
    system = {
        "ENDPOINT": base,
        "IAM_ENDPOINT": base,
        "IAM_APIKEY": TOKEN,
        "SERVICE_CRN": "crn:x",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "S3_ENDPOINT": base,
        "S3_BUCKET": "bucket",
        "S3_REGION": "us-east",
    }
    prefix = f"{MACHINES['qrmi']}_QRMI"
    values |= {f"{prefix}_IBM_QS_{key}": value for key, value in system.items()}
    values[f"{prefix}_JOB_TIMEOUT_SECONDS"] = "100"
    for key, value in values.items():
        monkeypatch.setenv(key, value)


@pytest.fixture
def center(room, monkeypatch, tmp_path):
    """The room without faults and jobs, and an environment in which it is reached."""
    set_environment(monkeypatch, room.base, tmp_path)
    for fault in ("hold", "gone", "broken", "busy", "revoked", "fail", "evict", "swallow"):
        room.fault(fault, 0)
    room.fault("forget", 0)
    return room


def connect(kind):
    """The machine, by the adapter and the vendor's client behind it."""
    if kind == "oqtopus":
        from kakehashi.device.remote.oqtopus import OqtopusService

        return OqtopusService.from_environment(MACHINES[kind])
    if kind == "qrmi":
        pytest.importorskip("qrmi", exc_type=ImportError)
        from kakehashi.device.remote.qrmi import QrmiService

        return QrmiService.from_environment(MACHINES[kind])
    from kakehashi.device.remote.runtime import IbmService

    return IbmService.from_environment(MACHINES[kind])


# IBM's client takes seconds for what the others do at once; test_ibm.py and test_runtime.py run it always.
@pytest.fixture(params=[pytest.param(kind, marks=[pytest.mark.slow] * (kind == "ibm")) for kind in KINDS])
def kind(request, center):
    return request.param


@pytest.fixture
def device(kind):
    return RemoteDevice(service=connect(kind), effort="fast", pace=QUICK)


def twin_of(kind):
    """What the room samples on."""
    if kind == "oqtopus":
        return from_oqtopus(to_oqtopus(load_twin("riken-64", seed=1)))
    return load_twin("fake-torino")


def skewed():
    """Bit 0 is 1, bits 1 to 3 are equal, bit 4 is 0: an order that cannot be mistaken."""
    steps = [Operation(name="x", qubits=(0,)), Operation(name="h", qubits=(1,))]
    steps += [Operation(name="cx", qubits=(q, q + 1)) for q in (1, 2)]
    steps.append(Operation(name="measure", qubits=tuple(range(5)), bits=tuple(range(5))))
    return GateCircuit(n_qubits=5, n_bits=5, operations=tuple(steps))
