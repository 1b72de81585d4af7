import json
import os
import re
import signal
import subprocess
import sys

import pytest
from cyclopts import CycloptsError

from kakehashi.cli.main import app
from kakehashi.core.errors import InputError, SpecError
from kakehashi.qkd.link.ends import Control, ReceiverEnd, SenderEnd
from kakehashi.qkd.link.library import list_links


@pytest.fixture
def run(capsys):
    """Run the command; gives exit code and output."""

    def run(*arguments):
        code = app(["qkd", "link", *map(str, arguments)], exit_on_error=False)
        return code, capsys.readouterr().out

    return run


def test_the_list_holds_all_links(run):
    code, out = run("list")
    assert code == 0
    assert all(name in out for name in list_links())
    _, out = run("list", "--json")
    assert [row["name"] for row in json.loads(out)] == list(list_links())


@pytest.mark.parametrize("name", ["laboratory-50km", "tokyo-koganei-vienna"])
def test_a_link_is_shown(name, run):
    code, out = run("show", name)
    assert code == 0
    assert re.search(r"^ +value  unit +known +note", out, re.MULTILINE)
    assert "detector\n" in re.sub(" +\n", "\n", out)
    assert re.search(r"^  key_basis_probability +0\.\d+ +assumed +\d", out, re.MULTILINE)
    assert re.search(r"^1  \w", out, re.MULTILINE)
    assert re.search(r"QBER\s+\d", out)
    _, out = run("show", name, "--json")
    assert json.loads(out)["expected"]["clicks_per_s"] > 0


@pytest.mark.parametrize("mode", ["pulse", "statistical"])
def test_a_link_is_simulated(mode, run):
    options = ("--seconds", "0.01", "--mode", mode, "--seed", "3")
    code, out = run("simulate", "laboratory-50km", *options)
    assert code == 0
    assert "10,000,000 pulses in 0.01 s" in out
    assert out.count("expected") >= 3
    assert "0.0e+00" not in out
    _, out = run("simulate", "laboratory-50km", *options, "--json")
    table = json.loads(out)
    assert table["mode"] == mode
    drawn, expected = (table[name]["detections"][0][0] for name in ("drawn", "expected"))
    assert drawn == pytest.approx(expected, abs=5 * expected**0.5)


def test_dps_has_no_row_of_a_test_basis(run):
    _, out = run("simulate", "tokyo-koganei-loop-ntt", "--seconds", "0.5")
    assert "key" in out
    assert "test" not in out


def test_faults_are_one_sentence(run, tmp_path):
    with pytest.raises(InputError, match="did you mean 'laboratory-50km'"):
        run("show", "laboratory-51km")
    path = tmp_path / "bad.toml"
    path.write_text('protocol = "dps"\n')
    with pytest.raises(SpecError, match="'source', 'fibre', 'detector' are missing"):
        run("simulate", path)
    with pytest.raises(CycloptsError):
        run("simulate", "laboratory-50km", "--seconds", "0")
    with pytest.raises(InputError, match="cannot be made: there is a file of that name"):
        run("serve", "laboratory-50km", path)


def test_a_link_is_served_until_it_is_told_to_end(tmp_path):
    command = [sys.executable, "-m", "kakehashi.cli", "qkd", "link", "serve", "laboratory-50km", str(tmp_path / "link")]
    command += ["--exposure", "0.001", "--seed", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline().startswith("Serving laboratory-50km")
        folder = tmp_path / "link"
        with SenderEnd(f"unix:{folder}/sender.sock") as sender, ReceiverEnd(f"unix:{folder}/receiver.sock") as receiver:
            assert len(sender.prepare()) == len(receiver.detect()) > 100
        assert Control(f"unix:{folder}/control.sock").status()["protocol"] == "decoy-bb84"
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
        assert [path.name for path in folder.iterdir()] == [
            "server.lock"
        ]  # by which the next one knows that it is free
