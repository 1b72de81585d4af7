import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from tests.qkd.network_folder import write_network

from kakehashi.cli.main import app
from kakehashi.cli.qkd_network import _show_status
from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.link.ends import Control
from kakehashi.qkd.link.source import addresses_in
from kakehashi.qkd.network.plan import set_up

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
    assert lines[0] == f"kakehashi qkd network photons {tmp_path / 'n'} a-b"
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
    with pytest.raises(DeviceError, match="start it with: kakehashi qkd network manage"):
        call("network", "status", tmp_path / "n")


def test_eve_comes_to_a_link_and_goes(tmp_path, capsys):
    plan = set_up(write_network(tmp_path), tmp_path / "n")
    with pytest.raises(DeviceError, match=r"do not run; start them with: kakehashi qkd network photons .*n a-b$"):
        call("network", "attack", plan.folder, "a-b")
    with pytest.raises(InputError, match="'a-c' is no link of this network; there are: a-b, b-c"):
        call("network", "attack", plan.folder, "a-c")
    command = [sys.executable, "-m", "kakehashi.cli", "qkd", "network", "photons", plan.folder, "a-b"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as photons:
        assert photons.stderr.readline() == "Link 'a-b' is up: 1 s of light a second; Ctrl-C ends it.\n"
        control = Control(addresses_in(plan.photons("a-b"))["control"])
        assert (control.status()["pace"], control.status()["exposure_s"]) == (1.0, 0.1)
        said = []
        for options, share in (((), 1.0), (("--end",), 0.0), (("--end",), 0.0), (("--fraction", "0.25"), 0.25)):
            assert call("network", "attack", plan.folder, "a-b", *options) == 0
            assert control.status()["conditions"]["intercepted"] == share
            said.append(capsys.readouterr().err)
        photons.terminate()
        assert photons.wait(20) == 0
    assert said[0].startswith("Eve measures every photon of a-b and sends on what she found.")
    assert said[0].endswith("kakehashi qkd network attack " + f"{plan.folder} a-b --end\n")
    assert said[1:3] == ["Eve has gone from a-b.\n", "Eve was not at a-b.\n"]
    assert "25 % of the photons" in said[3]


def state(**of_a_link):
    link = {"name": "nec", "state": "running", "why": "", "qber": 0.0225, "rate_bit_per_s": 36440.0, "n_blocks": 1200}
    nodes = [
        {"name": "a", "is_up": True, "oldest_s": 3.4, "stock_bits": {"b": 65_536, "c": 1_024}},
        {"name": "b", "is_up": True, "oldest_s": None, "stock_bits": {"a": 32_768}},
        {"name": "c", "is_up": False, "oldest_s": None, "stock_bits": {"a": 2_048}},
    ]
    routes = {"ab": ["ab"], "ac": ["abc"], "ba": ["ba"], "bc": [], "ca": ["cba"], "cb": ["cb"]}
    return {
        "at_utc": 100.0,
        "nodes": nodes,
        "links": [link | {"last_key_s": 2.0} | of_a_link],
        "routes": [
            {"source": pair[0], "target": pair[1], "routes": [list(way) for way in ways]}
            for pair, ways in routes.items()
        ],
        "alarms": [
            {"subject": "nec", "text": "27.00 % were wrong.", "at_utc": 88.0, "cleared_utc": None},
            {"subject": "nec", "text": "old", "at_utc": 1.0, "cleared_utc": 2.0},
        ],
    }


def rows(text):
    return [line.split() for line in text.splitlines()]


def test_the_status_is_tables(capsys):
    _show_status(state())
    shown = rows(capsys.readouterr().out)
    assert ["nec", "running", "2.25", "%", "36.44", "1,200", "2", "s"] in shown
    assert ["a", "up", "3", "s"] in shown
    assert ["c", "silent", "–"] in shown
    assert ["a,", "b", "a-b", "65,536", "32,768"] in shown
    assert ["a,", "c", "a-b-c", "1,024", "2,048"] in shown
    assert ["b,", "c", "no", "route", "0"] in shown  # and another way back
    assert ["c,", "b", "c-b", "0"] in shown
    assert not [row for row in shown if row[:2] == ["b,", "a"]]
    assert ["Alarm", "nec,", "12", "s", "ago:", "27.00", "%", "were", "wrong."] in shown
    assert "old" not in [word for row in shown for word in row]


def test_a_link_that_is_down_says_why(capsys):
    _show_status(state(state="down", why="It is dark", qber=None, rate_bit_per_s=0.0))
    shown = rows(capsys.readouterr().out)
    assert ["nec", "down", "–", "–", "1,200", "2", "s"] in shown
    assert ["nec", "is", "down:", "It", "is", "dark."] in shown


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_of_the_table_is_wider_than_the_terminal_or_100_columns(width, monkeypatch, capsys):
    monkeypatch.setattr("kakehashi.cli.qkd_network.data", Console(width=width))
    assert call("network", "table", EXAMPLES / "tokyo.toml") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= min(width, 100)
    assert any("2.69 %" in line for line in lines)
    assert any("1,161" in line for line in lines)


def test_the_table_is_shown_and_written(capsys):
    assert call("network", "table", EXAMPLES / "tokyo.toml") == 0
    assert "key 304" in capsys.readouterr().out
    assert call("network", "table", EXAMPLES / "tokyo.toml", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["link"] for row in rows} >= {"toshiba", "nec", "ntt"}
    assert call("network", "table", EXAMPLES / "tokyo.toml", "--markdown") == 0
    assert capsys.readouterr().out.startswith("# Tokyo QKD Network, 2010")
