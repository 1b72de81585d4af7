import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.qkd.key_pair import deliver, fetch, make_block, open_store, share

from kakehashi.core.errors import DataError, InputError, ResourceError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.account import Distilled
from kakehashi.qkd.keys.audit import audit_store
from kakehashi.qkd.keys.store import DATABASE, SLOTS


def test_a_block_comes_with_its_account(tmp_path):
    store = open_store(tmp_path)
    distilled = Distilled(sifted=2000, estimation=300, correction=200, verification=64, amplification=636, secret=800)
    with store.transaction():
        store.add_block(make_block(100), distilled)
        store.add_aborted("f" * 32, "b", Distilled(sifted=500, aborted=500))
        store.add_block(make_block(bits=Bits.pack(np.ones(13, dtype=bool))))
    audit = audit_store(store.folder)
    assert audit.is_clean
    assert audit.links[0].sifted == 2513
    assert audit.links[0].bound == "wiesemann"  # what gave no key has no proof, and takes none from the rest
    assert audit.links[0].accounts == {
        "estimation": 300, "correction": 200, "verification": 64, "amplification": 636, "aborted": 500,
        "authentication": 0, "delivered": 0, "relayed": 0, "expired": 5, "stored": 808,
    }  # fmt: skip


def test_wrong_blocks_are_refused(tmp_path):
    store = open_store(tmp_path)
    block = make_block(10)
    with store.transaction():
        store.add_block(block)
    for bad, sentence in (
        (block, "comes once"),
        (make_block(10, peer="a"), "with itself"),
        (make_block(10, block_id="XYZ"), "32 hexadecimal digits"),
    ):
        with pytest.raises(InputError, match=sentence), store.transaction():
            store.add_block(bad)
    with pytest.raises(InputError, match="secret bits"), store.transaction():
        store.add_block(make_block(10), Distilled(sifted=10, secret=10))
    with pytest.raises(InputError, match="no secret bits"), store.transaction():
        store.add_aborted("e" * 32, "b", Distilled(sifted=10, secret=10))
    assert audit_store(store.folder).is_clean


def fail(store):
    with store.transaction():
        store.allocate("b", key_bits=256, n_keys=2, master="alice")
        store.add_block(make_block(10))
        raise RuntimeError


def test_a_transaction_that_fails_changes_nothing(tmp_path):
    owner, holder = open_store(tmp_path), open_store(tmp_path, "b")
    data = share(owner, holder)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            fail(owner)
    assert owner.stock_bits("b") == 8000
    assert deliver(owner, holder)[1] == data[:32]
    assert audit_store(owner.folder).is_clean


def test_a_store_goes_on_where_it_was(tmp_path):
    owner, holder = open_store(tmp_path), open_store(tmp_path, "b")
    data = share(owner, holder)
    grant, keys = deliver(owner, holder, 2)
    owner.close()
    holder.close()
    owner, holder = open_store(tmp_path), open_store(tmp_path, "b")
    assert fetch(holder, grant, [1]) == [keys[32:]]
    assert deliver(owner, holder)[1] == data[64:96]
    assert audit_store(owner.folder).is_clean


def test_one_program_at_a_time_and_one_node(tmp_path):
    store = open_store(tmp_path)
    with pytest.raises(ResourceError, match="in use"):
        open_store(tmp_path)
    store.close()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    with pytest.raises(InputError, match="of node 'a', not of 'b'"):
        open_store(tmp_path, "b")
    (tmp_path / "c").write_text("")
    with pytest.raises(InputError, match="cannot be opened"):
        open_store(tmp_path, "c")


def open_and_allocate(folder):
    with contextlib.closing(open_store(folder)) as store, store.transaction():
        store.allocate("b", key_bits=256, master="alice")


@pytest.mark.parametrize("what", ["database", "row", "slots", "json", "other"])
def test_a_damaged_store_is_refused_in_one_sentence(tmp_path, what):
    owner, holder = open_store(tmp_path), open_store(tmp_path, "b")
    share(owner, holder)
    owner._tables.checkpoint()
    owner.close()
    path = tmp_path / "a" / DATABASE
    if what == "database":
        path.write_bytes(path.read_bytes()[:5000] + os.urandom(20_000))
    elif what == "slots":
        (tmp_path / "a" / SLOTS).write_bytes(b"")
    elif what == "other":
        path.write_bytes(b"")
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE about (name, value)")
        connection.commit()
        connection.close()
    else:
        connection = sqlite3.connect(path)
        change = "UPDATE chunk SET sealed = zeroblob(1016)" if what == "row" else "UPDATE block SET free = '[[0'"
        connection.execute(change)
        connection.commit()
        connection.close()
    with pytest.raises((DataError, InputError)) as caught:
        open_and_allocate(tmp_path)
    assert str(caught.value).count("\n") == 0
    if what == "row":  # the rest of the books is still in order
        assert audit_store(tmp_path / "a").is_clean


def test_a_full_disk_loses_nothing(tmp_path):
    """In a process of its own, whose files may not grow beyond what they have."""
    program = f"""
import resource, pathlib, sys
sys.path[:0] = [{str(Path(__file__).parents[1])!r}, *{sys.path!r}]
from kakehashi.core.errors import ResourceError
from key_pair import NODE_KEYS, deliver, make_block, open_store, share
NODE_KEYS.update(dict.fromkeys("ab", bytes(32)))
folder = pathlib.Path({str(tmp_path)!r})
owner, holder = open_store(folder), open_store(folder, "b")
data = share(owner, holder, 20000)
largest = max(f.stat().st_size for f in owner.folder.iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 20000, -1))
given = b""
failed = 0
for _ in range(400):
    try:
        with owner.transaction():
            keys = bytes(owner.allocate("b", key_bits=256, master="alice")[1])
        given += keys
    except ResourceError as error:
        assert "written" in str(error), error
        failed += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
assert failed, "the limit was never reached"
with owner.transaction():
    given += bytes(owner.allocate("b", key_bits=256, master="alice")[1])
assert given == data[:len(given)]
print(len(given) // 32, failed)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    assert audit_store(tmp_path / "a").is_clean


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_kill_at_random_loses_and_repeats_nothing(tmp_path):
    """A process hands out keys and says so; it is killed again and again, and no bit comes twice."""
    program = f"""
import pathlib, sys
sys.path[:0] = [{str(Path(__file__).parents[1])!r}, *{sys.path!r}]
from key_pair import NODE_KEYS, make_block, open_store
NODE_KEYS.update(dict.fromkeys("ab", bytes(32)))
store = open_store(pathlib.Path({str(tmp_path)!r}))
if not store.stock_bits("b"):
    with store.transaction():
        block = make_block(100000)
        store.add_block(block)
        store.share_blocks([block.block_id])
while True:
    with store.transaction():
        grant, keys = store.allocate("b", key_bits=256, master="alice")
    sys.stdout.write(keys.hex() + "\\n")
    sys.stdout.flush()
"""
    seen = []
    for round_ in range(20):
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
            for _ in range(3 + 7 * round_ % 31):
                seen.append(process.stdout.readline().strip())
            process.kill()
            seen += [line.strip() for line in process.stdout if line.endswith("\n")]
    assert len(set(seen)) == len(seen) > 200
    assert audit_store(tmp_path / "a").is_clean
