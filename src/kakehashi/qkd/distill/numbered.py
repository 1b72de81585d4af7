"""Messages of error correction: a number, so that nothing is answered twice, and packed bits."""

from __future__ import annotations

import struct

from kakehashi.core.errors import DistillationError

__all__ = ["check_bits", "number_message", "read_body"]

_NUMBER = struct.Struct("<I")


def number_message(number: int, body: bytes) -> bytes:
    r"""A message: its number in four bytes, then its body.

    Example:
        >>> number_message(1, b"abc")
        b'\x01\x00\x00\x00abc'
    """
    return _NUMBER.pack(number) + body


def read_body(message: bytes, expected: int, what: str) -> bytes:
    """The body of the message that is due.

    Args:
        message: As it came.
        expected: Its number.
        what: ``"question"`` or ``"answer"``, for the error's sentence.

    Raises:
        DistillationError: It is too short or has another number.

    Example:
        >>> read_body(number_message(1, b"abc"), 1, "question")
        b'abc'
    """
    if len(message) < _NUMBER.size:
        raise DistillationError(f"A message of {len(message)} bytes is no {what} of error correction.")
    (number,) = _NUMBER.unpack_from(message)
    if number != expected:
        raise DistillationError(f"Error correction expected {what} {expected}, but got {number}.")
    return message[_NUMBER.size :]


def check_bits(body: bytes, n: int, what: str) -> None:
    r"""Check that a body holds ``n`` packed bits and nothing else.

    Raises:
        DistillationError: It does not.

    Example:
        >>> check_bits(b"\x05", 3, "answer")
    """
    if len(body) != (n + 7) // 8 or (n % 8 and body[-1] >> (n % 8)):
        raise DistillationError(f"The {what} must hold {n} bits, but has {len(body)} bytes.")
