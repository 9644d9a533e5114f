"""Which tests share a process when several run side by side (`--dist loadgroup`)."""

from pathlib import Path

import pytest

SPARK = Path(__file__).parent / "spark"
DEPLOYED = "test_deploy"  # begins the names of the files whose tests share one deployed environment


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of Spark's tests share one session, so one process, those of a deployed environment, too; others by file."""
    for item in items:
        group = SPARK.name if SPARK in item.path.parents else item.path.stem
        if item.path.stem.startswith(DEPLOYED) and item.path.parent.name == "stack":
            group = DEPLOYED
        item.add_marker(pytest.mark.xdist_group(group))
