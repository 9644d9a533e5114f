"""The schemas of datasets: which fields a domain asks for, and which attributes each type of dataset may have.

Source: the pages of the domains and "Guidelines and quotas" in the Amazon Forecast developer guide.
"""

from dataclasses import dataclass
from typing import Any

from forecasting.service.faults import invalid
from forecasting.service.rules.intervals import interval
from forecasting.service.rules.reserved import RESERVED

TARGET, RELATED, METADATA = "TARGET_TIME_SERIES", "RELATED_TIME_SERIES", "ITEM_METADATA"
NUMERIC = ("integer", "float")
MOST_DIMENSIONS = 10
_MOST_COLUMNS = {TARGET: 13, RELATED: 25, METADATA: 10}


@dataclass(frozen=True)
class Domain:
    """The fields of a domain: its item id, its target, and names it knows beside them."""

    item: str = "item_id"
    target: str = "target_value"
    known: tuple[str, ...] = ()
    has_metadata: bool = True


DOMAINS = {
    "RETAIL": Domain(
        target="demand",
        known=("location", "price", "promotion_applied", "category", "brand", "color", "genre"),
    ),
    "CUSTOM": Domain(known=("category",)),
    "INVENTORY_PLANNING": Domain(
        target="demand",
        known=("location", "price", "category", "brand", "lead_time", "order_cycle", "safety_stock"),
    ),
    "EC2_CAPACITY": Domain("instance_type", "number_of_instances", ("location",), has_metadata=False),
    "WORK_FORCE": Domain("workforce_type", "workforce_demand", ("wages", "shift_length", "location")),
    "WEB_TRAFFIC": Domain(target="value", known=("category",)),
    "METRICS": Domain("metric_name", "metric_value", ("category",)),
}


def attributes(schema: dict[str, Any]) -> dict[str, str]:
    """Types of a schema's attributes by name, in their order.

    Raises:
        ApiError: There is none, one lacks its name or type, or a name is there twice.
    """
    found: dict[str, str] = {}
    for attribute in schema.get("Attributes", []):
        name, kind = attribute.get("AttributeName"), attribute.get("AttributeType")
        if not name or not kind:
            raise invalid("Every attribute of a schema needs AttributeName and AttributeType")
        if name.lower() in (known.lower() for known in found):
            raise invalid(f"The schema has the attribute {name} twice")
        found[name] = kind
    if not found:
        raise invalid("The schema has no attributes")
    return found


def check_dataset(request: dict[str, Any]) -> None:
    """A CreateDataset against its domain and type.

    Raises:
        ApiError: A field is missing, has a wrong type or is one too many, or the frequency is none.
    """
    domain, kind = DOMAINS[request["Domain"]], request["DatasetType"]
    if kind == METADATA and not domain.has_metadata:
        raise invalid(f"The domain {request['Domain']} has no dataset type {METADATA}")
    found = attributes(request["Schema"])
    if len(found) > _MOST_COLUMNS[kind]:
        raise invalid(f"The schema of a {kind} dataset has at most {_MOST_COLUMNS[kind]} attributes, not {len(found)}")
    own = {domain.item, "timestamp", domain.target, *domain.known}
    reserved = [name for name in found if name.lower() in RESERVED and name not in own]
    if reserved:
        raise invalid(f"The attribute name(s) [{', '.join(reserved)}] are reserved and cannot be used in a schema")
    _check_required(domain, kind, found)
    {TARGET: _check_target, RELATED: _check_related, METADATA: _check_metadata}[kind](domain, found)
    if "DataFrequency" in request:
        interval(request["DataFrequency"], "DataFrequency")
    elif kind == RELATED:
        raise invalid(f"DataFrequency is required for a {RELATED} dataset")


def _check_required(domain: Domain, kind: str, found: dict[str, str]) -> None:
    required: dict[str, tuple[str, ...]] = {domain.item: ("string",)}
    if kind != METADATA:
        required["timestamp"] = ("timestamp",)
    if kind == TARGET:
        required[domain.target] = NUMERIC
    missing = [name for name in required if name not in found]
    if missing:
        raise invalid(f"The schema of a {kind} dataset of this domain needs the attribute(s) [{', '.join(missing)}]")
    for name, allowed in required.items():
        if found[name] not in allowed:
            raise invalid(f"The attribute {name} must be of type {' or '.join(allowed)}, not {found[name]}")


def _check_target(domain: Domain, found: dict[str, str]) -> None:
    rest = {name: kind for name, kind in found.items() if name not in (domain.item, "timestamp", domain.target)}
    wrong = [name for name, kind in rest.items() if kind not in ("string", "geolocation")]
    if wrong:
        raise invalid(
            f"The attribute(s) [{', '.join(wrong)}] present in the {TARGET} schema should be forecast dimensions "
            f"of type `string`; other time series belong into a {RELATED} dataset"
        )
    if list(rest.values()).count("geolocation") > 1:
        raise invalid("A schema has at most one attribute of type geolocation")
    if list(rest.values()).count("string") > MOST_DIMENSIONS:
        raise invalid(f"A {TARGET} dataset has at most {MOST_DIMENSIONS} forecast dimensions")


def _check_related(domain: Domain, found: dict[str, str]) -> None:
    if domain.target in found:
        raise invalid(f"The target {domain.target} cannot be part of a {RELATED} dataset")
    kinds = list(found.values())
    if kinds.count("timestamp") > 1 or kinds.count("geolocation") > 1:
        raise invalid("A schema has at most one attribute of type timestamp and one of type geolocation")
    if not any(kind in NUMERIC for kind in kinds):
        raise invalid(f"A {RELATED} dataset needs at least one attribute of type integer or float")
    if kinds.count("string") - 1 > MOST_DIMENSIONS:
        raise invalid(f"A {RELATED} dataset has at most {MOST_DIMENSIONS} forecast dimensions")


def _check_metadata(_: Domain, found: dict[str, str]) -> None:
    wrong = [name for name, kind in found.items() if kind in ("timestamp", "geolocation")]
    if wrong:
        raise invalid(f"The attribute(s) [{', '.join(wrong)}] of an {METADATA} dataset should be of type `string`")
    if len(found) < 2:
        raise invalid(f"An {METADATA} dataset needs at least one attribute beside the item's id")
