"""An exposure as bytes: what the simulator sends to each end. docs/formats/link.md has the layout."""

from __future__ import annotations

import struct
from typing import Literal, TypeAlias

import numpy as np

from kakehashi.core.errors import DeviceError
from kakehashi.qkd.link.model import Detections, Preparations

__all__ = ["HEADER", "Role", "pack_detections", "pack_preparations", "payload_bytes", "unpack"]

Role: TypeAlias = Literal["sender", "receiver"]

HEADER = struct.Struct("<4sBxxxQQQ")
"""Magic, role, first slot, number of slots, number of entries."""

MAGIC = b"KQL1"
ROLES: dict[Role, int] = {"sender": 1, "receiver": 2}
ENTRY_BYTES = 5
MAX_ENTRIES = 1 << 28


def pack_preparations(half: Preparations) -> bytes:
    """The sender's half: 4 bytes of slot within the exposure, and one of basis, bit and intensity, for each entry.

    Example:
        >>> from kakehashi.qkd.link.library import load_link
        >>> from kakehashi.qkd.link.simulation import Simulation
        >>> half = Simulation(load_link("tokyo-koganei-loop-ntt"), rng=1).next().preparations
        >>> data = pack_preparations(half)
        >>> bool((unpack(data[:HEADER.size], data[HEADER.size:], "sender").bit == half.bit).all())
        True
    """
    flags = half.basis | half.bit << np.uint8(1) | half.intensity << np.uint8(2)
    return _pack("sender", half, flags)


def pack_detections(half: Detections) -> bytes:
    """The receiver's half, likewise, without intensities."""
    return _pack("receiver", half, half.basis | half.bit << np.uint8(1))


def _pack(role: Role, half: Preparations | Detections, flags: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> bytes:
    header = HEADER.pack(MAGIC, ROLES[role], half.first_slot, half.n_slots, len(half))
    offsets = (half.slot - half.first_slot).astype("<u4")
    return header + offsets.tobytes() + flags.astype(np.uint8).tobytes()


def payload_bytes(header: bytes, role: Role) -> int:
    """Number of bytes that follow a header.

    Raises:
        DeviceError: It is no header, or one of the other end's.
    """
    magic, sent_role, _, _, n = HEADER.unpack(header)
    if magic != MAGIC or n > MAX_ENTRIES:
        raise DeviceError("What answers at this address is no simulated link.")
    if sent_role != ROLES[role]:
        raise DeviceError(f"This is the address of the link's other end, not that of its {role}.")
    return int(n) * ENTRY_BYTES


def unpack(header: bytes, payload: bytes, role: Role) -> Preparations | Detections:
    """The half that a header and what follows it hold.

    Raises:
        DeviceError: They do not belong together.
    """
    if payload_bytes(header, role) != len(payload):
        raise DeviceError("A frame of the simulated link has the wrong length.")
    _, _, first, n_slots, n = HEADER.unpack(header)
    slot = first + np.frombuffer(payload, "<u4", n).astype(np.int64)
    flags = np.frombuffer(payload, np.uint8, n, offset=4 * n)
    basis, bit = flags & np.uint8(1), flags >> np.uint8(1) & np.uint8(1)
    if role == "receiver":
        return Detections(first_slot=first, n_slots=n_slots, slot=slot, basis=basis, bit=bit)
    intensity = flags >> np.uint8(2)
    return Preparations(first_slot=first, n_slots=n_slots, slot=slot, basis=basis, bit=bit, intensity=intensity)
