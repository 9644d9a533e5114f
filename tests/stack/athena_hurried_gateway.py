"""The gateway with its own Athena, whose statements have 4 seconds and 96 MB, run as a process."""

import functools
import sys

from infra.local import gateway
from infra.local.athena import workers
from infra.local.athena.engine.pool import Pool
from infra.local.athena.plugin import Athena
from infra.local.athena.service import starting
from lakehouse.settings import load

SECONDS = 4.0
MEMORY_MB = 96

if __name__ == "__main__":
    settings = load(dotenv=None)
    starting.SECONDS.update(dict.fromkeys(starting.SECONDS, SECONDS))
    workers.Pool = functools.partial(Pool, memory_mb=MEMORY_MB)  # type: ignore[assignment,misc]
    plugin = Athena(settings, settings.data_path / gateway.NAME / Athena.name)
    gateway.serve(settings, *gateway.address(settings), services=[plugin])
    sys.exit(0)
