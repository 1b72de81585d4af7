import sqlite3

import pytest

from kakehashi.qkd.keys.schema import KEPT_BLOCKS, OPEN_GRANTS, SCHEMA


@pytest.fixture
def database():
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    yield connection
    connection.close()


def test_open_grants_are_found_by_their_index_however_many_are_over(database):
    plan = database.execute(
        f"EXPLAIN QUERY PLAN SELECT number FROM used WHERE {OPEN_GRANTS} ORDER BY number"
    ).fetchall()
    assert "used_open" in plan[0][-1]


def test_a_block_is_kept_while_it_has_free_bits_or_an_open_grant_is_cut_from_it(database):
    block = "INSERT INTO block VALUES (?, ?, 'b', 1, 8, 8, 0, 'wiesemann', 'distilled', 0, 0, 1, ?)"
    grant = "INSERT INTO used VALUES (NULL, ?, 'b', 1, ?, 'delivered', 8, ?, '', '', x'', '', '', 0, '', ?, 1, 0)"
    for number, free in ((1, "[[0, 8]]"), (2, "[]"), (3, "[]")):
        database.execute(block, (number, f"block-{number}", free))
    for number, state in ((2, "allocated"), (3, "delivered")):
        database.execute(grant, (f"grant-{number}", number, f'[["block-{number}", 0, 8]]', state))
    kept = database.execute(f"SELECT number FROM block WHERE {KEPT_BLOCKS} ORDER BY number").fetchall()
    assert kept == [(1,), (2,)]
