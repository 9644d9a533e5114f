"""The replay: the UCI data set in time order as a changelog, with noise, to Kafka, DynamoDB or as plain messages.

`messages` and `truth` are pure; `run` sends. Whatever the noise and the seed, what remains is the data set itself.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Final

from generator import dataset, noise, outcome, sinks
from generator.dispatch import Dispatch, forget_lost, require_rate
from generator.journal import Journal, Recipe, Run
from generator.outcome import Report, Stop, Summary
from generator.plan import Planner
from generator.steps import Clock, Message, final
from lakehouse.envelopes import OrderLine
from lakehouse.errors import ConfigError
from lakehouse.logs import event
from lakehouse.places import KAFKA
from lakehouse.settings import Settings

SHOP: Final = "replay"
REACH: Final = 200_000
"""Steps by which the noise may be late: more than a third of the data set, so across any poll."""
FULL_SPEED: Final = 1_000_000.0
"""Lines a second of source time where no rate is asked for: no client is faster, so no change precedes its time."""
START_MILLIS: Final = 1_750_000_000_000


def messages(
    lines: dataset.Lines,
    level: str = "realistic",
    seed: int = 1,
    *,
    first_lsn: int = 1,
    start_millis: int = START_MILLIS,
) -> Iterator[Message]:
    """All messages of a replay in the order of delivery.

    Args:
        lines: From `dataset.read`.
        level: none, realistic or heavy.
        seed: Of the noise.
        first_lsn: The first change's lsn.
        start_millis: The source time of the first change, milliseconds since 1970.

    Yields:
        Messages with key and value as bytes; a value of None is a Kafka null.
    """
    planner = Planner(noise.level(level), seed, first_lsn=first_lsn, clock=Clock(start_millis, FULL_SPEED), reach=REACH)
    for block in lines.blocks():
        yield from planner.feed(block)
    yield from planner.finish()


def truth(lines: dataset.Lines) -> dict[tuple[str, int], OrderLine]:
    """What the replay of these lines leaves, by order_id and line_no."""
    rows = (order_line(image) for image in final(chain.from_iterable(lines.blocks())).values())
    return {row.key: row for row in rows}


def order_line(image: str) -> OrderLine:
    """A row from its JSON text."""
    row = json.loads(image)
    return OrderLine(
        **{
            **row,
            "unit_price": Decimal(row["unit_price"]),
            "ordered_at": datetime.fromisoformat(row["ordered_at"]),
        }
    )


def run(  # noqa: PLR0913 - the command's options, each with its default
    settings: Settings,
    *,
    noise: str = "realistic",
    seed: int = 1,
    limit: int | None = None,
    rate: float | None = None,
    client: str = "auto",
    fresh: bool = False,
    sink: str = KAFKA,
    report: Report = outcome.silent,
    stop: Stop = outcome.never,
) -> Summary:
    """Send the replay to Kafka, or write it into the DynamoDB table, and return when all of it is confirmed.

    A replay that was interrupted goes on when it is asked for again with the same noise, seed and limit. Any other
    interrupted one is settled first: its rows sent so far are put right, so that none of its noise stays.

    Args:
        settings: Where the broker and the data folder are.
        noise: none, realistic, heavy or load.
        seed: Of the noise.
        limit: Only the first so many lines.
        rate: Lines a second; None for as fast as possible.
        client: auto, kafka-python or confluent.
        sink: kafka or dynamodb.
        fresh: Settle an interrupted replay of the same arguments, too, and begin anew.
        report: Told of progress in lines.
        stop: Asked between two blocks; after a stop the replay can be gone on with.

    Raises:
        ConfigError: An argument is wrong, or another replay is running.
        SourceError: The broker does not answer or does not confirm.
    """
    require_rate(rate)
    if limit is not None and limit < 1:
        raise ConfigError(f"limit {limit}", "a positive number of lines", "correct LIMIT or --limit")
    wanted = replace(_recipe(noise, seed, limit, rate), sink=sink)
    way = sinks.sink(settings, sink, client)
    with Journal(settings.data_path, SHOP, sink) as journal, way.open(rate is None or rate > 5_000) as producer:
        dispatch = Dispatch(way.ends, journal, producer, report, stop)
        current = None
        for found in forget_lost(journal, way.id):
            if not fresh and not found.ended and found.recipe.same_request(wanted):
                current = found
            else:
                _settle(dispatch, found)
        if current is None:
            recipe = replace(wanted, first_lsn=journal.next_lsn(time.time_ns() // 1000))
            current = Run(recipe, way.id)
            journal.write(current)
        else:
            event("interrupted replay goes on", confirmed=current.confirmed, first_lsn=current.recipe.first_lsn)
        lines = dataset.read(limit=limit)
        return dispatch.send(current, chain.from_iterable(lines.blocks()), rate=rate, total=len(lines), resumable=True)


def _recipe(level: str, seed: int, limit: int | None, rate: float | None) -> Recipe:
    noise.level(level)
    return Recipe(
        shop=SHOP,
        arguments={"digest": dataset.digest(), "limit": limit},
        noise=level,
        seed=seed,
        first_lsn=0,
        start_millis=time.time_ns() // 1_000_000,
        rate=rate or FULL_SPEED,
        reach=REACH,
    )


def _settle(dispatch: Dispatch, run: Run) -> None:
    """Put right what an interrupted replay has sent, and send nothing more of it."""
    event("interrupted replay is settled first", lines=run.steps, first_lsn=run.recipe.first_lsn)
    ended = replace(run, ended=True)
    dispatch.journal.write(ended)
    lines = dataset.read(limit=run.recipe.arguments["limit"])
    dispatch.send(ended, chain.from_iterable(lines.blocks()), rate=None, total=None, resumable=True)
