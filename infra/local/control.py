"""What the emulator knows beside data: roles, functions, stacks, queues, pipes …, in the journal instead of files.

The emulator saves it only when it is stopped in good order. Here a request that changes something is saved before it
is answered, where the service is in `_AT_ONCE`; a stack, with all that it made, when it settles; and what services
tell each other (a message that S3 puts into a queue) within `_SECONDS`. Logs, metrics and executions wait for an
orderly stop. DynamoDB and Kinesis keep themselves (dynamodb/, kinesis.py).
"""

import asyncio
import functools
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from infra.local.journal import Journal, WriteError
from infra.local.plugin import Answer, Query
from lakehouse import logs

Handler = Callable[[str, str, dict[str, str], Any, Query], Awaitable[Answer]]

# By the router's name of the service, the names under which the emulator saves what its requests change.
_AT_ONCE = {
    "cloudformation": ("cloudformation",), "events": ("eventbridge",), "firehose": ("firehose",), "iam": ("iam",),
    "kms": ("kms",), "lambda": ("lambda",), "pipes": ("pipes",), "scheduler": ("scheduler",),
    "secretsmanager": ("secretsmanager",), "sns": ("sns",), "sqs": ("sqs",), "ssm": ("ssm",),
}  # fmt: skip
_READS = ("Get", "List", "Describe", "BatchGet", "Query", "Scan", "Head", "Search", "Lookup", "Invoke", "Validate")
_SECONDS = 0.25
_PREFIX = "service:"


class Control:
    """State of the emulator's services, kept in the journal.

    Args:
        app: The emulator's application module.
        journal: Where it is kept.
    """

    def __init__(self, app: Any, journal: Journal) -> None:
        self._app, self._journal = app, journal
        self._saved: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def load(self, emulated: Callable[[str], Any]) -> Callable[[str], Any]:
        """What a service saved last; from the emulator's own file if it is not in the journal."""

        def load(service: str) -> Any:
            from ministack.core.persistence import _json_object_hook  # noqa: PLC0415

            text = self._journal.state(_PREFIX + service)
            if text is None:
                return emulated(service)
            self._saved[service] = hash(text)
            state = json.loads(text, object_hook=_json_object_hook)
            if service == "cloudformation":
                _settle(state["stacks"]._data.values())
            return state

        return load

    def save(self, services: Any) -> None:
        """Save services {name: function that returns its state} in one transaction, where they changed."""
        from ministack.core.persistence import _json_default  # noqa: PLC0415

        with self._journal.transaction():
            for name, get_state in dict(services).items():
                try:
                    state = _taken(get_state)
                    text = None if state is None else json.dumps(state, default=_json_default)
                except Exception as fault:  # one that cannot be saved keeps no other from it
                    logs.event("state not saved", logging.ERROR, service=name, fault=fault)
                    continue
                if text is not None and self._saved.get(name) != hash(text):
                    self._journal.save(_PREFIX + name, text)
                    self._saved[name] = hash(text)
                    self._journal.on_undo(functools.partial(self._saved.pop, name, None))

    def save_some(self, names: Any) -> None:
        """Save services by name."""
        known = self._app._build_persistence_save_dict()
        self.save({name: known[name] for name in names if name in known})

    def saving(self, service: str, inner: Handler) -> Handler:
        """A handler whose changes are saved before they are answered."""
        names = _AT_ONCE[service]

        async def handle(method: str, path: str, headers: dict[str, str], body: Any, query: Query) -> Answer:
            answer = await inner(method, path, headers, body, query)
            if answer[0] < 400 and changes(method, path, headers, body, query):
                try:
                    self.save_some(names)
                except WriteError as fault:
                    logs.event("change not saved", logging.ERROR, service=service, fault=fault)
                    return 500, {"Content-Type": "application/json"}, json.dumps({"message": str(fault)}).encode()
            return answer

        return handle

    def event(self, emulated: Callable[..., None]) -> Callable[..., None]:
        """An event of a stack; when the stack settles, all services are saved."""

        @functools.wraps(emulated)
        def add_event(*args: Any, **kwargs: Any) -> None:
            emulated(*args, **kwargs)
            kind, status = args[3], args[4]
            if kind == "AWS::CloudFormation::Stack" and not status.endswith("_IN_PROGRESS"):
                self.save_some(self._app._build_persistence_save_dict())

        return add_event

    async def start(self) -> None:
        """Save what changes by other ways than requests, again and again."""
        self._task = asyncio.create_task(self._save_for_ever())

    async def stop(self) -> None:
        """End it; the emulator saves all when it stops."""
        if self._task is not None:
            self._task.cancel()

    async def _save_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS)
            try:
                self.save_some({"sqs"})
            except WriteError as fault:
                logs.event("state not saved", logging.ERROR, fault=fault)


def _taken(get_state: Callable[[], Any]) -> Any:
    """The state of a service, which other threads may change while it is copied."""
    for _ in range(5):
        try:
            return get_state()
        except RuntimeError:  # a dictionary changed its size
            continue
    return get_state()


def changes(method: str, path: str, headers: dict[str, str], body: Any, query: Query) -> bool:
    """Whether a request may change something."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if not action:
        text = body.decode("latin-1") if isinstance(body, bytes) else str(body or "")
        form = text.split("Action=", 1)[1].split("&", 1)[0] if "Action=" in text[:20_000] else ""
        action = form or "".join(query.get("Action", [])[:1])
    if action:
        return not action.startswith(_READS)
    return method not in ("GET", "HEAD") and not path.endswith("/invocations")


def _settle(stacks: Any) -> None:
    """A stack that was under way when the gateway was killed is under way no more: it can be updated or made anew."""
    for stack in stacks:
        status = stack.get("StackStatus", "")
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            creating = status.startswith(("CREATE", "ROLLBACK"))
            stack["StackStatus"] = "CREATE_FAILED" if creating else "UPDATE_ROLLBACK_COMPLETE"
            stack["StackStatusReason"] = f"the gateway was stopped during {status}"


def install(journal: Journal) -> tuple[Control, Callable[[Any], None]]:
    """Keep the services' state in the journal. Once in a process, before the first request.

    Returns:
        The control, and what is to be done to CloudFormation's provisioners once they are loaded.
    """
    # Imported here: the emulator reads its environment when it is imported.
    from ministack import app  # noqa: PLC0415

    control = Control(app, journal)
    app.load_state, app.save_all = control.load(app.load_state), control.save
    for service in _AT_ONCE:
        app.SERVICE_HANDLERS[service] = control.saving(service, app.SERVICE_HANDLERS[service])

    def provision(provisioners: Any) -> None:
        from ministack.services.cloudformation import changesets, handlers, stacks  # noqa: PLC0415

        add_event = control.event(stacks._add_event)
        for module in (changesets, handlers, provisioners, stacks):
            if hasattr(module, "_add_event"):
                module._add_event = add_event

    return control, provision
