"""Brings the stacks of an environment, one after the other, to what templates, code and file say, and takes them down.

Prints nothing: what happens is told to a `Watcher`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from infra.aws import changeset, deployment, erase, jobs, package, parameters, runs, source, stack, stacks
from infra.aws.account import Account
from infra.aws.artefacts import Artefacts
from infra.aws.changeset import Change
from infra.aws.failure import Event, StackError

# Whose outputs are parameters of the stacks after them.
_GIVING = ("storage", "alarms", "kafka", "processing")


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
    """Create and update the stacks in order, and what no stack can hold beside them.

    Raises:
        StackError: One failed; it has been rolled back, those before it are as wanted.
    """
    source.check(account)
    done = Deployed()
    pool: dict[str, str] = {}
    for part in stacks.parts(account.environment):
        given = pool | artefacts.upload(part, pool.get("Bucket", ""))
        _bring(account, part, given, done, watcher)
        if part == "processing":
            _stream(account, done.outputs[part], given, watcher)
        if part == "forecasting":
            clients = (account.client("s3"), account.client("scheduler"))
            definitions, name = package.forecasts(account.settings), account.environment.stack(part)
            deployment.connect(*clients, definitions, pool["Bucket"], name, done.outputs[part])
        if part in _GIVING:
            pool |= done.outputs[part]
    return done


def _bring(account: Account, part: str, given: Mapping[str, str], done: Deployed, watcher: Watcher) -> None:
    """Create or update one stack."""
    client = account.client("cloudformation")
    wanted = stacks.wanted(account.environment, part, {**given, **parameters.of(account, part, given)})
    is_new = not stack.prepare(client, wanted.name, watcher.note)
    if is_new and part == "storage":
        _require_free(account)
    change_set, expected = changeset.propose(client, wanted, is_new=is_new)
    if not change_set:
        done.outputs[part] = account.outputs(part)
        watcher.end(wanted.name, "no changes")
        return
    watcher.begin(wanted.name, expected)
    if any(one.action != "Add" and one.type == "AWS::EMRServerless::Application" for one in expected):
        # Neither changed nor deleted while it is started; its next run starts it again.
        watcher.note("the application's runs are ended: it can be changed only when it is stopped")
        runs.stop(account.client("emr-serverless"), account.outputs(part)["ApplicationId"])
    done.outputs[part] = changeset.execute(client, wanted.name, change_set, watcher.event)
    done.changed.append(part)
    watcher.end(wanted.name, "created" if is_new else "updated")


def diff(account: Account, artefacts: Artefacts) -> Iterator[tuple[str, list[Change] | None]]:
    """What a deployment would change, stack by stack; None for a stack that is not there yet. Changes nothing.

    Raises:
        StackError: A template or parameter is refused, or a stack is not at rest.
    """
    environment, client = account.environment, account.client("cloudformation")
    source.check(account)
    pool: dict[str, str] = {}
    for part in stacks.parts(environment):
        found = account.stack(part)
        # Without the bucket there is nothing to compare the others with.
        if not stack.is_to_update(environment.stack(part), found) or (part != "storage" and "Bucket" not in pool):
            yield part, None
            continue
        given = pool | artefacts.keys(part)
        wanted = stacks.wanted(environment, part, given | parameters.of(account, part, given))
        change_set, expected = changeset.propose(client, wanted, is_new=False)
        if change_set:
            changeset.discard(client, wanted.name, change_set, is_new=False)
        yield part, expected
        if part in _GIVING:
            pool |= stack.outputs(found)


def destroy(account: Account, watcher: Watcher, *, with_data: bool = False) -> list[str]:
    """Delete the stacks, the last first, and with_data all that they retain; returns the names of those gone.

    Raises:
        StackError: A resource would not go, or someone else is at work.
    """
    environment, client = account.environment, account.client("cloudformation")
    gone = []
    storage = account.outputs("storage")
    # All there could be: the file may have had another `ingest` when it was deployed.
    for part in reversed(stacks.PARTS):
        found = account.stack(part)
        if found is None or (part in stacks.KEPT and not with_data):
            continue
        name = environment.stack(part)
        watcher.begin(name, [])
        if part == "processing" and (application := stack.outputs(found).get("ApplicationId")):
            runs.stop(account.client("emr-serverless"), application)
        stack.delete(client, name, watcher.event)
        watcher.end(name, "deleted")
        gone.append(name)
    if with_data:
        # A table that was there before us is not ours to delete.
        table = "" if environment.existing_table else environment.table
        erase.everything(account.client, storage, table, watcher.note)
    return gone


def _stream(account: Account, outputs: Mapping[str, str], given: Mapping[str, str], watcher: Watcher) -> None:
    """The mapping in force, and one driver that streams, or none where processing is scheduled."""
    client = account.client("emr-serverless")
    if source.apply(account, given["Bucket"]):
        watcher.note(
            "another mapping is in force: tables that were built with an older one need "
            f"`make job ENV={account.environment.name} JOB=rebuild`"
        )
        runs.end_streams(client, outputs["ApplicationId"])  # a driver reads the mapping when it begins
    if account.environment.processing != "stream":
        if runs.end_streams(client, outputs["ApplicationId"]):
            watcher.note("the driver that streamed is ended; processing is scheduled now")
        return
    driver = jobs.driver("stream", account.environment, account.settings, given["Bucket"], given)
    if runs.ensure_stream(client, outputs, driver, watcher.note):
        watcher.note("a driver that streams is started")


def _require_free(account: Account) -> None:
    """Say at once that a bucket's name is someone else's; one's own that was kept is taken over."""
    client: Any = account.client("s3")
    for name in stacks.buckets(account.environment, account.number):
        try:
            client.head_bucket(Bucket=name)
        except client.exceptions.ClientError as fault:
            code = fault.response["Error"]["Code"]
            if code in ("403", "Forbidden", "AccessDenied"):
                said = f"bucket {name} belongs to another account"
                raise StackError(said, "a name that is free", "take another ENV") from fault
            if code not in ("404", "NoSuchBucket", "NotFound"):
                raise
