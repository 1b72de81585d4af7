import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.qkd.key_pair import share
from tests.qkd.network_folder import TEXT

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.demo.programs import Programs
from kakehashi.qkd.demo.show import Show, run_demo
from kakehashi.qkd.demo.timeline import Timeline
from kakehashi.qkd.keys.store import KeyStore
from kakehashi.qkd.keys.vault import read_node_key
from kakehashi.qkd.network.plan import set_up

pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
"""JAX, which other tests may have loaded, warns of any fork; these only start programs."""


ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_eve_is_noticed_gone_around_and_no_message_is_lost(tmp_path):
    line = asyncio.run(run_demo(None, folder=tmp_path / "n", seconds=90, with_page=False))
    assert line.faults == []
    alarm, route, relay = (line.first(kind) for kind in ("alarm", "route", "relay"))
    assert "wrong" in alarm["text"]
    assert "koganei-otemachi-hongo-hakusan instead of koganei-otemachi-hakusan" in route["text"]
    assert line.first("attack")["at_s"] < alarm["at_s"] <= route["at_s"] <= relay["at_s"]
    figures = line.figures
    assert (figures["lost"], figures["undecipherable"], figures["audit_faults"]) == (0, 0, 0)
    assert figures["messages"] > figures["messages_before_attack"] > 0
    assert figures["keys"] >= 4
    assert figures["audits"] == 10


@pytest.mark.slow
def test_ctrl_c_ends_every_program(tmp_path):
    command = [sys.executable, "-m", "kakehashi.cli", "qkd", "demo", "--no-page", "--folder", str(tmp_path / "n")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for words in process.stderr:
            if "programs are up" in words:
                break
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(60) == 1
    assert len(children) >= 9
    assert "stopped before the end" in " ".join(rest.split())
    time.sleep(0.2)
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_a_network_without_users_is_refused(tmp_path):
    file = tmp_path / "network.toml"
    file.write_text(TEXT.replace('[[sae]]\nid = "alice"\nkme = "a"\n', ""))
    plan = set_up(file, tmp_path / "n")
    with pytest.raises(InputError, match="two users"):
        Show(plan, Timeline(), seconds=10, with_page=False)
    line = asyncio.run(run_demo(file, folder=tmp_path / "m", seconds=10, with_page=False))
    assert "two users" in line.faults[0]


def test_the_bits_of_a_link_are_counted_at_one_of_its_ends(tmp_path):
    file = tmp_path / "network.toml"
    file.write_text(TEXT)
    plan = set_up(file, tmp_path / "n")
    stores = {
        n: KeyStore(plan.store(n), node=n, node_key=read_node_key(plan.node_key(n)), durable=False) for n in "abc"
    }
    for owner, holder in ("ab", "cb", "ac"):  # no link joins the last two
        share(stores[owner], stores[holder], 1000)
    for store in stores.values():
        store.close()
    line = Timeline()
    show = Show(plan, line, seconds=10, with_page=False)
    show._operator.close()
    show._audit()
    assert line.is_good
    assert line.figures["sifted_bits"] == 2 * 8000


def state(plan, **of_links):
    links = [{"name": k.name, "state": "running", "why": "", "n_blocks": 1} | of_links for k in plan.spec.link]
    return {"links": links, "nodes": [], "routes": [], "log": []}


@pytest.mark.parametrize(
    ("of_links", "sentence"),
    [
        ({"state": "down", "why": "It is dark."}, "link a-b is down (It is dark); link b-c is down"),
        ({"state": "alarm"}, "link a-b has an alarm"),
        ({"n_blocks": 0}, "the first block of"),
        ({}, "this machine is busy"),
    ],
)
def test_whoever_waits_is_told_for_what(tmp_path, of_links, sentence):
    file = tmp_path / "network.toml"
    file.write_text(TEXT)
    plan, line = set_up(file, tmp_path / "n"), Timeline()
    show = Show(plan, line, seconds=10, with_page=False)

    async def look():
        return state(plan, **of_links)

    async def wait():
        try:
            async with Programs(tmp_path) as programs:
                await show._wait(programs, lambda _: False, lambda: "nothing has come")
        finally:
            show._operator.close()

    show._look, show._patience._links = look, {}
    show._patience.passed_s = iter_of(1.0, 1.0, 1000.0)
    with pytest.raises(DeviceError, match=r"^After \d+ s nothing has come: ") as caught:
        asyncio.run(wait())
    assert sentence in str(caught.value)


def iter_of(*values):
    found = iter(values)

    async def following():
        return next(found)

    return following
