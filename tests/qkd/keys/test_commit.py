import asyncio

import pytest
from tests.qkd.key_pair import open_store, share

from kakehashi.core.errors import DataError, InputError, ResourceError
from kakehashi.qkd.keys.audit import audit_store
from kakehashi.qkd.keys.commit import GroupCommit


def run(tmp_path, story, **options):
    async def all_of_it():
        store, other = open_store(tmp_path, **options), open_store(tmp_path, "b")
        share(store, other)
        commit = GroupCommit(store)
        try:
            await story(store, commit)
        finally:
            await commit.close()
            store.close()
            other.close()

    asyncio.run(all_of_it())


def take(store):
    return lambda: bytes(store.allocate("b", key_bits=256, master="alice")[1])


def test_many_share_one_transaction(tmp_path):
    points = []

    async def story(store, commit):
        points.clear()
        keys = await asyncio.gather(*(commit.run(take(store)) for _ in range(20)))
        assert len(set(keys)) == 20
        assert points.count("commit") == 1

    run(tmp_path, story, trace=points.append)


def test_what_one_is_refused_does_not_touch_the_others(tmp_path):
    async def story(store, commit):
        def refuse():
            raise InputError("no")

        def damage():
            store.allocate("b", key_bits=256, master="alice")
            raise DataError("damaged")

        def fault():
            store.allocate("b", key_bits=256, master="alice")
            raise ZeroDivisionError

        works = [take(store), refuse, take(store), damage, fault, take(store)]
        outcomes = await asyncio.gather(*map(commit.run, works), return_exceptions=True)
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds == [bytes, InputError, bytes, DataError, ZeroDivisionError, bytes]
        assert store.stock_bits("b") == 8000 - 3 * 256
        assert audit_store(store.folder).is_clean

    run(tmp_path, story)


def test_a_disk_that_fails_fails_all_and_they_may_try_again(tmp_path):
    is_full = False

    def trace(point):
        if is_full and point == "commit":
            raise ResourceError("full")

    async def story(store, commit):
        nonlocal is_full
        is_full = True
        outcomes = await asyncio.gather(*(commit.run(take(store)) for _ in range(3)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {ResourceError}
        is_full = False
        assert len(await commit.run(take(store))) == 32
        assert store.stock_bits("b") == 8000 - 256
        assert audit_store(store.folder).is_clean

    run(tmp_path, story, trace=trace)


def test_who_goes_away_leaves_the_others_alone(tmp_path):
    async def story(store, commit):
        tasks = [asyncio.create_task(commit.run(take(store))) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [bytes, asyncio.CancelledError, bytes, bytes]

    run(tmp_path, story)


def test_what_is_deferred_goes_with_the_next_or_soon(tmp_path):
    points = []

    async def story(store, commit):
        done = []
        commit.defer(lambda: done.append(1))
        assert not done
        points.clear()
        await commit.run(take(store))
        assert done == [1]
        assert points.count("commit") == 1
        commit.defer(lambda: done.append(2))
        await asyncio.sleep(0.7)
        assert done == [1, 2]
        commit.defer(lambda: done.append(3))
        await commit.close()
        assert done == [1, 2, 3]

    run(tmp_path, story, trace=points.append)


def test_deferred_work_that_fails_is_nobodys(tmp_path):
    async def story(store, commit):
        def refuse():
            raise InputError("no")

        commit.defer(refuse)
        assert len(await commit.run(take(store))) == 32

    run(tmp_path, story)


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level("CRITICAL")


def test_who_comes_while_a_transaction_stops_everything_is_told_too(tmp_path):
    class Stop(BaseException):
        pass

    is_armed = False

    def trace(point):
        nonlocal is_armed
        if is_armed and point == "committed":
            is_armed = False
            raise Stop

    async def story(store, commit):
        nonlocal is_armed
        is_armed = True
        first = asyncio.create_task(commit.run(take(store)))
        while commit._queue or commit._runner is None:
            await asyncio.sleep(0)
        second = asyncio.create_task(commit.run(take(store)))
        async with asyncio.timeout(10):
            outcomes = await asyncio.gather(first, second, return_exceptions=True)
        assert isinstance(outcomes[0], Stop)
        assert not isinstance(outcomes[1], asyncio.CancelledError)

    run(tmp_path, story, trace=trace)
