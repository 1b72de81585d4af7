import contextlib
import zlib

import numpy as np
import pytest
from tests.qkd.distill.link import AGREEMENT, Link

from kakehashi.core.errors import DeviceError, DistillationError, ResourceError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.events import GivenUp, Restarted, Retracted
from kakehashi.qkd.distill.messages import Hello, Kind, Tag, encode
from kakehashi.qkd.distill.session import NO_BLOCK
from kakehashi.qkd.distill.stock import Stock
from kakehashi.qkd.distill.verify import verification_bits
from kakehashi.qkd.distill.wire import CHECKSUM, HEADER


def of_type(events, kind):
    return [event for event in events if isinstance(event, kind)]


def assert_same_keys(link):
    here, there = link.made()
    for block_id in set(here) & set(there):
        assert here[block_id].key == there[block_id].key
        assert here[block_id].account == there[block_id].account
        assert here[block_id].failure == pytest.approx(there[block_id].failure)
    return set(here) & set(there)


@pytest.fixture(scope="module")
def quiet():
    """Two blocks over a wire that does nothing wrong."""
    link = Link()
    link.run_until_made(2)
    return link


def test_both_ends_make_the_same_blocks(quiet):
    assert len(assert_same_keys(quiet)) == 2
    here, _ = quiet.made()
    keys = [made.key for made in here.values()]
    assert all(key.n > 50_000 and key.n % 8 == 0 for key in keys)
    assert keys[0] != keys[1]
    assert 0.45 < np.concatenate([key.unpack() for key in keys]).mean() < 0.55


def test_every_sifted_bit_has_its_account(quiet):
    for made in quiet.made()[0].values():
        account = made.account
        assert account.secret == made.key.n + made.n_tag_bits
        assert account.sifted > AGREEMENT.block_bits
        assert account.estimation > 0
        assert 0.05 < account.correction / account.sifted < 0.15
        n_key = account.sifted - account.estimation
        hashed = verification_bits(n_key, AGREEMENT.correctness)
        assert account.verification == hashed + 1 + len(AGREEMENT.intensities) * n_key.bit_length()
        assert made.length.terms["leak"] == account.correction + account.verification
        assert account.secret <= made.length.bits
        assert made.qber == pytest.approx(0.01, abs=0.003)


def test_charged_positions_of_errors_are_in_the_account_and_the_key_is_shorter_by_them(quiet):
    link = Link(agreement=AGREEMENT.model_copy(update={"error_positions": "charged"}))
    link.run_until_made(1)
    assert len(assert_same_keys(link)) == 1
    (one,), other = link.made()[0].values(), next(iter(quiet.made()[0].values()))
    assert one.account.correction / one.account.sifted == pytest.approx(
        2 * other.account.correction / other.account.sifted, rel=0.1
    )
    assert one.length.terms["leak"] == one.account.correction + one.account.verification
    assert one.account.secret <= one.length.bits < other.length.bits


def test_ends_that_charge_differently_make_no_key():
    link = Link(other_agreement=AGREEMENT.model_copy(update={"error_positions": "charged"}))
    link.shine()
    with pytest.raises(DeviceError, match="same agreement"):
        link.wire.run(link.is_quiet)
    assert link.made() == [{}, {}]


def test_stocks_stay_equal_and_are_filled_up(quiet):
    sender, receiver = quiet.sender.stock, quiet.receiver.stock
    # The receiver holds the last block's pads until the sender speaks of it.
    (last,) = receiver.held
    assert last == quiet.sender.last_block == quiet.receiver.last_block != NO_BLOCK
    assert (sender.n_own, sender.n_other) >= (AGREEMENT.reserve_tags, AGREEMENT.reserve_tags)
    assert receiver.n_own >= AGREEMENT.reserve_tags - 1


def test_what_fills_the_stock_up_brings_the_failure_of_its_own_block_alone(quiet):
    """With the failures of earlier pads, which the stock has counted, each filling would triple the sum."""
    made = list(quiet.made()[0].values())
    (_, _, failure) = quiet.receiver.stock.state.held[made[-1].block_id]
    assert failure == AGREEMENT.block_failure < made[-1].failure


@pytest.mark.parametrize(
    ("n_secret", "n_pads"),
    [(100_000, 56), (10_000, 40), (5_000, 16), (2_000, 8), (900, 0), (0, 0)],
)
def test_the_stock_is_filled_up_for_long_and_a_small_block_gives_what_it_can(n_secret, n_pads):
    ends = Link().sender, Link().receiver
    assert [(end.stock.n_own, end.stock.n_other) for end in ends] == [(15, 15)] * 2
    bits = n_pads * ends[0].stock.n_bits
    assert [end._refill(n_secret) for end in ends] == [(bits, bits)] * 2


