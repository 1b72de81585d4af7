"""A link's stock of tag key on disk, encrypted, and written whole before a tag leaves."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kakehashi.core.errors import DataError, ResourceError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.session import NO_BLOCK
from kakehashi.qkd.distill.stock import Direction, Stock, StockState

__all__ = ["StockFile"]

NONCE_BYTES = 12


class StockFile:
    """The stock of one end of one link, and the newest block that this end counts as made.

    Args:
        path: The file.
        node_key: The node's key, from which this file's key is derived.

    Example:
        >>> import secrets, tempfile
        >>> file = StockFile(Path(tempfile.mkdtemp()) / "a-b", secrets.token_bytes(32))
        >>> stock = Stock.from_secret(Bits.from_bytes(bytes(range(256))), is_sender=True, forgery=1e-12)
        >>> file.write(stock, "0" * 32)
        >>> again, last_block = file.read(forgery=1e-12)
        >>> again.n_own == stock.n_own, last_block == "0" * 32
        (True, True)
    """

    def __init__(self, path: Path, node_key: bytes) -> None:
        self._path = path
        derived = HKDF(hashes.SHA256(), 32, None, b"kakehashi stock of " + path.name.encode()).derive(node_key)
        self._cipher = AESGCM(derived)

    @property
    def is_there(self) -> bool:
        """Whether there is one."""
        return self._path.is_file()

    def write(self, stock: Stock, last_block: str = NO_BLOCK) -> None:
        """Put a stock on disk; the file holds the old one or the new one, whatever happens.

        Raises:
            ResourceError: It cannot be written.
        """
        plain = json.dumps(_to_json(stock.state) | {"last_block": last_block}).encode()
        nonce = os.urandom(NONCE_BYTES)
        new = self._path.with_name(self._path.name + ".new")
        try:
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(nonce + self._cipher.encrypt(nonce, plain, None))
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise ResourceError(f"{self._path} cannot be written ({error.strerror}): no tag may leave.") from None

    def read(self, *, forgery: float) -> tuple[Stock, str]:
        """The stock, and the newest block.

        Raises:
            DataError: It is missing, was changed, or belongs to another node.
        """
        try:
            data = self._path.read_bytes()
            table = json.loads(self._cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], None))
            return Stock(_from_json(table), forgery=forgery), str(table["last_block"])
        except (OSError, InvalidTag, ValueError, KeyError, TypeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise DataError(f"{self._path}, the stock of a link's tag key, cannot be read: {reason}.") from None


def _bits_to_json(bits: Bits) -> list[Any]:
    return [bits.n, base64.b64encode(bits.to_bytes()).decode()]


def _bits(pair: list[Any]) -> Bits:
    return Bits.from_bytes(base64.b64decode(pair[1])).slice(0, int(pair[0]))


def _direction_to_json(direction: Direction) -> dict[str, Any]:
    return {
        "point": _bits_to_json(direction.point),
        "pads": _bits_to_json(direction.pads),
        "first_left": direction.first_left,
        "failure": direction.failure,
    }


def _direction(table: dict[str, Any]) -> Direction:
    return Direction(
        point=_bits(table["point"]),
        pads=_bits(table["pads"]),
        first_left=int(table["first_left"]),
        failure=float(table["failure"]),
    )


def _to_json(state: StockState) -> dict[str, Any]:
    held = {b: [_bits_to_json(own), _bits_to_json(other), f] for b, (own, other, f) in state.held.items()}
    return {"own": _direction_to_json(state.own), "other": _direction_to_json(state.other), "held": held}


def _from_json(table: dict[str, Any]) -> StockState:
    held = {b: (_bits(own), _bits(other), float(f)) for b, (own, other, f) in table["held"].items()}
    return StockState(own=_direction(table["own"]), other=_direction(table["other"]), held=held)
