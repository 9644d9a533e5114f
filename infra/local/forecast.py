"""The local Amazon Forecast service as a plug-in of the gateway.

Owns the way between them: requests go to threads, since the service blocks, and its events go to the emulator, which
refuses the source `aws.forecast` from clients as AWS does. The service is opened with the first request, or at the
start if it has been used before: a gateway that nobody asks for forecasts carries none of it.
"""

import asyncio
import functools
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecasting.service.processes import COMMAND
from infra.local import events
from infra.local.inward import is_reached
from infra.local.plugins import Answer, Query
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from forecasting.service.service import ForecastService

_THREADS = 8


class Forecast:
    """Amazon Forecast and its queries; both sign as `forecast`, the target tells them apart.

    Args:
        settings: Of the stack.
        folder: Where the service keeps its state.
        worker: The command of a worker.
    """

    name = "forecast"
    pattern: Mapping[str, Sequence[str]] = {
        "target_prefixes": ["AmazonForecast"],
        "host_patterns": [r"^forecast(query)?\."],
    }
    sdk: Mapping[str, Mapping[str, str]] = {
        "forecast": {"target_prefix": "AmazonForecast", "protocol": "json"},
        "forecastquery": {"target_prefix": "AmazonForecastRuntime", "protocol": "json"},
    }

    def __init__(self, settings: Settings, folder: Path, worker: Sequence[str] = COMMAND) -> None:
        self._settings, self._folder, self._worker = settings, folder, worker
        self._opening = threading.Lock()
        self._service: ForecastService | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = ThreadPoolExecutor(_THREADS, "forecast")

    async def handle(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Query) -> Answer:
        # Imported here: the emulator reads its environment when it is imported.
        from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415

        arguments = (headers.get("x-amz-target", ""), body, get_account_id(), get_region())
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, *arguments)

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._folder.exists():
            # Jobs that a killed gateway left behind go on without being asked for.
            await self._loop.run_in_executor(self._threads, self._opened)

    async def stop(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._close)

    def _answer(self, target: str, body: bytes, account: str, region: str) -> Answer:
        return self._opened().answer(target, body, account=account, region=region)

    def _opened(self) -> "ForecastService":
        with self._opening:
            if self._service is None:
                from forecasting.service.service import ForecastService  # noqa: PLC0415  (see the module's docstring)

                self._service = ForecastService(
                    self._settings,
                    self._folder,
                    worker=self._worker,
                    put_events=self._put_events,
                    ready=functools.partial(is_reached, self._settings),
                )
                self._service.start()
            return self._service

    def _close(self) -> None:
        with self._opening:
            if self._service is not None:
                self._service.stop()
        self._threads.shutdown(wait=False)

    def _put_events(self, account: str, region: str, entries: list[dict[str, Any]]) -> None:
        events.put(self._loop, account, region, entries)
