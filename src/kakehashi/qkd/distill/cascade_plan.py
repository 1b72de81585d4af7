"""What both ends of a Cascade must agree on before the first parity, and how it travels."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from kakehashi.core.errors import DistillationError, InputError

__all__ = ["CascadePlan", "plan_cascade"]

MAGIC = b"KHC1"
_FIXED = struct.Struct("<4sQQHBBBB")


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadePlan:
    """How a block is cut into frames, and frames into blocks of each pass.

    Attributes:
        n_bits: Length of the string.
        log_frame: Frames have ``2**log_frame`` places, 6 to 16; places that no bit takes are known to both ends.
        log_blocks: Each pass of blocks: they have ``2**log_blocks[i]`` places; not falling, below ``log_frame``.
        n_halves: Passes after them, in which the halves of each permuted frame are compared.
        n_checks: Random halves whose parities are compared over a whole group of frames at the end.
        group_frames: Frames in a group.
        seed: Public seed of the permutations, 64 bits.
    """

    n_bits: int
    log_frame: int
    log_blocks: tuple[int, ...]
    n_halves: int
    n_checks: int
    group_frames: int
    seed: int

    def __post_init__(self) -> None:
        if not 0 <= self.n_bits < 1 << 36:
            raise InputError(f"A block must have at least 0 and less than 2^36 bits, but has {self.n_bits}.")
        if not 6 <= self.log_frame <= 16:
            raise InputError(f"Frames must have 2^6 to 2^16 bits, but have 2^{self.log_frame}.")
        grows = all(x <= y for x, y in zip(self.log_blocks, self.log_blocks[1:], strict=False))
        if not 1 <= len(self.log_blocks) <= 8 or not grows or not 1 <= self.log_blocks[0] <= max(self.log_blocks):
            raise InputError(f"There must be 1 to 8 passes of blocks that do not shrink, but got {self.log_blocks}.")
        if self.log_blocks[-1] >= self.log_frame:
            raise InputError(f"Blocks of 2^{self.log_blocks[-1]} bits must be smaller than frames.")
        if not 0 <= self.n_halves <= 64 or not 0 <= self.n_checks <= 64 or not 1 <= self.group_frames < 1 << 16:
            raise InputError("There must be at most 64 passes of halves, 64 checks, and 65535 frames in a group.")
        if not 0 <= self.seed < 1 << 64:
            raise InputError("The seed of the permutations must have 64 bits.")

    @property
    def n_frames(self) -> int:
        """Number of frames: as few as hold all bits."""
        return -(-self.n_bits // (1 << self.log_frame))

    def to_bytes(self) -> bytes:
        """For the wire."""
        head = _FIXED.pack(
            MAGIC,
            self.n_bits,
            self.seed,
            self.group_frames,
            self.log_frame,
            self.n_halves,
            self.n_checks,
            len(self.log_blocks),
        )
        return head + bytes(self.log_blocks)

    @classmethod
    def from_bytes(cls, data: bytes) -> CascadePlan:
        """From the wire.

        Raises:
            DistillationError: It is no plan.
        """
        if len(data) < _FIXED.size or data[:4] != MAGIC or len(data) != _FIXED.size + data[_FIXED.size - 1]:
            raise DistillationError("The first message of error correction is no plan of a Cascade.")
        _, n_bits, seed, group_frames, log_frame, n_halves, n_checks, _ = _FIXED.unpack(data[: _FIXED.size])
        try:
            return cls(
                n_bits=n_bits,
                log_frame=log_frame,
                log_blocks=tuple(data[_FIXED.size :]),
                n_halves=n_halves,
                n_checks=n_checks,
                group_frames=group_frames,
                seed=seed,
            )
        except InputError as error:
            raise DistillationError(f"The plan of a Cascade is impossible: {error}") from error


def plan_cascade(*, n_bits: int, qber: float, seed: int, frame_bits: int = 2**14, n_checks: int = 37) -> CascadePlan:
    """Choose block sizes for an expected error rate.

    First blocks hold about 0.7 to 1.4 errors, second ones about six times as many places, third ones are quarters of
    a frame, and five passes of halves follow. The sizes are rounded to powers of two, so that a search halves evenly;
    those of the first pass are the choice of Martinez-Mateo et al. (arXiv:1407.3257), the others are ours, found by
    measuring (``benchmarks/qkd_correction.py``): smaller second blocks than theirs, for a fifth fewer round trips at
    the same efficiency.

    Args:
        n_bits: Length of the string.
        qber: Expected share of wrong bits, 0 to 0.5.
        seed: Public seed of the permutations, 64 bits.
        frame_bits: Places of a frame, a power of two, 64 to 65536. A shorter block has one smaller frame.
        n_checks: Parities that each group of 37 frames is checked with: errors that remain before the checks are
            missed with a probability of about ``2**-n_checks``. A prime number not below the frames of a group gives
            every two frames of a group different halves in every check.

    Raises:
        InputError: An argument is out of range.

    Example:
        >>> plan = plan_cascade(n_bits=100_000, qber=0.02, seed=7)
        >>> plan.n_frames, plan.log_blocks
        (7, (6, 8, 12))
    """
    if not 0 <= qber <= 0.5:
        raise InputError(f"`qber` must lie between 0 and 0.5, but is {qber}.")
    if frame_bits not in {1 << exponent for exponent in range(6, 17)}:
        raise InputError(f"`frame_bits` must be a power of two from 64 to 65536, but is {frame_bits}.")
    log_frame = min(frame_bits.bit_length() - 1, max(6, (n_bits - 1).bit_length()))
    places = -(-n_bits // (1 << log_frame)) << log_frame
    # Places that no bit takes are spread over all blocks, so that blocks may be larger.
    density = qber * n_bits / places if places else 0.0
    scale = math.log2(1 / max(density, 2.0**-log_frame))
    third = log_frame - 2
    first = min(max(math.ceil(scale - 0.5), 2), third)
    second = min(max(math.ceil(scale + 2), first), third)
    return CascadePlan(
        n_bits=n_bits,
        log_frame=log_frame,
        log_blocks=(first, second, third),
        n_halves=5,
        n_checks=n_checks,
        group_frames=37,
        seed=seed,
    )
