import json
import os
import subprocess
import sys

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
        (["laboratory-50km", "--block-bits", "1000"], "give no key over laboratory-50km: 1.4% of the bits are wrong"),
        (["laboratory-50km", "--block-bits", "-4"], "greater than or equal to 1000"),
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
    code, data, _ = run("tokyo-koganei-loop-ntt", "--blocks", "1", "--seed", "2")
    assert code == 0
    assert "equal" in data
