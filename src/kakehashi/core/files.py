"""Files: written whole or not at all, and public data looked up, fetched and verified."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from kakehashi.core.errors import DataError, InputError, ResourceError

__all__ = ["data_directories", "find_data", "make_folder", "read_text", "replace_file", "sha256_of", "write_text"]


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_REFUSED = (
    errno.EACCES,
    errno.EROFS,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
)


def _umask() -> int:
    """Permissions that the user takes away from new files; the system tells only while it sets another."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def replace_file(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside ``path``; put it in place when the block ends without an error.

    A reader sees the old file or the new one, never a half: a kill or a full disk loses nothing.

    Raises:
        ResourceError: The disk is full.
        InputError: The folder cannot be written.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
    except OSError as error:
        if error.errno in _FULL:
            raise ResourceError(f"There is no space left to write {path}; what was written before is kept.") from error
        if error.errno in _REFUSED:
            raise InputError(f"{path} cannot be written: {error.strerror}.") from error
        raise
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def make_folder(path: Path | str, *, mode: int = 0o777) -> None:
    """Make a folder, and those above it, where there is none yet.

    Args:
        path: The folder.
        mode: Its permissions, less those that the user takes away.

    Raises:
        ResourceError: The disk is full.
        InputError: It cannot be made; a file is in its place, or its owner forbids it.

    Example:
        >>> make_folder("/dev/null/net")
        Traceback (most recent call last):
        kakehashi.core.errors.InputError: The folder /dev/null/net cannot be made: Not a directory.
    """
    try:
        Path(path).mkdir(mode=mode, parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"The folder {path} cannot be made: there is a file of that name.") from None
    except OSError as error:
        kind = ResourceError if error.errno in _FULL else InputError
        raise kind(f"The folder {path} cannot be made: {error.strerror}.") from None


def write_text(path: Path | str, text: str) -> None:
    """Write a text file whole or not at all (UTF-8)."""
    with replace_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_text(path: Path | str) -> str:
    """Read a text file (UTF-8, with or without a byte order mark).

    Raises:
        InputError: The file is missing, unreadable or not text.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: this is not a text file (UTF-8).") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def data_directories() -> list[Path]:
    """Where public data is looked up: ``$KAKEHASHI_DATA`` (one or more folders), then the user's cache."""
    configured = os.environ.get("KAKEHASHI_DATA", "")
    folders = [Path(part).expanduser() for part in configured.split(os.pathsep) if part]
    return [*folders, platformdirs.user_cache_path("kakehashi")]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def find_data(name: str, *, url: str, sha256: str, timeout_s: float = 60.0) -> Path:
    """Path of a public data file, fetched into the user's cache where no folder has it yet.

    Args:
        name: File name, looked up in each of :func:`data_directories`.
        url: Where to fetch it from.
        sha256: Checksum that the content must have, wherever it was found.
        timeout_s: Seconds to wait for the server.

    Raises:
        DataError: It is not to be had, or its checksum is wrong.
    """
    folders = data_directories()
    for folder in folders:
        path = folder / name
        if path.is_file():
            try:
                found = sha256_of(path)
            except OSError as error:
                raise DataError(f"{path} cannot be read: {error.strerror}.") from error
            if found != sha256:
                raise DataError(
                    f"{path} has SHA-256 {found}, but {sha256} was expected; "
                    "remove the file or set KAKEHASHI_DATA to a folder with the right one."
                )
            return path
    target = folders[-1] / name
    try:
        # The address is a constant of the library, never the user's.
        with urllib.request.urlopen(url, timeout=timeout_s) as response:  # noqa: S310
            content: bytes = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise DataError(
            f"{name} is in none of {', '.join(map(str, folders))} and could not be fetched from {url} "
            f"({getattr(error, 'reason', error)}); put the file in a folder and set KAKEHASHI_DATA to it."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(f"{url} gave a file with SHA-256 {found}, but {sha256} was expected.")
    with replace_file(target) as temporary:
        temporary.write_bytes(content)
    return target
