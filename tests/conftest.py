"""Which tests share a process when several run side by side (`--dist loadgroup`)."""

from pathlib import Path

import pytest

SPARK = Path(__file__).parent / "spark"


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of Spark's tests share one session, so one process; of the others, those of a file."""
    for item in items:
        group = SPARK.name if SPARK in item.path.parents else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
