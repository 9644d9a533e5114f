"""forecast, forecast-clean, forecast-approve: make forecasts of gold, delete what they made, let a predictor serve."""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table
from rich.text import Text

from forecasting.definitions.definition import Definition
from forecasting.pipeline import retention, starting
from infra.aws import account, environment, executions
from infra.aws.deployment import NAME
from infra.commands import data, forecasts, stack, terminal
from infra.local import gateway, status
from infra.report import accuracy, fan
from infra.report import forecasts as pages
from infra.report.forecasts import Shown
from lakehouse.errors import ConfigError, SourceError
from lakehouse.places import KAFKA
from lakehouse.settings import Settings

# What has children comes after them.
_SHARED = (("list_dataset_groups", "DatasetGroups", "DatasetGroupArn"), ("list_datasets", "Datasets", "DatasetArn"))
DELETE_SECONDS = 120.0
_WORDS = 2  # columns of the table of accuracy that are no figures


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
    """Make forecasts and show how good they are; 1 if one failed, 130 if a person left them to themselves."""
    known = forecasts.definitions(settings)
    wanted = {name: known[name] for name in _names(given.names, known)}
    deployed = account.forecasting_of(settings, environment.load(given.env)) if given.env else None
    if deployed is None and not _ensure_stack(settings):
        terminal.say("stopped; run the same command again to go on")
        return 130
    outcome = forecasts.make(settings, wanted, given.horizon, deployed)
    show(outcome.made)
    if outcome.made:
        terminal.say(f"\nreport: {_write_report(settings, outcome.made)}")
    return tell(outcome)


def show(made: Sequence[Shown]) -> None:
    """How good forecasts are, and a chart of each one's largest series."""
    if not made:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for index, head in enumerate(accuracy.HEADS):
        words = Text(head.replace(" ", "\n") if " " in head else f"\n{head}")
        table.add_column(words, justify="left" if index < _WORDS else "right", no_wrap=index > 0, overflow="fold")
    for one in made:
        table.add_row(*map(Text, one.accuracy))
    terminal.say("")
    terminal.out.print(table)
    for one in made:
        if not one.is_new:
            terminal.say(f"{one.name}: nothing new since run {one.run_id}")
    for one in made:
        _print_chart(one)


def tell(outcome: forecasts.Outcome) -> int:
    """Say what did not come about; the exit code."""
    for name, fault in outcome.faults.items():
        terminal.error(f"{name}: {fault}")
    if outcome.left:
        names = ", ".join(outcome.left)
        terminal.say(f"{names}: goes on; `make status` shows how far it is, the same command waits for it again")
        return 130
    return 1 if outcome.faults else 0


def clean(settings: Settings, given: argparse.Namespace) -> int:
    """Delete predictors, forecasts, exports, imports, data sets and the group of a forecast; files and tables stay.

    Raises:
        ConfigError: No forecast has this name, or it is being made.
        SourceError: AWS, or the gateway, does not answer.
    """
    try:
        states = boto3.client("stepfunctions", **settings.client_arguments)
        if given.name in executions.newest(states, NAME, "RUNNING"):
            raise ConfigError(f"{given.name} is being made", "its end", "see `make status`, then run it again")
        client = boto3.client("forecast", **settings.client_arguments)
        deleted = _clean(client, given.name)
    except (ClientError, BotoCoreError) as fault:
        place = settings.aws_endpoint_url or "AWS"
        raise SourceError(f"Amazon Forecast: {fault}", f"an answer of {place}", "run `make up`") from fault
    for arn in deleted:
        terminal.say(f"deleted {arn.split(':', 5)[5]}")
    if not deleted:
        _names([given.name], forecasts.definitions(settings))
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


def _ensure_stack(settings: Settings) -> bool:
    """On a machine where nothing runs: start the stack, and replay the sales if it has never had any.

    Returns:
        Whether a person let it come to its end.
    """
    if not settings.aws_endpoint_url or gateway.unready(settings) is None:
        return True
    stack.up(settings, argparse.Namespace(names=[]))
    found = status.progress(settings)
    if found is not None and found.batch_id:
        return True
    terminal.progress("no sales yet: replaying those of a year")
    asked = argparse.Namespace(noise="realistic", seed=1, limit=None, rate=None, ingest=KAFKA)
    replayed = data.send_and_wait(settings, asked)
    return replayed is not None


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


def _write_report(settings: Settings, made: Sequence[Shown]) -> Path:
    folder = settings.data_path / "reports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"forecasts-{datetime.now().astimezone():%Y%m%d-%H%M%S}.html"
    path.write_text(pages.page(made), encoding="utf-8")
    return path


def _print_chart(shown: Shown) -> None:
    (best, *_), levels = pages.largest(shown), shown.levels
    points = sorted((point for point in shown.forecast if point.series == best), key=lambda point: point.at)
    expected = {point.at: [point.values[level] for level in levels] for point in points}
    many = len({point.series for point in shown.forecast})
    terminal.say(f"\n{shown.name}: {shown.target} of {shown.label(best)} (largest of {many})")
    for line in fan.columns(shown.history.get(best, {}), expected, levels, min(terminal.out.width, 120)):
        terminal.say(line)
