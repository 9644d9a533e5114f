"""The gateway with the real Athena and a Forecast service of small jobs, run as a process.

Waits of executions are a twentieth of what they say. What jobs do is told by faults.json and wait.json in the service's
folder, by kind of resource; which requests are refused by refusals.json, by operation: an error, and how often."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from infra.local import gateway
from infra.local.athena.plugin import Athena
from infra.local.forecast import Forecast
from infra.local.plugin import Answer
from lakehouse.settings import load

WORKER = (sys.executable, str(Path(__file__).with_name("pipeline_worker.py")))


class Hurried(Forecast):
    """Shortens the emulator's waits when it starts: the setting for it is read before a test can give it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.refused = Counter[str]()

    def answered(self, target: str, body: bytes, account: str, region: str) -> Answer:
        path, operation = self._folder / "refusals.json", target.rpartition(".")[2]
        code, times = (json.loads(path.read_text()) if path.exists() else {}).get(operation, ("", 0))
        key = f"{operation} {path.stat().st_mtime_ns}" if code else ""
        if code and self.refused[key] < times:
            self.refused[key] += 1
            return 400, {}, json.dumps({"__type": code, "message": f"{operation} is refused"}).encode()
        return super().answered(target, body, account, region)

    async def start(self) -> None:
        from ministack.services import stepfunctions  # noqa: PLC0415  (it reads the environment on import)

        stepfunctions._SFN_WAIT_SCALE = 0.05
        await super().start()


if __name__ == "__main__":
    settings = load(dotenv=None)
    folder = settings.data_path / gateway.NAME
    services = [Hurried(settings, folder / Forecast.name, WORKER), Athena(settings, folder / Athena.name)]
    gateway.serve(settings, *gateway.address(settings), services=services)
    sys.exit(0)
