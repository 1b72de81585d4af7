import json

import pydantic
import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.network.messages import LinkReport, NodeReport, Note, Orders, Outcome
from kakehashi.qkd.network.spec import NetworkSpec


def test_a_report_survives_the_wire():
    note = Note(kind="relay", at_utc=1.0, text="4096 bits", route=("a", "b", "c"), bits=4096)
    link = LinkReport(link="a-b", state="running", qber=0.02)
    report = NodeReport(node="a", at_utc=2.0, stock_bits={"b": 8}, links=(link,), notes=(note,))
    assert NodeReport.model_validate_json(report.model_dump_json()) == report


def test_orders_survive_the_wire():
    orders = Orders(routes={"c": (("a", "b", "c"),)})
    assert Orders.model_validate_json(orders.model_dump_json()) == orders


@pytest.mark.parametrize("bad", ['{"node": "a"}', "[]", '{"node": "a", "at_utc": 1, "stock_bits": {"b": -1}}'])
def test_what_makes_no_sense_is_refused(bad):
    with pytest.raises(pydantic.ValidationError):
        NodeReport.model_validate_json(bad)


REPORT = {"node": "a", "at_utc": 1.0, "stock_bits": {"b": 8}}
LINK = {"link": "a-b", "state": "running"}
NOTE = {"kind": "relay", "at_utc": 1.0, "text": "a key"}


@pytest.mark.parametrize(
    "change",
    [
        {"at_utc": -1.0},
        {"at_utc": 1e300},
        {"stock_bits": {"b": 10**400}},
        {"stock_bits": {"b" * 41: 8}},
        {"node": "a" * 41},
        *({"links": [LINK | change]} for change in ({"qber": 1.5}, {"rate_bit_per_s": 1e300}, {"n_blocks": 2**60})),
        *({"links": [LINK | change]} for change in ({"qber": -0.1}, {"rate_bit_per_s": -1.0}, {"made_utc": 1e300})),
        *({"notes": [NOTE | change]} for change in ({"text": "x" * 401}, {"link": "x" * 41}, {"route": ["a"] * 65})),
        {"notes": [NOTE] * 201},
    ],
)
def test_numbers_that_cannot_be_and_endless_texts_are_refused(change):
    whole = REPORT | {"links": [LINK], "notes": [NOTE]}
    NodeReport.model_validate_json(json.dumps(whole))
    with pytest.raises(pydantic.ValidationError):
        NodeReport.model_validate_json(json.dumps(whole | change))


@pytest.mark.parametrize("name", ["wiesemann", "lim", "entangled", "of-2031", ""])
def test_an_outcome_names_any_proof(name):
    outcome = Outcome(ok=True, failure=1e-10, bound=name)
    assert Outcome.model_validate_json(outcome.model_dump_json(exclude_defaults=True)) == outcome


#   a - b - c, and a way round over d
LINKS = [("a", "b"), ("b", "c"), ("a", "d"), ("d", "c")]


def network(n_routes=1):
    link = {"photons": "tokyo-koganei-loop-ntt"}
    return NetworkSpec.model_validate(
        {
            "title": "a ring",
            "node": tuple({"name": name} for name in "abcd"),
            "link": tuple(link | {"name": f"{x}-{y}", "sender": x, "receiver": y} for x, y in LINKS),
            "relay": {"n_routes": n_routes},
        }
    )


@pytest.mark.parametrize(
    ("n_routes", "routes"),
    [(1, {"c": ["abc"]}), (1, {}), (1, {"c": ["adc"], "b": ["adcb"]}), (2, {"c": ["abc", "adc"]}), (2, {"b": ["ab"]})],
)
def test_orders_that_fit_the_network_are_taken(n_routes, routes):
    Orders(routes={peer: tuple(map(tuple, ways)) for peer, ways in routes.items()}).expect_sane("a", network(n_routes))


@pytest.mark.parametrize(
    ("n_routes", "routes"),
    [
        (1, {"x": ["abx"]}),  # a stranger
        (1, {"c": ["axc"]}),
        (1, {"c": ["bc"]}),  # of another node
        (1, {"c": ["abc"], "b": ["dcb"]}),
        (1, {"c": ["ab"]}),  # to another
        (1, {"c": ["a"]}),
        (1, {"c": [""]}),
        (1, {"c": ["ac"]}),  # no link
        (1, {"a": ["aba"]}),
        (1, {"c": ["abac"]}),  # in a ring
        (1, {"c": ["ababc"]}),
        (1, {"c": ["abadc"]}),
        (1, {"c": ["adcbc"]}),
        (1, {"c": ["abc", "abc"]}),
        (2, {"c": ["abc"]}),  # all shares over one node
        (2, {"c": ["abc", "adbc"]}),
    ],
)
def test_orders_that_do_not_fit_the_network_are_refused(n_routes, routes):
    orders = Orders(routes={peer: tuple(map(tuple, ways)) for peer, ways in routes.items()})
    with pytest.raises(InputError, match="do not fit this network"):
        orders.expect_sane("a", network(n_routes))


@pytest.mark.parametrize("bad", [{"routes": {"c": []}}, {"routes": {"c": [["a", "c"]] * 9}}, {"max_key_age_s": 0.0}])
def test_orders_that_make_no_sense_are_refused(bad):
    with pytest.raises(pydantic.ValidationError):
        Orders.model_validate_json(json.dumps(bad))