def test_a_stock_that_has_its_reserve_is_left_alone():
    """Each filling adds the failure of its block."""
    for reserve, n_pads in ((15, 0), (16, 24)):
        link = Link(agreement=AGREEMENT.model_copy(update={"reserve_tags": reserve}))
        bits = n_pads * link.sender.stock.n_bits
        assert [end._refill(100_000) for end in (link.sender, link.receiver)] == [(bits, bits)] * 2


def test_the_chance_of_a_forged_tag_is_written_down():
    link, written = Link(), []
    end = link.receiver
    end._on_stock = lambda stock: written.append(stock.failure)
    before = end.stock.failure
    with pytest.raises(DistillationError, match="A tag was wrong"):
        end._check_tag(Tag(index=0, tag=Bits.from_bytes(bytes(end.stock.n_bits // 8 + 1)).slice(0, end.stock.n_bits)))
    assert written == [end.stock.failure]
    assert end.stock.failure > before


def test_a_block_states_the_failure_of_the_tags_before_it(quiet):
    first, second = quiet.made()[0].values()
    assert AGREEMENT.block_failure < first.failure < second.failure


@pytest.mark.parametrize(
    ("seed", "wire"),
    [
        (1, {"loss": 0.2}),
        (2, {"double": 0.5}),
        (3, {"delay_s": (0.0, 5.0)}),
        (4, {"loss": 0.1, "double": 0.2, "delay_s": (0.0, 3.0)}),
    ],
)
def test_a_rough_wire_costs_time_and_no_key(seed, wire):
    link = Link(seed=seed, **wire)
    link.run_until_made(2)
    assert len(assert_same_keys(link)) == 2
    assert not of_type(link.events[0] + link.events[1], GivenUp)


def test_an_eavesdropper_raises_the_alarm_and_gets_no_key():
    link = Link()
    for _ in range(4):
        link.shine(qber=0.25)
        link.wire.run(link.is_quiet)
    assert link.made() == [{}, {}]
    for events in link.events:
        (given_up, *_) = of_type(events, GivenUp)
        assert given_up.account.aborted == given_up.account.sifted > 0
    there = of_type(link.events[1], GivenUp)[0]
    assert there.is_alarm
    assert there.qber == pytest.approx(0.25, abs=0.02)
    assert "of the test bits were wrong" in there.reason
    link.run_until_made(1)
    assert len(assert_same_keys(link)) == 1


def test_a_dark_link_leaves_no_key():
    link = Link()
    for _ in range(4):
        link.shine(qber=0.075)
        link.wire.run(link.is_quiet)
    assert link.made() == [{}, {}]
    assert "leave no bit" in of_type(link.events[0], GivenUp)[0].reason


class Tamperer:
    """Changes one message of a kind, with a right checksum, as somebody on the wire would."""

    def __init__(self, position, direction, byte):
        self.position, self.direction, self.byte = position, direction, byte
        self.n_seen = 0
        self.n_changed = 0

    def __call__(self, datagram, direction):

        from kakehashi.qkd.distill.wire import CHECKSUM, HEADER

        if direction != self.direction or len(datagram) <= HEADER.size + CHECKSUM.size + 8:
            return datagram
        self.n_seen += 1
        if self.n_seen != self.position:
            return datagram
        self.n_changed += 1
        changed = bytearray(datagram[: -CHECKSUM.size])
        at = HEADER.size + self.byte % (len(changed) - HEADER.size)
        changed[at] ^= 0x10
        return bytes(changed) + CHECKSUM.pack(zlib.crc32(bytes(changed)))


@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize("position", [1, 2, 3, 4, 6, 9, 14, 20, 30, 45, 60])
def test_a_changed_message_never_makes_a_key(direction, position):
    """Whatever was changed: no block that both ends made differs, and the link goes on afterwards."""
    tamperer = Tamperer(position, direction, byte=7 * position + 3)
    link = Link(seed=position, tamper=tamperer)
    link.run_until_made(1)
    assert_same_keys(link)
    if tamperer.n_changed:
        link.run_until_made(2)
        assert_same_keys(link)


def test_a_tag_that_was_changed_is_an_alarm():

    changed = []

    def tamper(datagram, direction):
        body = datagram[HEADER.size : -CHECKSUM.size]
        if not body or body[0] != Kind.TAG or changed or direction != 0:
            return datagram
        changed.append(1)
        bad = datagram[: -CHECKSUM.size - 1] + bytes([datagram[-CHECKSUM.size - 1] ^ 1])
        return bad + CHECKSUM.pack(zlib.crc32(bad))

    link = Link(tamper=tamper)
    link.run_until_made(1)
    restarted = of_type(link.events[1], Restarted)[0]
    assert restarted.is_alarm
    assert "tag" in restarted.reason
    assert len(assert_same_keys(link)) >= 1


def test_a_lost_last_tag_retracts_the_block_and_the_stocks_agree_again():
    """The receiver has made the block and the sender never hears of it."""
    cut = []

    def tamper(datagram, direction):
        body = datagram[HEADER.size : -CHECKSUM.size]
        if direction == 1 and body and body[0] == Kind.TAG and not cut:
            cut.append(datagram)
        return None if cut and len(cut) < 2 else datagram

    link = Link(tamper=tamper)
    for _ in range(6):
        link.shine()
        link.wire.run(lambda: bool(cut) or link.is_quiet())
        if cut:
            break
    made = link.made()
    assert len(made[1]) == 1
    assert not made[0]
    cut.append(b"the wire is whole again")
    link.sender._restart("The process was killed.", is_alarm=False)
    link.run_until_made(1)
    link.gather()
    (retracted,) = of_type(link.events[1], Retracted)
    assert {retracted.block_id} == set(made[1])
    assert len(assert_same_keys(link)) == 1
    link.run_until_made(2)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("n_writes", [0, 1, 2])
def test_a_full_disk_costs_the_block_in_hand_and_not_the_link(which, n_writes):
    """The stock cannot be written once, wherever in the exchange of tags; no key differs, and the link goes on."""
    link, written = Link(), []

    def write(_):
        written.append(1)
        if len(written) == n_writes + 1:
            raise ResourceError("the disk is full.")

    end = (link.sender, link.receiver)[which]
    end._on_stock = write
    refused = []
    deliver = link.wire.deliver

    def careful(towards, datagram):
        try:
            deliver(towards, datagram)
        except ResourceError as error:
            refused.append(error)

    link.wire.deliver = careful
    link.run_until_made(2)
    assert len(refused) == 1
    assert_same_keys(link)
    assert not link.sender.failure
    assert not link.receiver.failure
    assert len(of_type(link.events[which], Restarted)) == 1


def test_two_ends_that_hold_different_agreements_raise_alarms_and_give_the_channel_up():
    link = Link(other_agreement=AGREEMENT.model_copy(update={"max_qber": 0.05}))
    for _ in range(3):  # as often as they try
        with pytest.raises(DeviceError, match="same agreement"):
            link.wire.run(link.is_quiet)
    link.gather()
    alarms = [e for events in link.events for e in of_type(events, Restarted) if "same agreement" in e.reason]
    assert any(event.is_alarm for event in alarms)
    assert link.made() == [{}, {}]


def test_hellos_of_somebody_on_the_wire_do_not_stop_a_link_for_good():
    link = Link()
    link.run_until_made(1)
    forged = encode(Hello(agreement=bytes(32)))
    for _ in range(7):
        with contextlib.suppress(DeviceError), link.receiver._faults():
            link.receiver._hear(forged)
    link.gather()
    assert sum(event.is_alarm for event in of_type(link.events[1], Restarted)) == 5
    assert link.receiver.failure is None
    link.run_until_made(2)
    assert len(assert_same_keys(link)) >= 2


def test_ends_with_different_secrets_never_make_a_key():
    link = Link()
    link.receiver.stock = Stock.from_secret(Bits.from_bytes(bytes(256)), is_sender=False, forgery=AGREEMENT.forgery)
    link.receiver._begin()
    for _ in range(4):
        link.shine()
        link.wire.run(link.is_quiet)
    assert not link.made()[0]
    assert any("tag was wrong" in event.reason for event in of_type(link.events[1], Restarted))


def test_a_used_up_stock_stops_the_link():
    link = Link(agreement=AGREEMENT.model_copy(update={"reserve_tags": 4}))
    stock = link.sender.stock
    while stock.n_own:
        stock.sign(stock.listen_to_own(b""))
    for _ in range(4):
        link.shine()
        link.wire.run(link.is_quiet)
    assert "used up" in link.sender.failure
    assert link.made() == [{}, {}]
    assert link.sender.outgoing(1e9) == []
