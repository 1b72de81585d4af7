import json
from xml.etree import ElementTree as ET

import pytest
from tests.qkd.conformance.broken.server import Refusal, Server
from tests.qkd.conformance.broken.wrong_keys import ConsumesOnError
from tests.qkd.conformance.judged import Running

from kakehashi.cli.main import app
from kakehashi.core.errors import InputError


def call(running, *words):
    common = ("--master", "alice", "--slave", "bob", "--pki", running.folder)
    return app([str(w) for w in ("qkd", "conformance", running.url, *common, *words)], exit_on_error=False)


def test_a_good_server_ends_with_0(capsys):
    with Running() as running:
        assert call(running, "--third", "bea", "--only", "status-*", "--only", "dec-post", "--only", "enc-get") == 0
    found = capsys.readouterr()
    assert "get status  7 passed\n" in found.out
    assert "\nConformant: 9 passed.\n" in found.out
    assert "At most 3,000 requests" in found.err


def test_a_broken_server_ends_with_1_and_says_why(capsys, tmp_path):
    with Running(ConsumesOnError) as running:
        words = ("--only", "once-*", "--junit", tmp_path / "found.xml")
        assert call(running, *words) == 1
        out = capsys.readouterr().out
        assert "Not conformant" in out
        assert "once-mixed-kept" in out
        assert call(running, *words, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["counts"]["fail"] == 2
    root = ET.fromstring((tmp_path / "found.xml").read_bytes())
    assert root.attrib["failures"] == "2"


def test_everything_is_shown_where_it_is_asked_for(capsys):
    with Running() as running:
        assert call(running, "--only", "enc-post", "--verbose") == 3
    found = capsys.readouterr()
    assert "sent alice: POST" in " ".join(found.out.split())
    assert "1/1 enc-post" in found.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--third", "nobody"), "not there"),
        (("--third", "bea,x.crt"), "ID,CERTIFICATE,PRIVATE_KEY"),
        (("--kill-command", "true"), "together"),
        (("--only", "nothing"), "no check"),
        (("--slave-url", "http://x"), "https://"),
        (("--only", "enc-post", "--junit", "/nowhere/x.xml"), "cannot be written"),
    ],
)
def test_wrong_use_is_one_sentence(words, sentence):
    with Running() as running, pytest.raises(InputError, match=sentence):
        call(running, *words)


def test_files_may_be_named(capsys):
    with Running() as running:
        own = f"bea,{running.folder / 'bea.crt'},{running.folder / 'bea.key'}"
        assert call(running, "--third", own, "--third-url", running.url, "--only", "tenant-read") == 3
    assert "several users  1 passed" in capsys.readouterr().out


@pytest.mark.parametrize("only", ["crash*", "tenant*", "enc-get"])
def test_where_nothing_was_seen_there_is_no_verdict_and_an_exit_code_of_its_own(only, capsys):
    with Running() as running:
        assert call(running, "--only", only) == 3
    out = " ".join(capsys.readouterr().out.split())
    assert "No verdict: " in out
    assert "dec-post must be tried" in out
    assert "onformant" not in out


def test_lines_are_short_and_none_begins_with_an_address(capsys):
    class NotMine(Server):
        def route(self, caller, *rest):
            if caller == "bea":
                raise Refusal(401, "no")
            return super().route(caller, *rest)

    with Running(NotMine) as running:
        call(running, "--third", "bea", "--only", "tenant-read")
    found = capsys.readouterr()
    assert "The server at https://" in found.out
    assert max(map(len, (found.out + found.err).splitlines())) <= 100
