import json
from pathlib import Path

import pytest
from tests.qkd.network_folder import write_network

from kakehashi.cli.main import app
from kakehashi.core.errors import DeviceError, InputError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def call(*words):
    return app([str(word) for word in ("qkd", *words)], exit_on_error=False)


def test_a_table_has_one_form():
    with pytest.raises(InputError, match="choose one"):
        call("network", "table", EXAMPLES / "tokyo.toml", "--json", "--markdown")


def test_set_up_says_what_to_start(tmp_path, capsys):
    assert call("network", "set-up", write_network(tmp_path), tmp_path / "n") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 1 + 3
    assert lines[2] == f"kakehashi qkd network manage {tmp_path / 'n'}"
    assert lines[3] == f"kakehashi qkd network node {tmp_path / 'n'} a"


def test_what_is_not_there_is_one_sentence(tmp_path):
    for words in (("node", tmp_path, "a"), ("manage", tmp_path), ("status", tmp_path)):
        with pytest.raises(InputError, match="set-up"):
            call("network", *words)
    with pytest.raises(InputError):
        call("network", "table", tmp_path / "nowhere.toml")


def test_the_status_of_a_network_that_does_not_run_is_one_sentence(tmp_path):
    call("network", "set-up", write_network(tmp_path), tmp_path / "n")
    with pytest.raises(DeviceError):
        call("network", "status", tmp_path / "n")


def test_the_table_is_shown_and_written(capsys):
    assert call("network", "table", EXAMPLES / "tokyo.toml") == 0
    assert "key 304" in " ".join(capsys.readouterr().out.split())
    assert call("network", "table", EXAMPLES / "tokyo.toml", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["link"] for row in rows} >= {"toshiba", "nec", "ntt"}
    assert call("network", "table", EXAMPLES / "tokyo.toml", "--markdown") == 0
    assert capsys.readouterr().out.startswith("# Tokyo QKD Network, 2010")


def test_the_demo_checks_its_options(capsys):
    with pytest.raises(Exception, match="10"):
        call("demo", "--seconds", "1")
