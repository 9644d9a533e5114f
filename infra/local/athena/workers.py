"""The engine as the service needs it: pools of its workers that act for an owner, and rows of its result files.

It runs in the gateway's process; what it imports of the engine is light.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

from forecasting.service.outbox import acting_for
from infra.local.athena.engine import pages
from infra.local.athena.engine.objects import Objects
from infra.local.athena.engine.pool import Pool
from infra.local.athena.engine.processes import COMMAND
from infra.local.athena.service.crews import Crews
from infra.local.athena.service.executions import Owner
from lakehouse.errors import SourceError
from lakehouse.settings import Settings


def crews(settings: Settings, folder: Path, command: Sequence[str] = COMMAND) -> tuple[Crews, "Results"]:
    """The workers of a service on a folder, and what reads their results.

    Args:
        settings: Of the stack.
        folder: Of the service; it must be there before the first job.
        command: Of a worker.
    """

    def make(owner: Owner) -> Pool:
        own = acting_for(settings, owner.account, owner.region)
        limits = {"workers": settings.athena_workers, "memory_mb": settings.athena_memory_mb}
        return Pool(own, folder, Objects(own).link, **limits, command=command)

    return Crews(make), Results(settings)


class Results:
    """Rows of results, read from the bodies of the gateway's objects.

    Args:
        settings: Of the stack.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, account: str, region: str, location: str, *, start: int, count: int) -> bytes:
        """Rows of one result; see `service.outside.Rows`."""
        objects = _objects(self._settings, account, region)
        bucket, _, key = location.removeprefix("s3://").partition("/")
        try:
            about = _index(objects.path(bucket, f"{key}{pages.METADATA}"))
            return pages.encoded(objects.path(bucket, key), about, start, count)
        except (SourceError, OSError, ValueError) as fault:
            raise FileNotFoundError(f"{location}: {fault}") from fault


@functools.lru_cache(16)
def _index(path: Path) -> pages.Index:
    # The file of a body never changes, and no other has its name.
    return pages.index(path.read_bytes())


@functools.lru_cache(64)
def _objects(settings: Settings, account: str, region: str) -> Objects:
    return Objects(acting_for(settings, account, region))
