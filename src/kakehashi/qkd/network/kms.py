"""The management server as a program: a door for nodes, a door for the operator, a page for people."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pydantic

from kakehashi.core.errors import DeviceError, InputError
from kakehashi.qkd.delivery.api import guard, refuse
from kakehashi.qkd.delivery.certificates import client_context, identity
from kakehashi.qkd.delivery.client import HttpClient
from kakehashi.qkd.delivery.credentials import Credentials
from kakehashi.qkd.delivery.etsi014 import RefusalError
from kakehashi.qkd.delivery.serve import until_told_to_stop
from kakehashi.qkd.delivery.server import Answer, Bounds, HttpServer, Request
from kakehashi.qkd.network.management import SCHEMA, Management
from kakehashi.qkd.network.messages import Acknowledged, NodeReport, reason_of
from kakehashi.qkd.network.page import PageServer
from kakehashi.qkd.network.plan import HOST, PATIENCE_S, Plan
from kakehashi.qkd.network.spec import MANAGER

__all__ = ["ManagementServer", "Operator", "is_nobody_there", "run_management"]

logger = logging.getLogger(__name__)

PATH = "/kakehashi/kms/v1/"


class ManagementServer:
    """The management server, in the event loop of its caller.

    Args:
        plan: The network's folder.
        with_page: Whether the page is served, for this machine alone.
    """

    def __init__(self, plan: Plan, *, with_page: bool = True) -> None:
        self.management = Management(plan.spec)
        self._plan = plan
        self._credentials = Credentials(MANAGER, *plan.tls(MANAGER), plan.revoked)
        self._door = HttpServer(
            self._handle,
            refuse=refuse,
            context=self._credentials.server,
            naming=lambda certificate: identity(certificate, "kme"),
            bounds=Bounds(
                max_body_bytes=2**20,
                handshake_timeout_s=PATIENCE_S,
                request_timeout_s=PATIENCE_S,
                idle_timeout_s=3600.0,
            ),
        )
        self._page = PageServer(HOST, plan.addresses.page) if with_page else None
        self._looker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the doors.

        Raises:
            InputError: A port is taken.
        """
        await self._door.start(HOST, self._plan.addresses.manager)
        if self._page is not None:
            self._page.start()
        self._looker = asyncio.create_task(self._keep_looking())

    async def close(self) -> None:
        """Close them."""
        if self._looker is not None:
            self._looker.cancel()
            await asyncio.gather(self._looker, return_exceptions=True)
        if self._page is not None:
            self._page.close()
        await self._door.close()

    async def _keep_looking(self) -> None:
        while True:
            try:
                self.management.look(time.time())
                if self._page is not None:
                    self._page.show(self.management.state(time.time()))
            except Exception:  # nobody else would notice that a node is silent
                logger.exception("A fault of kakehashi: nobody looked at the network.")
            self._renew()
            await asyncio.sleep(0.25)

    def _renew(self) -> None:
        try:
            if self._credentials.renew():
                self._door.listener.renew(self._credentials.server, self._credentials.is_revoked)
        except InputError as error:
            logger.warning("The files of TLS have changed, but what they were still holds: %s", error)

    async def _handle(self, request: Request) -> Answer:
        return await guard(self._answer(request))

    async def _answer(self, request: Request) -> bytes:
        now = time.time()
        if request.path == PATH + "report" and request.name in self._plan.spec.names:
            return self._take(request, now)
        if request.path == PATH + "state" and request.name == "operator":
            return json.dumps(self.management.state(now)).encode()
        if request.path == PATH + "acknowledge" and request.name == "operator":
            return self._acknowledge(request, now)
        raise RefusalError(401, "the certificate is not for this")

    def _acknowledge(self, request: Request, now: float) -> bytes:
        try:
            self.management.acknowledge(Acknowledged.model_validate_json(bytes(request.body)).subject, now)
        except (pydantic.ValidationError, InputError) as error:
            raise RefusalError(400, str(error)) from None
        return b"{}"

    def _take(self, request: Request, now: float) -> bytes:
        try:
            report = NodeReport.model_validate_json(bytes(request.body))
        except pydantic.ValidationError as error:
            raise RefusalError(400, f"The report makes no sense: {error.errors()[0]['msg']}.") from None
        if report.node != request.name:
            raise RefusalError(400, f"'{request.name}' reports in the name of '{report.node}'.")
        try:
            return self.management.report(report, now).model_dump_json().encode()
        except InputError as error:
            raise RefusalError(400, str(error)) from None


class Operator:
    """Asks the management server how things are, and tells it what somebody has seen.

    Args:
        plan: The network's folder.
    """

    def __init__(self, plan: Plan) -> None:
        context = client_context(*plan.tls("operator"), plan.revoked)
        self._folder = plan.folder
        self._client = HttpClient(
            HOST, plan.addresses.manager, name=MANAGER, kind="kme", context=lambda: context, timeout_s=PATIENCE_S
        )

    async def state(self) -> dict[str, Any]:
        """As :meth:`~kakehashi.qkd.network.management.Management.state`.

        Raises:
            DeviceError: It does not answer, or what makes no sense.
        """
        try:
            status, body = await self._client.call(PATH + "state", b"{}")
        except DeviceError as error:
            if is_nobody_there(error):
                command = f"kakehashi qkd network manage {self._folder}"
                raise DeviceError(f"No management server answers; start it with: {command}", transient=True) from None
            raise
        if status != 200:
            raise DeviceError(f"The management server answered {status}.", transient=True)
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            raise DeviceError("The management server answered what is no state of a network.", transient=True)
        return found

    async def acknowledge(self, subject: str) -> None:
        """As :meth:`~kakehashi.qkd.network.management.Management.acknowledge`.

        Raises:
            InputError: There is no such alarm, or it ends by itself.
            DeviceError: The server does not answer.
        """
        body = Acknowledged(subject=subject).model_dump_json().encode()
        status, answer = await self._client.call(PATH + "acknowledge", body)
        if status != 200:
            raise InputError(reason_of(answer) or f"The management server answered {status}.")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def is_nobody_there(error: DeviceError) -> bool:
    """Whether a call came to nothing because no program listens."""
    return isinstance(error.__context__, ConnectionRefusedError)


async def run_management(plan: Plan, *, with_page: bool, say: Callable[[str], None]) -> None:
    """Run the management server until the program is told to stop.

    Args:
        plan: The network's folder.
        with_page: As :class:`ManagementServer`.
        say: Gets a sentence once the doors are open.
    """
    server = ManagementServer(plan, with_page=with_page)
    try:
        await server.start()
        page = f"; the page is http://{HOST}:{plan.addresses.page}/" if with_page else ""
        say(f"The management server is up{page}.")
        await until_told_to_stop()
    finally:
        await server.close()
