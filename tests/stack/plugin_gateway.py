"""A gateway with two small plug-ins, run as a process by test_gateway_plugins.py: one new service, one in place of
the emulator's own."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from infra.local import gateway
from infra.local.plugin import Answer
from lakehouse.settings import load


class Recorded:
    """A JSON service that answers from one method and writes down that it was started and stopped."""

    def __init__(self, name: str, prefix: str) -> None:
        self.name = name
        self.pattern: Mapping[str, Sequence[str]] = {"target_prefixes": [prefix]}
        self.sdk: Mapping[str, Mapping[str, str]] = {name: {"target_prefix": prefix, "protocol": "json"}}

    async def start(self) -> None:
        self._note("start")

    async def stop(self) -> None:
        self._note("stop")

    def _note(self, what: str) -> None:
        sys.stdout.write(f"{what} {self.name}\n")
        sys.stdout.flush()

    async def handle(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        action, given = headers["x-amz-target"].partition(".")[2], json.loads(body)
        if action == "DescribeForecast" and given["ForecastArn"].endswith("/absent"):
            return 400, {"Content-Type": "application/x-amz-json-1.1"}, b'{"__type": "ResourceNotFoundException"}'
        answers: dict[str, Any] = {
            "DescribeForecast": {"Status": "ACTIVE", "ForecastName": given.get("ForecastArn", "").rpartition("/")[2]},
            "StartQueryExecution": {"QueryExecutionId": "ours"},
        }
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answers[action]).encode()


if __name__ == "__main__":
    settings = load(dotenv=None)
    services = [Recorded("forecast", "AmazonForecast"), Recorded("athena", "AmazonAthena")]
    gateway.serve(settings, *gateway.address(settings), services=services)
    sys.exit(0)
