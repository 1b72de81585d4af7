"""The user interface of OQTOPUS, as oqtopus-client 1.3.0 speaks it."""

import io
import json
import uuid
import zipfile
from email.parser import BytesParser
from email.policy import HTTP

from machine import SQUARE, TOKEN, Job
from server import Refused

from kakehashi.circuit.qasm3 import read_qasm3
from kakehashi.device.twins.oqtopus import to_oqtopus

WORDS = {"queued": "ready", "running": "running", "done": "succeeded", "failed": "failed", "cancelled": "cancelled"}
DEFAULT = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}


def require_token(room, asked):
    if asked.headers.get("q-api-token") != TOKEN or room.fault("revoked"):
        raise Refused(401, "Unauthorized")


def zipped(name, table):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr(f"{name}.json", json.dumps(table))
    return packed.getvalue()


def register(room, asked):
    require_token(room, asked)
    job_id = str(uuid.uuid4())
    fields = {"key": f"{job_id}/input.zip", "AWSAccessKeyId": "x", "policy": "x", "signature": "x"}
    return 200, {"job_id": job_id, "presigned_url": {"url": f"{asked.base}/_upload/{job_id}", "fields": fields}}


def upload(room, asked, job_id):
    if "q-api-token" in asked.headers:
        raise Refused(400, "the token does not belong here")
    head = f"Content-Type: {asked.headers['Content-Type']}\r\n\r\n".encode()
    parts = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in BytesParser(policy=HTTP).parsebytes(head + asked.body).iter_parts()
    }
    if set(parts) < {"key", "policy", "signature", "AWSAccessKeyId", "file"}:
        raise Refused(403, "a field is missing")
    room.files[job_id, "input"] = parts["file"]
    return 204, {}


def submit(room, asked, job_id):
    require_token(room, asked)
    given = asked.json()
    if given["device_id"] != SQUARE:
        raise Refused(400, f"there is no device {given['device_id']}")
    with zipfile.ZipFile(io.BytesIO(room.files[job_id, "input"])) as file:
        (member,) = file.namelist()
        (program,) = json.loads(file.read(member))["program"]
    transpiler = given["transpiler_info"] or DEFAULT
    compiled = transpiler["transpiler_lib"] is None

    def read(twin):
        return read_qasm3(program, n_qubits=twin.n_qubits if compiled else None)

    job = Job(read=read, twin=SQUARE, n_shots=given["shots"], compiled=compiled, job_id=job_id)
    job.extra = {"name": given.get("name", ""), "transpiler_info": transpiler}
    room.accept(job)
    return 200, {"message": "job submitted"}


def found(room, asked, job_id):
    require_token(room, asked)
    if job_id not in room.jobs:
        raise Refused(404, f"job {job_id} is not found")
    return room.jobs[job_id]


def shown(job, base):
    info = {"input": f"{base}/_blob/{job.job_id}/input", "message": job.message}
    if job.state == "done":
        info["result"] = f"{base}/_blob/{job.job_id}/result"
    return {
        "job_id": job.job_id,
        "device_id": job.twin,
        "job_type": "sampling",
        "status": WORDS[job.state],
        "shots": job.n_shots,
        "job_info": info,
        "simulator_info": {},
        "mitigation_info": {},
        "execution_time": 0.1 if job.state == "done" else None,
        **job.extra,
        **{f"{what}_at": time for what, time in job.times.items()},
    }


def status(room, asked, job_id):
    return 200, {"job_id": job_id, "status": WORDS[found(room, asked, job_id).state]}


def job(room, asked, job_id):
    return 200, shown(found(room, asked, job_id), asked.base)


def jobs(room, asked):
    require_token(room, asked)
    wanted = asked.query.get("q", "")
    return 200, [shown(j, asked.base) for j in room.jobs.values() if wanted in j.extra.get("name", "")]


def cancel(room, asked, job_id):
    if not room.cancel(found(room, asked, job_id)):
        raise Refused(400, f"job {job_id} has ended")
    return 200, {"message": "cancel request accepted"}


def blob(room, asked, job_id, what):
    if what == "input":
        return 200, room.files[job_id, what]
    return 200, zipped(what, {"sampling": {"counts": room.jobs[job_id].shots.to_counts()}})


def about(room):
    topology = to_oqtopus(room.twins[SQUARE])
    return {
        "device_id": SQUARE,
        "device_type": "QPU",
        "status": "available",
        "n_pending_jobs": 0,
        "n_qubits": len(topology["qubits"]),
        "basis_gates": ["rz", "sx", "x", "cx"],
        "supported_instructions": ["measure", "barrier"],
        "description": "a twin",
        "device_info": json.dumps(topology),
        "calibrated_at": topology["calibrated_at"],
    }


def devices(room, asked):
    require_token(room, asked)
    return 200, [about(room)]


def device(room, asked, name):
    require_token(room, asked)
    if name != SQUARE:
        raise Refused(404, f"device {name} is not found")
    return 200, about(room)


ID = "([0-9a-f-]{36})"
ROUTES = (
    ("POST", "/jobs", register),
    ("GET", "/jobs", jobs),
    ("POST", f"/_upload/{ID}", upload),
    ("POST", f"/jobs/{ID}/submit", submit),
    ("GET", f"/jobs/{ID}/status", status),
    ("GET", f"/jobs/{ID}", job),
    ("POST", f"/jobs/{ID}/cancel", cancel),
    ("GET", f"/_blob/{ID}/(input|result)", blob),
    ("GET", "/devices", devices),
    ("GET", "/devices/([^/]+)", device),
)
