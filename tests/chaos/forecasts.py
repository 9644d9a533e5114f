"""Runs of forecasts under fire: their exports land, whoever loads them is killed, and the tables are compared.

What they must hold is what an undisturbed load of the same objects gives, in a folder, over the gold that there is.
"""

import datetime
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from lakehouse import places
from lakehouse.runs import LOADED, RUNS, Loaded, Run, files, loaded_key, run_key
from lakehouse.settings import Settings
from lakehouse.tables import FORECAST_TABLES, GOLD_DAILY_PRODUCT_SALES, GOLD_DAILY_SALES, Table
from spark_jobs import forecasts as loading
from spark_jobs.accuracy import Accuracy
from spark_jobs.forecasts import Loader
from tests.chaos.rules import Call, Rule
from tests.chaos.scene import Act, NotMetError, Scene
from tests.chaos.stack import Stack, wait_until
from tests.chaos.steps import Step, kill_at
from tests.unit.local_tables import LocalTables
from tests.unit.memory_bucket import MemoryBucket

MET_SECONDS = 90.0  # after a kill: the driver starts, takes what came meanwhile, then loads runs
LOAD_SECONDS = 240.0  # a machine under other load is slow, not wrong
DAYS = 6
STEPS = (
    Step("backtest commit", r"^gold/forecast_backtest/_delta_log/\d+\.json$"),
    Step("forecast commit", r"^gold/sales_forecast/_delta_log/\d+\.json$"),
    Step("accuracy commit", r"^gold/forecast_accuracy/_delta_log/\d+\.json$"),
    Step("forecast answer", r"^ops/forecasts/loaded/"),
)


# --- what is done


def kill_step(step: Step, *, after: bool) -> Act:
    """kill -9 of the driver at a step of the loading of a run.

    Raises (within `act`):
        NotMetError: The step was not taken.
    """

    def act(scene: Scene) -> float:
        rule = kill_at(scene.stack, step, after=after, rng=scene.rng)
        land(scene)
        _await(scene.stack, rule, step.name)
        return time.monotonic()

    return act


def kill_both(scene: Scene) -> float:
    """kill -9 of the driver once a run's forecasts are written, of both when the next one writes their accuracy."""
    first = kill_at(scene.stack, STEPS[1], after=True, rng=scene.rng)
    land(scene)
    _await(scene.stack, first, STEPS[1].name)

    def kill() -> None:
        scene.stack.kill("spark")
        scene.stack.kill("gateway")

    second = scene.stack.proxy.add(Rule(Call(kill, after=scene.rng.random() < 0.5), ("PUT", "POST"), STEPS[2].key))
    _await(scene.stack, second, STEPS[2].name)
    return time.monotonic()


def _await(stack: Stack, rule: Rule, name: str) -> None:
    try:
        if not rule.met.wait(MET_SECONDS):
            raise NotMetError(f"step {name}: not taken within {MET_SECONDS:.0f} s")
    finally:
        stack.proxy.remove(rule)


def land(scene: Scene) -> None:
    """What the pipeline leaves behind: a forecast of days of which some have come and others may, and a backtest."""
    wait_until("the run is put", lambda: _put(scene.stack, scene.rng), LOAD_SECONDS)


