"""The server as its users see it: clause by clause of ETSI GS QKD 014, SKIP, and clients that nobody changed."""

import base64
import json
import logging
import subprocess
import threading
import uuid
from shutil import which

import pytest
from tests.qkd.served import Served

from kakehashi.qkd.delivery.etsi014 import MESSAGES
from kakehashi.qkd.keys.books import SLOTS

KEYS = "/api/v1/keys"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("served"))
    yield served
    served.close()


def enc(served, sae="alice", slave="bob", **body):
    status, answer = served.call(sae, "POST", f"{KEYS}/{slave}/enc_keys", body)
    assert status == 200, answer
    return answer["keys"]


def dec(served, keys, sae="bob", master="alice"):
    body = {"key_IDs": [{"key_ID": key["key_ID"]} for key in keys]}
    return served.call(sae, "POST", f"{KEYS}/{master}/dec_keys", body)


def test_status_has_every_field(served):
    status, answer = served.call("alice", "GET", f"{KEYS}/bob/status")
    assert status == 200
    assert {name: type(value) for name, value in answer.items()} == {
        "source_KME_ID": str, "target_KME_ID": str, "master_SAE_ID": str, "slave_SAE_ID": str, "key_size": int,
        "stored_key_count": int, "max_key_count": int, "max_key_per_request": int, "max_key_size": int,
        "min_key_size": int, "max_SAE_ID_count": int,
    }  # fmt: skip
    assert [answer[f"{x}_ID"] for x in ("source_KME", "target_KME", "master_SAE", "slave_SAE")] == [
        "kme-a", "kme-b", "alice", "bob",
    ]  # fmt: skip
    assert answer["stored_key_count"] > 0


