"""What silver must hold after all the shop has sent, from the generator's journal alone: every key's newest change.

Neither Kafka, bronze nor a table is read: what was lost on the way is missing there, too.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa

from generator import dataset, replay, simulate
from generator.dispatch import planner
from generator.journal import Journal, Run
from generator.steps import Message, Step
from lakehouse.envelopes import Change, decode
from lakehouse.places import DYNAMODB, KAFKA
from lakehouse.tables import SILVER_ORDER_LINES
from spark_jobs.arrow import arrow_schema
from spark_jobs.recompute import silver_rows


class Expected:
    """Every key's newest change over all runs of a data folder; runs that were read are remembered.

    Args:
        folder: The data folder.
        business_timezone: In which a sale has its date.
        source: kafka or dynamodb: which runs count.
        more: Gives further messages, as texts of envelopes of keys that no run has.
    """

    def __init__(
        self, folder: Path, business_timezone: str, source: str = KAFKA, more: Callable[[], Iterable[str]] = tuple
    ) -> None:
        self._folder, self._zone, self._source, self._more = folder, business_timezone, source, more
        self._read: set[tuple[str, int]] = set()
        self._newest: dict[bytes, tuple[int, Change]] = {}

    def rows(self) -> pa.Table:
        """Silver's rows, tombstones too, but for the columns of WITHOUT and, of DynamoDB, STREAMS."""
        for shop in (replay.SHOP, simulate.SHOP):
            for run in Journal(self._folder, shop).runs():
                name = shop, run.recipe.first_lsn
                if name not in self._read and run.recipe.sink == self._source:
                    assert run.closed, f"run {name} is not finished: its messages may not have been sent"
                    self._read.add(name)
                    self._add(messages(run))
        newest = chain((change for _, change in self._newest.values()), map(decode, self._more()))
        rows = silver_rows(newest, self._zone, self._source)
        unknown = STREAMS if self._source == DYNAMODB else ()
        schema = pa.schema([column for column in SCHEMA if column.name not in unknown])
        return pa.Table.from_pylist(list(rows), schema=schema)

    def _add(self, sent: Iterable[Message]) -> None:
        newest: dict[bytes, Message] = {}
        for message in sent:
            if message.lsn > (newest[message.key].lsn if message.key in newest else 0):
                newest[message.key] = message
        for key, message in newest.items():
            assert message.value is not None
            if message.lsn > self._newest.get(key, (0,))[0]:
                self._newest[key] = message.lsn, decode(message.value.decode())


# the time of a change is left out: a run with a wrong clock, finished by another, may have sent it under two
WITHOUT = ("batch_id", "cdc_at")
# a table's writes are numbered, and called inserts or updates, by its stream alone
STREAMS = ("cdc_op", "cdc_sequence")
SCHEMA = pa.schema([column for column in arrow_schema(SILVER_ORDER_LINES) if column.name not in WITHOUT])


def messages(run: Run) -> Iterator[Message]:
    """Everything a finished run has sent, planned again from its recipe."""
    plan = planner(run)
    yield from plan.feed(islice(_steps(run), run.steps))
    yield from plan.finish()


def _steps(run: Run) -> Iterator[Step]:
    if run.recipe.shop == simulate.SHOP:
        return simulate.steps(run.recipe)
    return chain.from_iterable(dataset.read(limit=run.recipe.arguments["limit"]).blocks())
