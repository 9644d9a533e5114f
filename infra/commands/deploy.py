"""deploy, diff, stacks and destroy: an environment's stacks, on AWS or on the gateway as AWS_ENDPOINT_URL says."""

import argparse
import contextlib
import hashlib
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from infra.aws import cost, deploy, environment, package, runs, stack, stacks
from infra.aws.account import Account, answers
from infra.aws.artefacts import Artefacts
from infra.aws.changeset import Change
from infra.aws.failure import Event
from infra.commands import catalog, terminal
from lakehouse.errors import ConfigError
from lakehouse.settings import Settings

_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", "IMPORT_COMPLETE", "DELETE_SKIPPED")
_WORDS = {
    "Add": "+ makes",
    "Modify": "~ changes",
    "Remove": "- deletes",
    "Import": "+ takes over",
    "Dynamic": "? may change",
}


def register(commands: Any) -> None:
    """Add the commands to the parser."""
    for name, run, meaning in (
        ("deploy", run_deploy, "bring an environment's stacks to what the code says"),
        ("diff", run_diff, "say what `deploy` would change"),
        ("stacks", run_stacks, "show an environment's stacks and what they have put out"),
    ):
        command = commands.add_parser(name, help=meaning)
        command.add_argument("environment", metavar="ENV", help="a file of infra/environments, without .yaml")
        command.set_defaults(run=run)
    command = commands.add_parser("cost", help="the bill of a day on paper, from the environment's file")
    command.add_argument("environment", metavar="ENV", help="a file of infra/environments, without .yaml")
    command.set_defaults(run=run_cost)
    command = commands.add_parser("package", help="build what is deployed into dist/: wheel, jars, functions, packages")
    command.add_argument("--into", type=Path, default=Path("dist"), metavar="FOLDER", help="another folder (dist)")
    command.set_defaults(run=run_package)
    command = commands.add_parser("destroy", help="DELETE an environment's stacks; the bucket stays unless asked for")
    command.add_argument("environment", metavar="ENV", help="a file of infra/environments, without .yaml")
    command.add_argument("--name", metavar="ENV", help="the environment's name once more, instead of typing it")
    command.add_argument("--data", action="store_true", help="DELETE the bucket with all data and the key, too")
    command.set_defaults(run=run_destroy)


def run_deploy(settings: Settings, given: argparse.Namespace) -> int:
    """Create and update the stacks in order, then catalogue and named queries."""
    begin = time.monotonic()
    account = Account(settings, environment.load(given.environment))
    with answers(account.settings, f"deploying {given.environment}"):
        terminal.progress(f"{given.environment} at {account.place}")
        done = deploy.deploy(account, _artefacts(account), Progress())
        _sync(account, done)
    changed = f"{len(done.changed)} of {len(done.outputs)} stacks changed" if done.changed else "no changes"
    terminal.say(f"{given.environment}: {changed}, {time.monotonic() - begin:.1f} s")
    return 0


def run_diff(settings: Settings, given: argparse.Namespace) -> int:
    """Print the change sets in words; nothing is changed."""
    account = Account(settings, environment.load(given.environment))
    with answers(account.settings, f"comparing {given.environment}"):
        differs = False
        for part, expected in deploy.diff(account, _artefacts(account)):
            differs |= expected is None or bool(expected)
            for line in _lines(account.environment.stack(part), expected):
                terminal.say(line)
    if not differs:
        terminal.say(f"{given.environment}: no changes")
    return 0


def run_stacks(settings: Settings, given: argparse.Namespace) -> int:
    """Print each stack's state and outputs; 1 if one is not as it should be."""
    account = Account(settings, environment.load(given.environment))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("stack", "state", "since"):
        table.add_column(head, no_wrap=True)
    put_out: list[tuple[str, str]] = []
    is_well = True
    with answers(account.settings, f"asking for {given.environment}"):
        for part in stacks.parts(account.environment):
            found = account.stack(part) or {}
            is_well &= stack.is_usable(found)
            since = found.get("LastUpdatedTime") or found.get("CreationTime")
            state = Text(found.get("StackStatus", "not deployed"), "" if stack.is_usable(found) else "red")
            shown = f"{since.astimezone():%Y-%m-%d %H:%M}" if since else ""
            table.add_row(account.environment.stack(part), state, shown)
            put_out += [(f"{part}.{name}", value) for name, value in stack.outputs(found).items()]
        put_out += _at_work(account, dict(put_out))
    terminal.out.print(table)
    width = max((len(name) for name, _ in put_out), default=0)
    for name, value in put_out:
        terminal.say(f"{name:{width}}  {value}")
    return 0 if is_well else 1


