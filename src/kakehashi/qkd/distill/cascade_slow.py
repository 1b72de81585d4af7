"""Cascade in plain Python, message for message like the kernels: the oracle of their tests.

Parities are summed bit by bit and knowledge lies in dictionaries; a frame of 1,024 bits takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.cascade_plan import CascadePlan

__all__ = ["SlowCascadeEnd", "permute_slowly"]

_WORD = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def _mixed(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _WORD
    return z ^ (z >> 31)


def permute_slowly(seed: int, number: int, n: int) -> list[int]:
    """The permutation of pass ``number``: Fisher and Yates, with SplitMix64 (DOI 10.1145/2660193.2660195).

    Example:
        >>> sorted(permute_slowly(7, 0, 8)) == list(range(8))
        True
    """
    state = _mixed((seed + _GOLDEN * (number + 1)) & _WORD)
    places = list(range(n))
    for i in range(n - 1, 0, -1):
        state = (state + _GOLDEN) & _WORD
        j = (_mixed(state) >> 32) * (i + 1) >> 32
        places[i], places[j] = places[j], places[i]
    return places


@dataclass(slots=True)
class _Begun:
    number: int
    level: int
    places: list[int]
    odd: dict[int, bool] = field(default_factory=dict)  # open nodes: known, and their halves are not
    odd_halves: list[bool] | None = None  # a pass of halves in which no error was sought


class _Frame:
    def __init__(self, plan: CascadePlan, permutations: list[list[int]], on_flip: Callable[[int], None]) -> None:
        self.n = 1 << plan.log_frame
        self.plan, self.permutations, self.on_flip = plan, permutations, on_flip
        self.bits, self.settled = [0] * self.n, [True] * self.n
        self.begun: list[_Begun] = []
        self.listed: list[tuple[int, int, bool]] = []  # pass begun, node, whether it is being sought
        self.n_active = 0
        self.asked_from: int | None = None
        self.next_pass = self.n_flips = 0

    def leaves(self, b: int, h: int) -> list[int]:
        first = last = h
        while first < self.n:
            first, last = 2 * first, 2 * last + 1
        return self.begun[b].places[first - self.n : last - self.n + 1]

    def own(self, b: int, h: int) -> bool:
        return sum(self.bits[x] for x in self.leaves(b, h)) % 2 == 1

    def asked(self) -> Iterator[tuple[int, int]]:
        """Pass and node of every parity in question."""
        if self.asked_from is None:
            yield from ((b, 2 * h) for b, h, _ in self.listed[: self.n_active])
            return
        for b in range(self.asked_from, len(self.begun)):
            first = self.n >> self.begun[b].level
            yield from ((b, h) for h in range(first, 2 * first - (self.begun[b].number > 0)))

    def begin_pass(self) -> None:
        self.asked_from = len(self.begun)
        n_blocks, n_passes = len(self.plan.log_blocks), len(self.plan.log_blocks) + self.plan.n_halves
        while self.next_pass < n_passes:
            is_halves = self.next_pass >= n_blocks
            level = self.plan.log_frame - 1 if is_halves else self.plan.log_blocks[self.next_pass]
            self.add_pass(self.next_pass, level, [False, False] if is_halves else None)
            self.next_pass += 1
            if not is_halves:
                break

    def add_pass(self, number: int, level: int, odd_halves: list[bool] | None) -> None:
        self.begun.append(_Begun(number, level, self.permutations[number], odd_halves=odd_halves))

    def resume(self, number: int) -> None:
        self.add_pass(number, self.plan.log_frame - 1, [True, True])
        self.select()

    def take(self, differs: Callable[[Callable[[], bool]], bool]) -> None:
        if self.asked_from is None:
            for b, h, _ in self.listed[: self.n_active]:
                odd_left = differs(lambda b=b, h=h: self.own(b, 2 * h))  # type: ignore[misc]
                was_odd = self.begun[b].odd.pop(h)
                self.split(b, 2 * h, odd_left, odd_left != was_odd, True)
        else:
            self.take_blocks(differs)
        self.select()
        if self.n_active == 0 and self.next_pass < len(self.plan.log_blocks) + self.plan.n_halves:
            self.begin_pass()

    def take_blocks(self, differs: Callable[[Callable[[], bool]], bool]) -> None:
        asked = list(self.asked())
        first_pass, self.asked_from = self.asked_from, None
        for b in range(first_pass or 0, len(self.begun)):
            nodes = [h for pass_, h in asked if pass_ == b]
            odd = []
            for h in nodes:
                odd.append(differs(lambda b=b, h=h: self.own(b, h)))  # type: ignore[misc]
                if self.begun[b].odd_halves is not None:
                    self.begun[b].odd_halves = [odd[-1], odd[-1]]
                else:
                    self.open(b, h, odd[-1], False)
            if self.begun[b].odd_halves is None and self.begun[b].number > 0:
                self.open(b, nodes[-1] + 1, sum(odd) % 2 == 1, False)

    def split(self, b: int, left: int, odd_left: bool, odd_right: bool, is_sought: bool) -> None:
        if left < self.n:
            self.open(b, left, odd_left, is_sought)
            self.open(b, left + 1, odd_right, is_sought)
            return
        pair = [self.leaves(b, left)[0], self.leaves(b, left + 1)[0]]
        for x in pair:
            self.settled[x] = True
        for x, is_odd in zip(pair, (odd_left, odd_right), strict=True):
            if is_odd:
                self.flip(x)

    def open(self, b: int, h: int, odd: bool, is_sought: bool) -> None:
        if odd and 4 * h >= self.n:
            first, second = (all(self.settled[x] for x in self.leaves(b, half)) for half in (2 * h, 2 * h + 1))
            if first != second:
                self.split(b, 2 * h, second, first, is_sought)
                return
        self.begun[b].odd[h] = odd
        if odd:
            self.list(b, h, is_sought)

    def list(self, b: int, h: int, is_sought: bool) -> None:
        if all((b, h) != (pass_, node) for pass_, node, _ in self.listed):
            self.listed.append((b, h, is_sought))

    def select(self) -> None:
        self.n_active = 0
        if self.asked_from is not None:
            return
        while True:
            self.listed = [entry for entry in self.listed if self.begun[entry[0]].odd.get(entry[1], False)]
            if self.listed or not self.grow():
                break
        if not self.listed:
            return
        chosen = min(self.listed, key=lambda entry: (-entry[1].bit_length(), entry[0]))[0]
        for i, (b, h, is_sought) in enumerate(self.listed):
            if is_sought or b == chosen:
                self.listed[i] = self.listed[self.n_active]
                self.listed[self.n_active] = (b, h, True)
                self.n_active += 1

    def grow(self) -> bool:
        for b, begun in enumerate(self.begun):
            if begun.odd_halves is not None and any(begun.odd_halves):
                odd, begun.odd_halves = begun.odd_halves, None
                self.open(b, 2, odd[0], False)
                self.open(b, 3, odd[1], False)
                return True
        return False

    def flip(self, x: int) -> None:
        self.n_flips += 1
        self.on_flip(x)
        self.bits[x] ^= 1  # the reference puts it back, see SlowCascadeEnd
        for b, begun in enumerate(self.begun):
            place = begun.places.index(x)
            if begun.odd_halves is not None:
                begun.odd_halves[2 * place // self.n] ^= True
                continue
            h = (self.n + place) // 2
            while h and h not in begun.odd:
                h //= 2
            if h:
                begun.odd[h] ^= True
                if begun.odd[h]:
                    self.list(b, h, False)


class SlowCascadeEnd:
    """As ``kakehashi._native.CascadeEnd``, but that parities are lists of booleans.

    Example:
        >>> from kakehashi.qkd.distill.cascade_plan import plan_cascade
        >>> plan, wrong = plan_cascade(n_bits=64, qber=0.02, seed=1), Bits.from_bytes(bytes([0, 0, 4, 0, 0, 0, 0, 0]))
        >>> reference = SlowCascadeEnd(Bits.from_bytes(bytes(8)), plan, corrects=False)
        >>> corrector = SlowCascadeEnd(wrong, plan, corrects=True)
        >>> parities = reference.begin()
        >>> while parities:
        ...     parities = reference.answer(corrector.take(parities))
        >>> corrector.n_flips, corrector.corrected() == Bits.from_bytes(bytes(8))
        (1, True)
    """

    def __init__(self, bits: Bits, plan: CascadePlan, *, corrects: bool) -> None:
        self.plan, self.corrects, self.n_resumed = plan, corrects, 0
        n_passes = len(plan.log_blocks) + plan.n_halves + plan.n_checks
        self.permutations = [permute_slowly(plan.seed, number, 1 << plan.log_frame) for number in range(n_passes)]
        self.frames = [
            _Frame(plan, self.permutations, lambda x, f=f: self.note_flip(f, x))  # type: ignore[misc]
            for f in range(plan.n_frames)
        ]
        self.place = [(i // 64 % plan.n_frames, i // 64 // plan.n_frames * 64 + i % 64) for i in range(bits.n)]
        for (f, x), bit in zip(self.place, bits.unpack(), strict=True):
            self.frames[f].bits[x] = int(bit)
            self.frames[f].settled[x] = False
        self.fixed = [list(frame.bits) for frame in self.frames]
        self.groups = [
            range(f, min(f + plan.group_frames, plan.n_frames)) for f in range(0, plan.n_frames, plan.group_frames)
        ]
        self.odd_checks: list[list[bool]] | None = None
        self.stage = "frames"
        self.busy = list(range(plan.n_frames))
        self.searches: dict[int, tuple[int, range]] = {}
        for frame in self.frames:
            frame.begin_pass()

    @property
    def n_flips(self) -> int:
        """Bits changed so far."""
        return sum(frame.n_flips for frame in self.frames)

    def asked(self) -> Iterator[Callable[[], bool]]:
        """One's own parity of all that is asked, to be called."""
        if self.stage == "frames":
            for f in self.busy:
                yield from (lambda f=f, b=b, h=h: self.frames[f].own(b, h) for b, h in self.frames[f].asked())
        elif self.stage == "checks":
            for group in self.groups:
                yield from (lambda group=group, c=c: self.half(group, c) for c in range(self.plan.n_checks))
        else:
            for check, frames in self.searches.values():
                if len(frames) > 1:
                    yield lambda check=check, frames=frames: self.half(frames[: len(frames) // 2], check)  # type: ignore[misc]

    def pass_of_check(self, f: int, check: int) -> int:
        """Number of the permutation that a check has in a frame."""
        place = (check + f % self.plan.group_frames) % self.plan.n_checks
        return len(self.plan.log_blocks) + self.plan.n_halves + place

    def left_half(self, f: int, check: int) -> list[int]:
        """Places of the half that a check has in a frame."""
        return self.permutations[self.pass_of_check(f, check)][: (1 << self.plan.log_frame) // 2]

    def half(self, frames: range, check: int) -> bool:
        """Parity of the halves that a check has in some frames."""
        return sum(self.frames[f].bits[x] for f in frames for x in self.left_half(f, check)) % 2 == 1

    def begin(self) -> list[bool]:
        """Own parities of what is asked."""
        return [own() for own in self.asked()]

    def take(self, parities: list[bool]) -> list[bool]:
        """Whether the other end's parities differ from one's own; then moves on."""
        verdicts, answers = [], iter(parities)

        def differs(own: Callable[[], bool]) -> bool:
            verdicts.append(next(answers) != own())
            return verdicts[-1]

        self.step(differs)
        return verdicts

    def answer(self, differ: list[bool]) -> list[bool]:
        """Own parities of what is asked after the verdicts on those before."""
        verdicts = iter(differ)
        self.step(lambda _: next(verdicts))
        for frame, fixed in zip(self.frames, self.fixed, strict=True):
            frame.bits = list(fixed)
        return self.begin()

    def step(self, differs: Callable[[Callable[[], bool]], bool]) -> None:
        """Take a verdict on everything asked, and move on."""
        if self.stage == "frames":
            for f in self.busy:
                self.frames[f].take(differs)
            self.busy = [f for f in self.busy if self.frames[f].n_active or self.frames[f].asked_from is not None]
        elif self.stage == "checks":
            self.odd_checks = [
                [differs(lambda group=group, c=c: self.half(group, c)) for c in range(self.plan.n_checks)]  # type: ignore[misc]
                for group in self.groups
            ]
            self.stage = "frames"
        else:
            for g, (check, frames) in self.searches.items():
                if len(frames) > 1:
                    left, right = frames[: len(frames) // 2], frames[len(frames) // 2 :]
                    odd = differs(lambda check=check, left=left: self.half(left, check))  # type: ignore[misc]
                    self.searches[g] = (check, left if odd else right)
        self.move_on()

    def move_on(self) -> None:
        """Between frames, checks and the search for the frame of an odd check."""
        while self.stage != "done":
            if self.stage == "search":
                if any(len(frames) > 1 for _, frames in self.searches.values()):
                    return
                for check, frames in self.searches.values():
                    self.frames[frames[0]].resume(self.pass_of_check(frames[0], check))
                    self.n_resumed += 1
                    if self.frames[frames[0]].n_active:
                        self.busy.append(frames[0])
                self.stage = "frames"
            if self.busy:
                return
            if self.odd_checks is None and self.plan.n_checks:
                self.stage = "checks"
                return
            self.searches = {
                g: (odd.index(True), self.groups[g]) for g, odd in enumerate(self.odd_checks or []) if any(odd)
            }
            self.stage = "search" if self.searches else "done"

    def note_flip(self, f: int, x: int) -> None:
        """A corrected bit changes the checks of its group."""
        if self.odd_checks is None:
            return
        odd = self.odd_checks[f // self.plan.group_frames]
        for c in range(self.plan.n_checks):
            odd[c] ^= x in self.left_half(f, c)

    def corrected(self) -> Bits:
        """The bits as they are now."""
        return Bits.pack(np.array([self.frames[f].bits[x] for f, x in self.place], dtype=np.uint8))
