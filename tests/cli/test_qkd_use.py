import json
import os

import pytest
from tests.qkd.consumers.needs import need
from tests.qkd.served import Served

from kakehashi.qkd.consumers import packages
from kakehashi.qkd.consumers.psk import has_psk


def test_tls_is_one_command(here):
    need("openssl")
    done = here("qkd", "use", "tls")
    assert done.returncode == 0, done.stderr
    assert "no quantum keys" in done.stderr
    assert "shook hands" in done.stdout
    assert done.stdout.endswith("\n  1 key; 1 of 1 messages came through.\n")
    assert max(map(len, (done.stdout + done.stderr).splitlines())) <= 100


def test_a_wrong_key_is_said_to_be_closed_and_kmes_are_those_given(here, tmp_path):
    need("openssl")
    served = Served(tmp_path)
    try:
        ways = ["--pki", tmp_path / "pki", "--slave", "Büro 1/2", "--json", "--wrong-key"]
        for side, sae in (("master", "alice"), ("slave", "bob")):
            ways += [f"--{side}-kme", f"https://127.0.0.1:{served.port(sae)}"]
        done = here("qkd", "use", "tls", *ways)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["is_right"]
        assert not found["is_connected"]
        assert found["received"] == 0
        assert {moment["side"] for moment in found["moments"]} == {"alice", "Büro 1/2"}
        done = here("qkd", "use", "tls", *ways, "--master-kme-name", "kme-b")
        assert done.returncode == 1
        assert "not 'kme-b'" in done.stderr.replace("\n", " ")
    finally:
        served.close()


@pytest.mark.parametrize("consumer", ["wireguard", "ipsec"])
def test_missing_packages_are_named_at_once(here, monkeypatch, consumer):
    monkeypatch.setattr(packages, "FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    done = here("qkd", "use", consumer)
    assert done.returncode == 1
    assert "apt install" in done.stderr
    assert "start" not in done.stderr


def test_root_is_asked_for_at_once(here, monkeypatch):
    need("wireguard-go", "wg", "ip", "ping", "unshare", "nsenter")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    done = here("qkd", "use", "wireguard")
    assert done.returncode == 1
    assert "sudo" in done.stderr


@pytest.mark.skipif(has_psk(), reason="this Python has external PSKs")
def test_an_older_python_says_what_it_lacks(here):
    done = here("qkd", "use", "tls", "--with", "python")
    assert done.returncode == 1
    assert "3.13" in done.stderr


@pytest.mark.parametrize("ways", [["--pki", "x"], ["--master-kme", "https://x:1"], ["--slave-kme-name", "x"]])
def test_half_of_what_real_kmes_need_is_wrong_use(here, ways):
    need("openssl")
    done = here("qkd", "use", "tls", *ways)
    assert done.returncode == 2
    assert "--slave-kme" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("consumer", ["wireguard", "ipsec"])
def test_a_tunnel_is_one_command(here, consumer):
    from kakehashi.qkd.consumers import ipsec, wireguard

    need(*(ipsec if consumer == "ipsec" else wireguard).PROGRAMS, hosts=True)
    done = here("qkd", "use", consumer, "--seconds", "2", "--rotate", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["received"] == 10
