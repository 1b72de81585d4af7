import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest


def run(*arguments):
    """Run the command; returns exit code, output, words."""
    done = subprocess.run(
        [sys.executable, "-m", "kakehashi.cli", "qkd", "distill", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "There is no link 'nowhere'"),
        (["laboratory-50km", "--block-bits", "1000"], "give no key over laboratory-50km: 1.4 % of the bits are wrong"),
        (["laboratory-50km", "--block-bits", "-4"], 'Invalid value "-4" for --block-bits. Must be >= 1000'),
        (["tokyo-koganei-loop-ntt", "--error-positions", "secret"], 'Invalid value "secret" for --error-positions'),
        (["tokyo-koganei-loop-ntt", "--seed", "-1"], 'Invalid value "-1" for --seed'),
    ],
)
def test_what_cannot_give_a_key_is_refused_before_a_photon_is_sent(arguments, message):
    code, _, words = run(*arguments)
    assert code == 2
    assert message in words


@pytest.mark.slow
def test_two_ends_report_the_same_blocks():
    code, data, words = run("tokyo-koganei-loop-ntt", "--blocks", "1", "--seed", "1", "--json")
    assert code == 0
    assert "kbit/s of key expected" in words
    reports = json.loads(data)
    hashes = {report["role"]: report["key_sha256"] for report in reports}
    assert hashes["sender"] == hashes["receiver"]
    assert all(report["account"]["secret"] > 10_000 for report in reports)


@pytest.mark.slow
def test_a_table_shows_what_became_of_the_bits():
    code, data, words = run("tokyo-koganei-loop-ntt", "--blocks", "1", "--seed", "2", "--error-positions", "charged")
    assert code == 0
    numbers = [float(text.replace(",", "")) for text in data.splitlines()[1].replace(" %", "").split()]
    block, wrong, sifted, tested, leaked, over_limit, hashed, key = numbers
    assert block == 1
    assert 2 < wrong < 2.5
    assert sifted == tested + leaked + hashed + key
    assert 1 < over_limit < 1.1
    assert "equal in 1 of 1 blocks" in data
    assert "Block 1: " in words
    assert max(map(len, data.splitlines())) <= 100


@pytest.mark.slow
def test_an_interrupt_ends_all_three_processes_without_a_word():
    command = [sys.executable, "-m", "kakehashi.cli", "qkd", "distill", "tokyo-koganei-loop-ntt", "--blocks", "1000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        process.stderr.readline()
        for pause_s in (0.3, 0.3):  # a second one comes while it ends
            time.sleep(pause_s)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) in (130, -signal.SIGINT)  # the latter where the second finds only the interpreter
        assert "Traceback" not in process.stderr.read()
