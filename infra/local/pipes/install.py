"""Puts the runners in the place of the emulator's poller, and keeps the parameters that it drops.

What is replaced stands in `install`, and nowhere else.
"""

import asyncio
import functools
import json
import threading
from collections.abc import Callable
from typing import Any

from infra.local import modelled
from infra.local.dynamodb.streams import log_name
from infra.local.journal import Journal
from infra.local.kinesis import DeliveryError, DurableKinesis
from infra.local.pipes.definition import parse
from infra.local.pipes.members import MEMBERS, contradiction, merged, numbered
from infra.local.pipes.runner import Runner, reader

Answer = tuple[int, dict[str, str], bytes]
Pipe = dict[str, Any]
_LOOK_SECONDS = 0.5


class Pipes:
    """The pipes of the gateway and the threads that run them.

    Args:
        pipes: The emulator's module.
        journal: Where streams and positions are.
        kinesis: Takes the records.
    """

    def __init__(self, pipes: Any, journal: Journal, kinesis: DurableKinesis) -> None:
        self._pipes, self._journal, self._kinesis = pipes, journal, kinesis
        self._runners: dict[tuple[str, str], Runner] = {}
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True, name="pipes")

    async def start(self) -> None:
        """Run what is to run, now and after every change."""
        self._watch.start()

    async def stop(self) -> None:
        """Stop all; what is under way is finished first."""
        self._stopping.set()
        self._changed.set()
        await asyncio.get_running_loop().run_in_executor(None, self._join)

    def changed(self) -> None:
        """Look at the pipes again."""
        self._changed.set()

    # --- in place of the emulator's functions

    def create(self, emulated: Callable[[str, Any], Answer]) -> Callable[[str, Any], Answer]:
        """CreatePipe with all its members."""

        @functools.wraps(emulated)
        def create(name: str, body: dict[str, Any]) -> Answer:
            fault = modelled.fault("pipes", "CreatePipe", {**body, "Name": name}) or contradiction(body)
            if fault:
                return self._pipes._error(400, "ValidationException", fault)
            answer = emulated(name, body)
            if answer[0] == 200:
                self.keep(self._pipes._pipes[name], body)
            return answer

        return create

    def update(self, emulated: Callable[[str, Any], Answer]) -> Callable[[str, Any], Answer]:
        """UpdatePipe with all its members; those that are not given stay."""

        @functools.wraps(emulated)
        def update(name: str, body: dict[str, Any]) -> Answer:
            pipe = self._pipes._pipes.get(name)
            changed = merged(pipe or {}, body)
            target = body.get("Target") or (pipe or {}).get("Target", "")
            fault = modelled.fault("pipes", "UpdatePipe", {**body, "Name": name})
            fault = fault or contradiction({**(pipe or {}), **changed, "Target": target})
            if pipe is not None and fault:
                return self._pipes._error(400, "ValidationException", fault)
            answer = emulated(name, body)
            if answer[0] == 200:
                self._pipes._pipes[name].update(changed)
                self.changed()
            return answer

        return update

    def describe(self, emulated: Callable[[Pipe], dict[str, Any]]) -> Callable[[Pipe], dict[str, Any]]:
        """A description with all members."""

        @functools.wraps(emulated)
        def describe(pipe: Pipe) -> dict[str, Any]:
            return {**emulated(pipe), **{name: pipe[name] for name in MEMBERS if pipe.get(name)}}

        return describe

    def keep(self, pipe: Pipe, given: dict[str, Any]) -> None:
        """Keep the members of a pipe that was created, and where it begins to read."""
        pipe.update({name: given[name] for name in MEMBERS if given.get(name)})
        log = self._journal.log(log_name(pipe["Source"]))
        with self._journal.transaction():
            self._journal.move(reader(pipe["Arn"]), log.name, log.first if parse(pipe).from_start else log.next)
        self.changed()

    def delete(self, emulated: Callable[[str], None]) -> Callable[[str], None]:
        """DeletePipe, which forgets the position too."""

        @functools.wraps(emulated)
        def delete(name: str) -> None:
            pipe = self._pipes._pipes.get(name)
            emulated(name)
            if pipe is not None:
                with self._journal.transaction():
                    if runner := self._runners.get((pipe["Arn"], pipe["Source"])):
                        runner.abandon()
                    self._journal.forget(reader(pipe["Arn"]))
                self.changed()

        return delete

    # --- inside

    def _look(self) -> None:
        while not self._stopping.is_set():
            wanted = {
                (pipe["Arn"], pipe["Source"]): (account, region, pipe)
                for (account, region, _), pipe in list(self._pipes._pipes._data.items())
                if pipe["CurrentState"] == "RUNNING" and ":dynamodb:" in pipe["Source"]
            }
            for key, runner in list(self._runners.items()):
                if key not in wanted or wanted[key][2] is not runner.pipe:  # stopped, or deleted and made again
                    runner.stop()
                if not runner.is_alive():
                    del self._runners[key]
            for key, (account, region, pipe) in wanted.items():
                # One that is to stop is waited for: two would move the same position.
                if key not in self._runners and not self._stopping.is_set():
                    self._runners[key] = self._runner(account, region, pipe)
                    self._runners[key].start()
            self._changed.wait(_LOOK_SECONDS)
            self._changed.clear()

    def _join(self) -> None:
        self._watch.join(1)
        for runner in list(self._runners.values()):
            runner.stop()
        for runner in list(self._runners.values()):
            runner.join(1)

    def _runner(self, account: str, region: str, pipe: Pipe) -> Runner:
        from ministack.core.responses import request_scope  # noqa: PLC0415
        from ministack.services import cloudwatch  # noqa: PLC0415

        def scoped(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any) -> Any:
                with request_scope(account, region):
                    return function(*args)

            return call

        def measure(name: str, unit: str, value: float) -> None:
            cloudwatch.record_metric("AWS/EventBridge/Pipes", name, value, unit, {"PipeName": pipe["Name"]})

        return Runner(
            pipe,
            self._journal,
            kinesis=self._kinesis,
            elsewhere=scoped(self._emulated),
            tell=scoped(_tell),
            measure=scoped(measure),
        )

    def _emulated(self, pipe: Pipe, records: list[tuple[str, bytes]]) -> None:
        if not self._pipes._deliver_batch(pipe, [json.loads(data) for _, data in records]):
            raise DeliveryError(f"target {pipe['Target']} took no record")


