"""forecast, forecast-clean, forecast-approve: make forecasts of gold, delete what they made, let a predictor serve."""

import argparse
import json
import math
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich import box
from rich.table import Table
from rich.text import Text

from forecasting.definitions.definition import Definition
from forecasting.pipeline import retention, series, starting
from infra.aws import account, environment, executions, results
from infra.aws.executions import Ended
from infra.aws.results import Result
from infra.commands import data, forecasts, stack, terminal
from infra.local import gateway, status
from infra.report import fan
from infra.report import forecasts as pages
from lakehouse.errors import ConfigError, SourceError
from lakehouse.settings import Settings

# What has children comes after them.
_SHARED = (("list_dataset_groups", "DatasetGroups", "DatasetGroupArn"), ("list_datasets", "Datasets", "DatasetArn"))
DELETE_SECONDS = 120.0


def register(commands: Any) -> None:
    """Add the commands to the parser."""
    command = commands.add_parser("forecast", help="make the forecasts of forecasts.yaml, or those named")
    command.add_argument("names", nargs="*", metavar="NAME", help="of a definition; all of them without one")
    command.add_argument("--horizon", type=int, metavar="N", help="other than the definition's")
    command.set_defaults(run=forecast)
    command = commands.add_parser(
        "forecast-clean", help="delete what a forecast made in Amazon Forecast, and only that"
    )
    command.add_argument("name", metavar="NAME", help="of a definition")
    command.set_defaults(run=clean)
    command = commands.add_parser("forecast-approve", help="let the predictor serve that waits for a person")
    command.add_argument("name", metavar="NAME", help="of a definition")
    command.add_argument("--reject", action="store_true", help="end the run instead")
    command.set_defaults(run=approve)


def forecast(settings: Settings, given: argparse.Namespace) -> int:
    """Make forecasts and show how good they are; 1 if one failed."""
    known = forecasts.definitions(settings)
    names = _names(given.names, known)
    if given.env:
        deployed = account.forecasting_of(settings, environment.load(given.env))
    else:
        _ensure_stack(settings)
        deployed = forecasts.deploy(settings)
    orders = [{"DataName": name} | ({"ForecastHorizon": given.horizon} if given.horizon else {}) for name in names]
    ended = executions.run(settings, deployed.machine, orders, _progress)
    done = [one for one in ended if not one.fault]
    found = {one.name: results.read(settings, known[one.name], str(one.output["plan"]["run_id"])) for one in done}
    _print_accuracy(done, found)
    for one in done:
        _print_chart(known[one.name], found[one.name])
    if found:
        terminal.say(f"\nreport: {_write_report(settings, known, found)}")
    for one in ended:
        if one.fault:
            terminal.error(f"{one.name}: {one.fault}")
    return 1 if len(done) < len(ended) else 0


def clean(settings: Settings, given: argparse.Namespace) -> int:
    """Delete predictors, forecasts, exports, imports, data sets and the group of a forecast; files and tables stay."""
    try:
        client = boto3.client("forecast", **settings.client_arguments)
        deleted = _clean(client, given.name)
    except (ClientError, BotoCoreError) as fault:
        place = settings.aws_endpoint_url or "AWS"
        raise SourceError(f"Amazon Forecast: {fault}", f"an answer of {place}", "run `make up`") from fault
    for arn in deleted:
        terminal.say(f"deleted {arn.split(':', 5)[5]}")
    if not deleted:
        terminal.say(f"{given.name}: nothing to delete")
    return 0


def approve(settings: Settings, given: argparse.Namespace) -> int:
    """Answer the run that waits.

    Raises:
        ConfigError: None waits.
        SourceError: AWS, or the gateway, does not answer.
    """
    try:
        s3 = boto3.client("s3", **settings.client_arguments)
        states = boto3.client("stepfunctions", **settings.client_arguments)
        key = starting.approval_key(given.name)
        found = json.loads(s3.get_object(Bucket=settings.bucket, Key=key)["Body"].read())
        if given.reject:
            cause = f"{found['predictor']} of run {found['run_id']} was rejected"
            states.send_task_failure(taskToken=found["token"], error="Rejected", cause=cause)
        else:
            states.send_task_success(taskToken=found["token"], output="{}")
        s3.delete_object(Bucket=settings.bucket, Key=key)
    except (ClientError, BotoCoreError) as fault:
        code = fault.response["Error"]["Code"] if isinstance(fault, ClientError) else ""
        if code in ("NoSuchKey", "TaskTimedOut", "TaskDoesNotExist", "InvalidToken"):
            raise ConfigError(f"no run of {given.name} waits for approval", "one", "run `make forecast`") from fault
        raise SourceError(f"approval: {fault}", "an answer", "run `make up`") from fault
    terminal.say(f"{given.name}: {found['predictor']} {'is rejected' if given.reject else 'serves'}")
    return 0


