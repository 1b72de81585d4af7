import os
import resource
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from kakehashi.core.errors import DataError, InputError, ResourceError
from kakehashi.qkd.keys.vault import (
    NODE_KEY_VARIABLE,
    Vault,
    forbid_core_dumps,
    read_node_key,
    wipe,
    write_node_key,
)

KEY = secrets.token_bytes(32)


def test_the_room_can_be_imported_where_the_modules_of_unix_are_missing(tmp_path):
    story = """
import importlib, pkgutil, sys
sys.modules.update({"fcntl": None, "resource": None})
import kakehashi.qkd
for module in pkgutil.walk_packages(kakehashi.qkd.__path__, "kakehashi.qkd."):
    importlib.import_module(module.name)
from pathlib import Path
from kakehashi.core.errors import ResourceError
from kakehashi.qkd.keys.store import KeyStore
from kakehashi.qkd.keys.vault import forbid_core_dumps
forbid_core_dumps()
try:
    KeyStore(Path(sys.argv[1]), node="a", node_key=bytes(32))
except ResourceError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", story, tmp_path / "x"], capture_output=True, text=True, check=True)
    assert "file locks of Unix" in done.stdout


def test_a_piece_comes_back_and_only_under_its_name(tmp_path):
    vault = Vault(tmp_path / "slots", KEY)
    slot, sealed = vault.seal(b"key" * 10, b"1/0")
    assert vault.open(slot, sealed, b"1/0") == b"key" * 10
    assert b"key" not in sealed
    for name, changed in ((b"1/1", sealed), (b"1/0", sealed[:-1] + bytes([sealed[-1] ^ 1]))):
        with pytest.raises(DataError, match="cannot be decrypted"):
            vault.open(slot, changed, name)


def test_a_destroyed_piece_is_gone_even_for_who_has_the_node_key_and_the_ciphertext(tmp_path):
    vault = Vault(tmp_path / "slots", KEY)
    slot, sealed = vault.seal(b"key" * 10, b"1/0")
    half = (tmp_path / "slots").read_bytes()[32 * slot : 32 * slot + 32]
    vault.destroy([slot])
    assert half not in (tmp_path / "slots").read_bytes()  # what a reader of the page cache sees, at once
    with pytest.raises(DataError, match="cannot be decrypted"):
        vault.open(slot, sealed, b"1/0")


def test_slots_are_used_again_with_new_keys(tmp_path):
    vault = Vault(tmp_path / "slots", KEY)
    first, sealed = vault.seal(b"a", b"n")
    vault.destroy([first])
    again, other = vault.seal(b"a", b"n")
    assert again == first
    assert other != sealed
    with pytest.raises(DataError):
        vault.open(again, sealed, b"n")


def test_what_no_row_points_to_is_destroyed_at_the_start(tmp_path):
    vault = Vault(tmp_path / "slots", KEY)
    kept, sealed = vault.seal(b"kept", b"k")
    left, _ = vault.seal(b"left", b"l")
    vault.close()
    vault = Vault(tmp_path / "slots", KEY)
    vault.keep_only([kept])
    assert vault.open(kept, sealed, b"k") == b"kept"
    assert (tmp_path / "slots").read_bytes()[32 * left :][:32] == bytes(32)
    with pytest.raises(DataError, match="shorter than its database says"):
        vault.keep_only([kept, 7])


def test_another_node_key_opens_nothing(tmp_path):
    slot, sealed = Vault(tmp_path / "slots", KEY).seal(b"a", b"n")
    with pytest.raises(DataError, match="node's key is"):
        Vault(tmp_path / "slots", bytes(32)).open(slot, sealed, b"n")


def test_a_disk_that_is_full_is_said(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    vault = Vault(tmp_path / "slots", KEY)
    vault._file = os.open("/dev/full", os.O_RDWR)
    with pytest.raises(ResourceError, match="cannot be written"):
        vault.seal(b"a", b"n")


def test_the_node_key_is_for_its_owner_alone(tmp_path, monkeypatch):
    path = tmp_path / "node.key"
    write_node_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(read_node_key(path)) == 32
    with pytest.raises(InputError, match="cannot be made"):
        write_node_key(path)
    path.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        read_node_key(path)
    path.chmod(0o600)
    path.write_text("not a key\n")
    with pytest.raises(InputError, match="64 hexadecimal digits"):
        read_node_key(path)
    path.write_bytes(b"\xff")
    with pytest.raises(InputError, match="64 hexadecimal digits"):
        read_node_key(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_node_key(tmp_path / "nothing")
    monkeypatch.delenv(NODE_KEY_VARIABLE, raising=False)
    with pytest.raises(
        InputError, match=rf"name its file with node_key in the TOML file, or set \${NODE_KEY_VARIABLE};"
    ):
        read_node_key(None)
    monkeypatch.setenv(NODE_KEY_VARIABLE, "ab")
    with pytest.raises(InputError, match=f"{NODE_KEY_VARIABLE} must hold a node's key of 64 hexadecimal digits"):
        read_node_key(None)
    monkeypatch.setenv(NODE_KEY_VARIABLE, "ab" * 32)
    assert read_node_key(None) == b"\xab" * 32


def test_wiping_is_in_place():
    buffer = bytearray(b"secret")
    view = memoryview(buffer)
    wipe(view[:3])
    assert buffer == b"\0\0\0ret"


def test_a_crash_leaves_no_image_of_memory():
    before = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        forbid_core_dumps()
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
