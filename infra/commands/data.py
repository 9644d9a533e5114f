"""replay, generate, verify, rebuild and maintain: the data that goes through the running stack."""

import argparse
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from generator import arrival, noise, replay, screen, simulate
from generator.outcome import Summary
from infra.commands import terminal
from infra.commands.interrupt import wishes
from infra.local import runtime, stack
from lakehouse.errors import ConfigError
from lakehouse.places import DYNAMODB, KAFKA, SOURCES
from lakehouse.settings import Settings

BOTH = "both"
INGESTS = (*SOURCES, BOTH)
NEEDED: dict[str, list[str] | None] = {KAFKA: None, DYNAMODB: ["gateway", "spark"], BOTH: None}
"""By way in, the processes that it needs; None for all."""


def register(commands: Any) -> None:
    """Add the commands to the parser."""
    sending = argparse.ArgumentParser(add_help=False)
    sending.add_argument("--noise", choices=sorted(noise.LEVELS), default="realistic", help="how much goes wrong")
    sending.add_argument("--seed", type=int, default=1, metavar="N", help="of all chance (1)")
    add_ingest(sending)

    command = commands.add_parser("replay", parents=[sending], help="send the UCI sales; returns when gold has them")
    command.add_argument("--limit", type=int, metavar="N", help="only the first N lines")
    command.add_argument("--rate", type=float, metavar="N", help="lines a second; as fast as possible without")
    command.set_defaults(run=run_replay)
    command = commands.add_parser("generate", parents=[sending], help="run a simulated shop until Ctrl-C")
    command.add_argument(
        "--rate", type=float, default=simulate.RATE, metavar="N", help=f"changes a second ({simulate.RATE:.0f})"
    )
    command.set_defaults(run=generate)
    commands.add_parser("verify", help="recompute silver and gold from bronze, compare").set_defaults(run=verify)
    commands.add_parser("rebuild", help="build silver and gold anew from bronze").set_defaults(run=rebuild)
    commands.add_parser("maintain", help="compact, vacuum and expire all there is").set_defaults(run=maintain)


def add_ingest(command: argparse.ArgumentParser) -> None:
    """Add the argument that chooses the way in."""
    command.add_argument("--ingest", choices=INGESTS, default=KAFKA, help="the way in (kafka)")


def sinks(ingest: str) -> tuple[str, ...]:
    """The sinks of a way in."""
    return SOURCES if ingest == BOTH else (ingest,)


@dataclass(frozen=True)
class Replayed:
    """A replay that is in gold.

    Args:
        summaries: What was sent, to each sink.
        seconds: From the first message to the last row in gold.
    """

    summaries: list[Summary]
    seconds: float


def run_replay(settings: Settings, given: argparse.Namespace) -> int:
    """Send the data set and wait until gold has it."""
    if not given.env:
        require_stack(settings, NEEDED[given.ingest])
    done = send_and_wait(settings, given)
    if done is None:
        terminal.say("stopped; run the same command again to go on")
        return 130
    terminal.say(f"all of it is in gold, {done.seconds:.1f} s after the first message")
    return 0


def send_and_wait(settings: Settings, given: argparse.Namespace) -> Replayed | None:
    """Replay with the given noise, seed, limit and rate; None if a person stopped it before gold had everything."""
    begin, summaries = time.monotonic(), []
    with wishes() as stop:
        for sink in sinks(given.ingest):
            with screen.progress() as report:
                summary = replay.run(
                    settings,
                    noise=given.noise,
                    seed=given.seed,
                    limit=given.limit,
                    rate=given.rate,
                    sink=sink,
                    report=report,
                    stop=stop,
                )
            _show(summary)
            if summary.stopped:
                return None
            summaries.append(summary)
        for summary in summaries:
            with screen.progress() as report:
                if not arrival.until_in_gold(settings, summary, report, stop):
                    return None
    return Replayed(summaries, time.monotonic() - begin)


def generate(settings: Settings, given: argparse.Namespace) -> int:
    """Simulate a shop until Ctrl-C, one for each way in; everything it has begun is then sent and confirmed."""
    if not given.env:
        require_stack(settings, NEEDED[given.ingest])
    terminal.progress(f"a simulated shop at {given.rate:g} changes a second; Ctrl-C ends it")
    with wishes() as stop, screen.progress() as report:
        failed = threading.Event()  # of one shop, which ends the other: a person would see it at Ctrl-C alone

        def run(sink: str) -> Summary:
            request = simulate.Request(noise=given.noise, seed=given.seed, rate=given.rate, sink=sink)
            try:
                return simulate.run(settings, request, report=report, stop=lambda: stop() or failed.is_set())
            except BaseException:
                failed.set()
                raise

        with ThreadPoolExecutor(len(SOURCES)) as pool:
            summaries = list(pool.map(run, sinks(given.ingest)))
    for summary in summaries:
        _show(summary)
    return 0


def verify(settings: Settings, given: argparse.Namespace) -> int:
    """Compare silver and gold with what bronze comes to, computed in another way; 1 if they differ."""
    from spark_jobs import verify as comparison  # noqa: PLC0415 (brings pyspark along, which the others do not need)

    require_stack(settings, ["gateway"])
    begin = time.monotonic()
    with screen.progress() as report:
        found = comparison.run(settings, report)
    for name, rows in found.rows.items():
        terminal.say(f"{name}: {rows:,} rows compared")
    for key in found.damaged:
        terminal.say(f"damaged, read as far as it goes: {key}")
    for difference in found.differences:
        terminal.error(difference)
    verdict = f"{len(found.differences)} differences" if found.differences else "all equal"
    terminal.say(f"{verdict}; {found.read:,} lines of bronze read again in {time.monotonic() - begin:.1f} s")
    return 1 if found.differences else 0


def rebuild(settings: Settings, given: argparse.Namespace) -> int:
    """Build the tables anew from bronze, while the driver is stopped."""
    return _instead_of_the_stream(settings, "rebuild")


def maintain(settings: Settings, given: argparse.Namespace) -> int:
    """Do all maintenance there is to do, while the driver is stopped."""
    return _instead_of_the_stream(settings, "maintain")


def require_stack(settings: Settings, names: list[str] | None = None) -> None:
    """Refuse to go on unless the named processes are ready, all without names.

    Raises:
        ConfigError: One is not; the text names each.
    """
    wanted, parts = names or list(stack.PROCESSES), runtime.of(settings).health(memory=False)
    absent = [one for one in parts if one.name in wanted and one.health != "ready"]
    if absent:
        said = ", ".join(f"{one.name} is {one.health}" for one in absent)
        raise ConfigError(said, f"{' and '.join(wanted)} ready", "run `make up`")


def _instead_of_the_stream(settings: Settings, command: str) -> int:
    """Stop the driver, run another command of its package, and start the driver again."""
    require_stack(settings, ["gateway"])
    begin = time.monotonic()
    code = runtime.of(settings).run_instead_of_driver(command, terminal.progress)
    terminal.say(f"{command} {'failed' if code else 'done'} after {time.monotonic() - begin:.1f} s")
    return code


def _show(summary: Summary) -> None:
    terminal.err.print(screen.summary_table(summary))
    terminal.say(screen.summary_line(summary))
