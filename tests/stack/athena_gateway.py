"""The gateway with the Athena service over the engine, its workers running DuckDB's own SQL, run as a process."""

import functools
import sys
from pathlib import Path

from infra.local import gateway
from infra.local.athena.plugin import Athena
from infra.local.athena.workers import crews
from lakehouse.settings import load

WORKER = (sys.executable, str(Path(__file__).with_name("athena_worker.py")))

if __name__ == "__main__":
    settings = load(dotenv=None)
    folder = settings.data_path / gateway.NAME / Athena.name
    plugin = Athena(settings, folder, functools.partial(crews, command=WORKER), check=lambda _: None)
    gateway.serve(settings, *gateway.address(settings), services=[plugin])
    sys.exit(0)
