import asyncio
import re
import socket

import pytest
from tests.qkd.key_pair import share
from tests.qkd.network_folder import TEXT

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.demo.programs import Programs
from kakehashi.qkd.demo.show import Show
from kakehashi.qkd.demo.timeline import Timeline
from kakehashi.qkd.keys.store import KeyStore
from kakehashi.qkd.keys.vault import read_node_key
from kakehashi.qkd.network.plan import set_up

pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
"""JAX, which other tests may have loaded, warns of any fork; these only start programs."""


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
        ({"n_blocks": 0}, "no whole block of a-b, b-c"),
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

    show._look, show._patience._links = look, {}
    show._patience.passed_s = iter_of(1.0, 1.0, 1000.0)
    with pytest.raises(DeviceError, match=r"^After \d+ s nothing has come: ") as caught:
        asyncio.run(show._wait(lambda _: False, lambda: "nothing has come"))
    show._operator.close()
    assert re.match(r"After \d+ s nothing has come: ", show._doing()[1])
    assert sentence in str(caught.value)


def iter_of(*values):
    found = iter(values)

    async def following():
        return next(found)

    return following


def show_of(folder):
    file = folder / "network.toml"
    file.write_text(TEXT)
    return Show(set_up(file, folder / "n"), Timeline(), seconds=30, with_page=True)


@pytest.mark.slow
def test_a_page_that_cannot_be_served_is_said_at_once(tmp_path):
    show = show_of(tmp_path)
    with socket.create_server(("127.0.0.1", show.plan.addresses.page)):
        asyncio.run(show.run())
    (fault,) = show.line.faults
    assert fault.startswith("management has ended by itself (exit code 2); its last words: Error: The page cannot be")
    assert fault.endswith("Address already in use.")
    assert [event["kind"] for event in show.line.events] == ["set-up", "fault"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["node-b", "management", "photons-a-b"])
def test_a_program_that_dies_is_named_at_once(tmp_path, name):
    show = show_of(tmp_path)

    async def main():
        async with Programs(tmp_path) as programs:
            running = asyncio.create_task(programs.watch(show._play(programs)))
            while show.line.first("start") is None:
                assert not running.done()
                await asyncio.sleep(0.05)
            next(program for program in programs.running if program.name == name).process.kill()
            with pytest.raises(DeviceError, match=rf"^{name} has ended by itself \(SIGKILL\)"):
                async with asyncio.timeout(5):
                    await running
        show._operator.close()

    asyncio.run(main())


def test_what_follows_the_attack_is_said_as_far_as_it_came(tmp_path):
    show = show_of(tmp_path)
    show._operator.close()
    show.line.figures |= {"attack_to_alarm_s": 1.5, "attack_to_route_s": 1.6}
    show._conclude()
    assert show.line.first("result")["text"] == "After the attack: alarm in 1.5 s, new route in 1.6 s, no key over it."


def test_the_first_key_is_told_by_the_way_that_it_took(tmp_path):
    show = show_of(tmp_path)
    show._operator.close()
    relayed = [{"kind": "relay", "route": ["c", "b", "a"]}, {"kind": "relay", "route": ["a", "b", "c"]}]
    assert show._way({"log": [{"kind": "route", "route": ["a", "c"]}, *relayed]}) == "a-b-c"
    assert show._way({"log": []}) == "other nodes"
