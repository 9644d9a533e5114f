"""A data set's schema as the API's `Schema` gives it: names, types, and which columns are the key of a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from lakehouse.errors import ContractError

TYPES = {
    "string": pa.string(),
    "geolocation": pa.string(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "timestamp": pa.timestamp("s"),
}
ITEM_COLUMNS = {"EC2_CAPACITY": "instance_type", "WORK_FORCE": "workforce_type", "METRICS": "metric_name"}
"""The item's column of each domain; `item_id` in the others."""


@dataclass(frozen=True)
class Attribute:
    """A column: `kind` is an AttributeType of the API."""

    name: str
    kind: str


@dataclass(frozen=True)
class Schema:
    """The columns in the order of the files.

    Args:
        attributes: All of them.
        item: The one that names the item; "" in a schema that need not have one.
    """

    attributes: tuple[Attribute, ...]
    item: str = ""

    @classmethod
    def of(cls, body: Mapping[str, Any], domain: str = "CUSTOM") -> "Schema":
        """Read the API's `Schema`.

        Raises:
            ContractError: It lacks the item's column of its domain, or names a column twice.
        """
        attributes = tuple(Attribute(one["AttributeName"], one["AttributeType"]) for one in body["Attributes"])
        names = [attribute.name for attribute in attributes]
        item = ITEM_COLUMNS.get(domain, "item_id")
        if item not in names:
            raise ContractError(f"a schema with the columns {', '.join(names)}", f"one with {item}", "add it")
        if len(set(names)) < len(names):
            raise ContractError(f"a schema with the columns {', '.join(names)}", "each name once", "rename one")
        return cls(attributes, item)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(attribute.name for attribute in self.attributes)

    @property
    def timestamp(self) -> str | None:
        """The column of the time; None in item metadata."""
        return next((attribute.name for attribute in self.attributes if attribute.kind == "timestamp"), None)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What tells the series of one item apart: every other string of a table with times."""
        if self.timestamp is None:
            return ()
        return tuple(one.name for one in self.attributes if one.kind == "string" and one.name != self.item)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns in which two rows about the same thing agree; none of them may be empty."""
        return (self.item, *self.dimensions, *filter(None, [self.timestamp]))

    @property
    def arrow(self) -> pa.Schema:
        """The columns as they lie in data.parquet."""
        return pa.schema([(attribute.name, TYPES[attribute.kind]) for attribute in self.attributes])
