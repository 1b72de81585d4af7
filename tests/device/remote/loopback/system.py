"""A quantum system in a machine room, as qrmi 0.26.4 (type ``ibm-quantum-system``) speaks to it, storage included."""

import base64
import io
import json
import time
import zlib
from urllib.parse import urlsplit

import numpy as np
from machine import HEAVY_HEX, TOKEN, Job, now
from server import Refused

from kakehashi.circuit.qasm3 import read_qasm3

WORDS = {"queued": "Running", "running": "Running", "done": "Completed", "failed": "Failed", "cancelled": "Cancelled"}
BUCKET = "bucket"


def web_token():
    """A token in the shape of a JWT, which IBM's clients take apart; nobody checks its signature."""

    def part(table):
        return base64.urlsafe_b64encode(json.dumps(table).encode()).rstrip(b"=").decode()

    begun = int(time.time())
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'iat': begun, 'exp': begun + 3600})}.c2ln"


def identity(room, asked):
    key = dict(item.split("=", 1) for item in asked.body.decode().split("&")).get("apikey")
    if key != TOKEN or room.fault("revoked"):
        raise Refused(401, "Provided API key could not be found")
    answer = {"access_token": web_token(), "refresh_token": "none", "token_type": "Bearer", "expires_in": 3600}
    return 200, {**answer, "expiration": int(time.time()) + 3600}


def require_token(room, asked):
    if not asked.headers.get("Authorization", "").startswith("Bearer ") or room.fault("revoked"):
        raise Refused(401, "unauthorized")


def bit_array(shots):
    """Shots as IBM's runtime writes them: rows of bytes, the highest bit first."""
    matrix = np.repeat(shots.to_matrix(), shots.counts, axis=0)[:, ::-1]
    width = -(-matrix.shape[1] // 8) * 8
    padded = np.zeros((len(matrix), width), dtype=bool)
    padded[:, width - matrix.shape[1] :] = matrix
    packed = io.BytesIO()
    np.save(packed, np.packbits(padded, axis=1), allow_pickle=False)
    array = {"__type__": "ndarray", "__value__": base64.b64encode(zlib.compress(packed.getvalue())).decode()}
    return {"__type__": "BitArray", "__value__": {"array": array, "num_bits": shots.n_qubits}}


def result_of(shots):
    fields = {"c": bit_array(shots)}
    data = {"__type__": "DataBin", "__value__": {"field_names": ["c"], "shape": [], "fields": fields}}
    pub = {"__type__": "SamplerPubResult", "__value__": {"data": data, "metadata": {}}}
    return {"__type__": "PrimitiveResult", "__value__": {"pub_results": [pub], "metadata": {"version": 2}}}


def backend(room, asked, name):
    require_token(room, asked)
    require_name(name)
    return 200, {"name": name, "status": "online"}


def require_name(name):
    if name != HEAVY_HEX:
        raise Refused(404, f"backend {name} is not found")


def lanes(room, asked, name):
    return 200, {"hpc_workload_manager": {"lanes": 2}, "ibm_quantum_compute": {"lanes": 0}}


def configuration(room, asked, name):
    require_token(room, asked)
    require_name(name)
    return 200, room.tables[0]


def properties(room, asked, name):
    require_token(room, asked)
    require_name(name)
    return 200, room.tables[1]


def submit(room, asked):
    require_token(room, asked)
    given = asked.json()
    require_name(given["backend"])
    path = urlsplit(given["storage"]["input"]["presigned_url"]).path
    ((program, parameters, n_shots),) = json.loads(room.files[path])["pubs"]
    if parameters is not None:
        raise Refused(400, "parameters")

    def read(twin):
        return read_qasm3(program, n_qubits=twin.n_qubits, clock_ns=twin.clock_ns)

    job = Job(read=read, twin=HEAVY_HEX, n_shots=n_shots, job_id=given["id"])
    job.extra = {**given, "created_time": now()}
    room.accept(job)
    return 204, {}


def found(room, asked, job_id):
    require_token(room, asked)
    if job_id not in room.jobs:
        raise Refused(404, f"job {job_id} is not found")
    return room.jobs[job_id]


def job(room, asked, job_id):
    it = found(room, asked, job_id)
    answer = {**it.extra, "status": WORDS[it.state]}
    if it.message:
        answer |= {"reason_code": 1, "reason_message": it.message}
    return 200, answer


def jobs(room, asked):
    require_token(room, asked)
    return 200, {"jobs": []}


def cancel(room, asked, job_id):
    if not room.cancel(found(room, asked, job_id)):
        raise Refused(409, "the job has ended")
    return 204, {}


def delete(room, asked, job_id):
    room.cancel(found(room, asked, job_id))
    del room.jobs[job_id]
    return 204, {}


def put_file(room, asked):
    room.files[asked.path] = asked.body
    return 200, {}


def get_file(room, asked, kind, job_id):
    it = room.jobs.get(job_id)
    if it is None or (kind == "results" and it.shots is None):
        raise Refused(404, "NoSuchKey")
    if kind == "logs":
        return 200, f"INFO started\nERROR {it.message}\n".encode()
    return 200, json.dumps(result_of(it.shots)).encode()


NAME, ID = "([^/]+)", "([0-9a-f-]{36})"
ROUTES = (
    ("POST", "/identity/token", identity),
    ("GET", f"/v1/backends/{NAME}", backend),
    ("GET", f"/v1/backends/{NAME}/lanes", lanes),
    ("GET", f"/v1/backends/{NAME}/configuration", configuration),
    ("GET", f"/v1/backends/{NAME}/properties", properties),
    ("GET", "/v1/jobs", jobs),
    ("POST", "/v1/jobs", submit),
    ("GET", f"/v1/jobs/{ID}", job),
    ("POST", f"/v1/jobs/{ID}/cancel", cancel),
    ("DELETE", f"/v1/jobs/{ID}", delete),
    ("PUT", f"/{BUCKET}/.*", put_file),
    ("GET", f"/{BUCKET}/(results|logs)_{ID}.json", get_file),
)