def _tell(arn: str, message: str) -> None:
    """Send a dead letter to a queue or a topic, in the scope of the pipe."""
    from ministack.core.arn import parse_arn  # noqa: PLC0415
    from ministack.services import sns, sqs  # noqa: PLC0415

    place = parse_arn(arn)
    if place.service == "sqs":
        sqs._act_send_message({"MessageBody": message}, sqs._queue_url(place.resource))
    elif place.service == "sns":
        if sns.publish_internal(arn, message, "") is None:
            raise DeliveryError(f"topic {arn} is not there")
    else:
        raise DeliveryError(f"{arn} is no queue and no topic")


def install(journal: Journal, kinesis: DurableKinesis) -> tuple[Pipes, Callable[[Any], None]]:
    """Run pipes by threads of ours. Once in a process, before the first request.

    Returns:
        The pipes, and what is to be done to CloudFormation's provisioners once they are loaded.
    """
    # Imported here: the emulator reads its environment when it is imported.
    from ministack.services import pipes  # noqa: PLC0415

    running = Pipes(pipes, journal, kinesis)
    pipes._ensure_poller = running.changed
    pipes._create_pipe = running.create(pipes._create_pipe)
    pipes._update_pipe = running.update(pipes._update_pipe)
    pipes._describe_response = running.describe(pipes._describe_response)
    pipes.delete_pipe = running.delete(pipes.delete_pipe)
    return running, functools.partial(_provision, pipes, running)


def _provision(pipes: Any, running: Pipes, provisioners: Any) -> None:
    fields, create = provisioners._pipes_pipe_fields, provisioners._pipes_pipe_create

    def all_fields(props: dict[str, Any]) -> dict[str, Any]:
        return {**fields(props), **{name: numbered(props[name]) for name in MEMBERS if props.get(name)}}

    def created(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
        fault = contradiction(props)
        if fault:
            raise ValueError(f"AWS::Pipes::Pipe: {fault}")
        name, attributes = create(logical_id, props, stack_name)
        running.keep(pipes._pipes[name], numbered(props))
        return name, attributes

    provisioners._pipes_pipe_fields, provisioners._pipes_pipe_create = all_fields, created
    provisioners._RESOURCE_HANDLERS["AWS::Pipes::Pipe"]["create"] = created
