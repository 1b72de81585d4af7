import os
from pathlib import Path

import pytest
from tests.qkd.network_folder import write_network

from kakehashi.core.errors import InputError, ResourceError
from kakehashi.qkd.keys.store import KeyStore
from kakehashi.qkd.keys.vault import read_node_key
from kakehashi.qkd.link.library import load_link
from kakehashi.qkd.network.plan import read_plan, renew_secret, set_up


@pytest.fixture
def plan(tmp_path):
    return set_up(write_network(tmp_path), tmp_path / "net")


def test_a_folder_is_read_back_as_it_was_made(plan):
    again = read_plan(plan.folder)
    assert again.spec == plan.spec
    assert again.addresses == plan.addresses
    assert again.kme("a").listen == f"127.0.0.1:{plan.addresses.nodes['a'].users}"
    assert {peer.name for peer in again.kme("a").peer} == {"b", "c"}


def test_the_two_ends_of_a_link_begin_with_one_secret(plan):
    here, _ = plan.stock("a", "a-b").read(forgery=1e-15)
    there, _ = plan.stock("b", "a-b").read(forgery=1e-15)
    index, tag = here.sign(here.listen_to_own(b"context"))
    assert there.check(there.listen_to_other(b"context"), index, tag)


def test_a_link_gets_a_new_secret_while_its_nodes_are_stopped_alone(plan):
    before = plan.stock("a", "a-b").read(forgery=1e-15)[0].state.own.point
    renew_secret(plan, "a-b")
    assert plan.stock("a", "a-b").read(forgery=1e-15)[0].state.own.point != before
    test_the_two_ends_of_a_link_begin_with_one_secret(plan)
    with pytest.raises(InputError, match="'x' is no link of this network; there are: a-b"):
        renew_secret(plan, "x")
    store = KeyStore(plan.store("b"), node="b", node_key=read_node_key(plan.node_key("b")))
    with pytest.raises(ResourceError, match="in use"):
        renew_secret(plan, "a-b")
    store.close()


def test_nobody_else_can_read_secrets(plan):
    for path in (plan.node_key("a"), plan.tls("a")[1], plan.folder / "nodes" / "a" / "a-b.stock"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_secrets_are_not_put_into_a_repository_by_chance(plan):
    assert (plan.folder / ".gitignore").read_text() == "*\n"


def test_photons_are_written_as_the_network_has_them(plan):
    assert load_link(str(plan.light("a-b"))).fibre.total_loss_db == 20.0


def test_a_folder_is_made_once(plan, tmp_path):
    with pytest.raises(InputError, match="already"):
        set_up(tmp_path / "network.toml", plan.folder)


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    with pytest.raises(InputError, match=r"full is not empty; name a folder that is not there yet\.$"):
        set_up(write_network(tmp_path), tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["x"]
    (tmp_path / "empty").mkdir(mode=0o755)
    assert set_up(write_network(tmp_path), tmp_path / "empty").folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    file = write_network(tmp_path)
    for folder, why in ((file, "there is a file of that name"), (file / "net", "Not a directory")):
        with pytest.raises(InputError, match=rf"^The folder {folder} cannot be made: {why}\.$"):
            set_up(file, folder)
    with pytest.raises(InputError, match="cannot be made: "):
        set_up(file, Path("/proc/net-of-mine"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    for folder in (tmp_path / "locked", tmp_path / "locked" / "net"):
        with pytest.raises(InputError, match="cannot be made: Permission denied"):
            set_up(write_network(tmp_path), folder)


def test_a_path_that_is_too_long_for_sockets_is_refused(tmp_path):
    with pytest.raises(InputError, match="too long"):
        set_up(write_network(tmp_path), tmp_path / ("x" * 90))


def test_a_folder_without_a_network_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="set-up"):
        read_plan(tmp_path)
