import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.network.management import Management
from kakehashi.qkd.network.messages import LinkReport, NodeReport, Note
from kakehashi.qkd.network.relay import HOP_BITS
from kakehashi.qkd.network.spec import NetworkSpec

#   a - b - c, and a way round over d
LINKS = [("a", "b"), ("b", "c"), ("a", "d"), ("d", "c")]
SPARE = {"name": "spare", "sender": "b", "receiver": "c", "photons": "tokyo-koganei-loop-ntt"}


def network(**relay):
    return NetworkSpec.model_validate(
        {
            "title": "a ring",
            "node": tuple({"name": name} for name in "abcd"),
            "link": (
                *(SPARE | {"name": f"{x}-{y}", "sender": x, "receiver": y} for x, y in LINKS),
                SPARE,
            ),
            "relay": {"block_bits": 4096} | relay,
        }
    )


class World:
    """Four nodes that report, with a clock that is moved by hand."""

    def __init__(self, **relay):
        self.management = Management(network(**relay))
        self.now = 1000.0
        self.stock = {frozenset(pair): 50_000 for pair in LINKS}
        self.made = {f"{x}-{y}": 999.0 for x, y in LINKS}
        self.rate = {f"{x}-{y}": 100.0 for x, y in LINKS}
        self.silent = set()
        self.spare = "waiting"

    def report(self, node, *notes):
        links = tuple(
            LinkReport(
                link=f"{x}-{y}",
                state="running",
                qber=0.02,
                rate_bit_per_s=self.rate[f"{x}-{y}"],
                made_utc=self.made[f"{x}-{y}"],
                bound="differential" if node == "d" else "lim",
            )
            for x, y in LINKS
            if node in (x, y)
        )
        if node in "bc":
            links = (*links, LinkReport(link="spare", state=self.spare))
        stock = {other: self.stock.get(frozenset((node, other)), 0) for other in "abcd" if other != node}
        report = NodeReport(node=node, at_utc=self.now, stock_bits=stock, links=links, notes=notes)
        return self.management.report(report, self.now)

    def turn(self, seconds=0.5):
        self.now += seconds
        return {node: self.report(node) for node in "abcd" if node not in self.silent}


@pytest.fixture
def world():
    world = World()
    world.turn()
    world.turn()
    return world


def alarm(link):
    return Note(kind="alarm", at_utc=0.0, text="27.0% of the test bits were wrong.", link=link)


@pytest.mark.parametrize(("missing", "is_enough"), [(0, True), (1, False)])
def test_a_hop_must_have_key_for_its_tags_too(missing, is_enough):
    world = World()
    soon = 10 * 100 // 2  # of what a link makes in ten seconds, each end has half to spend
    world.stock = dict.fromkeys(world.stock, 4096 + HOP_BITS - soon - missing)
    world.turn()
    assert bool(world.turn()["a"].routes) == is_enough


def test_a_pair_without_a_fibre_gets_a_route_and_neighbours_need_none(world):
    orders = world.turn()["a"]
    assert orders.routes == {"c": (("a", "b", "c"),)}
    assert orders.max_key_age_s == 86_400.0


def test_an_alarm_orders_another_route_at_once_and_is_cleared_by_new_key(world):
    world.report("b", alarm("b-c"))
    assert world.report("a").routes["c"] == (("a", "d", "c"),)
    assert world.report("b").routes["c"] == (("b", "a", "d", "c"),)  # the neighbour needs a way round too
    assert set(world.management.alarms) == {"b-c"}
    world.made["b-c"] = world.now + 1  # a block that was under way
    world.turn(2)
    assert world.management.alarms
    world.made["b-c"] = world.now + 1
    world.turn(2)
    assert not world.management.alarms
    assert [entry.kind for entry in world.management.log if entry.subject == "b-c"] == ["alarm", "cleared"]
    assert world.turn()["b"].routes == {"d": (("b", "a", "d"),)}


def test_another_link_of_the_pair_that_makes_key_keeps_the_route(world):
    world.spare = "running"
    world.turn()
    world.report("b", alarm("b-c"))
    assert world.report("a").routes["c"] == (("a", "b", "c"),)
    world.spare = "waiting"
    world.turn()
    assert world.turn()["a"].routes["c"] == (("a", "d", "c"),)


def test_alarms_of_both_ends_are_one(world):
    world.report("b", alarm("b-c"))
    world.report("c", alarm("b-c"))
    assert sum(entry.kind == "alarm" for entry in world.management.log) == 1


def test_a_hop_that_runs_dry_is_gone_around(world):
    world.stock[frozenset("bc")] = 100
    assert world.turn()["a"].routes["c"] == (("a", "b", "c"),)  # 1,000 bits will come, 100 are there: 4,096 are needed
    world.turn()
    assert world.turn()["a"].routes["c"] == (("a", "d", "c"),)


def test_routes_do_not_waver_with_the_stock(world):
    before = world.turn()["a"].routes["c"]
    for stock in (49_000, 70_000, 20_000, 90_000):
        world.stock[frozenset("ab")] = stock
        world.turn()
        assert world.turn()["a"].routes["c"] == before


def test_a_silent_node_is_an_alarm_and_is_gone_around(world):
    world.silent = {"b"}
    for _ in range(12):
        orders = world.turn()
    assert "b" in world.management.alarms
    assert orders["a"].routes["c"] == (("a", "d", "c"),)
    world.silent = set()
    world.turn()
    world.turn()
    assert "b" not in world.management.alarms


