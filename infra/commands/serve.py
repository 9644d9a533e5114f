"""serve: the gateway in the foreground, for a container, with all that the stack needs of it.

Where processes are supervised, `make up` brings bucket, catalogue and stacks up to date after a start of the
gateway, and the Connect worker brings its connector along; containers have nobody who does, so this command does both.
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.commands import catalog, forecasts, streams
from infra.local import connector, gateway, stack
from lakehouse.errors import LakehouseError
from lakehouse.logs import event
from lakehouse.settings import Settings

# In the folder for temporary files, which is empty when a container starts: what is said there is of this life.
READY_FILE = f"{gateway.NAME}.ready"
UNREADY_FILE = f"{gateway.NAME}.unready"
"""Why it is not ready yet."""
_PAUSE_SECONDS = 0.2


def register(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("serve", help="run the gateway in the foreground, for a container")
    command.add_argument("--bind", metavar="ADDRESS", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    command.set_defaults(run=serve)


def serve(settings: Settings, given: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    threading.Thread(target=_prepare, args=[settings], name="prepare", daemon=True).start()
    gateway.serve(settings, given.bind, urlsplit(settings.aws_endpoint_url).port or 80)
    return 0


def _prepare(settings: Settings) -> None:
    """Make bucket, catalogue and stacks once the gateway answers, say so, then look after the connector."""
    folder = Path(tempfile.gettempdir())
    while True:
        try:
            stack.then(settings)[gateway.NAME]()
            break
        except LakehouseError as fault:
            (folder / UNREADY_FILE).write_text(f"{fault}\n", encoding="utf-8")
            time.sleep(_PAUSE_SECONDS)
    catalog.refresh(settings)
    forecasts.refresh(settings)
    streams.refresh(settings)
    (folder / READY_FILE).touch()
    event("gateway ready", bucket=settings.bucket)
    connector.keep(settings)
