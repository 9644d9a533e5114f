"""A what-if forecast's TimeSeriesTransformations: rows of the related series chosen by conditions, a value changed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecasting.data import timestamps
from forecasting.data.cells import shown
from forecasting.data.schema import Attribute, Schema
from forecasting.data.timestamps import TimestampFormat
from lakehouse.errors import ContractError

_FORMATS = ("yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss'Z'")
_CONDITIONS = {"EQUALS": pc.equal, "NOT_EQUALS": pc.not_equal, "LESS_THAN": pc.less, "GREATER_THAN": pc.greater}
_OPERATIONS = {"ADD": pc.add, "SUBTRACT": pc.subtract, "MULTIPLY": pc.multiply, "DIVIDE": pc.divide}


def apply(
    related: pa.Table,
    schema: Schema,
    transformations: Sequence[Mapping[str, Any]],
    metadata: tuple[pa.Table, Schema] | None = None,
) -> pa.Table:
    """Apply transformations one after the other, each to what the ones before have left.

    A row is changed where all conditions hold; without conditions every row is. A missing value fulfils no condition
    and stays missing. An integer column that is changed becomes one of floats.

    Args:
        related: The related series, columns as the schema has them.
        schema: Of the related series.
        transformations: The API's TimeSeriesTransformations.
        metadata: Rows and schema of the item metadata, of which conditions may ask, too.

    Returns:
        The same rows in the same order.

    Raises:
        ContractError: An attribute is unknown or of a type that cannot be compared or changed so, a value cannot be
            read, or a result is no finite number.
    """
    for one in transformations:
        chosen = pa.chunked_array([np.ones(len(related), np.bool_)])
        for condition in one.get("TimeSeriesConditions") or ():
            chosen = pc.and_(chosen, _fulfilled(condition, *_asked(related, schema, condition, metadata)))
        related = _changed(related, schema, one["Action"], chosen)
    return related


def _asked(
    related: pa.Table, schema: Schema, condition: Mapping[str, Any], metadata: tuple[pa.Table, Schema] | None
) -> tuple[Attribute, pa.ChunkedArray]:
    """What a condition asks of each row: a column of the related series, or what the metadata say of its item."""
    name = condition["AttributeName"]
    if metadata and name.lower() not in (known.lower() for known in schema.names):
        items, of_items = metadata
        attribute = _attribute(of_items, name)
        place = pc.index_in(related[schema.item], items[of_items.item].combine_chunks())
        return attribute, items[attribute.name].take(place)
    attribute = _attribute(schema, name)
    return attribute, related[attribute.name]


def _fulfilled(condition: Mapping[str, Any], attribute: Attribute, column: pa.ChunkedArray) -> pa.ChunkedArray:
    word = condition["Condition"]
    if attribute.kind in ("string", "geolocation") and word not in ("EQUALS", "NOT_EQUALS"):
        raise ContractError(
            f"the condition {word} on {attribute.name}, which is a {attribute.kind}",
            "EQUALS or NOT_EQUALS",
            "compare numbers and timestamps",
        )
    if attribute.kind == "integer":
        column = pc.cast(column, pa.float64(), safe=False)
    holds = pc.fill_null(_CONDITIONS[word](column, _value(attribute, condition["AttributeValue"])), False)
    if attribute.kind in ("integer", "float"):
        holds = pc.and_(holds, pc.invert(pc.fill_null(pc.is_nan(column), True)))
    return holds


def _value(attribute: Attribute, text: str) -> pa.Scalar:
    if attribute.kind in ("string", "geolocation"):
        return pa.scalar(text)
    if attribute.kind == "timestamp":
        time = timestamps.parse(pa.array([text]), [TimestampFormat.of(one) for one in _FORMATS])[0]
        if not np.isnat(time):
            return pa.scalar(time, pa.timestamp("s"))
    else:
        try:
            number = float(text)
        except ValueError:
            number = np.nan
        if np.isfinite(number):
            return pa.scalar(number)
    raise ContractError(
        f"the condition's value {shown(text)} for {attribute.name}", f"a {attribute.kind}", "compare with such a value"
    )


def _changed(related: pa.Table, schema: Schema, action: Mapping[str, Any], chosen: pa.ChunkedArray) -> pa.Table:
    attribute = _attribute(schema, action["AttributeName"])
    if attribute.kind not in ("integer", "float"):
        raise ContractError(
            f"the action {action['Operation']} on {attribute.name}, which is a {attribute.kind}",
            "an attribute that is a number",
            "change a related series",
        )
    value = float(action["Value"])
    before = pc.cast(related[attribute.name], pa.float64(), safe=False)
    after = pc.if_else(chosen, _OPERATIONS[action["Operation"]](before, value), before)
    wrong = pc.and_(chosen, pc.and_(pc.is_finite(before), pc.invert(pc.is_finite(after))))
    if pc.any(pc.fill_null(wrong, False)).as_py():
        raise ContractError(
            f"the action {action['Operation']} {value!r} on {attribute.name}", "finite results", "choose another value"
        )
    if not pc.any(chosen).as_py():
        return related
    return related.set_column(related.column_names.index(attribute.name), attribute.name, after)


def _attribute(schema: Schema, name: str) -> Attribute:
    """The attribute of this name, in which capitals do not count."""
    for attribute in schema.attributes:
        if attribute.name.lower() == name.lower():
            return attribute
    raise ContractError(
        f"the attribute {shown(name)}", f"one of {', '.join(schema.names)}", "name one of the related time series"
    )
