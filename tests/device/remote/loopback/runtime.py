"""IBM's cloud service, as qiskit-ibm-runtime 0.51 speaks to it."""

import base64
import io
import json
import zlib

from machine import HEAVY_HEX, Job, now
from qiskit import qpy
from server import Refused
from system import require_name, require_token, result_of

from kakehashi.circuit.gates import from_qiskit

WORDS = {"queued": "Queued", "running": "Running", "done": "Completed", "failed": "Failed", "cancelled": "Cancelled"}


def backends(room, asked):
    require_token(room, asked)
    n_qubits = room.tables[0]["n_qubits"]
    about = {"name": HEAVY_HEX, "qubits": n_qubits, "queue_length": 0, "status": {"name": "online", "reason": ""}}
    return 200, {"devices": [about]}


def configuration(room, asked, name):
    require_name(name)
    return 200, room.tables[0]


def properties(room, asked, name):
    require_name(name)
    return 200, room.tables[1]


def backend_status(room, asked, name):
    require_name(name)
    return 200, {"state": True, "status": "active", "message": "", "length_queue": 0, "backend_version": "1.0.0"}


def usage(room, asked):
    return 200, {
        "usage_consumed_seconds": 1,
        "usage_limit_reached": False,
        "usage_allocation_seconds": 100_000,
    }


def submit(room, asked):
    require_token(room, asked)
    given = asked.json()
    require_name(given["backend"])
    ((circuit, _, n_shots),) = given["params"]["pubs"]

    def read(twin):
        packed = zlib.decompress(base64.b64decode(circuit["__value__"]))
        return from_qiskit(qpy.load(io.BytesIO(packed))[0], clock_ns=twin.clock_ns)

    job = Job(read=read, twin=HEAVY_HEX, n_shots=n_shots)
    job.extra = {"tags": given.get("tags", []), "created": now()}
    room.accept(job)
    return 200, {"id": job.job_id, "backend": HEAVY_HEX}


def found(room, asked, job_id):
    require_token(room, asked)
    if job_id not in room.jobs:
        raise Refused(404, f"Job not found: {job_id}")
    return room.jobs[job_id]


def shown(job):
    state = {"status": WORDS[job.state]}
    if job.message:
        state["reason"] = job.message
    return {"id": job.job_id, "backend": HEAVY_HEX, "state": state, "program": {"id": "sampler"}, **job.extra}


def job(room, asked, job_id):
    return 200, shown(found(room, asked, job_id))


def jobs(room, asked):
    require_token(room, asked)
    wanted = asked.query.get("tags")
    chosen = [shown(j) for j in room.jobs.values() if wanted is None or wanted in j.extra.get("tags", ())]
    return 200, {"jobs": chosen, "count": len(chosen)}


def results(room, asked, job_id):
    it = found(room, asked, job_id)
    if it.state == "done":
        return 200, json.dumps(result_of(it.shots)).encode()
    return 200, (it.message or "").encode()


def metrics(room, asked, job_id):
    times = found(room, asked, job_id).times
    stamps = {"created": times["submitted"], "running": times.get("running"), "finished": times.get("ended")}
    return 200, {"timestamps": stamps, "usage": {"status": "successful", "qpu_charge_time_seconds": 1}}


def cancel(room, asked, job_id):
    if not room.cancel(found(room, asked, job_id)):
        raise Refused(409, "the job has ended")
    return 204, {}


PREFIX, NAME, ID = "/experimental", "([^/]+)", "([0-9a-f-]{36})"
ROUTES = tuple(
    (method, PREFIX + path, function)
    for method, path, function in (
        ("GET", "/backends", backends),
        ("GET", f"/backends/{NAME}/configuration", configuration),
        ("GET", f"/backends/{NAME}/properties", properties),
        ("GET", f"/backends/{NAME}/status", backend_status),
        ("GET", "/instances/usage", usage),
        ("POST", "/jobs", submit),
        ("GET", "/jobs", jobs),
        ("GET", f"/jobs/{ID}", job),
        ("GET", f"/jobs/{ID}/results", results),
        ("GET", f"/jobs/{ID}/metrics", metrics),
        ("POST", f"/jobs/{ID}/cancel", cancel),
    )
)