def test_an_alarm_of_a_node_does_not_hide_that_it_falls_silent(world):
    """Whoever sends a node a wrong tag has it raise an alarm, and could then cut it off unseen."""
    world.report("b", alarm(""))
    assert set(world.management.alarms) == {"relays of b"}
    world.silent = {"b"}
    for _ in range(12):
        world.turn()
    assert set(world.management.alarms) == {"b", "relays of b"}
    world.silent = set()
    world.turn()
    world.turn()
    assert set(world.management.alarms) == {"relays of b"}


def test_an_alarm_about_relays_ends_when_somebody_has_looked(world):
    world.report("b", alarm(""))
    world.report("b", alarm("b-c"))
    management = world.management
    for subject, sentence in (("b-c", "ends by itself"), ("relays of c", "'b-c', 'relays of b'"), ("", "no alarm")):
        with pytest.raises(InputError, match=sentence):
            management.acknowledge(subject, 5.0)
    management.acknowledge("relays of b", 5.0)
    assert set(management.alarms) == {"b-c"}
    assert (management.log[-1].kind, management.past[-1].cleared_utc) == ("cleared", 5.0)
    world.report("b", alarm(""))
    assert "relays of b" in management.alarms


def test_shares_go_over_disjoint_routes_or_not_at_all():
    world = World(n_routes=2)
    world.turn()
    assert set(world.turn()["a"].routes["c"]) == {("a", "b", "c"), ("a", "d", "c")}
    world.report("b", alarm("b-c"))
    assert "c" not in world.turn()["a"].routes


def test_a_stranger_is_refused(world):
    with pytest.raises(InputError):
        world.management.report(NodeReport(node="x", at_utc=0.0, stock_bits={}), 0.0)


def test_the_state_is_what_the_page_shows(world):
    state = world.management.state(world.now)
    assert {link["name"]: link["state"] for link in state["links"]} == {
        "spare": "down",
        **{f"{x}-{y}": "running" for x, y in LINKS},
    }
    assert state["nodes"][0]["stock_bits"]["b"] == 50_000
    assert [link["bound"] for link in state["links"]] == ["lim", "lim", "differential", "differential", ""]
    assert not state["alarms"]


def test_what_a_link_gave_before_it_was_down_or_had_an_alarm_is_not_shown_as_what_it_gives(world):
    def shown(name):
        link = next(link for link in world.management.state(world.now)["links"] if link["name"] == name)
        return link["state"], link["qber"], link["rate_bit_per_s"], link["why"]

    assert shown("a-b") == ("running", 0.02, 100.0, "")
    world.report("b", alarm("a-b"))
    assert shown("a-b") == ("alarm", 0.02, 0.0, "")
    for node, why in (("b", "It is dark."), ("c", "Nobody calls.")):
        link = LinkReport(link="b-c", state="waiting", qber=0.04, rate_bit_per_s=9.0, why=why)
        world.management.report(NodeReport(node=node, at_utc=0.0, stock_bits={}, links=(link,)), world.now)
    assert shown("b-c") == ("down", None, 0.0, "It is dark; Nobody calls")


def test_a_link_of_which_no_node_reports_is_not_run(world):
    state = Management(world.management.spec).state(0.0)
    assert {link["state"] for link in state["links"]} == {"not run"}


@pytest.mark.parametrize("what", ["note", "link", "stock", "route"])
def test_a_node_cannot_speak_of_what_is_not_its_own(world, what):
    """Else whoever has one node could stop every link with an alarm, or fill the memory with alarms of none."""
    for name in ("b-c", "x", *map(str, range(100))):
        note, link = alarm(name), LinkReport(link=name, state="running")
        changes = {"note": {"notes": (note,)}, "link": {"links": (link,)}, "stock": {"stock_bits": {name: 5}}}
        changes["route"] = {"notes": (Note(kind="relay", at_utc=0.0, text="", link=name),)}
        with pytest.raises(InputError, match="not its own"):
            world.management.report(NodeReport(node="a", at_utc=0.0, **({"stock_bits": {}} | changes[what])), 0.0)
    assert not world.management.alarms


@pytest.mark.parametrize(("n_routes", "found"), [(1, {"c": (("b", "a", "d", "c"),)}), (2, {})])
def test_neighbours_whose_link_is_dry_get_no_single_share_where_two_are_wanted(n_routes, found):
    """Each node on the only way round would see all of the key."""
    world = World(n_routes=n_routes)
    world.stock[frozenset("bc")], world.rate["b-c"] = 0, 0.0
    world.turn()
    assert {peer: ways for peer, ways in world.turn()["b"].routes.items() if peer == "c"} == found


def test_a_node_that_reports_without_a_pause_gets_its_orders_and_no_search(world):
    looks, look = [], world.management.look
    world.management.look = lambda now: looks.append(now) or look(now)
    for _ in range(100):
        world.now += 0.001
        assert world.report("a").routes == {"c": (("a", "b", "c"),)}
    assert looks == []
    world.report("b", alarm("b-c"))  # an alarm that is new does not wait
    assert world.report("a").routes == {"c": (("a", "d", "c"),)}
    assert len(looks) == 1
    world.now += 0.2
    world.report("a")
    assert len(looks) == 2


def test_routes_are_searched_for_only_where_what_hops_cost_has_changed(world):
    searches, search = [], world.management._choose_for
    world.management._choose_for = lambda *things: searches.append(things[:2]) or search(*things)
    world.stock[frozenset("ab")] += 100
    world.turn()
    assert searches == []
    world.stock[frozenset("ab")] = 5000
    world.turn()
    assert ("a", "c") in searches
