"""The simulation of a link in plain Python, slot by slot: the oracle of the native one, which gives the same bits."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from kakehashi.qkd.link.channel import Channel
from kakehashi.qkd.link.tables import Tables, build_tables, thresholds

__all__ = ["SlowClick", "SlowLink", "philox"]

SCAN, SETTING, TRAP, TIE, IDLE, FATE, STATISTICAL = 0, 1, 16, 32, 48, 64, 1 << 20
"""Third word of the counter: what a block of numbers is for."""

STRETCH = 1 << 20
LOW, WORD = 2**32 - 1, 2**64 - 1


def philox(seed: int, index: int, stream: int, number: int = 0) -> tuple[int, int, int, int]:
    """Philox4x32-10 of Salmon et al. (2011), doi:10.1145/2063384.2063405.

    Example:
        >>> [hex(word) for word in philox(0, 0, 0)]  # the authors' first known answer
        ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    c = [index & LOW, index >> 32 & LOW, stream, number]
    k0, k1 = seed & LOW, seed >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k0, p1 & LOW, p0 >> 32 ^ c[3] ^ k1, p0 & LOW]
        k0, k1 = (k0 + 0x9E3779B9) & LOW, (k1 + 0xBB67AE85) & LOW
    return c[0], c[1], c[2], c[3]


class _Draws:
    """Words of the blocks of one index, one after the other."""

    def __init__(self, seed: int, index: int, stream: int) -> None:
        self._words = self._all(seed, index, stream)

    @staticmethod
    def _all(seed: int, index: int, stream: int) -> Iterator[int]:
        number = 0
        while True:
            yield from philox(seed, index, stream, number)
            number += 1

    def word(self) -> int:
        return next(self._words)

    def long_word(self) -> int:
        return self.word() << 32 | self.word()

    def uniform(self) -> float:
        return ((self.long_word() >> 11) + 0.5) * 2.0**-53


class _Sequence:
    """xoshiro256++ of Blackman and Vigna, doi:10.1145/3460772, begun from Philox."""

    def __init__(self, seed: int, index: int, stream: int) -> None:
        draws = _Draws(seed, index, stream)
        self._state = [draws.long_word() for _ in range(4)]

    def long_word(self) -> int:
        a, b, c, d = self._state
        result = (_turned((a + d) & WORD, 23) + a) & WORD
        c ^= a
        d ^= b
        self._state = [a ^ d, b ^ c, c ^ (b << 17 & WORD), _turned(d, 45)]
        return result

    def word(self) -> int:
        return self.long_word() >> 32

    def uniform(self) -> float:
        return ((self.long_word() >> 11) + 0.5) * 2.0**-53