def _put(stack: Stack, rng: Random) -> bool:
    gold = _read(stack.settings, GOLD_DAILY_SALES)
    if not len(gold):
        return False
    last, countries = max(gold["sales_date"].to_pylist()), sorted(set(gold["country"].to_pylist()))[:5]
    name, run_id = "chaos", f"{time.time_ns() // 1_000_000:x}"
    now = datetime.datetime.now(datetime.UTC)
    run = Run(
        name, run_id, GOLD_DAILY_SALES.full_name, "country", (), "sales_date", "net_revenue", "D",
        ("0.1", "0.5", "0.9"), rng.random() < 0.3, "NPTS", {}, f"{now:%Y-%m-%dT%H:%M:%SZ}",
        files(name, run_id, "export"), files(name, run_id, "backtest"),
    )  # fmt: skip
    days = [last + datetime.timedelta(days=day) for day in range(-DAYS // 2, DAYS // 2)]
    values = [f"{country},{day}T00:00:00" for country in countries for day in days]
    rows = [[f"{low + rng.uniform(0, 3):.3f}" for low in (1, 4, 7)] for _ in values]
    ahead = "".join(f"{key}Z,{','.join(row)}\n" for key, row in zip(values, rows, strict=True))
    back = "".join(f"{key},5.5,{days[0]},{days[-1]},{','.join(row)}\n" for key, row in zip(values, rows, strict=True))
    windows = "target_value,backtestwindow_start_time,backtestwindow_end_time"
    for key, text in (
        (f"{run.exports}x_part0.csv", f"item_id,date,p10,p50,p90\n{ahead}"),
        (f"{run.backtests}forecasted-values/x_part0.csv", f"item_id,timestamp,{windows},p10,p50,p90\n{back}"),
        (run_key(name, run_id), run.to_json()),
    ):
        stack.s3.put_object(Bucket=stack.settings.bucket, Key=key, Body=text.encode())
    return True


# --- what must hold


def differences(stack: Stack) -> list[str]:
    """Where the tables differ from an undisturbed load of all runs that have landed, in words; nothing without one.

    Raises:
        NotInTimeError: A run has no answer.
    """
    keys = _keys(stack, RUNS)
    if not keys:
        return []
    answers = {key: LOADED + key.removeprefix(RUNS) for key in keys}
    wait_until("all runs are answered", lambda: set(answers.values()) <= set(_keys(stack, LOADED)), LOAD_SECONDS)
    found = [Loaded.from_json(_body(stack, key).decode()) for key in answers.values()]
    faults = [f"a run was refused: {one.fault}" for one in found if one.fault]
    expected = _undisturbed(stack, keys)
    for table in FORECAST_TABLES:
        ours, wanted = _rows(_read(stack.settings, table)), expected[table.name]
        if ours != wanted:
            odd = [f"{row}" for row in ours if row not in wanted][:2] + [f"{row}" for row in wanted if row not in ours][
                :2
            ]
            faults.append(f"{table.full_name}: {len(ours)} rows, {len(wanted)} expected; {'; '.join(odd)}")
    return faults


def _undisturbed(stack: Stack, keys: list[str]) -> dict[str, list[str]]:
    """By table, the rows after one Loader has loaded all runs over the gold that there is, in peace."""
    bucket = MemoryBucket()
    for key in (*keys, *_keys(stack, "forecasts/")):
        bucket.put(key, _body(stack, key))
    with tempfile.TemporaryDirectory() as folder:
        tables = LocalTables(Path(folder))
        for table in (GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES, *FORECAST_TABLES):
            tables.create(table)
        tables.append_few(_read(stack.settings, GOLD_DAILY_SALES), GOLD_DAILY_SALES, "gold", 1, "")
        loader = Loader(tables, bucket, Accuracy(tables), clock=_clock())
        while loader.step():
            pass
        assert all(loaded_key(*_name(key)) in bucket.objects for key in keys)
        return {table.name: _rows(tables.handle(table).to_pyarrow_table()) for table in FORECAST_TABLES}


def _clock() -> Any:
    """Seconds, each time more than the loader waits between two looks."""
    moments = iter(range(10**6))
    return lambda: next(moments) * 2 * loading.LOOK_SECONDS


def _name(key: str) -> tuple[str, str]:
    name, _, run_id = key.removeprefix(RUNS).removesuffix(".json").partition("/")
    return name, run_id


def _rows(table: pa.Table) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in table.to_pylist())


def _read(settings: Settings, table: Table) -> pa.Table:
    url = places.table_url(settings.bucket, table.layer, table.name)
    return DeltaTable(url, storage_options=settings.delta_options).to_pyarrow_table()


def _keys(stack: Stack, prefix: str) -> list[str]:
    pages = stack.s3.get_paginator("list_objects_v2").paginate(Bucket=stack.settings.bucket, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def _body(stack: Stack, key: str) -> bytes:
    return bytes(stack.s3.get_object(Bucket=stack.settings.bucket, Key=key)["Body"].read())