def _ensure_stack(settings: Settings) -> None:
    """On a machine where nothing runs: start the stack, and replay the sales if it has never had any."""
    if not settings.aws_endpoint_url or gateway.unready(settings) is None:
        return
    stack.up(settings, argparse.Namespace(names=[]))
    found = status.progress(settings)
    if found is None or not found.batch_id:
        terminal.progress("no sales yet: replaying those of a year")
        data.send_and_wait(settings, argparse.Namespace(noise="realistic", seed=1, limit=None, rate=None))


def _clean(client: Any, name: str) -> list[str]:
    deleted: list[str] = []
    for operation, members, arn in (*retention.LISTS, *_SHARED):
        pages = client.get_paginator(operation).paginate()
        for found in [one[arn] for page in pages for one in page[members]]:
            if retention.owner(found)[0] == name or retention.shared_owner(found) == name:
                _delete(client, found)
                deleted.append(found)
    return deleted


def _delete(client: Any, arn: str) -> None:
    """Delete a resource and what was made of it, and wait until it is gone."""
    end = time.monotonic() + DELETE_SECONDS
    while True:
        try:
            client.delete_resource_tree(ResourceArn=arn)
        except client.exceptions.ResourceNotFoundException:
            return
        except client.exceptions.ResourceInUseException as fault:
            if time.monotonic() > end:
                raise SourceError(f"{arn} is in use", "an end of what uses it", "run it again later") from fault
        if time.monotonic() > end:
            raise SourceError(f"{arn} is still there", f"its end within {DELETE_SECONDS:.0f} s", "run it again")
        time.sleep(0.1)


def _names(given: Sequence[str], known: Mapping[str, Definition]) -> list[str]:
    for name in given:
        if name not in known:
            raise ConfigError(f"forecast {name}", f"one of {', '.join(known)}", "correct the name")
    return list(dict.fromkeys(given)) or list(known)


def _progress(name: str, state: str, seconds: float) -> None:
    terminal.progress(f"  {seconds:6.1f} s  {name}: {state}")


def _print_accuracy(done: Sequence[Ended], found: Mapping[str, Result]) -> None:
    if not done:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    heads = ("forecast", "predictor", "WAPE", "seasonal naive", "wQL", "MASE", "seconds")
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index > 1 else "left", no_wrap=True)
    for one in done:
        result = found[one.name]
        metrics = result.run.metrics
        figures = (result.wape, result.naive, metrics.get("AverageWeightedQuantileLoss"), metrics.get("MASE"))
        table.add_row(Text(one.name), Text(result.run.predictor), *map(_figure, figures), f"{one.seconds:.1f}")
    terminal.out.print(table)
    for one in done:
        if one.output["plan"]["status"] != "NEW":
            terminal.say(f"{one.name}: nothing new since run {found[one.name].run.run_id}")


def _write_report(settings: Settings, known: Mapping[str, Definition], found: Mapping[str, Result]) -> Path:
    folder = settings.data_path / "reports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"forecasts-{datetime.now().astimezone():%Y%m%d-%H%M%S}.html"
    path.write_text(pages.page([shown(known[name], result) for name, result in found.items()]), encoding="utf-8")
    return path


def shown(definition: Definition, result: Result) -> pages.Shown:
    """A run as the report shows it."""
    return pages.Shown(
        definition.name,
        definition.target,
        result.run.predictor,
        result.wape,
        result.naive,
        result.history,
        result.backtest,
        result.forecast,
    )


def _figure(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3f}"


def _print_chart(definition: Definition, result: Result) -> None:
    level = series.middle(result.forecast[0].values)
    expected = series.totals(result.forecast, level)
    first = min(expected)
    actual: dict[Any, float] = {}
    for one in result.history.values():
        for at, value in one.items():
            if at < first:
                actual[at] = actual.get(at, 0.0) + value
    terminal.say(f"\n{definition.name}: {definition.target}, all series together ({level})")
    for line in fan.columns(dict(sorted(actual.items())), expected, min(terminal.out.width, 120)):
        terminal.say(line)
