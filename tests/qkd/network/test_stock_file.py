import secrets

import pytest

from kakehashi.core.errors import DataError, ResourceError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.stock import Stock
from kakehashi.qkd.network.stock_file import StockFile

SECRET = Bits.from_bytes(bytes(range(256)) * 4)
FORGERY = 1e-15


def stock():
    return Stock.from_secret(SECRET, is_sender=True, forgery=FORGERY)


def test_a_pad_that_was_used_is_not_there_after_a_restart(tmp_path):
    file, before = StockFile(tmp_path / "a-b.stock", secrets.token_bytes(32)), stock()
    before.hold("1" * 32, Bits.from_bytes(b"own"), Bits.from_bytes(b"oth"), 1e-10)
    index, _ = before.sign(before.listen_to_own(b"context"))
    file.write(before, "2" * 32)
    after, last_block = file.read(forgery=FORGERY)
    assert after.sign(after.listen_to_own(b"context"))[0] == index + 1
    assert (after.n_own, after.n_other) == (before.n_own - 1, before.n_other)
    assert after.failure >= before.failure > 0
    assert after.held == {"1" * 32}
    assert last_block == "2" * 32


def test_no_secret_is_on_disk_in_clear(tmp_path):
    file = StockFile(tmp_path / "a-b.stock", secrets.token_bytes(32))
    file.write(stock())
    assert SECRET.to_bytes()[:16] not in (tmp_path / "a-b.stock").read_bytes()
    assert (tmp_path / "a-b.stock").stat().st_mode & 0o077 == 0


def test_a_changed_file_and_another_node_key_are_refused(tmp_path):
    path = tmp_path / "a-b.stock"
    file = StockFile(path, secrets.token_bytes(32))
    with pytest.raises(DataError):
        file.read(forgery=FORGERY)
    file.write(stock())
    with pytest.raises(DataError):
        StockFile(path, secrets.token_bytes(32)).read(forgery=FORGERY)
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError):
        file.read(forgery=FORGERY)


def test_a_stock_that_cannot_be_written_stops_the_tag(tmp_path):
    file = StockFile(tmp_path / "nowhere" / "a-b.stock", secrets.token_bytes(32))
    with pytest.raises(ResourceError, match="no tag may leave"):
        file.write(stock())
