"""The local Amazon Forecast service as a plug-in of the gateway.

Owns the way between them; a gateway that nobody asks for forecasts carries none of the service.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forecasting.service.processes import COMMAND
from infra.local.inward import is_reached
from infra.local.plugin import Answer
from infra.local.threaded import Threaded
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from forecasting.service.service import ForecastService

_REQUEST_ID = "x-amzn-requestid"


class Forecast(Threaded["ForecastService"]):
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
        super().__init__(settings, folder)
        self._worker = worker

    def open(self) -> "ForecastService":
        from forecasting.service.service import ForecastService  # noqa: PLC0415  (see the base's docstring)

        service = ForecastService(
            self._settings,
            self._folder,
            worker=self._worker,
            put_events=self.put_events,
            ready=functools.partial(is_reached, self._settings),
        )
        service.start()
        return service

    def answered(self, target: str, body: bytes, account: str, region: str) -> Answer:
        status, found, answer = super().answered(target, body, account, region)
        # The emulator gives each answer a request id of its own; two would reach a client as one.
        return status, {name: value for name, value in found.items() if name.lower() != _REQUEST_ID}, answer
