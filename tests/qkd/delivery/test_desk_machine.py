"""Two key servers as a state machine: nothing is given twice, nothing differs, and the books balance."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from tests.qkd.kme_pair import HOMES, Net, Witness, assert_books_balance, attempt


class Machine(RuleBasedStateMachine):
    """Requests, crashes, lost messages, and time, in any order."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.net = Net(Path(self.folder.name), key_lifetime_s=1000, block_lifetime_s=1e5)
        self.witness = Witness()
        self.sent = []

        async def start():
            self.net.fill("a", "b", 2000)
            self.net.fill("b", "a", 2000)
            self.net.start()
            await self.net.until_shared()

        self.runner.run(start())

    async def _mend(self):
        self.net.lose = None
        await self.net.until_up()

    @rule(
        pair=st.sampled_from([("alice", "bob"), ("bea", "anna"), ("anna", "bob")]),
        number=st.integers(1, 3),
        size=st.sampled_from([64, 136, 256]),
        both=st.booleans(),
    )
    def enc(self, pair, number, size, both):
        async def work():
            extra = tuple(s for s, k in HOMES.items() if both and k in "ab" and s not in pair)
            sent = await attempt(self.net.enc(*pair, number=number, size=size, additional=extra))
            await self._mend()
            return sent or {}, (pair[1], *extra)

        sent, readers = self.runner.run(work())
        self.witness.master(sent)
        self.sent += [(key_id, reader, pair[0]) for key_id in sent for reader in readers]

    @rule(place=st.integers(0, 1000), again=st.booleans())
    def dec(self, place, again):
        async def work(key_id, reader, master):
            for _ in range(1 + again):
                self.witness.slave(reader, await attempt(self.net.dec([key_id], reader, master), 400, 401) or {})
            await self._mend()

        if self.sent:
            self.runner.run(work(*self.sent[place % len(self.sent)]))

    @rule(node=st.sampled_from("ab"), n=st.integers(1, 25))
    def arm(self, node, n):
        self.net.nodes[node].arm(n)

    @rule(what=st.sampled_from(["question", "answer"]))
    def lose(self, what):
        self.net.lose = what

    @rule(seconds=st.sampled_from([-500.0, 600.0, 2000.0]), node=st.sampled_from("ab"))
    def wait(self, seconds, node):
        async def work():
            self.net.now += seconds
            store = self.net.nodes[node].store
            await attempt(self.net.nodes[node].commit.run(store.expire))
            await self._mend()
            commit = self.net.nodes[node].commit
            await attempt(commit.run(commit.store.fold))
            await attempt(commit.run(commit.store.fold_ledger))
            await self._mend()

        self.runner.run(work())

    @rule(node=st.sampled_from(["a", "b"]))
    def fill(self, node):
        async def work():
            for name in "ab":
                self.net.nodes[name].countdown = None
            await self._mend()
            await self.net.fill_running(node, "b" if node == "a" else "a", 500)

        self.runner.run(work())

    @rule()
    def look(self):
        async def work():
            for node in self.net.nodes.values():
                node.countdown = None
            await self._mend()
            await self.net.settle()
            assert_books_balance(self.net)

        self.runner.run(work())

    def teardown(self):
        if not hasattr(self, "net"):
            return
        try:
            self.look()
        finally:
            self.runner.run(self.net.close())
            self.runner.close()
            self.folder.cleanup()


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.slow
def test_the_machine_at_length():
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
