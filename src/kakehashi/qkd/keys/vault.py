"""Pieces of key on disk, encrypted so that they can be destroyed.

SQLite overwrites what it deletes, but older copies of a page stay in its write-ahead log, in a backup, in a file
system's journal. So each piece is encrypted with AES-256-GCM under a key of its own, which is made from two halves: the
node's key, which never changes, and 32 random bytes in a *slot* of a small file beside the database. To destroy a
piece, its slot is overwritten in place; every copy of the piece's ciphertext, wherever it went, is then noise even to
whoever has the node's key.

What this cannot promise: a copy of the slot file that was taken before, and a disk or file system that keeps the old
content of an overwritten sector (flash memory, copy-on-write). Put the folder on a device of which this is known, or
encrypt the device. In memory, the buffers that are ours are overwritten; Python's own copies (``bytes``, strings of an
answer, what OpenSSL holds) are freed, not overwritten.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kakehashi.core.errors import DataError, InputError, ResourceError

try:
    import resource
except ImportError:  # not Unix
    resource = None  # type: ignore[assignment]

__all__ = ["NODE_KEY_VARIABLE", "Vault", "forbid_core_dumps", "read_node_key", "wipe", "write_node_key"]

NODE_KEY_VARIABLE = "KAKEHASHI_NODE_KEY"
"""Environment variable with a node's key, 64 hexadecimal digits, where there is no file."""

KEY_BYTES = 32
SLOT_BYTES = 32
NONCE = bytes(12)
"""Each key encrypts one piece once, so one nonce serves all."""

EMPTY = bytes(SLOT_BYTES)


def forbid_core_dumps() -> None:
    """Have this program leave no image of its memory, which holds key, on the disk when it crashes.

    Where a system has no such limit, as Windows, it is for its settings to see to that.
    """
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def wipe(*buffers: bytearray | memoryview) -> None:
    """Overwrite buffers with zeros.

    Example:
        >>> buffer = bytearray(b"secret")
        >>> wipe(buffer)
        >>> bytes(buffer) == bytes(6)
        True
    """
    for buffer in buffers:
        buffer[:] = bytes(len(buffer))


def write_node_key(path: Path) -> None:
    """Make a node's key in a file that its owner alone can read.

    Raises:
        InputError: There is such a file already, or it cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InputError(f"{path} cannot be made as a new key file: {error.strerror}.") from None
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(KEY_BYTES) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def read_node_key(path: Path | None) -> bytes:
    """A node's key, from a file of mode 600 or, without one, from ``$KAKEHASHI_NODE_KEY``.

    Raises:
        InputError: It is missing, readable by others, or not 64 hexadecimal digits.
    """
    if path is None:
        text, where = os.environ.get(NODE_KEY_VARIABLE, ""), f"${NODE_KEY_VARIABLE}"
        if not text:
            raise InputError(
                f"There is no node's key: name its file with node_key in the TOML file, or set {where};"
                " `kakehashi qkd node-key FILE` makes one."
            )
    else:
        where = str(path)
        try:
            if path.stat().st_mode & 0o077:
                raise InputError(f"{path} can be read by others; run: chmod 600 {path}")
            text = path.read_text(encoding="ascii")
        except UnicodeDecodeError:
            text = ""
        except OSError as error:
            raise InputError(f"{path}, the node's key file, cannot be read: {error.strerror}.") from None
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError(f"{where} must hold a node's key of 64 hexadecimal digits.")
    return key


class Vault:
    """Encrypts pieces of key, and destroys them by overwriting their slots.

    Args:
        path: The file of slots; made where there is none.
        node_key: 32 bytes.
        durable: Whether what is written must have reached the disk when :meth:`flush` returns.

    Raises:
        InputError: The file cannot be opened.
    """

    def __init__(self, path: Path, node_key: bytes, *, durable: bool = True) -> None:
        self._path = path
        self._node_key = node_key
        self._durable = durable
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise InputError(f"{path} cannot be opened: {error.strerror}.") from None
        self._n_slots = os.fstat(self._file).st_size // SLOT_BYTES
        self._free: list[int] = []
        self._dirty = False

    def keep_only(self, used: Iterable[int]) -> None:
        """Destroy every piece whose slot is not among those in use: what a crash left half done."""
        in_use = set(used)
        if in_use and max(in_use) >= self._n_slots:
            raise DataError(f"{self._path} is shorter than its database says: part of the store was lost.")
        data = os.pread(self._file, self._n_slots * SLOT_BYTES, 0)
        self._free = []
        for slot in range(self._n_slots):
            if slot not in in_use:
                self._free.append(slot)
                if data[slot * SLOT_BYTES : (slot + 1) * SLOT_BYTES] != EMPTY:
                    self._write(slot, EMPTY)

    def seal(self, piece: bytes | bytearray, name: bytes) -> tuple[int, bytes]:
        """Encrypt a piece; gives its slot and the ciphertext with its tag.

        Args:
            piece: Key.
            name: What the piece is, authenticated with it.
        """
        slot = self._free.pop() if self._free else self._n_slots
        half = secrets.token_bytes(SLOT_BYTES)
        try:
            self._write(slot, half)
        except BaseException:
            if slot < self._n_slots:
                self._free.append(slot)
            raise
        self._n_slots = max(self._n_slots, slot + 1)
        return slot, AESGCM(self._key(half)).encrypt(NONCE, bytes(piece), name)

    def open(self, slot: int, sealed: bytes, name: bytes) -> bytearray:
        """Decrypt a piece.

        Raises:
            DataError: It was destroyed, belongs elsewhere, was changed, or the node's key is another.
        """
        half = os.pread(self._file, SLOT_BYTES, slot * SLOT_BYTES)
        try:  # a slot that was overwritten gives a key like any other, and the wrong one
            return bytearray(AESGCM(self._key(half)).decrypt(NONCE, sealed, name))
        except InvalidTag:
            raise DataError(
                f"A piece of key in {self._path.parent} cannot be decrypted: the store is damaged, or the node's key is"
                " not the one that it was written with."
            ) from None

    def destroy(self, slots: Iterable[int]) -> None:
        """Overwrite slots in place; their pieces are gone for good."""
        for slot in slots:
            self._write(slot, EMPTY)
            self._free.append(slot)

    def flush(self) -> None:
        """Have what was written reach the disk.

        Raises:
            ResourceError: The disk is full or broken.
        """
        if self._dirty:
            self._dirty = False
            if self._durable:
                try:
                    os.fdatasync(self._file)
                except OSError as error:
                    raise ResourceError(f"{self._path} cannot be written: {error.strerror}.") from None

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            os.close(self._file)

    def _key(self, half: bytes) -> bytes:
        return hmac.digest(self._node_key, b"kakehashi piece" + half, "sha256")

    def _write(self, slot: int, content: bytes) -> None:
        self._dirty = True
        try:
            written = os.pwrite(self._file, content, slot * SLOT_BYTES)
        except OSError as error:
            raise ResourceError(f"{self._path} cannot be written: {error.strerror}.") from None
        if written != len(content):
            raise ResourceError(f"{self._path} cannot be written: no space is left.")
