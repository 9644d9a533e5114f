"""The streaming loop: batches while there is something to read, and in quiet moments what can wait.

What can wait is never done while the driver is behind.
"""

import threading
import time
from collections.abc import Callable

from spark_jobs.driver import Driver
from spark_jobs.patience import Patience

PUBLISH_AFTER_BATCHES = 20
Chore = tuple[float, Callable[[], object]]


def run(driver: Driver, stop: threading.Event, poll_seconds: float) -> None:
    """Bring bronze to gold until asked to stop, then end between two batches.

    Args:
        driver: The driver.
        stop: Set from outside.
        poll_seconds: Pause between two looks at bronze that found nothing.
    """
    # Memory is given back twice. The first time Spark's cleaner learns what it may drop; a minute later the threads of
    # its tasks have ended, which hold their sorters' pages: 110 of 240 MB of live heap.
    patience = Patience(driver.check, stop)
    quiet = Quiet(((1, driver.publish), (10, driver.release_memory), (75, driver.release_memory)))
    if not patience.call(driver.step):  # a batch that was begun is finished first: gold shows whole batches
        patience.call(driver.bring_gold_up)
    unpublished = 0
    while not stop.is_set():
        if patience.call(driver.step):
            quiet.end()
            unpublished += 1
            if unpublished >= PUBLISH_AFTER_BATCHES:
                patience.call(driver.publish)
                unpublished = 0
            patience.call(driver.load_forecast)
            patience.call(driver.maintain)
        else:
            patience.call(quiet.go_on)
            patience.call(driver.load_forecast)
            patience.call(driver.maintain)
            stop.wait(poll_seconds)
    driver.publish()


class Quiet:
    """The time since the last batch, and what is to be done once in it.

    Args:
        chores: What to do after how many quiet seconds, soonest first.
        clock: Seconds that never go back.
    """

    def __init__(self, chores: tuple[Chore, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self._chores, self._clock = chores, clock
        self.end()

    def end(self) -> None:
        """A batch has come: everything is to be done anew after it."""
        self._since, self._left = self._clock(), list(self._chores)

    def go_on(self) -> None:
        """Do what is due by now."""
        while self._left and self._clock() - self._since >= self._left[0][0]:
            self._left[0][1]()
            self._left.pop(0)
