import json

import pytest
from tests.qkd.key_pair import deliver, open_store, share
from tests.qkd.served import write_files

from kakehashi.cli.main import app
from kakehashi.core.errors import InputError
from kakehashi.qkd.delivery.spec import read_kme_spec


@pytest.fixture
def stores(tmp_path):
    owner, holder = open_store(tmp_path), open_store(tmp_path, "b")
    share(owner, holder)
    deliver(owner, holder)
    owner.close()
    holder.close()
    return tmp_path / "a", tmp_path / "b"


def call(*words):
    return app([str(word) for word in ("qkd", *words)], exit_on_error=False)


def test_an_audit_says_what_it_found(stores, capsys):
    assert call("audit", *stores) == 0
    out = capsys.readouterr().out
    assert "sifted with b" in out
    assert "weakest proof: wiesemann" in out
    assert "a  1 block\n" in out
    assert "compared: 1 block, 1 grant" in out
    assert "may count the same bits differently" in out
    assert "key-length.md" in out
    ends = {len(line.rstrip()) for line in out.splitlines() if line.rstrip().endswith("0") and "with" not in line}
    assert len(ends) == 1, "the numbers stand below each other"
    assert call("audit", *stores, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [audit["node"] for audit in found] == ["a", "b", "a and b"]
    assert all(audit["is_clean"] for audit in found)


def test_a_forgery_ends_with_1(stores, capsys):
    import sqlite3

    connection = sqlite3.connect(stores[0] / "keys.sqlite")
    connection.execute("DELETE FROM entry WHERE credit = 'delivered'")
    connection.commit()
    connection.close()
    assert call("audit", stores[0]) == 1
    assert "Wrong:" in capsys.readouterr().out


def test_no_store_is_wrong_use(tmp_path):
    with pytest.raises(InputError, match="no key store"):
        call("audit", tmp_path)


def test_certificates_and_node_keys_are_made(tmp_path, capsys):
    assert call("certificates", tmp_path / "pki", "--sae", "alice", "--sae", "bob", "--kme", "kme-a") == 0
    assert capsys.readouterr().out.count(".crt") == 4
    assert call("certificates", tmp_path / "pki", "--sae", "anna") == 0
    assert "anna.key" in capsys.readouterr().out
    assert call("revoke", tmp_path / "pki", "bob") == 0
    said = capsys.readouterr()
    assert said.out.endswith("revoked.crl\n")
    assert 'revoked = "' in said.err
    assert call("node-key", tmp_path / "a.key") == 0
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match="cannot be made"):
        call("node-key", tmp_path / "a.key")


def test_a_server_that_cannot_start_says_why(tmp_path):
    write_files(tmp_path)
    with pytest.raises(InputError, match="no peer"):
        call("serve", tmp_path / "a.toml", "--fill", tmp_path / "a.toml")
    (tmp_path / "a.key").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        call("serve", tmp_path / "a.toml")


def test_a_trial_can_be_served_as_it_is_written(tmp_path, capsys):
    assert call("trial", tmp_path / "trial") == 0
    out = capsys.readouterr().out
    for name in ("a", "b"):
        file = tmp_path / "trial" / f"{name}.toml"
        assert f"serve {file}" in out
        assert read_kme_spec(file).name == f"kme-{name}"
    with pytest.raises(InputError, match="not written over"):
        call("trial", tmp_path / "trial")
