"""The lease that one driver holds on an environment's tables, so that a second one does not work in vain.

It saves work, not correctness: a driver that lost it may still write, and Delta's conditional commits decide.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable

from lakehouse import places
from lakehouse.errors import LakehouseError, SourceError
from lakehouse.logs import event
from spark_jobs.storage import Bucket


class Lease:
    """A lease, kept alive by a thread until it is released.

    Args:
        bucket: Where it lies.
        seconds: How long it lasts without being renewed.
        clock: Seconds since 1970.
    """

    def __init__(self, bucket: Bucket, seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._bucket, self._seconds, self._clock = bucket, seconds, clock
        self._owner = {"id": uuid.uuid4().hex, "host": socket.gethostname(), "pid": os.getpid()}
        self._etag = ""
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self, patience_seconds: float) -> None:
        """Take the lease, waiting while another driver holds it.

        Raises:
            SourceError: It is still held after `patience_seconds`.
        """
        deadline = time.monotonic() + patience_seconds
        said = False
        while not self._take():
            if time.monotonic() > deadline:
                raise SourceError(
                    f"another driver holds the lease: {self._holder()}",
                    "one driver",
                    "stop it (`make down`), or wait until it ends",
                )
            if not said:
                event("waiting for the lease", holder=self._holder())
                said = True
            self._stop.wait(0.3)
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise if the lease was lost.

        Raises:
            SourceError: Another driver has it.
        """
        if self._lost.is_set():
            raise SourceError("the lease was lost to another driver", "one driver", "see which one runs")

    def release(self) -> None:
        """Give the lease back."""
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=5)
        if self._etag and not self._lost.is_set():
            self._bucket.replace(places.LEASE, self._body(until=0.0), self._etag)

    def _take(self) -> bool:
        found = self._bucket.get_with_etag(places.LEASE)
        if found is None:
            taken = self._bucket.create(places.LEASE, self._body())
        else:
            text, etag = found
            taken = self._is_free(json.loads(text)) and self._bucket.replace(places.LEASE, self._body(), etag)
        return taken and self._remember()

    def _remember(self) -> bool:
        found = self._bucket.get_with_etag(places.LEASE)
        if found is None or json.loads(found[0])["id"] != self._owner["id"]:
            return False
        self._etag = found[1]
        return True

    def _is_free(self, holder: dict[str, object]) -> bool:
        if float(str(holder["until"])) < self._clock():
            return True
        if holder["host"] != self._owner["host"]:
            return False
        try:
            os.kill(int(str(holder["pid"])), 0)
        except ProcessLookupError:  # it died on this machine
            return True
        except PermissionError:
            return False
        return holder["pid"] == self._owner["pid"]

    def _renew(self) -> None:
        while not self._stop.wait(self._seconds / 3):
            try:
                if not self._bucket.replace(places.LEASE, self._body(), self._etag) or not self._remember():
                    self._lost.set()
                    return
            except LakehouseError as fault:
                event("lease not renewed", level=30, reason=str(fault))

    def _body(self, until: float | None = None) -> bytes:
        return json.dumps({**self._owner, "until": self._clock() + self._seconds if until is None else until}).encode()

    def _holder(self) -> str:
        found = self._bucket.get(places.LEASE)
        holder = json.loads(found) if found else {}
        return f"pid {holder.get('pid')} on {holder.get('host')}"
