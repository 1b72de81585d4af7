import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.core.errors import DataError, InputError
from kakehashi.qkd.keys.chunks import CHUNK_BYTES, Chunks
from kakehashi.qkd.keys.tables import Tables
from kakehashi.qkd.keys.vault import Vault


def open_chunks(folder, node_key=bytes(32)):
    tables = Tables(folder / "db", durable=False)
    vault = Vault(folder / "slots", node_key, durable=False)
    return tables, Chunks(tables, vault, lambda point: None)


def transact(tables, chunks, work):
    tables.begin()
    found = work()
    chunks.write_out()
    chunks.flush()
    tables.commit()
    chunks.settle()
    return found


@given(
    n_bytes=st.integers(1, 3 * CHUNK_BYTES),
    cuts=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**5)), max_size=8),
)
def test_ranges_are_read_and_forgotten(tmp_path_factory, n_bytes, cuts):
    tables, chunks = open_chunks(tmp_path_factory.mktemp("chunks"))
    data = secrets.token_bytes(n_bytes)
    transact(tables, chunks, lambda: chunks.put(1, memoryview(data)))
    gone = bytearray(n_bytes)
    for first, n in cuts:
        first %= n_bytes
        n = min(n, n_bytes - first)
        if any(gone[first : first + n]):
            continue
        gone[first : first + n] = b"\1" * n

        def take(first=first, n=n):
            found = chunks.read(1, 8 * first, 8 * n)
            chunks.erase(1, 8 * first, 8 * n)
            return found

        assert transact(tables, chunks, take) == data[first : first + n]
    assert sum(left for *_, left in tables.chunks()) == 8 * gone.count(0)
    tables.close()


def test_what_is_gone_cannot_be_read(tmp_path):
    tables, chunks = open_chunks(tmp_path)
    transact(tables, chunks, lambda: chunks.put(1, memoryview(bytes(64))))
    transact(tables, chunks, lambda: chunks.erase(1, 0, 512))
    with pytest.raises(DataError, match="is not there"):
        transact(tables, chunks, lambda: chunks.read(1, 0, 8))


def test_more_than_there_was_cannot_be_forgotten(tmp_path):
    tables, chunks = open_chunks(tmp_path)
    transact(tables, chunks, lambda: chunks.put(1, memoryview(bytes(64))))
    with pytest.raises(DataError, match="damaged"):
        transact(tables, chunks, lambda: [chunks.erase(1, 0, 512), chunks.erase(1, 0, 8)])


def test_a_row_with_a_chunk_fits_a_page(tmp_path):
    tables, chunks = open_chunks(tmp_path)
    transact(tables, chunks, lambda: chunks.put(3, memoryview(bytes(100 * CHUNK_BYTES))))
    tables.checkpoint()
    assert (tmp_path / "db").stat().st_size < 130 * 4096


def test_a_key_that_opens_nothing_is_refused(tmp_path):
    tables, chunks = open_chunks(tmp_path)
    transact(tables, chunks, lambda: chunks.put(1, memoryview(bytes(3 * CHUNK_BYTES))))
    chunks.check_key()
    _, others = open_chunks(tmp_path, bytes(31) + b"x")
    with pytest.raises(InputError, match=f"the store {tmp_path} was written with: none of its 3 pieces"):
        others.check_key()


def test_damaged_pieces_beside_a_good_one_do_not_speak_against_the_key(tmp_path):
    tables, chunks = open_chunks(tmp_path)
    transact(tables, chunks, lambda: chunks.put(1, memoryview(bytes(3 * CHUNK_BYTES))))
    for index, (block, number, slot, left) in enumerate(list(tables.chunks())):
        tables.begin()
        tables.put_chunk(block, number, slot, left, bytes(40))
        tables.commit()
        if index < 2:
            chunks.check_key()
    with pytest.raises(InputError, match="not the one"):
        chunks.check_key()


def test_where_there_is_no_piece_every_key_will_do(tmp_path):
    tables, chunks = open_chunks(tmp_path)
    transact(tables, chunks, lambda: chunks.put(1, memoryview(bytes(64))))
    transact(tables, chunks, lambda: chunks.erase(1, 0, 512))
    open_chunks(tmp_path, bytes(31) + b"x")[1].check_key()
