from pathlib import Path

import pytest

from kakehashi.core.errors import InputError, SpecError
from kakehashi.core.spec import parse_spec
from kakehashi.qkd.distill.forecast import forecast
from kakehashi.qkd.network.spec import NetworkSpec, agreement_of, light_of, read_network

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
NODES = ({"name": "a"}, {"name": "b"})
LINK = {"name": "a-b", "sender": "a", "receiver": "b", "photons": "tokyo-koganei-loop-ntt"}


def parse(**changes):
    return parse_spec(NetworkSpec, {"title": "t", "node": NODES, "link": (LINK,)} | changes)


def test_who_is_next_to_whom():
    spec = parse(node=(*NODES, {"name": "c"}), link=(LINK, LINK | {"name": "c-b", "sender": "c"}))
    assert spec.neighbours("b") == ("a", "c")
    assert spec.neighbours("a") == ("b",)
    assert [link.name for link in spec.links_of("b", "a")] == ["a-b"]
    assert spec.links_of("a", "c") == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"node": ({"name": "a"}, {"name": "a"})}, "the name 'a' stands for two"),
        ({"node": ({"name": "a"}, {"name": "kms"})}, "the name 'kms' stands for two"),
        (
            {"node": ({"name": "a"}, {"name": "../b"})},
            "'name' of node '../b': this should be lower-case letters, digits and hyphens",
        ),
        ({"link": (LINK, LINK)}, "every link needs a name"),
        ({"link": (LINK | {"receiver": "a"},)}, "not from and to 'a'"),
        ({"link": (LINK | {"receiver": "c"},)}, "link 'a-b' has an end at 'c', but the nodes are a, b"),
        ({"sae": ({"id": "tower", "kme": "c"},)}, "belongs to 'c', but the nodes are a, b"),
        ({"sae": ({"id": "a", "kme": "b"},)}, "the name 'a' stands for two"),
        ({"relay": {"block_bits": 257}}, "'relay.block_bits'"),
        ({"link": (LINK | {"pace": 0.0},)}, "'pace' of link 'a-b'"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        parse(**changes)


def test_what_is_no_network_says_what_is_asked_for(tmp_path):
    with pytest.raises(InputError, match="no network 'tokyo': it is a TOML file, such as examples"):
        read_network("tokyo")
    path = tmp_path / "link.toml"
    path.write_text('protocol = "dps"\n')
    with pytest.raises(SpecError, match=rf"a link, not a network; see it with: kakehashi qkd link show {path}"):
        read_network(path)


def test_a_length_and_a_loss_replace_those_of_the_library():
    link = parse(link=(LINK | {"length_km": 3.0, "loss_db": 1.5},)).link[0]
    light = light_of(link)
    assert (light.fibre.length_km, light.fibre.total_loss_db) == (3.0, 1.5)
    assert agreement_of(link).block_bits == 100_000


@pytest.mark.parametrize("block_bits", [None, 200_000])
def test_positions_of_errors_are_charged_where_the_file_says_so(block_bits):
    plain, charged = (
        parse(link=(LINK | {"block_bits": block_bits, "error_positions": positions},)).link[0]
        for positions in ("public", "charged")
    )
    assert (agreement_of(plain).error_positions, agreement_of(charged).error_positions) == ("public", "charged")
    keys = [forecast(light_of(link), agreement_of(link)).secret_bit_per_s for link in (plain, charged)]
    assert 0 < keys[1] < keys[0]


@pytest.mark.parametrize("name", ["tokyo", "tokaido"])
def test_every_link_of_an_example_gives_key_and_says_where_it_comes_from(name):
    spec = read_network(EXAMPLES / f"{name}.toml")
    for link in spec.link:
        assert forecast(light_of(link), agreement_of(link)).length.bits > 5_000, link.name
        assert link.text
    for node in spec.node:
        assert node.text


def test_the_tokaido_line_is_600_km_of_short_spans_and_all_assumed():
    spec = read_network(EXAMPLES / "tokaido.toml")
    assert sum(link.length_km for link in spec.link) == 600
    assert all(link.length_km <= 80 and link.grade == "assumed" for link in spec.link)
    assert {"tokyo", "nagoya", "osaka", "kobe"} <= set(spec.names)
