"""What a pipe is to do, read from the members of CreatePipe; the same members stand in a template."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.pipes import patterns

_ENDLESS = -1
_PATH = re.compile(r"\$((?:\.[A-Za-z0-9_-]+|\[\d+\])*)")
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]")
_PLACE = re.compile(r"<((?:\$|aws\.pipes\.)[^<>]*)>")
_KINESIS_BATCH = 500
VARIABLES = (
    "aws.pipes.pipe-arn", "aws.pipes.pipe-name", "aws.pipes.source-arn", "aws.pipes.target-arn",
    "aws.pipes.event.ingestion-time", "aws.pipes.event", "aws.pipes.event.json",
)  # fmt: skip
"""What an input template may name beside paths."""


class DefinitionError(ValueError):
    """A pipe that cannot run; the text is what AWS would tell."""


@dataclass(frozen=True)
class Definition:
    """A pipe from a DynamoDB stream.

    Attributes:
        batch_size: Records taken together, at most.
        window_seconds: How long a batch that is not full waits.
        max_age_seconds: Older records are given up; -1 for never.
        max_attempts: Retries of a batch; -1 for no end.
        bisect: Whether a batch that fails is halved.
        dead_letters: ARN of queue or topic for what is given up; empty for none.
        from_start: Whether it begins with the oldest record of the stream.
        filters: Patterns of which one must match; none lets all pass.
        partition_key: Path into the record, or a constant.
        template: Of the data; empty for the record as it is.
    """

    batch_size: int
    window_seconds: float
    max_age_seconds: int
    max_attempts: int
    bisect: bool
    dead_letters: str
    from_start: bool
    filters: tuple[Any, ...]
    partition_key: str
    template: str


def parse(pipe: Mapping[str, Any]) -> Definition:
    """Read a pipe's members.

    Example:
        >>> parse({"SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "LATEST"}}}).batch_size
        100

    Raises:
        DefinitionError: They contradict each other or cannot be honoured here.
    """
    source = pipe.get("SourceParameters") or {}
    stream = source.get("DynamoDBStreamParameters") or {}
    target = pipe.get("TargetParameters") or {}
    if pipe.get("Enrichment"):
        raise DefinitionError("Enrichment is not supported by this gateway; leave it out.")
    batch_size = int(stream.get("BatchSize", 100))
    if ":kinesis:" in pipe.get("Target", "") and batch_size > _KINESIS_BATCH:
        raise DefinitionError(f"BatchSize must be at most {_KINESIS_BATCH} for a Kinesis stream, not {batch_size}.")
    found = Definition(
        batch_size=batch_size,
        window_seconds=float(stream.get("MaximumBatchingWindowInSeconds", 0)),
        max_age_seconds=int(stream.get("MaximumRecordAgeInSeconds", _ENDLESS)),
        max_attempts=int(stream.get("MaximumRetryAttempts", _ENDLESS)),
        bisect=stream.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT",
        dead_letters=(stream.get("DeadLetterConfig") or {}).get("Arn", ""),
        from_start=stream.get("StartingPosition", "LATEST") == "TRIM_HORIZON",
        filters=tuple(_pattern(one) for one in (source.get("FilterCriteria") or {}).get("Filters", [])),
        partition_key=(target.get("KinesisStreamParameters") or {}).get("PartitionKey", ""),
        template=target.get("InputTemplate") or "",
    )
    _check_template(found.template)
    if found.partition_key.startswith("$") and not _PATH.fullmatch(found.partition_key):
        raise DefinitionError(f"PartitionKey {found.partition_key} is no JSON path.")
    return found


def _check_template(template: str) -> None:
    for name in _PLACE.findall(template):
        if name.startswith("$") and not _PATH.fullmatch(name):
            raise DefinitionError(f"InputTemplate: <{name}> is no JSON path of names and numbers.")
        if not name.startswith("$") and name not in VARIABLES:
            raise DefinitionError(f"InputTemplate: <{name}> is unknown; {', '.join(VARIABLES)} are known.")


def _pattern(given: Mapping[str, Any]) -> Any:
    try:
        pattern = json.loads(given.get("Pattern", "{}"))
    except ValueError as fault:
        raise DefinitionError(f"Filter pattern is not JSON: {fault}") from fault
    try:
        patterns.check(pattern)
    except patterns.PatternError as fault:
        raise DefinitionError(f"Event pattern is not valid: {fault}.") from fault
    return pattern


def value_at(path: str, event: Any) -> Any:
    """What a JSON path `$.a.b[0]` names within an event; None if nothing is there.

    Example:
        >>> value_at("$.dynamodb.Keys.id.S", {"dynamodb": {"Keys": {"id": {"S": "7"}}}})
        '7'
    """
    for name, index in _STEP.findall(path.removeprefix("$")):
        if name:
            event = event.get(name) if isinstance(event, dict) else None
        else:
            event = event[int(index)] if isinstance(event, list) and int(index) < len(event) else None
    return event


def partition_key(definition: Definition, event: Mapping[str, Any]) -> str:
    """The key under which a record goes to its shard: what the path names in the source record, or the constant.

    Example:
        >>> partition_key(parse({"TargetParameters": {"KinesisStreamParameters": {"PartitionKey": "all"}}}), {})
        'all'

    Raises:
        DefinitionError: The path names nothing in this record.
    """
    if not definition.partition_key.startswith("$"):
        return definition.partition_key or str(event.get("eventID", ""))
    value = value_at(definition.partition_key, event)
    if value is None or isinstance(value, dict | list):
        raise DefinitionError(f"PartitionKey {definition.partition_key} is not in the record.")
    return str(value)


def transform(template: str, event: Mapping[str, Any], variables: Mapping[str, Any]) -> str:
    """The data of a record by an input template.

    A place within a JSON string becomes text, one outside becomes JSON. A path that names nothing becomes an empty
    text or null.

    Example:
        >>> transform('{"id": <$.a>, "note": "no <$.a>"}', {"a": 7}, {})
        '{"id": 7, "note": "no 7"}'
    """
    parts, end, quoted = [], 0, False
    for place in _PLACE.finditer(template):
        between = template[end : place.start()]
        quoted ^= len(re.findall(r'(?<!\\)"', between)) % 2 == 1
        parts += [between, _filled(place[1], event, variables, quoted)]
        end = place.end()
    return "".join([*parts, template[end:]])


def _filled(name: str, event: Mapping[str, Any], variables: Mapping[str, Any], quoted: bool) -> str:
    value = value_at(name, event) if name.startswith("$") else variables.get(name)
    if not quoted:
        return json.dumps(value, ensure_ascii=False)
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False)[1:-1]


def passes(definition: Definition, event: Mapping[str, Any]) -> bool:
    """Whether the filters let a record pass."""
    return not definition.filters or any(patterns.matches(event, pattern) for pattern in definition.filters)