@pytest.mark.parametrize(
    ("method", "query", "body", "number", "size"),
    [
        ("GET", "", None, 1, 256),
        ("GET", "?number=3", None, 3, 256),
        ("GET", "?size=128&number=2", None, 2, 128),
        ("POST", "", None, 1, 256),
        ("POST", "", {}, 1, 256),
        ("POST", "", {"number": 128, "size": 64}, 128, 64),
        ("POST", "", {"number": None, "size": 4096, "extension_optional": None}, 1, 4096),
    ],
)
def test_keys_come_as_asked(served, method, query, body, number, size):
    status, answer = served.call("alice", method, f"{KEYS}/bob/enc_keys{query}", body)
    assert status == 200
    assert set(answer) == {"keys"}
    assert len(answer["keys"]) == number
    assert all(len(base64.b64decode(key["key"], validate=True)) == size // 8 for key in answer["keys"])
    assert len({uuid.UUID(key["key_ID"]) for key in answer["keys"]}) == number
    status, got = dec(served, answer["keys"])
    assert (status, got) == (200, answer)


def test_a_slave_may_get_one_key_by_get(served):
    (key,) = enc(served)
    path = f"{KEYS}/alice/dec_keys?key_ID={key['key_ID']}"
    assert served.call("bob", "GET", path) == (200, {"keys": [key]})
    assert served.call("bob", "GET", path) == (400, {"message": MESSAGES["not found"]})


BAD = {"mandatory": "extension_mandatory", "optional": "extension_optional"}


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "bob/enc_keys", {"size": 257}, MESSAGES["size"]),
        ("GET", "bob/enc_keys?size=63", None, MESSAGES["size"]),
        ("POST", "bob/enc_keys", {"size": 56}, None),
        ("POST", "bob/enc_keys", {"size": 4104}, None),
        ("POST", "bob/enc_keys", {"number": 0}, None),
        ("POST", "bob/enc_keys", {"number": -1}, None),
        ("POST", "bob/enc_keys", {"number": 129}, None),
        ("POST", "bob/enc_keys", {"number": True}, None),
        ("POST", "bob/enc_keys", {"number": 1.0}, None),
        ("POST", "bob/enc_keys", {"number": 10**30}, None),
        ("POST", "bob/enc_keys", b"[]", None),
        ("POST", "bob/enc_keys", b"{", None),
        ("POST", "bob/enc_keys", b"[" * 100_000, None),
        ("POST", "bob/enc_keys", b'{"number": NaN}', None),
        ("POST", "bob/enc_keys", b'{"number": 1, "number": 2}', None),
        ("POST", "bob/enc_keys", b"\xff\xfe", None),
        ("POST", "bob/enc_keys", b'{"number": 1' + b" " * 262_144 + b"}", "the body is too long"),
        ("POST", "bob/enc_keys", {"additional_slave_SAE_IDs": "bea"}, None),
        ("POST", "bob/enc_keys", {"additional_slave_SAE_IDs": ["nobody"]}, None),
        ("POST", "bob/enc_keys", {"additional_slave_SAE_IDs": ["bob"]}, None),
        ("POST", "bob/enc_keys", {"additional_slave_SAE_IDs": [f"s{i}" for i in range(9)]}, None),
        ("POST", "bob/enc_keys", {BAD["mandatory"]: [{"abc_x": 1}]}, MESSAGES["mandatory unknown"]),
        ("POST", "bob/enc_keys", {BAD["mandatory"]: [{"kakehashi_max_failure": 1e-30}]}, MESSAGES["mandatory unmet"]),
        ("POST", "bob/enc_keys", {BAD["mandatory"]: [{"kakehashi_max_failure": "x"}]}, MESSAGES["mandatory unmet"]),
        ("POST", "bob/enc_keys", {BAD["mandatory"]: [{"kakehashi_composable": 1}]}, MESSAGES["mandatory unmet"]),
        ("POST", "bob/enc_keys", {BAD["mandatory"]: {"abc_x": 1}}, None),
        ("POST", "bob/enc_keys", {BAD["optional"]: ["abc"]}, None),
        ("GET", "bob/enc_keys?additional_slave_SAE_IDs=bea", None, None),
        ("GET", "bob/enc_keys?number=1&number=2", None, None),
        ("GET", "bob/enc_keys?number=-1", None, None),
        ("GET", "bob/enc_keys?number=%31%FF", None, None),
        ("GET", "bob/enc_keys", b"{}", "a GET has no body"),
        ("GET", "nobody/enc_keys", None, None),
        ("GET", "nobody/status", None, None),
        ("GET", "anna/enc_keys", None, None),
        ("GET", "alice/enc_keys", None, None),
        ("GET", "%FF/status", None, None),
        ("GET", "/status", None, None),
        ("GET", "bob/other", None, None),
        ("GET", "bob", None, None),
        ("PUT", "bob/enc_keys", None, None),
        ("DELETE", "bob/status", None, None),
        ("POST", "bob/status", {}, None),
        ("POST", "bob/dec_keys", {}, None),
        ("POST", "bob/dec_keys", {"key_IDs": []}, None),
        ("POST", "bob/dec_keys", {"key_IDs": ["x"]}, None),
        ("POST", "bob/dec_keys", {"key_IDs": [{"key_ID": 1}]}, None),
        ("POST", "bob/dec_keys", {"key_IDs": [{"key_ID": str(uuid.UUID(int=1))}] * 129}, None),
        ("POST", "bob/dec_keys", {"key_IDs": [{"key_ID": "no uuid"}]}, MESSAGES["not found"]),
        ("POST", "bob/dec_keys", {"key_IDs": [{"key_ID": str(uuid.UUID(int=1))}]}, MESSAGES["not found"]),
        ("GET", "bob/dec_keys", None, None),
        ("GET", f"bob/dec_keys?key_ID={uuid.UUID(int=1)}&key_ID={uuid.UUID(int=2)}", None, None),
        ("GET", f"bob/dec_keys?key_ID={uuid.UUID(int=1)}", None, MESSAGES["not found"]),
    ],
)
def test_what_is_wrong_is_400_with_an_error_object(served, method, path, body, message):
    before = served.call("alice", "GET", f"{KEYS}/bob/status")[1]["stored_key_count"]
    status, answer = served.call("alice", method, f"{KEYS}/{path}", body)
    assert status == 400
    assert isinstance(answer["message"], str)
    assert message is None or answer["message"] == message
    assert served.call("alice", "GET", f"{KEYS}/bob/status")[1]["stored_key_count"] == before


def test_extensions_are_answered_as_specified(served):
    keys = enc(served, extension_optional=[{"abc_unknown": 1}])
    assert set(keys[0]) == {"key_ID", "key"}
    wanted = [{"kakehashi_failure": True}, {"kakehashi_max_failure": 1e-9}, {"kakehashi_composable": True}]
    body = {"extension_mandatory": wanted}
    status, answer = served.call("alice", "POST", f"{KEYS}/bob/enc_keys", body)
    assert status == 200
    claim = {"kakehashi_failure": 1e-10, "kakehashi_bound": "wiesemann", "kakehashi_composable": True}
    assert answer["key_container_extension"] == claim
    ids = {"key_IDs": [{"key_ID": answer["keys"][0]["key_ID"]}], "key_IDs_extension": {"kakehashi_failure": True}}
    assert served.call("bob", "POST", f"{KEYS}/alice/dec_keys", ids) == (200, answer)


def test_who_was_not_named_gets_401(served):
    keys = enc(served)
    for sae, master in (("bea", "alice"), ("bob", "anna"), ("alice", "bob"), ("alice", "alice")):
        status, answer = dec(served, keys, sae, master)
        assert (status, type(answer["message"])) == (401, str)
    assert dec(served, keys) == (200, {"keys": keys})


