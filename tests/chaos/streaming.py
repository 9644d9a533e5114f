"""`python -m tests.chaos.streaming`: the second way in under faults at moments of chance, round after round.

Each round has its seed. Writers write in every way while the gateway is killed once or more, its disk is full for a
while or the table's stream is disabled and enabled again; the function fails in 1 of 20 calls all the time. After
each round every acknowledged change must be in bronze and in the table.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from infra.aws import streaming
from lakehouse.settings import Settings
from tests.stack.conftest import client
from tests.stack.streaming_load import OPTIONS, TABLE, Writer, bronze, changes, check, whimsical_lake
from tests.stack.test_gateway_s3 import files_at_most, kill_and_wait

SECONDS = 120.0
_ENABLED = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def main(arguments: list[str] | None = None) -> int:
    """Run rounds on one gateway; 1 with the first that fails, whose data are kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.streaming", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how many (5)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first round's seed (1)")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="saleslake-chaos-"))
    with whimsical_lake(folder) as settings:
        for seed in range(given.seed, given.seed + given.rounds):
            try:
                line = run(settings, seed)
            except AssertionError as fault:
                say(f"round {seed}: FAILED: {fault}; the data are in {folder}")
                return 1
            say(f"round {seed}: {line}")
    shutil.rmtree(folder)
    return 0


def say(line: str) -> None:
    """Tell a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(settings: Settings, seed: int) -> str:
    """One round; what was done in it.

    Raises:
        AssertionError: A change was lost.
    """
    chance, begin = random.Random(seed), time.monotonic()
    writers = [Writer(settings, f"{seed}{letter}") for letter in "AB"]
    for writer in writers:
        writer.start()
    done = []
    for _ in range(chance.randint(1, 3)):
        time.sleep(chance.uniform(0.1, 3.0))
        name, act = chance.choice(FAULTS)
        if name == "stream":  # what is written meanwhile is in no stream, so nothing is
            stop(writers)
        act(settings, chance)
        done.append(name)
        if name == "stream":
            writers += [Writer(settings, f"{seed}{letter}{len(writers)}") for letter in "AB"]
            for writer in writers[-2:]:
                writer.start()
    stop(writers)
    check(settings, writers, SECONDS)
    lines = len(bronze(settings))
    return f"{', '.join(done)}; {changes(writers)} changes, {lines} lines in all, {time.monotonic() - begin:.0f} s"


def stop(writers: list[Writer]) -> None:
    """End writers."""
    for writer in writers:
        writer.stopping.set()
    for writer in writers:
        writer.join()


def kill(settings: Settings, _: random.Random) -> None:
    """kill -9 of the gateway."""
    kill_and_wait(settings)


def fill(settings: Settings, chance: random.Random) -> None:
    """A disk that is full for a while."""
    with files_at_most(settings, 1):
        time.sleep(chance.uniform(0.2, 2.0))


def reopen(settings: Settings, _: random.Random) -> None:
    """The table's stream disabled, enabled again, and a pipe for it."""
    database = client(settings, "dynamodb")
    database.update_table(TableName=TABLE, StreamSpecification={"StreamEnabled": False})
    database.update_table(TableName=TABLE, StreamSpecification=_ENABLED)
    streaming.deploy(settings, OPTIONS)


FAULTS: tuple[tuple[str, Callable[[Settings, random.Random], None]], ...] = (
    ("kill", kill),
    ("kill", kill),
    ("full disk", fill),
    ("stream", reopen),
)


if __name__ == "__main__":
    sys.exit(main())
