"""Patience with faults from outside: what failed is tried again in the same process, whose JVM stays warm.

Every step of the driver can be run again; a new process would cost a cold JVM, half a minute of slow batches.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

from deltalake.exceptions import DeltaError
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from lakehouse.errors import SourceError
from lakehouse.logs import event

TRIES = 6
MOST_SECONDS = 4.0
# Faults of the object store in the words of boto3, Spark and delta-rs (which raises OSError).
_FAULTS = (SourceError, PySparkException, Py4JJavaError, DeltaError, OSError)

T = TypeVar("T")


class Patience:
    """Calls what may fail for a while.

    Args:
        check: Raises when trying again is of no use: the lease is lost.
        stop: Ends waiting between two tries.
    """

    def __init__(self, check: Callable[[], None], stop: threading.Event) -> None:
        self._check, self._stop = check, stop

    def call(self, act: Callable[[], T]) -> T:
        """Call `act` until it succeeds.

        Raises:
            Exception: Its own, after TRIES tries in a row, when stopped, or at once if the JVM is gone.
            SourceError: The lease was lost.
        """
        for tries in range(1, TRIES + 1):
            try:
                return act()
            except ConnectionError:  # of the bridge to the JVM: faults of the object store come as the others
                raise
            except _FAULTS as fault:
                self._check()
                if tries == TRIES or self._stop.is_set():
                    raise
                reason = str(fault).split("\n\tat ")[0].splitlines() or [type(fault).__name__]
                event("trying again", level=30, tries=tries, reason=reason[0][:500])
                self._stop.wait(min(2.0 ** (tries - 2), MOST_SECONDS))
        raise AssertionError("unreachable")
