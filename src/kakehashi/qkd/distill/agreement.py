"""What both ends of a link must hold for the same, before they say anything else."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Annotated, Literal, TypeAlias

import pydantic

from kakehashi.core.errors import InputError
from kakehashi.core.spec import Spec, parse_spec
from kakehashi.qkd.link.spec import LinkSpec
from kakehashi.qkd.security.model import DecoySettings, Failure

__all__ = ["Agreement", "ErrorPositions", "agree_on"]

DECOY_BOUNDS = {2: "wiesemann", 3: "lim"}
"""Proofs by the number of intensities."""

ErrorPositions: TypeAlias = Literal["public", "charged"]
"""What holds of the positions of the errors, which the end that corrects reveals by what it asks."""

Probability = Annotated[float, pydantic.Field(gt=0, lt=1)]


class Agreement(Spec):
    """Options of distillation.

    Attributes:
        link: Name of the link.
        bound: Proof by which the key's length is computed, see :data:`~kakehashi.qkd.security.bounds.BOUNDS`.
        intensities: Mean photon numbers, falling; one number where there are no decoys.
        probabilities: How often each is sent.
        block_bits: Sifted bits of the key basis from which a block is made.
        max_qber: Error rate of the test basis, or after correction of the key basis, above which a block is given up.
        secrecy: Secrecy failure of a block's key.
        correctness: Probability that the two ends hold different keys, which the verification hash sets.
        forgery: Probability that a changed message passes, for each tag.
        reserve_tags: For how many tags of each direction key is kept; where there is less, a block fills it up to twice
            that.
        correction: Method of error correction.
        error_positions: Whether the proof allows them to be public, or the bits that reveal them are charged too.
    """

    link: str
    bound: str = "wiesemann"
    intensities: tuple[float, ...] = (0.5, 0.15)
    probabilities: tuple[float, ...] = (0.9, 0.1)
    block_bits: Annotated[int, pydantic.Field(ge=1_000, le=200_000_000)] = 10_000_000
    max_qber: Annotated[float, pydantic.Field(gt=0, le=0.11)] = 0.08
    secrecy: Probability = 1e-10
    correctness: Probability = 1e-15
    forgery: Probability = 1e-15
    reserve_tags: Annotated[int, pydantic.Field(ge=4)] = 32
    correction: Literal["cascade", "ldpc"] = "cascade"
    error_positions: ErrorPositions = "public"

    @property
    def settings(self) -> DecoySettings:
        """What the sender sends."""
        return DecoySettings(intensities=self.intensities, probabilities=self.probabilities)

    @property
    def n_leaks(self) -> int:
        """For how many ends the key pays for what they say in error correction."""
        # LDPC codes have hardly anything to charge in the other direction.
        return 2 if self.error_positions == "charged" and self.correction == "cascade" else 1

    @property
    def failure(self) -> Failure:
        """Failure of a block's key. Two tags guard its making, and a forged one is a failure of secrecy."""
        return Failure(secrecy=self.secrecy, correctness=self.correctness)

    @property
    def block_failure(self) -> float:
        """What is stated with each key of a block: secrecy, correctness and its two tags."""
        return math.fsum([self.secrecy, self.correctness, 2 * self.forgery])

    def digest(self) -> bytes:
        """32 bytes that differ if anything here does."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).digest()


def agree_on(link: str, spec: LinkSpec, **changes: object) -> Agreement:
    """The agreement that suits a link: what its source sends, and the proof that covers it.

    Args:
        link: Name of the link, the same at both ends.
        spec: The link.
        changes: Other options than the defaults, such as ``block_bits``.

    Raises:
        InputError: No proof covers the source.
        SpecError: An option is wrong.

    Example:
        >>> from kakehashi.qkd.link.library import load_link
        >>> agree_on("a", load_link("tokyo-koganei-loop-ntt")).bound
        'differential'
    """
    source = spec.source
    bounds = {"dps": "differential", "bbm92": "entangled", "decoy-bb84": DECOY_BOUNDS.get(len(source.intensities))}
    bound = bounds[spec.protocol]
    if bound is None:
        raise InputError(f"No proof covers a source with {len(source.intensities)} intensities: it needs 2 or 3.")
    options = {
        "link": link,
        "bound": bound,
        # Pairs have no intensity that the ends could choose, and the proof asks for none.
        "intensities": (1.0,) if spec.protocol == "bbm92" else source.intensities,
        "probabilities": source.probabilities,
    }
    return parse_spec(Agreement, options | changes, source="agreement")
