"""A link in a few lines: what both ends note of an exposure, without physics beyond rates."""

import secrets

import numpy as np
from tests.qkd.distill.rough import RoughWire

from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.agreement import Agreement
from kakehashi.qkd.distill.events import Made
from kakehashi.qkd.distill.receiver_session import ReceiverSession
from kakehashi.qkd.distill.sender_session import SenderSession
from kakehashi.qkd.distill.stock import Stock
from kakehashi.qkd.link.model import Detections, Preparations

AGREEMENT = Agreement(
    link="koganei-otemachi",
    intensities=(0.5, 0.1),
    probabilities=(0.8, 0.2),
    block_bits=150_000,
    secrecy=1e-6,
    correctness=1e-9,
    forgery=1e-9,
)


def exposure(first_slot, rng, *, n_slots=500_000, transmission=1.5, qber=0.01, agreement=AGREEMENT):
    """Weak pulses through a fibre; the sender notes all slots, the receiver those with a click."""
    n = n_slots
    intensity = rng.choice(len(agreement.intensities), n, p=agreement.probabilities).astype(np.uint8)
    mu = np.array(agreement.intensities)[intensity]
    slot = np.arange(first_slot, first_slot + n)
    prepared = Preparations(
        first_slot=first_slot,
        n_slots=n,
        slot=slot,
        basis=(rng.random(n) < 0.3).astype(np.uint8),
        bit=rng.integers(0, 2, n, dtype=np.uint8),
        intensity=intensity,
    )
    clicks = np.flatnonzero(rng.random(n) < 1 - np.exp(-mu * transmission))
    basis = (rng.random(len(clicks)) < 0.3).astype(np.uint8)
    wrong = rng.random(len(clicks)) < np.where(basis == prepared.basis[clicks], qber, 0.5)
    detected = Detections(
        first_slot=first_slot,
        n_slots=n,
        slot=slot[clicks],
        basis=basis,
        bit=prepared.bit[clicks] ^ wrong,
    )
    return prepared, detected


class Link:
    """Two ends, a wire between them, and photons for both."""

    def __init__(self, *, agreement=AGREEMENT, seed=1, other_agreement=None, secret=None, **wire):
        secret = secret or Bits.from_bytes(secrets.token_bytes(256))
        stocks = [
            Stock.from_secret(secret, is_sender=is_sender, forgery=agreement.forgery, max_failure=1e-3)
            for is_sender in (True, False)
        ]
        self.agreement = agreement
        self.sender = SenderSession(agreement, stocks[0])
        self.receiver = ReceiverSession(other_agreement or agreement, stocks[1])
        self.wire = RoughWire(self.sender, self.receiver, seed=seed, **wire)
        self.rng = np.random.default_rng(seed)
        self.slot = 0
        self.events = ([], [])

    def shine(self, **options):
        """One more exposure."""
        prepared, detected = exposure(self.slot, self.rng, agreement=self.agreement, **options)
        self.slot += prepared.n_slots
        self.sender.prepared(prepared)
        self.receiver.detected(detected)

    def gather(self):
        for end, events in zip((self.sender, self.receiver), self.events, strict=True):
            events += end.events()

    def made(self):
        """Blocks that each end has made."""
        self.gather()
        return [{e.block_id: e for e in events if isinstance(e, Made)} for events in self.events]

    def run_until_made(self, n_blocks, *, exposures=40, **options):
        """Shine until both ends have made ``n_blocks``."""
        for _ in range(exposures):
            if min(map(len, self.made())) >= n_blocks:
                return
            self.shine(**options)
            self.wire.run(self.is_quiet)
        assert min(map(len, self.made())) >= n_blocks

    def is_quiet(self):
        if self.sender.failure or self.receiver.failure:
            return True
        return not self.wire.flying and not self.sender.wire.n_unsent and not self.receiver.wire.n_unsent
