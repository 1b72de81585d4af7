"""The routes of a key server: ETSI GS QKD 014, SKIP, and what peers ask."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from kakehashi.core.errors import DataError, InputError, KakehashiError, ResourceError
from kakehashi.qkd.delivery import etsi014, skip
from kakehashi.qkd.delivery.desk import Desk, Issued
from kakehashi.qkd.delivery.etsi014 import KeyIds, RefusalError
from kakehashi.qkd.delivery.peer_desk import PeerDesk
from kakehashi.qkd.delivery.server import Answer, Request

__all__ = ["PeerApi", "UserApi", "guard", "refuse"]

logger = logging.getLogger(__name__)

PREFIX = "/api/v1/keys/"


def refuse(sentence: str) -> Answer:
    """The answer to what cannot be read.

    Example:
        >>> refuse("the body is too long").body
        b'{"message": "the body is too long"}'
    """
    return _error(RefusalError(400, sentence))


def _error(refusal: RefusalError) -> Answer:
    return Answer(refusal.status, etsi014.write_error(refusal))


async def guard(work: Awaitable[bytes]) -> Answer:
    """An answer whatever happens. What went wrong inside is logged by its kind, never with a value.

    Args:
        work: Gives the body, or raises; a :class:`~kakehashi.qkd.delivery.etsi014.RefusalError` says how to answer.

    Example:
        >>> import asyncio
        >>> async def work():
        ...     raise RefusalError(400, "the body is too long")
        >>> asyncio.run(guard(work())).status
        400
    """
    try:
        return Answer(200, await work)
    except RefusalError as refusal:
        return _error(refusal)
    except DataError as error:
        logger.error("A request failed: %s", error)  # noqa: TRY400 - one sentence, which names files alone
        return _error(RefusalError(503, "the store of this KME is damaged"))
    except KakehashiError as error:
        logger.error("A request failed: %s", error if isinstance(error, ResourceError) else type(error).__name__)  # noqa: TRY400
        return _error(RefusalError(503, "the KME cannot answer now; nothing was lost"))
    except Exception as error:  # noqa: BLE001 - a fault of ours must not end the server, nor show what it held
        logger.error("A request failed by a fault of kakehashi: %s.", type(error).__name__)  # noqa: TRY400 - no values
        return _error(RefusalError(503, "the KME cannot answer now"))


class UserApi:
    """Answers users.

    Args:
        desk: The service.
        with_skip: Whether SKIP is answered too.
    """

    def __init__(self, desk: Desk, *, with_skip: bool) -> None:
        self._desk = desk
        self._with_skip = with_skip

    async def handle(self, request: Request) -> Answer:
        """The answer to one request."""
        return await guard(self._route(request))

    async def _route(self, request: Request) -> bytes:
        caller = request.name
        if caller is None or not self._desk.is_local(caller):
            raise RefusalError(401, "the certificate names no SAE of this KME")
        if request.path.startswith(PREFIX):
            sae, _, what = request.path.removeprefix(PREFIX).partition("/")
            route = self._routes().get(what)
            if route is None:
                raise RefusalError(400, "there is no such method; there are status, enc_keys and dec_keys")
            try:
                named = unquote(sae, errors="strict")
            except UnicodeDecodeError:
                named = ""
            if not named:
                raise RefusalError(400, "the SAE ID in the path is not URL-encoded UTF-8")
            return await route(caller, named, request)
        is_skip = request.path in ("/capabilities", "/entropy", "/key") or request.path.startswith("/key/")
        if self._with_skip and is_skip:
            return await self._skip(caller, request)
        raise RefusalError(400, "there is no such resource; keys are under /api/v1/keys/")

    def _routes(self) -> dict[str, Callable[[str, str, Request], Awaitable[bytes]]]:
        return {"status": self._status, "enc_keys": self._enc_keys, "dec_keys": self._dec_keys}

    async def _status(self, caller: str, slave: str, request: Request) -> bytes:
        _allow(request, "GET")
        return etsi014.write_status(self._desk.status(caller, slave))

    async def _enc_keys(self, caller: str, slave: str, request: Request) -> bytes:
        _allow(request, "GET", "POST")
        if request.method == "GET":
            wanted = etsi014.read_key_request_query(request.query)
        else:
            wanted = etsi014.read_key_request(bytes(request.body))
        issued = await self._desk.get_keys(caller, slave, wanted)
        return _container(issued, with_failure=wanted.wants_failure)

    async def _dec_keys(self, caller: str, master: str, request: Request) -> bytes:
        _allow(request, "GET", "POST")
        if request.method == "GET":
            asked = etsi014.read_key_ids_query(request.query)
        else:
            asked = etsi014.read_key_ids(bytes(request.body), at_most=self._desk.spec.limits.max_key_per_request)
        issued = await self._desk.get_keys_with_ids(caller, master, asked)
        return _container(issued, with_failure=asked.wants_failure)

    async def _skip(self, caller: str, request: Request) -> bytes:
        _allow(request, "GET")
        if request.path == "/capabilities":
            return skip.write_capabilities(caller, [sae for sae in self._desk.homes if sae != caller])
        if request.path == "/entropy":
            return skip.write_entropy(skip.read_entropy(request.query))
        remote, wanted = skip.read_key_query(request.query)
        if request.path == "/key":
            issued = await self._desk.get_keys(caller, remote, wanted)
        else:
            key_id = skip.read_key_id(request.path.removeprefix("/key/"))
            issued = await self._desk.get_keys_with_ids(caller, remote, KeyIds(key_ids=(key_id,)))
        try:
            return skip.write_key(issued.key_ids, issued.keys[0])
        finally:
            issued.wipe()


class PeerApi:
    """Answers other key servers.

    Args:
        desk: What they ask.
        names: Who they are.
    """

    def __init__(self, desk: PeerDesk, names: frozenset[str]) -> None:
        self._desk = desk
        self._names = names

    async def handle(self, request: Request) -> Answer:
        """The answer to one request."""
        return await guard(self._route(request))

    async def _route(self, request: Request) -> bytes:
        if request.name is None or request.name not in self._names:
            raise RefusalError(401, "the certificate names no KME that is a peer of this one")
        _allow(request, "POST")
        try:
            return json.dumps(await self._desk.answer(request.name, request.path, bytes(request.body))).encode()
        except InputError as error:
            raise RefusalError(400, str(error)) from None


def _allow(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise RefusalError(400, f"the method must be {' or '.join(methods)}")
    if request.method == "GET" and request.body:
        raise RefusalError(400, "a GET has no body")


def _container(issued: Issued, *, with_failure: bool) -> bytes:
    try:
        failure = issued.failure if with_failure else None
        return etsi014.write_container(issued.key_ids, issued.keys, failure=failure, bound=issued.bound)
    finally:
        issued.wipe()