def test_a_certificate_of_no_sae_of_this_kme_gets_401(served):
    for name, sae in (("kme-b", "alice"), ("bob", "alice")):
        status, answer = served.call(name, "GET", f"{KEYS}/bob/status", at=served.port(sae))
        assert (status, type(answer["message"])) == (401, str)
    status, _ = served.call(
        "alice", "POST", "/kakehashi/kme/v1/void", {"grants": []}, at=served.kmes["kme-a"].peer_port
    )
    assert status == 401


def test_ids_of_saes_are_url_encoded(served):
    keys = enc(served, slave="B%C3%BCro%201%2F2")
    status, got = dec(served, keys, "Büro 1/2")
    assert (status, got["keys"]) == (200, keys)


def test_additional_slaves_get_identical_keys(served):
    keys = enc(served, number=2, additional_slave_SAE_IDs=["bea", "anna"])
    for sae in ("bob", "bea", "anna"):
        assert dec(served, keys, sae) == (200, {"keys": keys})
        assert dec(served, keys, sae)[0] == 400


def test_two_who_race_for_a_key_get_it_once(served):
    for _ in range(10):
        keys = enc(served)
        outcomes = []
        racers = [threading.Thread(target=lambda k=keys, o=outcomes: o.append(dec(served, k)[0])) for _ in range(4)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert sorted(outcomes) == [200, 400, 400, 400]


def test_nothing_that_is_logged_or_answered_in_error_holds_a_key(served, caplog):
    caplog.set_level(logging.DEBUG)
    keys = enc(served, number=5)
    text = json.dumps(dec(served, keys, "bea")) + json.dumps(dec(served, [*keys, keys[0]]))
    dec(served, keys)
    for key in keys:
        octets = base64.b64decode(key["key"])
        assert not any(form in text + caplog.text for form in (key["key"], octets.hex(), str(octets)))


def test_a_damaged_store_is_said_and_nothing_is_promised(served, caplog):
    keys = enc(served)
    path = served.folder / "b" / SLOTS
    before = path.read_bytes()
    try:
        path.write_bytes(bytes(octet ^ 1 for octet in before))
        status, answer = dec(served, keys)
    finally:
        path.write_bytes(before)
    assert (status, answer["message"]) == (503, "the store of this KME is damaged")
    assert "cannot be decrypted: the store is damaged" in caplog.text
    assert dec(served, keys)[0] == 200


def test_skip_serves_the_same_keys(served):
    status, answer = served.call("alice", "GET", "/key?remoteSystemID=bob&size=192")
    assert status == 200
    assert len(answer["key"]) == 48
    path = f"/key/{answer['keyId']}?remoteSystemID=alice"
    assert served.call("bob", "GET", path) == (200, answer)
    assert served.call("bob", "GET", path)[0] == 400
    assert served.call("alice", "GET", "/key")[0] == 400
    assert served.call("alice", "GET", "/key/xyz?remoteSystemID=bob")[0] == 400
    assert served.call("alice", "GET", "/capabilities")[1]["key"] is True
    status, answer = served.call("alice", "GET", "/entropy?minentropy=100")
    assert (status, len(answer["randomStr"])) == (200, 26)
    assert served.call("alice", "GET", "/entropy?minentropy=0")[0] == 400


@pytest.mark.skipif(which("curl") is None, reason="needs curl")
def test_curl_gets_a_key_at_both_ends(served):
    def curl(sae, path):
        pki = served.folder / "pki"
        url = f"https://127.0.0.1:{served.port(sae)}{KEYS}/{path}"
        command = [
            "curl",
            "--silent",
            "--cacert",
            pki / "ca.crt",
            "--cert",
            pki / f"{sae}.crt",
            "--key",
            pki / f"{sae}.key",
        ]
        return json.loads(subprocess.run([*command, url], capture_output=True, check=True).stdout)

    answer = curl("alice", "bob/enc_keys")
    assert curl("bob", f"alice/dec_keys?key_ID={answer['keys'][0]['key_ID']}") == answer


def test_the_client_of_the_package_index_gets_keys(served):
    pytest.importorskip("etsi_qkd_014_client", reason="needs etsi-qkd-014-client")
    from etsi_qkd_014_client import QKD014Client

    def client(sae):
        pki = served.folder / "pki"
        files = (pki / f"{sae}.crt", pki / f"{sae}.key", pki / "ca.crt")
        return QKD014Client(f"127.0.0.1:{served.port(sae)}", *map(str, files))

    code, sent = client("alice").get_key("bob", number=2, size=256)
    assert code == 200
    ids = [key.key_id for key in sent.keys]
    code, got = client("bob").get_key_with_key_IDs("alice", ids)
    assert code == 200
    assert [(key.key_id, key.key) for key in got.keys] == [(key.key_id, key.key) for key in sent.keys]
    assert client("bob").get_key_with_key_IDs("alice", ids)[0] == 400
    assert client("alice").get_key_with_key_IDs("bob", ids)[0] == 401
    code, status = client("alice").get_status("bob")
    assert (code, status.key_size) == (200, 256)
