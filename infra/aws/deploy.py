"""Brings the stacks of an environment, one after the other, to what templates, code and file say, and takes them down.

Prints nothing: what happens is told to a `Watcher`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from infra.aws import changes, deployment, erase, jobs, mapping, package, runs, stacks, streaming
from infra.aws.account import Account
from infra.aws.artefacts import Artefacts, version
from infra.aws.changes import Change, Event, StackError

# Whose outputs are parameters of the stacks after them.
_GIVING = ("storage", "alarms", "kafka", "processing")
_TAKEN = re.compile(r"(\S+) already exists")


class Watcher(Protocol):
    """Who is told what happens."""

    def note(self, line: str) -> None:
        """Something that is no resource's."""
        ...

    def begin(self, stack: str, expected: list[Change]) -> None:
        """A stack is going to be changed."""
        ...

    def event(self, stack: str, event: Event) -> None:
        """CloudFormation has told of a resource."""
        ...

    def end(self, stack: str, outcome: str) -> None:
        """A stack is at rest: `created`, `updated`, `no changes`, `deleted`."""
        ...


@dataclass
class Deployed:
    """What the stacks have put out, by part, and which of them changed."""

    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)


def deploy(account: Account, artefacts: Artefacts, watcher: Watcher) -> Deployed:
    """Create and update the stacks in order.

    Raises:
        StackError: One failed; it has been rolled back, those before it are as wanted.
    """
    environment, client = account.environment, account.client("cloudformation")
    done = Deployed()
    pool: dict[str, str] = {}
    for part in stacks.parts(environment):
        given = pool | artefacts.upload(part, pool.get("Bucket", ""))
        wanted = stacks.wanted(environment, part, given | _more(account, part, given))
        is_new = not changes.prepare(client, wanted.name, watcher.note)
        if is_new and part == "storage":
            _require_free(account)
        change_set, expected = changes.propose(client, wanted, is_new=is_new)
        if change_set:
            watcher.begin(wanted.name, expected)
            done.outputs[part] = changes.execute(client, wanted.name, change_set, watcher.event)
            done.changed.append(part)
        else:
            done.outputs[part] = account.outputs(part)
        watcher.end(wanted.name, ("created" if is_new else "updated") if change_set else "no changes")
        if part == "processing":
            _stream(account, done.outputs[part], given, watcher)
        if part == "forecasting":
            clients = (account.client("s3"), account.client("scheduler"))
            definitions = package.forecasts(account.settings)
            deployment.connect(*clients, definitions, pool["Bucket"], wanted.name, done.outputs[part])
        if part in _GIVING:
            pool |= done.outputs[part]
    return done


def diff(account: Account, artefacts: Artefacts) -> Iterator[tuple[str, list[Change] | None]]:
    """What a deployment would change, stack by stack; None for a stack that is not there yet. Changes nothing.

    Raises:
        StackError: A template or parameter is refused, or a stack is not at rest.
    """
    environment, client = account.environment, account.client("cloudformation")
    pool: dict[str, str] = {}
    for part in stacks.parts(environment):
        stack = account.stack(part)
        if stack is None or not changes.is_usable(stack):
            yield part, None
            continue
        given = pool | artefacts.keys(part)
        wanted = stacks.wanted(environment, part, given | _more(account, part, given))
        change_set, expected = changes.propose(client, wanted, is_new=False)
        if change_set:
            changes.discard(client, wanted.name, change_set, is_new=False)
        yield part, expected
        if part in _GIVING:
            pool |= changes.outputs(stack)


def destroy(account: Account, watcher: Watcher, *, with_data: bool = False) -> list[str]:
    """Delete the stacks, the last first, and with_data all that they retain; returns the names of those gone.

    Raises:
        StackError: A resource would not go.
    """
    environment, client = account.environment, account.client("cloudformation")
    gone = []
    storage = account.outputs("storage")
    # All there could be: the file may have had another `ingest` when it was deployed.
    for part in reversed(stacks.PARTS):
        stack = account.stack(part)
        if stack is None or (part in stacks.KEPT and not with_data):
            continue
        name = environment.stack(part)
        watcher.begin(name, [])
        if part == "processing" and (application := changes.outputs(stack).get("ApplicationId")):
            runs.stop(account.client("emr-serverless"), application)
        changes.delete(client, name, watcher.event)
        watcher.end(name, "deleted")
        gone.append(name)
    if with_data:
        erase.everything(account.client, storage, environment.table, watcher.note)
    return gone


def bucket_name(account: Account) -> str:
    """The lake's bucket, there or not."""
    number = account.client("sts").get_caller_identity()["Account"]
    return f"saleslake-{account.environment.name}-{number}-{account.environment.region}"


def _more(account: Account, part: str, given: Mapping[str, str]) -> dict[str, str]:
    """Parameters of a stack that are neither a value of the environment nor an output."""
    if part == "kafka":
        return {"Endpoint": account.settings.aws_endpoint_url, "PluginVersion": version(given["PluginKey"])}
    if part == "streaming":
        keys = mapping.of_settings(account.settings).keys
        options = streaming.Options(name=account.environment.stack(part), table=account.environment.table, keys=keys)
        stream = streaming.other_stream(account.settings, options)
        return {"TableStream": stream, **streaming.key_parameters(options)}
    if part == "forecasting":
        environment = account.environment
        # As long as the driver takes to load a run: a scheduled one loads it with its next turn.
        load = 3600 if environment.processing == "stream" else 3600 + 60 * environment.schedule_minutes
        return {"PollSeconds": str(environment.forecast_poll_seconds), "LoadSeconds": str(load)}
    if part == "processing":
        told = (account.environment, account.settings, given["Bucket"], given)
        cores = account.environment.driver_cores * (1 + account.environment.executors)
        memory = account.environment.driver_gigabytes * (1 + account.environment.executors)
        return {
            "BackfillDriver": jobs.text("backfill", *told),
            "MaintainDriver": jobs.text("maintain", *told),
            "MaximumCores": str(cores),
            "MaximumGigabytes": str(memory * 11 // 10 + 1),
        }
    return {}


def _stream(account: Account, outputs: Mapping[str, str], given: Mapping[str, str], watcher: Watcher) -> None:
    """One driver that streams, or none where processing is scheduled."""
    client = account.client("emr-serverless")
    if account.environment.processing != "stream":
        if runs.end_streams(client, outputs["ApplicationId"]):
            watcher.note("the driver that streamed is ended; processing is scheduled now")
        return
    driver = jobs.driver("stream", account.environment, account.settings, given["Bucket"], given)
    if runs.ensure_stream(client, outputs, driver, watcher.note):
        watcher.note("a driver that streams is started")


def _require_free(account: Account) -> None:
    """Say at once that the bucket is someone else's; one's own that was kept is taken over."""
    name = bucket_name(account)
    client: Any = account.client("s3")
    try:
        client.head_bucket(Bucket=name)
    except client.exceptions.ClientError as fault:
        if fault.response["Error"]["Code"] in ("403", "Forbidden", "AccessDenied"):
            raise StackError(
                f"bucket {name} belongs to another account", "a name that is free", "take another ENV"
            ) from fault
        if fault.response["Error"]["Code"] not in ("404", "NoSuchBucket", "NotFound"):
            raise
