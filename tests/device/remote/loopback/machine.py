"""The machine behind the dialects: a queue, a worker, and two twins that answer.

Faults, each of which a test asks for with ``POST /_fault {"name": ..., "n": ...}``:

=============== =============================================================
``hold``        jobs stay in the queue until ``{"name": "hold", "n": 0}``
``gone``        the next n requests are not answered: the connection is closed
``broken``      the next n requests are answered 500
``busy``        the next n requests are answered 503
``revoked``     credentials are not accepted any more, until n = 0
``fail``        the next n jobs fail
``evict``       the next n jobs are cancelled by the operators
``forget``      all jobs are forgotten
``swallow``     the next n submissions are accepted, and the connection is closed before the answer
=============== =============================================================
"""

import datetime as dt
import json
import threading
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import qiskit_ibm_runtime

from kakehashi.core.errors import KakehashiError
from kakehashi.device.noise.fit import require_fit
from kakehashi.device.twin_device import TwinDevice
from kakehashi.device.twins.library import load_twin
from kakehashi.device.twins.oqtopus import from_oqtopus, to_oqtopus

SQUARE = "riken_twin"
"""Of OQTOPUS."""
HEAVY_HEX = "torino_twin"
"""Of IBM's two dialects, with the configuration and the calibration of a snapshot that their own package ships."""
SNAPSHOT = "torino"
TOKEN = "right-token"
MAX_SHOTS = 20_000


def square_twin():
    """As its topology tells it, which is all that a client knows."""
    return from_oqtopus(to_oqtopus(load_twin("riken-64", seed=1)))


def heavy_hex_twin():
    return replace(load_twin(f"fake-{SNAPSHOT}"), name=HEAVY_HEX)


def heavy_hex_tables():
    folder = Path(qiskit_ibm_runtime.__file__).parent / "fake_provider" / "backends" / SNAPSHOT
    tables = [json.loads((folder / f"{kind}_{SNAPSHOT}.json").read_text()) for kind in ("conf", "props")]
    for table in tables:
        table["backend_name"] = HEAVY_HEX
    tables[0]["max_shots"] = MAX_SHOTS
    return tables


def now():
    return dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z")


@dataclass
class Job:
    """One job, in no dialect."""

    read: object  # gives the program; may refuse
    twin: str
    n_shots: int
    compiled: bool = True
    job_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    extra: dict = field(default_factory=dict)
    state: str = "queued"
    message: str | None = None
    shots: object = None
    times: dict = field(default_factory=lambda: {"submitted": now()})


class Room:
    def __init__(self, *, seed):
        self.twins = {SQUARE: square_twin(), HEAVY_HEX: heavy_hex_twin()}
        self.tables = heavy_hex_tables()
        self.jobs = {}
        self.files = {}
        self.faults = {}
        self.requests = []
        self.change = threading.Condition()
        self.rng = np.random.default_rng(seed)
        threading.Thread(target=self.work, daemon=True).start()

    def fault(self, name):
        """Whether to misbehave now; one fewer to come."""
        with self.change:
            left = self.faults.get(name, 0)
            if left and name not in ("hold", "revoked"):
                self.faults[name] = left - 1
            return left > 0

    def set_fault(self, name, n):
        with self.change:
            self.faults[name] = n
            if name == "forget":
                self.jobs.clear()
            self.change.notify_all()

    def accept(self, job):
        with self.change:
            self.jobs[job.job_id] = job
            self.change.notify_all()
        return job

    def cancel(self, job):
        with self.change:
            if job.state in ("queued", "running"):
                job.state, job.times["ended"] = "cancelled", now()
                return True
            return False

    def work(self):
        while True:
            with self.change:
                waiting = [job for job in self.jobs.values() if job.state == "queued"]
                if not waiting or self.faults.get("hold"):
                    self.change.wait()
                    continue
                job = waiting[0]
                job.times["ready"] = job.times["running"] = now()
                job.state = "running"
            self.run(job)

    def run(self, job):
        shots, message, state = None, None, "done"
        if self.fault("fail"):
            state, message = "failed", "The dilution refrigerator warmed up. Nothing was measured."
        elif self.fault("evict"):
            state, message = "cancelled", "maintenance"
        else:
            try:
                twin = self.twins[job.twin]
                gates = job.read(twin)
                if job.compiled:
                    require_fit(gates, twin)
                shots = TwinDevice(twin=twin).run(gates, job.n_shots, rng=self.rng)
            except KakehashiError as error:
                state, message = "failed", str(error)
        with self.change:
            if job.state == "running":
                job.state, job.message, job.shots, job.times["ended"] = state, message, shots, now()
