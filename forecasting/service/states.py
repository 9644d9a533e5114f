"""The states of resources and what follows from them: which are busy, which may be deleted, which time is shown.

Pure; who moves a resource from one state to the next is `operations` and `manager`.
"""

import math

ACTIVE = "ACTIVE"
PENDING, IN_PROGRESS, FAILED = "CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_FAILED"
STOPPING, STOPPED = "CREATE_STOPPING", "CREATE_STOPPED"
UPDATE_PENDING, UPDATE_IN_PROGRESS = "UPDATE_PENDING", "UPDATE_IN_PROGRESS"
DELETE_PENDING, DELETE_IN_PROGRESS, DELETE_FAILED = "DELETE_PENDING", "DELETE_IN_PROGRESS", "DELETE_FAILED"

# A worker makes or will make it.
UNFINISHED = (PENDING, IN_PROGRESS, STOPPING)
UPDATING = (UPDATE_PENDING, UPDATE_IN_PROGRESS)
DELETING = (DELETE_PENDING, DELETE_IN_PROGRESS)
DELETABLE = (ACTIVE, FAILED, STOPPED, DELETE_FAILED)
# What StopResource leaves as it is: it may be asked twice.
AT_REST = (STOPPING, STOPPED)
# While a resource is in one of these, its LastModificationTime is now.
_MOVING = (IN_PROGRESS, STOPPING, *UPDATING)


def of_dataset(import_status: str) -> str:
    """The state of a dataset while an import into it is in this state."""
    return UPDATE_PENDING if import_status == PENDING else UPDATE_IN_PROGRESS


def last_modified(status: str, modified_at: float, now: float) -> float:
    """LastModificationTime: now while the resource is worked on, else when it was last changed."""
    return now if status in _MOVING else modified_at


def remaining_minutes(elapsed: float, share: float, typical: float) -> int:
    """Whole minutes until a job will be done, rounded up.

    Args:
        elapsed: Seconds since it began.
        share: What is done of it, 0 to 1; 0 where it has not said.
        typical: Seconds that such a job took before, for as long as it has not said.
    """
    left = elapsed * (1 - share) / share if share > 0 else typical - elapsed
    return math.ceil(max(left, 0) / 60)
