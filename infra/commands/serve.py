"""serve: the gateway in the foreground, for a container, with all that the stack needs of it.

Where processes are supervised, `make up` brings bucket, catalogue and stacks up to date after a start of the
gateway; a container that is started again has nobody who does, so this command does both. READY_FILE in the data folder
says that all is there.
"""

import argparse
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from infra.commands import catalog, forecasts, streams
from infra.local import gateway, stack
from lakehouse.errors import LakehouseError
from lakehouse.logs import event
from lakehouse.settings import Settings

READY_FILE = f"{gateway.NAME}.ready"
_PAUSE_SECONDS = 0.5


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("serve", help="run the gateway in the foreground, for a container")
    command.add_argument("--bind", metavar="ADDRESS", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    command.set_defaults(run=serve)


def serve(settings: Settings, given: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    (settings.data_path / READY_FILE).unlink(missing_ok=True)
    threading.Thread(target=_prepare, args=[settings], name="prepare", daemon=True).start()
    gateway.serve(settings, given.bind, urlsplit(settings.aws_endpoint_url).port or 80)
    return 0


def _prepare(settings: Settings) -> None:
    """Make bucket, catalogue and stacks once the gateway answers, then say that it is ready."""
    while True:
        try:
            stack.then(settings)[gateway.NAME]()
            break
        except LakehouseError:
            time.sleep(_PAUSE_SECONDS)
    catalog.refresh(settings)
    forecasts.refresh(settings)
    streams.refresh(settings)
    (settings.data_path / READY_FILE).touch()
    event("gateway ready", bucket=settings.bucket)
