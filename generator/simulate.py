"""The simulation: a shop's changes at a rate until asked to stop, or the history of a range of days at full speed.

What an interrupted run still owed is sent before the next one begins; `steps` and the journal give the truth.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from random import Random
from typing import Any, Final

import faker

from generator import load, noise, outcome, sinks
from generator.dispatch import Dispatch, forget_lost, require_rate
from generator.journal import Journal, Recipe, Run
from generator.outcome import Report, Stop, Summary
from generator.replay import FULL_SPEED
from generator.shop import DAY_SECONDS, Shop
from generator.steps import Step
from lakehouse.errors import ConfigError, ContractError
from lakehouse.logs import event
from lakehouse.places import KAFKA
from lakehouse.settings import Settings

SHOP: Final = "simulate"
RATE: Final = 50.0
ORDERS_PER_DAY: Final = 50.0
PATIENCE_LIVE_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 6.0 * DAY_SECONDS
REACH_HISTORY: Final = 50_000


@dataclass(frozen=True)
class Request:
    """What is to be simulated.

    Args:
        noise: none, realistic, heavy or load; a live run with the last one is `generator.load`.
        seed: Of the shop and the noise.
        rate: Changes a second; 50 for a live run by default, as fast as possible for days.
        first_day: With last_day, simulates these days instead of now.
        last_day: The last of them.
        orders_per_day: Mean orders of a day, before trend and season.
        changes: Stop after so many changes of the shop.
        seconds: Stop after so much time.
        sink: kafka or dynamodb.
    """

    noise: str = "realistic"
    seed: int = 1
    rate: float | None = None
    first_day: date | None = None
    last_day: date | None = None
    orders_per_day: float = ORDERS_PER_DAY
    changes: int | None = None
    seconds: float | None = None
    sink: str = KAFKA

    def check(self) -> None:
        """Refuse what cannot be simulated.

        Raises:
            ConfigError: A value is out of its range, or only one of the days is given.
        """
        noise.level(self.noise)
        require_rate(self.rate)
        if (self.first_day is None) != (self.last_day is None):
            raise ConfigError("only one of --from and --to", "both or none", "add the other")
        if self.first_day is not None and self.last_day is not None:
            if self.last_day < self.first_day:
                raise ConfigError(f"--from {self.first_day} --to {self.last_day}", "days in order", "swap them")
            if self.first_day.year < 2000 or self.last_day.year > 2100:
                raise ConfigError(f"--from {self.first_day} --to {self.last_day}", "days from 2000 to 2100")
        for name, value in (("orders", self.orders_per_day), ("changes", self.changes), ("seconds", self.seconds)):
            if value is not None and value <= 0:
                raise ConfigError(f"{name} {value:g}", "a positive number", f"correct --{name}")


def run(
    settings: Settings,
    request: Request,
    *,
    client: str = "auto",
    report: Report = outcome.silent,
    stop: Stop = outcome.never,
) -> Summary:
    """Simulate until the request's end or until asked to stop; then send what the noise owes and confirm everything.

    Raises:
        ConfigError: The request is wrong, or another simulation is running.
        ContractError: An interrupted run was made by another version and cannot be finished.
        SourceError: The broker does not answer or does not confirm.
    """
    request.check()
    bulk = request.rate is None and request.first_day is not None
    way = sinks.sink(settings, request.sink, client, is_bulk=False)
    with Journal(settings.data_path, SHOP, request.sink) as journal, way.open(bulk) as producer:
        for found in forget_lost(journal, way.id):
            event("interrupted simulation is finished first", changes=found.steps, first_lsn=found.recipe.first_lsn)
            ended = replace(found, ended=True)
            journal.write(ended)
            Dispatch(way.ends, journal, producer, outcome.silent, outcome.never).send(
                ended, steps(ended.recipe), rate=None, total=None, resumable=True
            )
        recipe = _recipe(request, journal.next_lsn(time.time_ns() // 1000))
        current = Run(recipe, way.id)
        journal.write(current)
        wanted = steps(recipe) if request.changes is None else islice(steps(recipe), request.changes)
        rate = request.rate if request.first_day is not None else recipe.rate
        total = request.changes or (None if request.seconds is None or rate is None else round(request.seconds * rate))
        dispatch = Dispatch(way.ends, journal, producer, report, _until(stop, request.seconds))
        return dispatch.send(current, wanted, rate=rate, total=total, resumable=False)


def steps(recipe: Recipe) -> Iterator[Step]:
    """All steps of a run; a live run has no end.

    Raises:
        ContractError: The recipe was made with another version of Faker, which would give other rows.
    """
    arguments = recipe.arguments
    if arguments["faker"] != faker.VERSION:
        raise ContractError(
            f"simulation {recipe.first_lsn} was made with Faker {arguments['faker']}",
            f"Faker {faker.VERSION}",
            "install the older one to finish it, or `make reset`",
        )
    live = arguments["first_day"] is None
    shop = Shop(
        seed=recipe.seed,
        name=f"S{_base36(recipe.first_lsn)}",
        patience_seconds=PATIENCE_LIVE_SECONDS if live else PATIENCE_SECONDS,
    )
    if live and recipe.noise == "load":
        return load.steps(shop, Random(recipe.seed), recipe.start_millis, recipe.rate)
    if live:
        return shop.live(recipe.start_millis, recipe.rate)
    first, last = (date.fromisoformat(arguments[name]) for name in ("first_day", "last_day"))
    return shop.days(first, last, arguments["orders_per_day"])


def _recipe(request: Request, first_lsn: int) -> Recipe:
    live = request.first_day is None
    rate = request.rate or (RATE if live else FULL_SPEED)
    arguments: dict[str, Any] = {
        "faker": faker.VERSION,
        "first_day": None if request.first_day is None else request.first_day.isoformat(),
        "last_day": None if request.last_day is None else request.last_day.isoformat(),
        "orders_per_day": request.orders_per_day,
    }
    return Recipe(
        shop=SHOP,
        arguments=arguments,
        noise=request.noise,
        seed=request.seed,
        first_lsn=first_lsn,
        start_millis=time.time_ns() // 1_000_000,
        rate=rate,
        sink=request.sink,
        reach=max(100, int(rate * noise.level(request.noise).reach_seconds)) if live else REACH_HISTORY,
    )


def _until(stop: Stop, seconds: float | None) -> Stop:
    if seconds is None:
        return stop
    end = time.monotonic() + seconds
    return lambda: stop() or time.monotonic() >= end


def _base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = digits[digit] + text
    return text or "0"
