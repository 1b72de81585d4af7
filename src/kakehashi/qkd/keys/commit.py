"""Many tasks share one wait for the disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

from kakehashi.core.errors import DataError, KakehashiError, ResourceError
from kakehashi.qkd.keys.store import KeyStore

__all__ = ["GroupCommit"]

logger = logging.getLogger(__name__)

DEFER_S = 0.5

T = TypeVar("T")
Waiting: TypeAlias = "tuple[Callable[[], Any], asyncio.Future[Any]]"


class GroupCommit:
    """Runs the work of many tasks on a store in few transactions.

    While the disk works, new work gathers; all of it goes into the next transaction. Who waits gets the result when it
    is on disk.

    Args:
        store: The store. Nobody else may change it meanwhile.
    """

    def __init__(self, store: KeyStore) -> None:
        self.store = store
        self._queue: list[Waiting] = []
        self._deferred: list[Callable[[], object]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._runner: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")

    async def run(self, work: Callable[[], T]) -> T:
        """Do work on the store and wait until it is on disk.

        Args:
            work: Calls the store's methods. It may be called twice: where a transaction fails for the work of others,
                it is undone and done again.

        Raises:
            KakehashiError: What the work raised, or why nothing could be written.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append((work, future))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await future

    def defer(self, work: Callable[[], object]) -> None:
        """Do work in the next transaction that others ask for, or within a second.

        Nobody waits for it, and a crash before may leave it undone.
        """
        self._deferred.append(work)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DEFER_S, self._flush)

    def _flush(self) -> None:
        self._timer = None
        if self._deferred and self._runner is None:
            self._runner = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Wait for what is under way, and stop the thread."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()
        try:
            while self._runner is not None:
                await self._runner
        finally:
            self._thread.shutdown()

    async def _run(self) -> None:
        try:
            await asyncio.sleep(0)  # what arrived in the same moment goes into the same transaction
            while self._queue or self._deferred:
                group, self._queue = self._queue, []
                deferred, self._deferred = self._deferred, []
                group += [(work, _nobody()) for work in deferred]
                try:
                    await self._commit(group)
                except BaseException as error:
                    _tell(group, error)
                    raise
        finally:
            # what stopped it was told to those who had part in it; those who came meanwhile must not wait for ever
            self._runner = asyncio.create_task(self._run()) if self._queue else None

    async def _commit(self, group: list[Waiting]) -> None:
        outcomes: list[tuple[Waiting, Any, KakehashiError | None]] = []
        try:
            self.store.begin()
            for item in group:
                try:
                    outcomes.append((item, item[0](), None))
                except DataError:
                    raise
                except KakehashiError as error:  # refused before anything was changed
                    outcomes.append((item, None, error))
            self.store.write_out()
            await asyncio.get_running_loop().run_in_executor(self._thread, self.store.harden)
        except BaseException as error:
            is_undone = self._undo()
            if not isinstance(error, Exception):
                raise
            if len(group) > 1 and not isinstance(error, ResourceError) and is_undone:
                # Something is wrong with the work of one: the others shall not suffer.
                for item in group:
                    await self._commit([item])
                return
            _tell(group, error)
            return
        self.store.settle()
        for (_, future), result, refusal in outcomes:
            if future.done():
                continue
            if refusal is None:
                future.set_result(result)
            else:
                future.set_exception(refusal)

    def _undo(self) -> bool:
        """Whether the store is as it was before; if not, whatever comes next will fail as well, and say so."""
        try:
            if self.store.in_transaction:
                self.store.roll_back()
        except KakehashiError as error:
            logger.error("A transaction could not be undone: %s", error)  # noqa: TRY400 - one sentence
            return False
        except Exception:
            logger.exception("A fault of kakehashi: a transaction could not be undone.")
            return False
        return True


def _tell(group: list[Waiting], error: BaseException) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)
            future.exception()  # whoever went away has not to be told


def _nobody() -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.cancel()
    return future
