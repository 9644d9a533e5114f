"""Puts the journal under the emulator's DynamoDB. What is replaced stands in `install`, and nowhere else."""

import functools
from collections.abc import Callable
from typing import Any

from infra.local.dynamodb.iterators import by_number
from infra.local.dynamodb.sizes import item_bytes
from infra.local.dynamodb.streams import DurableStreams, called_by_reaper
from infra.local.dynamodb.tables import DurableTables, Table
from infra.local.journal import Journal

_WRITES = (
    "_put_item", "_update_item", "_delete_item", "_batch_write_item", "_transact_write_items", "_execute_statement",
    "_batch_execute_statement", "_execute_transaction",
)  # fmt: skip
_RULES = (
    "_create_table", "_delete_table", "_update_table", "_update_ttl", "_update_continuous_backups", "_tag_resource",
    "_untag_resource", "_enable_kinesis_streaming_destination", "_disable_kinesis_streaming_destination",
    "_update_kinesis_streaming_destination", "_update_contributor_insights", "_put_resource_policy",
    "_delete_resource_policy", "_export_table_to_point_in_time", "_import_table", "_create_backup", "_delete_backup",
    "_restore_table_from_backup", "_restore_table_to_point_in_time",
)  # fmt: skip
# Functions of a number's text alone, which take a third of the time of a write; numbers repeat.
_OF_A_NUMBER = ("_number_size_bytes", "_number_error", "_ddb_canonicalize_number")
_NUMBERS = 50_000


def install(journal: Journal) -> tuple[DurableStreams, Callable[[Any], None]]:
    """Keep tables, items and stream records in the journal. Once in a process, before the first request.

    Returns:
        The streams, and what is to be done to CloudFormation's provisioners once they are loaded.
    """
    # Imported here: the emulator reads its environment when it is imported.
    from ministack.services import dynamodb, dynamodb_streams  # noqa: PLC0415

    tables, streams = DurableTables(dynamodb, journal), DurableStreams(dynamodb, journal)
    for name in _WRITES:
        setattr(dynamodb, name, tables.writing(getattr(dynamodb, name)))
    for name in _RULES:
        setattr(dynamodb, name, tables.ruling_request(getattr(dynamodb, name)))
    dynamodb._set_item, dynamodb._items_replaced = tables.set_item, tables.items_replaced
    dynamodb._remove_item = _expiring(dynamodb, tables, streams)
    for name in ("_partiql_insert", "_partiql_update", "_partiql_delete"):
        setattr(dynamodb, name, _telling(tables, streams, getattr(dynamodb, name)))
    dynamodb._emit_stream_event = streams.emit
    dynamodb._stream_label = streams.label
    dynamodb._trim_stream_records = lambda *_, **__: None  # retention.py does it
    dynamodb._sweep_closed_streams = lambda: None
    dynamodb.stream_start_position, dynamodb.stream_end_position = streams.start, streams.end
    dynamodb.stream_records_since, dynamodb.stream_live_records = streams.since, streams.live
    dynamodb.closed_stream, dynamodb.drop_stream_records = streams.closed, streams.close
    dynamodb_streams._get_shard_iterator = by_number(dynamodb_streams, journal)
    dynamodb.get_state, dynamodb.load_persisted_state = lambda: None, lambda _: None  # the journal has it
    for name in _OF_A_NUMBER:
        setattr(dynamodb, name, _remembering(getattr(dynamodb, name)))
    dynamodb._item_size_bytes = functools.partial(
        item_bytes, number_bytes=dynamodb._number_size_bytes, value_bytes=dynamodb._attribute_value_size
    )
    tables.load()

    def provision(provisioners: Any) -> None:
        handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
        handlers["create"] = tables.ruling(_adopting(dynamodb, streams, handlers["create"]))
        for step in ("update", "delete"):
            handlers[step] = tables.ruling(handlers[step])
        provisioners._ddb_create = handlers["create"]

    return streams, provision


def _adopting(dynamodb: Any, streams: DurableStreams, create: Callable[..., Any]) -> Callable[..., Any]:
    """Creation by CloudFormation, which takes a table that is there already instead of emptying it.

    A table is kept when its stack is deleted (DeletionPolicy) and when the gateway is killed during a deployment; AWS
    would ask for an import. One with other keys is refused, as AWS refuses any.
    """

    def adopt(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
        name = props.get("TableName")
        table = dynamodb._tables.get(name) if name else None
        if table is None:
            name, _ = create(logical_id, props, stack_name)
            table = dynamodb._tables[name]
            if table["LatestStreamArn"]:
                # The emulator takes the time twice: the label of the ARN may be another than the label.
                table["LatestStreamLabel"] = streams.label()
        elif table["KeySchema"] != props.get("KeySchema"):
            raise ValueError(f"Table already exists: {name}, with other keys")
        elif (props.get("StreamSpecification") or {}).get("StreamViewType") and not (
            table.get("StreamSpecification") or {}
        ).get("StreamEnabled"):
            table["StreamSpecification"] = {**props["StreamSpecification"], "StreamEnabled": True}
            table["LatestStreamLabel"] = streams.label()
        attributes = {"Arn": table["TableArn"]}
        if (table.get("StreamSpecification") or {}).get("StreamEnabled"):
            table["LatestStreamArn"] = f"{table['TableArn']}/stream/{table['LatestStreamLabel']}"
            attributes["StreamArn"] = table["LatestStreamArn"]
        return str(name), attributes

    return adopt


def _telling(tables: DurableTables, streams: DurableStreams, emulated: Callable[..., Any]) -> Callable[..., Any]:
    """A PartiQL statement, whose changes the emulator tells no stream."""

    @functools.wraps(emulated)
    def tell(table: Table, *args: Any) -> Any:
        with tables.noting() as changes:
            answer = emulated(table, *args)
        for before, after in changes:
            event = "REMOVE" if after is None else "INSERT" if before is None else "MODIFY"
            streams.emit(table["TableName"], event, before, after)
        return answer

    return tell


def _remembering(emulated: Callable[[Any], Any]) -> Callable[[Any], Any]:
    remembered = functools.lru_cache(_NUMBERS)(emulated)

    @functools.wraps(emulated)
    def of_number(text: Any, *args: Any) -> Any:
        return remembered(text) if isinstance(text, str) and not args else emulated(text, *args)

    return of_number


def _expiring(dynamodb: Any, tables: DurableTables, streams: DurableStreams) -> Callable[..., Any]:
    """Deletion of an item; by time to live it is a change as any other, and its stream record says who did it."""

    def remove(table: Table, hash_key: str, range_key: str) -> Any:
        if not called_by_reaper():
            return tables.remove_item(table, hash_key, range_key)
        from ministack.core.arn import parse_arn  # noqa: PLC0415

        place = parse_arn(table["TableArn"])
        with dynamodb.request_scope(place.account_id, place.region), tables._journal.transaction():
            before = tables.remove_item(table, hash_key, range_key)
            if before is not None:
                streams.emit(table["TableName"], "REMOVE", before, None, expired=True)
            return before

    return remove
