"""What a link will give: the block from which it gives any key, and the rate, before a photon is sent."""

from __future__ import annotations

from dataclasses import dataclass

from kakehashi.qkd.distill.agreement import Agreement, agree_on
from kakehashi.qkd.link.simulation import expect_link
from kakehashi.qkd.link.spec import LinkSpec
from kakehashi.qkd.security.bounds import BOUNDS
from kakehashi.qkd.security.intervals import binary_entropy
from kakehashi.qkd.security.model import DecoyCounts, KeyLength

__all__ = ["BLOCKS", "CORRECTION_EFFICIENCY", "Forecast", "forecast", "smallest_block"]

CORRECTION_EFFICIENCY = 1.05
"""Bits that correction discloses, over the Shannon limit: what Cascade here stays below at 1 % and more."""

BLOCKS = tuple(m * 10**e for e in range(5, 9) for m in (1, 3))[:7]
"""Sizes of block that are tried, 1e5 to 1e8 sifted bits of the key basis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What may be expected of one size of block.

    Attributes:
        block_bits: Sifted bits of the key basis.
        test_bits: Sifted bits of the test basis that come meanwhile.
        block_s: Seconds of light that they take.
        sifted_bit_per_s: Rate of sifted bits of the key basis.
        qber: Share of wrong bits among them.
        length: The key of a block.
        secret_bit_per_s: Rate of secret key.
    """

    block_bits: int
    test_bits: float
    block_s: float
    sifted_bit_per_s: float
    qber: float
    length: KeyLength
    secret_bit_per_s: float


def forecast(spec: LinkSpec, agreement: Agreement) -> Forecast:
    """Expected key of a block, from the closed formulas of the link and the proof that was agreed on.

    Raises:
        InputError: The proof does not cover the source.

    Example:
        >>> from kakehashi.qkd.link.library import load_link
        >>> link = load_link("laboratory-50km")
        >>> expected = forecast(link, agree_on("a", link, block_bits=100_000_000))
        >>> 0.01 < expected.qber < 0.02, expected.secret_bit_per_s > 1e5
        (True, True)
    """
    expected = expect_link(spec)
    in_key = float(expected.sifted[0].sum())
    n_slots = agreement.block_bits / in_key if in_key > 0 else float("inf")
    qber = float(expected.wrong[0].sum()) / in_key if in_key > 0 else 0.5
    if in_key > 0:
        counts = expected.counts(n_slots)
        taken = DecoyCounts(detections=counts.detections, errors=counts.errors)
    else:
        taken = DecoyCounts(detections=0 * expected.sifted, errors=0 * expected.wrong)
    leak = agreement.n_leaks * agreement.block_bits * CORRECTION_EFFICIENCY * binary_entropy(qber)
    length = BOUNDS[agreement.bound](taken, agreement.settings, leak_bits=leak, failure=agreement.failure)
    block_s = n_slots / spec.source.pulse_rate_hz
    return Forecast(
        block_bits=agreement.block_bits,
        test_bits=float(expected.sifted[1].sum()) * n_slots if in_key > 0 else 0.0,
        block_s=block_s,
        sifted_bit_per_s=in_key * spec.source.pulse_rate_hz,
        qber=qber,
        length=length,
        secret_bit_per_s=length.bits / block_s,
    )


def smallest_block(link: str, spec: LinkSpec, **changes: object) -> Agreement:
    """The agreement with the smallest of :data:`BLOCKS` that gives at least half of what the largest gives of a bit.

    Where none gives any key it is the largest: what then comes says why.

    Example:
        >>> from kakehashi.qkd.link.library import load_link
        >>> smallest_block("a", load_link("tokyo-koganei-loop-ntt")).block_bits
        100000
    """
    agreements = [agree_on(link, spec, **(changes | {"block_bits": n})) for n in BLOCKS]
    shares = [forecast(spec, a).length.bits / a.block_bits for a in agreements]
    return next((a for a, share in zip(agreements, shares, strict=True) if share >= shares[-1] / 2 > 0), agreements[-1])
