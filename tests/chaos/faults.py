"""The faults by name: each is done to a running stack, undone, and says when the stack was left alone again.

FAULTS are those of the way through Kafka; table_faults.py has those of the way through DynamoDB.
"""

import contextlib
import signal
import sys
import time
from dataclasses import dataclass

import psutil

from tests.chaos import again, drivers, forecasts
from tests.chaos.rules import ERROR_500, SLOW_DOWN, Action, Delay, Reset, Rule
from tests.chaos.scene import Act, NotMetError, Scene
from tests.chaos.steps import STEPS, Step, kill_at

MET_SECONDS = 45.0
FILE_LIMIT_BYTES = 16_384


@dataclass(frozen=True)
class Fault:
    """A fault.

    Args:
        name: In the results.
        act: What it does.
        load_seconds: How long changes come while it acts.
        alone: Whether no other fault acts in the same round.
        wrong_clock: Whether the changes come from a shop whose clock is wrong.
    """

    name: str
    act: Act
    load_seconds: float = 10.0
    alone: bool = False
    wrong_clock: bool = False


# --- processes


def kill(name: str, part: str = "all") -> Act:
    """kill -9 of a process of the stack."""

    def act(scene: Scene) -> float:
        at = time.monotonic()
        scene.stack.kill(name, part)
        return at

    return act


def kill_generator(scene: Scene) -> float:
    """kill -9 of the generator, which is started again at once."""
    at = time.monotonic()
    scene.load.kill()
    return at


def stop(name: str) -> Act:
    """SIGSTOP for 2 to 9 s: longer than the lease and the broker's and worker's sessions at the end of the range."""

    def act(scene: Scene) -> float:
        held = scene.stack.stop(name)
        time.sleep(scene.rng.uniform(2, 9))
        for process in held:
            with contextlib.suppress(psutil.Error):
                process.resume()
        return time.monotonic()

    return act


def stop_generator(scene: Scene) -> float:
    """SIGSTOP of the generator for 2 to 6 s."""
    running = scene.load.stop()
    running.send_signal(signal.SIGSTOP)
    time.sleep(scene.rng.uniform(2, 6))
    running.send_signal(signal.SIGCONT)
    return time.monotonic()


def kill_step(step: Step, after: bool) -> Act:
    """kill -9 at a named step.

    Raises (within `act`):
        NotMetError: The step was not taken.
    """

    def act(scene: Scene) -> float:
        rule = kill_at(scene.stack, step, after=after, rng=scene.rng)
        try:
            if not rule.met.wait(MET_SECONDS):
                raise NotMetError(f"step {step.name}: not taken within {MET_SECONDS:.0f} s")
            return time.monotonic()
        finally:
            scene.stack.proxy.remove(rule)

    return act


# --- S3


def s3(action: Action, share: float, *methods: str) -> Act:
    """An S3 that does this to a share of its requests for 3 to 7 s."""

    def act(scene: Scene) -> float:
        rule = Rule(action, methods, times=10**9, share=share, draw=scene.rng.random)
        scene.stack.proxy.add(rule)
        time.sleep(scene.rng.uniform(3, 7))
        scene.stack.proxy.remove(rule)
        return time.monotonic()

    return act


def full_disk(scene: Scene) -> float:
    """The gateway can write nothing of any size for 3 to 6 s: a file-size limit, met as a full disk is."""
    scene.stack.limit_files(FILE_LIMIT_BYTES)
    time.sleep(scene.rng.uniform(3, 6))
    scene.stack.limit_files(None)
    return time.monotonic()


S3_FAULTS: tuple[Fault, ...] = (
    Fault("S3 answers 500", s3(ERROR_500, 0.3)),
    Fault("S3 answers 503 SlowDown", s3(SLOW_DOWN, 0.5)),
    Fault("S3 resets", s3(Reset(forwarded=False), 0.2)),
    Fault("S3 loses responses to writes", s3(Reset(forwarded=True), 0.3, "PUT", "POST", "DELETE")),
    Fault("S3 is slow", s3(Delay(1.0), 0.5)),
    Fault("S3 times out", s3(Delay(6.0, then_cut=True), 0.2)),
    Fault("S3 answers nothing but 500", s3(ERROR_500, 1.0)),
    *((Fault("disk full", full_disk),) if sys.platform == "linux" else ()),
)


def kills_at(*steps: Step) -> tuple[Fault, ...]:
    """kill -9 before and after each of these steps."""
    return tuple(
        Fault(f"kill -9 {'after' if after else 'before'} {step.name}", kill_step(step, after))
        for step in steps
        for after in (False, True)
    )


PROCESSES = ("gateway", "broker", "connect", "spark")

FAULTS: tuple[Fault, ...] = (
    *(Fault(f"kill -9 {name}", kill(name)) for name in PROCESSES),
    Fault("kill -9 spark's Python", kill("spark", "parent")),
    Fault("kill -9 spark's JVM", kill("spark", "children")),
    Fault("kill -9 generator", kill_generator),
    *(Fault(f"SIGSTOP {name}", stop(name)) for name in PROCESSES),
    Fault("SIGSTOP generator", stop_generator),
    *S3_FAULTS,
    Fault("clock jumps", lambda scene: time.monotonic(), wrong_clock=True),
    Fault("object twice", again.object_twice),
    Fault("topic twice", again.topic_again(backwards=False)),
    Fault("topic twice, backwards", again.topic_again(backwards=True)),
    Fault("sink from zero", again.sink_from_zero, alone=True),
    Fault("rebuild", again.rebuild, alone=True),
    Fault("two drivers", drivers.two_drivers, load_seconds=20, alone=True),
    Fault("zombie driver", drivers.zombie_driver, load_seconds=25, alone=True),
    *kills_at(*STEPS),
    *(
        Fault(f"kill -9 {'after' if after else 'before'} {step.name}", forecasts.kill_step(step, after=after))
        for step in forecasts.STEPS
        for after in (False, True)
    ),
    Fault("kill -9 spark and gateway in a forecast's load", forecasts.kill_both, alone=True),
)