def _turned(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & WORD


@dataclass(frozen=True, slots=True)
class SlowClick:
    """One detection with what was sent.

    Attributes:
        slot: The slot.
        intensity: Index of the intensity.
        sender_basis: Basis of the sender.
        sender_bit: Bit of the sender.
        receiver_basis: Basis of the receiver.
        receiver_bit: Bit of the receiver.
    """

    slot: int
    intensity: int
    sender_basis: int
    sender_bit: int
    receiver_basis: int
    receiver_bit: int


Setting = tuple[int, int, int, int]  # intensity, sender's basis, sender's bit, receiver's basis


@dataclass
class SlowLink:
    """The slow twin of :class:`kakehashi._native.PhotonLink`.

    Attributes:
        seed: Seed of the link.
    """

    seed: int
    _next: int = 0
    _alive_from: int = 0
    _pending: list[tuple[int, int]] = field(default_factory=list)

    def run(self, channel: Channel, n_slots: int, *, statistical: bool = False) -> list[SlowClick]:
        """Detections of the next ``n_slots`` slots."""
        tables = build_tables(channel, joined=statistical)
        first, end = self._next, self._next + n_slots
        self._next = end
        scan = self._draw if statistical else self._scan
        found = dict(scan(channel, tables, first, end))
        clicks = []
        for slot, fired in self._accept(channel, {slot: fired for slot, (_, fired) in found.items()}, end):
            if slot in found:
                setting = found[slot][0]
            else:
                setting = self._idle(channel, tables, slot) if statistical else self._setting(channel, tables, slot)
            clicks.append(self._resolve(channel, slot, setting, fired))
        return clicks

    def _cell(self, tables: Tables, slot: int) -> tuple[int, int]:
        pair = philox(self.seed, slot >> 1, SCAN)
        first, second = pair[2:] if slot & 1 else pair[:2]
        return bisect.bisect_right(tables.joint.tolist()[:-1], first), second

    def _setting(self, channel: Channel, tables: Tables, slot: int) -> Setting:
        words = philox(self.seed, slot, SETTING)
        bit = words[2] & 1
        if channel.is_differential:
            bit ^= philox(self.seed, (slot - 1) % 2**64, SETTING)[2] & 1
        intensity = int(tables.cell_intensity[self._cell(tables, slot)[0]])
        return intensity, _basis(words[0], channel.sender_key), bit, _basis(words[1], channel.receiver_key)

    def _scan(
        self, channel: Channel, tables: Tables, first: int, end: int
    ) -> Iterator[tuple[int, tuple[Setting, set[int]]]]:
        for slot in range(first, end):
            cell, second = self._cell(tables, slot)
            if second << 32 | philox(self.seed, slot, SETTING)[3] >= int(tables.detected[cell]):
                continue
            draws = _Draws(self.seed, slot, FATE)
            begin, stop = int(tables.first[cell]), int(tables.first[cell + 1])
            which = begin + _pick(tables.cumulative[begin:stop].tolist(), draws.long_word())
            setting = self._setting(channel, tables, slot)
            yield slot, (setting, _fire(channel, tables, setting, which, draws))

    def _draw(
        self, channel: Channel, tables: Tables, first: int, end: int
    ) -> Iterator[tuple[int, tuple[Setting, set[int]]]]:
        if tables.detected_any <= 0:
            return
        log_quiet = math.log1p(-tables.detected_any)
        cumulative = tables.cumulative.tolist()
        for stretch in range(first // STRETCH, -(-end // STRETCH)):
            begin, stop = max(first, stretch * STRETCH), min(end, (stretch + 1) * STRETCH)
            draws = _Sequence(self.seed, begin, STATISTICAL)
            slot = begin - 1
            while True:
                slot += 1 + math.floor(math.log(draws.uniform()) / log_quiet)
                if slot >= stop:
                    break
                which = _pick(cumulative, draws.long_word())
                sender, receiver = (_basis(draws.word(), p) for p in (channel.sender_key, channel.receiver_key))
                setting = (int(tables.outcome_intensity[which]), sender, draws.word() & 1, receiver)
                yield slot, (setting, _fire(channel, tables, setting, which, draws))

    def _idle(self, channel: Channel, tables: Tables, slot: int) -> Setting:
        draws = _Draws(self.seed, slot, IDLE)
        intensity = _pick(tables.idle.tolist(), draws.long_word())
        sender, receiver = (_basis(draws.word(), p) for p in (channel.sender_key, channel.receiver_key))
        return intensity, sender, draws.word() & 1, receiver

    def _accept(self, channel: Channel, found: dict[int, set[int]], end: int) -> Iterator[tuple[int, set[int]]]:
        """Slots in which the detectors are alive and fire. Freed carriers are looked for slot by slot."""
        waiting = sorted(found)
        while waiting or any(slot < end for slot, _ in self._pending):
            slot = min([*waiting[:1], *(slot for slot, _ in self._pending)])
            fired = {d for when, d in self._pending if when == slot}
            self._pending = [item for item in self._pending if item[0] != slot]
            if waiting and waiting[0] == slot:
                fired |= found[waiting.pop(0)]
            if slot < self._alive_from:
                continue
            self._alive_from = slot + 1 + channel.dead_slots
            for d in fired:
                draws = _Draws(self.seed, slot, TRAP + d)
                if draws.word() < int(thresholds(channel.afterpulse, bits=32)):
                    gap = 1 + math.floor(math.log(draws.uniform()) / (-1 / channel.decay_slots))
                    self._pending.append((slot + gap, d))
            yield slot, fired

    def _resolve(self, channel: Channel, slot: int, setting: Setting, fired: set[int]) -> SlowClick:
        intensity, sender_basis, sender_bit, basis = setting
        ties = philox(self.seed, slot, TIE)[0]
        if channel.is_passive:
            bases = sorted({d // 2 for d in fired})
            basis = bases[ties >> 1 & 1] if len(bases) == 2 else bases[0]
            bits = sorted(d % 2 for d in fired if d // 2 == basis)
        else:
            bits = sorted(fired)
        bit = bits[ties & 1] if len(bits) == 2 else bits[0]
        return SlowClick(slot, intensity, sender_basis, sender_bit, basis, bit)


def _basis(word: int, key: float) -> int:
    return 0 if word < int(thresholds(key, bits=32)) else 1


def _pick(cumulative: list[int], word: int) -> int:
    return bisect.bisect_right(cumulative[:-1], word)


def _fire(channel: Channel, tables: Tables, setting: Setting, which: int, draws: _Draws | _Sequence) -> set[int]:
    """Detectors that fire."""
    _, sender_basis, sender_bit, receiver_basis = setting
    n_detected = int(tables.outcome_detected[which])
    scramble = int(tables.outcome_scramble[which])
    scrambled = scramble > 0 and draws.word() < scramble
    fired = set()
    for _ in range(n_detected):
        basis = _basis(draws.word(), channel.receiver_key) if channel.is_passive else receiver_basis
        word = draws.word()
        if basis == sender_basis and not scrambled:
            bit = sender_bit ^ (word < int(thresholds(channel.flip, bits=32)))
        else:
            bit = word & 1
        fired.add(2 * basis + bit if channel.is_passive else bit)
    if tables.dark_any and (n_detected == 0 or draws.long_word() < tables.dark_any):
        dark: set[int] = set()
        for d in range(channel.n_detectors):
            if draws.word() < (tables.dark_one if dark else int(tables.dark_next[d])):
                dark.add(d)
        fired |= dark
    return fired
