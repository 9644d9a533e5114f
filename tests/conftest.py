"""Which tests share a process when several run side by side (`--dist loadgroup`).

A scheduler of ours: pytest-xdist 3.8 writes its groups into a name that pytest 9.2 no longer reads, so that marks of
groups have no effect.
"""

from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

SPARK = "spark"
DEPLOYED = "test_deploy"  # begins the names of the files whose tests share one deployed environment


class Groups(LoadScopeScheduling):
    """Hands out groups of tests as a whole."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """All of Spark's tests share one session, so one process; so do those of a deployed environment; others by file.

    Example:
        >>> group("tests/stack/test_deployed_roles.py::test_a"), group("tests/stack/test_sink.py::test_b[x]")
        ('test_deploy', 'test_sink')
    """
    path = PurePosixPath(nodeid.partition("::")[0])
    if path.parent.name == SPARK:
        return SPARK
    return DEPLOYED if path.parent.name == "stack" and path.stem.startswith(DEPLOYED) else path.stem


@pytest.hookimpl(optionalhook=True)  # with `-p no:xdist` nobody asks
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups | None:
    return Groups(config, log) if config.getvalue("dist") == "loadgroup" else None
