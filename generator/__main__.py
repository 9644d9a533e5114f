"""The shop's command line: `python -m generator replay|simulate|truth|topics`.

Exit codes: 0 done, 1 failed with one line of reason, 2 wrong arguments, 130 or 143 a replay stopped by SIGINT or
SIGTERM before its end (run it again to go on). A live simulation ends by such a signal, so that is success.
"""

import argparse
import logging
import signal
import sys
from datetime import date
from pathlib import Path
from types import FrameType

from rich.console import Console

from generator import arrival, noise, producers, replay, screen, simulate, topics, truth
from generator.outcome import Summary
from lakehouse import logs
from lakehouse.errors import LakehouseError
from lakehouse.places import KAFKA, SOURCES, TOPIC
from lakehouse.settings import Settings, load


class _Signals:
    """Turns the first SIGINT or SIGTERM into a wish to stop; the second one interrupts at once."""

    def __init__(self) -> None:
        self.caught = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._catch)

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        if self.caught:
            raise KeyboardInterrupt
        self.caught = number

    def stop(self) -> bool:
        return bool(self.caught)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        settings = load()
        logs.configure(settings.log_level)
        return int(options.act(settings, options, _Signals()))
    except LakehouseError as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except Exception:
        logs.event("failed", level=logging.ERROR, exc_info=True)
        return 1


def _replay(settings: Settings, options: argparse.Namespace, signals: _Signals) -> int:
    with screen.progress() as report:
        summary = replay.run(
            settings,
            noise=options.noise,
            seed=options.seed,
            limit=options.limit,
            rate=options.rate,
            client=options.client,
            fresh=options.fresh,
            sink=options.sink,
            report=report,
            stop=signals.stop,
        )
    _show(summary)
    if summary.stopped:
        print("stopped; run the same command again to go on", file=sys.stderr)
        return 128 + signals.caught
    return _wait(settings, summary, signals) if options.wait else 0


def _simulate(settings: Settings, options: argparse.Namespace, signals: _Signals) -> int:
    request = simulate.Request(
        noise=options.noise,
        seed=options.seed,
        rate=options.rate,
        first_day=options.first_day,
        last_day=options.last_day,
        orders_per_day=options.orders,
        changes=options.changes,
        seconds=options.seconds,
        sink=options.sink,
    )
    with screen.progress() as report:
        summary = simulate.run(settings, request, client=options.client, report=report, stop=signals.stop)
    _show(summary)
    return _wait(settings, summary, signals) if options.wait else 0


def _wait(settings: Settings, summary: Summary, signals: _Signals) -> int:
    with screen.progress() as report:
        arrived = arrival.until_in_gold(settings, summary, report, signals.stop)
    if not arrived:
        print("stopped waiting; everything is sent and confirmed", file=sys.stderr)
        return 128 + signals.caught
    print("all of it is in gold")
    return 0


def _truth(settings: Settings, options: argparse.Namespace, _: _Signals) -> int:
    print(f"{truth.write(settings, options.out, options.sink):,} order lines in {options.out}")
    return 0


def _topics(settings: Settings, _options: argparse.Namespace, _: _Signals) -> int:
    print(f"{TOPIC}: id {topics.ensure(settings)}")
    for partition, end in topics.end_offsets(settings).items():
        print(f"  partition {partition}: {end:,} messages")
    return 0


def _show(summary: Summary) -> None:
    Console().print(screen.summary_table(summary))
    print(screen.summary_line(summary))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m generator", description="The shop: sends changes to Kafka, or makes them in a DynamoDB table."
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    going = argparse.ArgumentParser(add_help=False)
    going.add_argument("--sink", choices=SOURCES, default=KAFKA, help="where changes go (kafka)")
    sending = argparse.ArgumentParser(add_help=False, parents=[going])
    sending.add_argument("--noise", choices=sorted(noise.LEVELS), default="realistic", help="how much goes wrong")
    sending.add_argument("--seed", type=int, default=1, help="of all chance")
    sending.add_argument("--rate", type=float, metavar="N", help="changes a second")
    sending.add_argument("--client", choices=producers.CLIENTS, default="auto", help="Kafka client")
    sending.add_argument("--wait", action="store_true", help="return when gold holds all of it")

    command = commands.add_parser("replay", parents=[sending], help="send the UCI data set, interrupted ones go on")
    command.add_argument("--limit", type=int, metavar="N", help="only the first N lines")
    command.add_argument("--fresh", action="store_true", help="do not go on with an interrupted replay: begin anew")
    command.set_defaults(act=_replay)

    command = commands.add_parser("simulate", parents=[sending], help="run a made-up shop, by default until Ctrl-C")
    command.add_argument("--seconds", type=float, metavar="N", help="stop after N seconds")
    command.add_argument("--changes", type=int, metavar="N", help="stop after N changes")
    command.add_argument("--from", dest="first_day", type=date.fromisoformat, metavar="DAY", help="a range of days …")
    command.add_argument("--to", dest="last_day", type=date.fromisoformat, metavar="DAY", help="… instead of now")
    command.add_argument("--orders", type=float, default=simulate.ORDERS_PER_DAY, metavar="N", help="a day, on average")
    command.set_defaults(act=_simulate)

    command = commands.add_parser("truth", parents=[going], help="write the state the shop believes in")
    command.add_argument("--out", type=Path, required=True, help="a .parquet or .jsonl file")
    command.set_defaults(act=_truth)

    command = commands.add_parser("topics", help="make the topic, show its id and end offsets")
    command.set_defaults(act=_topics)
    return parser


if __name__ == "__main__":
    sys.exit(main())
