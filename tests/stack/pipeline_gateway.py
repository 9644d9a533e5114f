"""The gateway with the real Athena and a Forecast service of small jobs, run as a process.

Waits of executions are a twentieth of what they say. What jobs do is told by faults.json and wait.json in the service's
folder, by kind of resource."""

import sys
from pathlib import Path

from infra.local import gateway
from infra.local.athena.plugin import Athena
from infra.local.forecast import Forecast
from lakehouse.settings import load

WORKER = (sys.executable, str(Path(__file__).with_name("pipeline_worker.py")))


class Hurried(Forecast):
    """Shortens the emulator's waits when it starts: the setting for it is read before a test can give it."""

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
