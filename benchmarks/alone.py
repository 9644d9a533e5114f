"""A gateway of a benchmark's own, and nothing else of the stack."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.workbench import trial
from infra.local import gateway, supervision
from infra.local import stack as processes
from lakehouse.settings import Settings


@contextlib.contextmanager
def gateway_alone() -> Iterator[Settings]:
    """The settings of a gateway with an empty bucket, up within the block."""
    with tempfile.TemporaryDirectory(prefix="saleslake-bench-") as folder:
        settings = trial(Path(folder))
        names = [gateway.NAME]
        try:
            supervision.up(
                settings.data_path,
                processes.processes(settings, names),
                ports=processes.ports(settings, names),
                then=processes.then(settings),
            )
            gateway.ensure_bucket(settings)
            yield settings
        finally:
            supervision.down(settings.data_path)