def _at_work(account: Account, outputs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Jobs and connector of an environment, each with its state."""
    if application := outputs.get("processing.ApplicationId"):
        found = runs.active(account.client("emr-serverless"), application)
        for run in found:
            yield f"job {run['name']}", f"{run['state'].lower()}, {run['id']}"
        if not found:
            yield "jobs", "none at work"
    if connector := outputs.get("kafka.Connector"):
        told = account.client("kafkaconnect").describe_connector(connectorArn=connector)
        yield "sink", told["connectorState"].lower()


def run_cost(settings: Settings, given: argparse.Namespace) -> int:
    """Print what a day costs, line by line, and what of it runs on while nothing happens."""
    table = cost.prices()
    found = environment.load(given.environment)
    lines = cost.bill(found, table)
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head, side in (("stack", "left"), ("what", "left"), ("fixed", "left"), ("$ a day", "right")):
        shown.add_column(head, justify="right" if side == "right" else "left", no_wrap=True)
    for line in lines:
        shown.add_row(line.part, Text(line.what), "fixed" if line.is_fixed else "", f"{line.dollars:.2f}")
    terminal.out.print(shown)
    total, fixed = sum(line.dollars for line in lines), sum(line.dollars for line in lines if line.is_fixed)
    terminal.say(f"{given.environment}: ${total:.2f} a day, of it ${fixed:.2f} while nothing happens")
    terminal.say(
        f"prices of {table.region} on {table.date} (infra/aws/prices.yaml), {found.changes_a_day:,} changes a day"
    )
    return 0


def run_package(settings: Settings, given: argparse.Namespace) -> int:
    """Write the artefacts and a list of their digests; the same input gives the same bytes."""
    given.into.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, build in package.builders(settings).items():
        body = build()
        (given.into / name).write_bytes(body)
        lines.append(f"{hashlib.sha256(body).hexdigest()}  {name}")
        terminal.say(f"{given.into / name}  {len(body) / 1e6:,.1f} MB")
    (given.into / "SHA256SUMS").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return 0


def run_destroy(settings: Settings, given: argparse.Namespace) -> int:
    """Delete the stacks once a person has typed the name."""
    account = Account(settings, environment.load(given.environment))
    what = "the bucket with ALL ITS DATA, its key and every stack" if given.data else "every stack but the bucket's"
    typed = given.name if given.name is not None else _typed(f"type {given.environment} to delete {what}: ")
    if typed != given.environment:
        raise ConfigError(f"typed {typed!r}", given.environment, "nothing was deleted")
    with answers(account.settings, f"destroying {given.environment}"):
        gone = deploy.destroy(account, Progress(), with_data=given.data)
        kept = account.outputs("storage").get("Bucket")
    terminal.say(f"{given.environment}: {f'{len(gone)} stacks deleted' if gone else 'nothing to delete'}")
    if kept:
        terminal.say(
            f"bucket {kept} stays with its data; `make destroy ENV={given.environment} DATA=delete` deletes it"
        )
    return 0


class Progress:
    """Tells a person of stacks and resources, a line each."""

    def __init__(self) -> None:
        self._begun: dict[tuple[str, str], float] = {}
        self._count, self._of = 0, 0

    def note(self, line: str) -> None:
        """Something that is no resource's."""
        terminal.progress(line)

    def begin(self, stack: str, expected: list[Change]) -> None:
        """A stack is going to be changed."""
        self._count, self._of = 0, len(expected)
        terminal.progress(f"{stack}")

    def event(self, stack: str, event: Event) -> None:
        """A resource is begun, done or failed."""
        name, status, kind = event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceType", "")
        if kind == "AWS::CloudFormation::Stack":
            return
        key, now = (stack, name), time.monotonic()
        if status.endswith("_IN_PROGRESS"):
            self._begun.setdefault(key, now)
        elif status.endswith("_FAILED"):
            terminal.error(f"{name} ({kind}): {event.get('ResourceStatusReason', status)}")
        elif status == "DELETE_COMPLETE" and self._of:
            terminal.progress(f"    removed  {name} ({kind.removeprefix('AWS::')})")
        elif status in _DONE:
            self._count += 1
            of = f"{self._count} of {self._of}" if self._of else str(self._count)
            terminal.progress(
                f"  {of:>9}  {name} ({kind.removeprefix('AWS::')})  {_duration(now - self._begun.pop(key, now))}"
            )

    def end(self, stack: str, outcome: str) -> None:
        """A stack is at rest."""
        terminal.progress(f"{stack}: {outcome}")


def _sync(account: Account, done: deploy.Deployed) -> None:
    """The catalogue and the named queries, which are no stack's."""
    from infra.aws.account import settings_of  # noqa: PLC0415

    found = settings_of(account.settings, account.environment)
    for line in [*catalog.tables(found), *catalog.named_queries(found, found.athena_workgroup)]:
        terminal.progress(f"  {line}")


def _artefacts(account: Account) -> Artefacts:
    return Artefacts(account.client("s3"), package.builders(account.settings))


def _lines(name: str, expected: list[Change] | None) -> Iterator[str]:
    if expected is None:
        yield f"{name}: is not there yet, would be made"
    elif not expected:
        yield f"{name}: no changes"
    else:
        yield f"{name}:"
        for one in expected:
            properties = f": {', '.join(one.properties)}" if one.properties and one.action == "Modify" else ""
            replaced = {"True": ", REPLACES it", "Conditional": ", may replace it"}.get(one.replacement, "")
            yield f"  {_WORDS.get(one.action, one.action)} {one.logical_id} ({one.type}){properties}{replaced}"


def _typed(question: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigError("no terminal to confirm at", "the name by --name", "nothing was deleted")
    with contextlib.suppress(EOFError):
        return input(question).strip()
    return ""


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > 120 else f"{seconds:.1f} s"
