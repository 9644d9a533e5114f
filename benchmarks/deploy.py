"""A whole environment deployed to a gateway: `make deploy` as a person runs it, and again with nothing to change.

A stack of its own with broker and Connect worker, since the deployment makes the topic and starts the sink. What is
deployed has been built before, but for the first figure's wheel and functions; the packages of jobs come of the cache.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.options import Options
from benchmarks.workbench import trial
from infra.aws import environment, package, stacks
from infra.commands import deploy
from infra.local import stack as processes
from infra.local import supervision
from lakehouse.settings import Settings

ASKED = 60.0
NAME = "dev"
_NAMES = ["gateway", "broker", "connect"]


def run(options: Options) -> Iterator[Figure]:
    """Seconds of the first deployment of every stack, of one that changes nothing, and of the end."""
    with tempfile.TemporaryDirectory(prefix="saleslake-bench-") as folder:
        settings = trial(Path(folder))
        package.job_packages(settings)
        try:
            supervision.up(
                settings.data_path,
                processes.processes(settings, _NAMES),
                ports=processes.ports(settings, _NAMES),
                then=processes.then(settings),
            )
            count = len(stacks.parts(environment.load(NAME)))
            given = argparse.Namespace(environment=NAME, name=NAME, data=True)
            yield _figure(
                "all stacks deployed to the gateway", settings, given, deploy.run_deploy, f"{count} stacks", ASKED
            )
            yield _figure("deployed again, nothing to change", settings, given, deploy.run_deploy)
            yield _figure("all stacks destroyed, with the data", settings, given, deploy.run_destroy)
        finally:
            supervision.down(settings.data_path)


def _figure(
    what: str,
    settings: Settings,
    given: argparse.Namespace,
    command: Callable[[Settings, argparse.Namespace], int],
    note: str = "",
    asked: float | None = None,
) -> Figure:
    start = time.perf_counter()
    command(settings, given)
    return Figure("deploy", what, "s", time.perf_counter() - start, asked=asked, note=note)
