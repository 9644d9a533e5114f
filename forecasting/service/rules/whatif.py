"""What-if forecasts and selected time series: which rows are changed how, and which series are meant.

Whether the rows exist is found out by the job that reads them.
"""

import contextlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from forecasting.service.faults import invalid
from forecasting.service.rules.domains import attributes
from forecasting.service.rules.places import check_place, check_timestamp_format
from forecasting.service.rules.predictors import Schemas

BASELINE = "Baseline"  # how an export calls the forecast that is varied
_ORDERED = ("LESS_THAN", "GREATER_THAN")
_TEXTS = ("string", "geolocation")
# As the job reads a time in a condition.
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ")


def check_selector(selector: Mapping[str, Any], schemas: Schemas, dimensions: list[str]) -> None:
    """A TimeSeriesSelector: a file of item ids and every forecast dimension."""
    identifiers = selector.get("TimeSeriesIdentifiers", {})
    missing = [name for name in ("DataSource", "Schema") if name not in identifiers]
    if missing:
        raise invalid(f"TimeSeriesIdentifiers needs {' and '.join(missing)}")
    check_place(identifiers["DataSource"]["S3Config"], is_source=True)
    found = attributes(identifiers["Schema"])
    expected = {schemas.item, *dimensions}
    if set(found) != expected or set(found.values()) != {"string"}:
        raise invalid(f"The schema of TimeSeriesIdentifiers must have the string attributes {', '.join(expected)}")


def check_changes(request: Mapping[str, Any], schemas: Schemas) -> None:
    """Transformations or a replacement, one of the two."""
    transformations = request.get("TimeSeriesTransformations", [])
    replacement = request.get("TimeSeriesReplacementsDataSource")
    if bool(transformations) == (replacement is not None):
        raise invalid("Specify either TimeSeriesTransformations or TimeSeriesReplacementsDataSource")
    if not schemas.features:
        raise invalid("A what-if forecast needs a related time series, which the dataset group does not have")
    if replacement is None:
        for one in transformations:
            _check_transformation(one, schemas)
    else:
        _check_replacement(replacement, schemas)


def check_columns(names: Sequence[str]) -> None:
    """The what-if forecasts of an export, after which its columns are named, beside those of the baseline."""
    every = [*names, BASELINE]
    twice = [name for name in every if every.count(name) > 1]
    if twice:
        raise invalid(
            f"Two columns of the export would be named {twice[0]}_…: its what-if forecasts need different names, and "
            f"none of them {BASELINE}"
        )


def _check_transformation(one: Mapping[str, Any], schemas: Schemas) -> None:
    if "Action" not in one:
        raise invalid("A transformation needs an Action")
    action = one["Action"]
    if action["AttributeName"].lower() not in (name.lower() for name in schemas.features):
        known = ", ".join(schemas.features)
        raise invalid(f"Invalid attribute of an Action: {action['AttributeName']}. Related time series: {known}")
    if action["Operation"] == "DIVIDE" and action["Value"] == 0:
        raise invalid("An Action cannot divide by 0")
    kinds = _condition_attributes(schemas)
    for condition in one.get("TimeSeriesConditions", []):
        _check_condition(condition, kinds)


def _condition_attributes(schemas: Schemas) -> dict[str, str]:
    """Types of what a condition may ask about: metadata, and all of the related series' rows.

    A forecast dimension that those rows lack is none of it: one row then is of several series.
    """
    found = attributes(schemas.metadata["Schema"]) if schemas.metadata else {}
    return found | (attributes(schemas.related["Schema"]) if schemas.related else {})


def _check_condition(condition: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
    name, value = condition["AttributeName"], condition["AttributeValue"]
    if name not in kinds:
        raise invalid(f"Invalid attribute of a condition: {name}. Attributes of conditions: {', '.join(kinds)}")
    kind = kinds[name]
    if kind in _TEXTS and condition["Condition"] in _ORDERED:
        raise invalid(f"{condition['Condition']} compares numbers and time stamps; {name} is a {kind}")
    if kind not in _TEXTS and not (_is_time(value) if kind == "timestamp" else _is_finite(value)):
        raise invalid(f"Invalid AttributeValue: {value}. The attribute {name} is of type {kind}")


def _is_time(text: str) -> bool:
    for form in _TIMES:
        with contextlib.suppress(ValueError):
            return bool(datetime.strptime(text, form))
    return False


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _check_replacement(source: Mapping[str, Any], schemas: Schemas) -> None:
    check_place(source["S3Config"], is_source=True)
    frequency = schemas.related["DataFrequency"] if schemas.related else None
    check_timestamp_format(source.get("TimestampFormat"), frequency)
    found = attributes(source["Schema"])
    related = attributes(schemas.related["Schema"]) if schemas.related else {}
    missing = [name for name, kind in related.items() if kind in ("string", "timestamp") and name not in found]
    if missing:
        raise invalid(f"The schema of the replacement needs the attribute(s) [{', '.join(missing)}]")
    wrong = [name for name, kind in found.items() if kind != related.get(name)]
    if wrong:
        raise invalid(f"The attribute(s) [{', '.join(wrong)}] are not those of the related time series")
    if not any(name in schemas.features for name in found):
        raise invalid("The schema of the replacement needs at least one related time series")
