"""Two drivers at once: the second waits for the lease, takes over, and hands back."""

import contextlib
import signal
import time
from collections.abc import Iterator

import psutil

from tests.chaos.scene import Scene
from tests.chaos.stack import LEASE_SECONDS, wait_until


@contextlib.contextmanager
def _second(scene: Scene) -> Iterator[None]:
    """A second driver: enters when it waits for the lease."""
    path = scene.stack.settings.data_path / "logs" / "second.log"
    with path.open("w") as log:
        running = scene.stack.start("spark_jobs", "stream", log=log)
        try:
            wait_until("second driver waits", lambda: "waiting for the lease" in path.read_text(), 120)
            yield
            running.send_signal(signal.SIGTERM)
            running.wait(40)
        finally:
            running.kill()
            running.wait()


def _second_works(scene: Scene) -> None:
    path = scene.stack.settings.data_path / "logs" / "second.log"
    wait_until("second driver works", lambda: '"streaming"' in path.read_text(), 60)


def two_drivers(scene: Scene) -> float:
    """A second driver waits, the first one is killed: the second takes over, then hands back."""
    with _second(scene):
        scene.stack.kill("spark")
        _second_works(scene)
        time.sleep(scene.rng.uniform(1, 4))
    return time.monotonic()


def zombie_driver(scene: Scene) -> float:
    """The first driver stands still past its lease, a second takes over, and then the first one goes on."""
    with _second(scene):
        held = scene.stack.stop("spark")
        time.sleep(LEASE_SECONDS)
        _second_works(scene)
        time.sleep(scene.rng.uniform(0, 2))
        for process in held:
            with contextlib.suppress(psutil.Error):
                process.resume()
        time.sleep(scene.rng.uniform(1, 4))
    return time.monotonic()
