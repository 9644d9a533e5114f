"""A gateway whose Athena is the engine alone: a request is a job, its answer the outcome (test_athena_engine.py)."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.local import gateway
from infra.local.athena.contract import Outcome
from infra.local.athena.engine import wire
from infra.local.athena.engine.objects import Objects
from infra.local.athena.engine.pool import Pool
from infra.local.plugin import Answer
from lakehouse.settings import Settings, load

WORKER = (sys.executable, "-P", str(Path(__file__).with_name("athena_engine_worker.py")))


class Engine:
    """Jobs as requests of a JSON service."""

    name = "athena"
    pattern: Mapping[str, Sequence[str]] = {"target_prefixes": ["AmazonAthena"]}
    sdk: Mapping[str, Mapping[str, str]] = {}

    def __init__(self, settings: Settings) -> None:
        folder = settings.data_path / "athena"
        folder.mkdir(parents=True)
        self._pool = Pool(settings, folder, Objects(settings).link, memory_mb=256, command=WORKER)

    async def start(self) -> None:
        self._pool.warm()

    async def stop(self) -> None:
        await asyncio.to_thread(self._pool.stop)

    async def handle(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        given = json.loads(body)
        if "cancel" in given:
            return 200, {}, json.dumps(self._pool.cancel(given["cancel"])).encode()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        self._pool.submit(
            wire.job_from(given["job"]), lambda outcome: loop.call_soon_threadsafe(answer.set_result, outcome) and None
        )
        return 200, {}, json.dumps(wire.outcome_to(await answer)).encode()


if __name__ == "__main__":
    settings = load(dotenv=None)
    gateway.serve(settings, *gateway.address(settings), services=[Engine(settings)])
