import subprocess
import threading

import pytest
from tests.qkd.consumers.needs import need
from tests.qkd.consumers.test_model import NAME
from tests.qkd.consumers.watch import watching

from kakehashi.qkd.consumers.model import Key
from kakehashi.qkd.consumers.tls import SUITES, psk_session, use_tls
from kakehashi.qkd.delivery.certificates import make_certificates


@pytest.mark.parametrize("suite", SUITES)
def test_equal_keys_connect_and_nobody_sees_them(sides, suite, own_tmp, caplog):
    need("openssl")
    with watching() as seen:
        outcome = use_tls(*sides, suite=suite)
    assert outcome.is_right
    assert outcome.suite == f"TLSv1.3, {suite}, PSK and X25519"
    assert [moment.step for moment in outcome.moments][-2:] == ["shook hands", "sent a line there and back"]
    seen.assert_no(sides[0].keys)
    assert seen.modes == {0o600}
    assert any(outcome.key_ids[0].encode() in command for command in seen.commands)  # so a key would have been seen
    assert list(own_tmp.iterdir()) == []
    assert sides[0].keys[0].hex not in caplog.text


def test_one_bit_of_difference_closes_it(sides):
    need("openssl")
    outcome = use_tls(*sides, wrong_from=0)
    assert outcome.is_right
    assert not outcome.is_connected
    assert (outcome.sent, outcome.received) == (1, 0)
    assert outcome.refusal == "binder does not verify"


def test_a_server_that_falls_back_to_a_certificate_gets_nothing(sides, tmp_path, monkeypatch):
    """OpenSSL's client accepts a certificate from anybody; nothing may be sent then."""
    need("openssl")
    files = make_certificates(tmp_path, saes=["eve"], kmes=[])
    from kakehashi.qkd.consumers import tls

    real = tls.running

    def with_certificate(words, log, **options):
        at_server = "s_server" in words
        swap = ["-cert", str(files[2]), "-key", str(files[3])]
        words = [w for word in words for w in (swap if at_server and word == "-nocert" else [word])]
        if at_server:  # and another key, so that only the certificate is left
            words[words.index("-psk_identity") + 1] = "another"
        return real(words, log, **options)

    monkeypatch.setattr(tls, "running", with_certificate)
    outcome = use_tls(*sides)
    assert not outcome.is_connected
    assert outcome.received == 0
    assert "no session under the PSK" in outcome.refusal


def test_a_program_that_does_not_start_says_why(sides, monkeypatch):
    need("openssl")
    from kakehashi.core.errors import DeviceError
    from kakehashi.qkd.consumers import tls

    real = tls.running
    monkeypatch.setattr(tls, "running", lambda words, log, **options: real([*words, "-no-such-option"], log, **options))
    with pytest.raises(DeviceError, match="openssl s_server does not start: s_server: Use -help"):
        use_tls(*sides)


@pytest.mark.parametrize("suite", SUITES)
def test_openssl_reads_the_session_back(suite):
    need("openssl")
    key = Key(key_id=NAME, secret=bytes(range(32)))
    words = ["openssl", "sess_id", "-noout", "-text"]
    text = subprocess.run(words, input=psk_session(key, suite=suite), capture_output=True, check=True).stdout.decode()
    assert f"Cipher    : {suite}" in text
    assert "TLSv1.3" in text
    assert key.hex.upper() in text


def test_a_long_key_is_encoded_too():
    need("openssl")
    key = Key(key_id=NAME, secret=bytes(200))
    words = ["openssl", "sess_id", "-noout", "-text"]
    done = subprocess.run(words, input=psk_session(key, now=0), capture_output=True, check=True)
    assert b"00" * 200 in done.stdout


def test_nothing_listens_afterwards(sides):
    need("openssl")
    before = threading.active_count()
    use_tls(*sides)
    assert threading.active_count() == before
