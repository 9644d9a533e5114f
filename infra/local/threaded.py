"""What the plug-ins of services of ours share: requests go to threads, and the service opens when it is needed.

A service blocks, so it is asked on threads, and a gateway that nobody asks carries none of it: it is opened with the
first request, or at the start if it has been used before.
"""

import asyncio
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from infra.local import events
from infra.local.plugin import Answer, Query
from lakehouse.settings import Settings

_THREADS = 8


class Service(Protocol):
    """A service as its plug-in knows it."""

    def answer(self, target: str, body: bytes, *, account: str, region: str) -> tuple[int, dict[str, str], bytes]:
        """Answer one request; called by any number of threads."""
        ...

    def stop(self) -> None:
        """End within 2 seconds."""
        ...


S = TypeVar("S", bound=Service)


class Threaded(ABC, Generic[S]):
    """A plug-in whose service works on threads.

    Args:
        settings: Of the stack.
        folder: Where the service keeps its state; it is there once the service has been used.
    """

    name: str

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._opening = threading.Lock()
        self._service: S | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = ThreadPoolExecutor(_THREADS, self.name)

    @abstractmethod
    def open(self) -> S:
        """Make the service and have it begin to work; called once."""

    async def handle(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Query) -> Answer:
        """Answer one request of the account and region that the emulator has read from it."""
        # Imported here: the emulator reads its environment when it is imported.
        from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415

        arguments = (headers.get("x-amz-target", ""), body, get_account_id(), get_region())
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.answered, *arguments)

    async def start(self) -> None:
        """Take up what a killed gateway left behind, without being asked for."""
        self._loop = asyncio.get_running_loop()
        if self._folder.exists():
            await self._loop.run_in_executor(self._threads, self.opened)

    async def stop(self) -> None:
        """Close the service."""
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def answered(self, target: str, body: bytes, account: str, region: str) -> Answer:
        """The service's answer."""
        return self.opened().answer(target, body, account=account, region=region)

    def opened(self) -> S:
        """The service, made if this is the first who asks."""
        with self._opening:
            if self._service is None:
                self._service = self.open()
            return self._service

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The gateway's."""
        if self._loop is None:
            raise RuntimeError("the gateway has not started")
        return self._loop

    def put_events(self, account: str, region: str, entries: list[dict[str, Any]]) -> None:
        """Send events as AWS's own, which the emulator refuses from clients."""
        events.put(self._loop, account, region, entries)

    def _close(self) -> None:
        with self._opening:
            if self._service is not None:
                self._service.stop()
        self._threads.shutdown(wait=False)
