"""Reads and checks forecasts.yaml: every mistake with its line and with what is valid.

It asks nothing outside: tables and columns are those of lakehouse/tables.py, names and bounds those of the API.
"""

import re
from pathlib import Path

import yaml

from forecasting.definitions.columns import Columns
from forecasting.definitions.definition import AUTO, Definition, Predictor, Series, least_windows
from forecasting.definitions.document import Mapping, Mistakes, compose
from forecasting.service.faults import ApiError
from forecasting.service.rules import algorithms, holidays
from lakehouse.errors import ConfigError
from lakehouse.runs import NAME

FILE = Path(__file__).parents[1] / "forecasts.yaml"
FREQUENCIES = ("Y", "M", "W", "D", "H", "30min", "15min", "10min", "5min", "1min")
METRICS = ("WAPE", "RMSE", "MASE", "MAPE", "AverageWeightedQuantileLoss")
FILLING = {
    "aggregation": ("sum", "avg", "min", "max"),
    "frontfill": ("none",),
    "middlefill": ("zero", "nan", "median", "mean", "min", "max"),
    "backfill": ("zero", "nan", "median", "mean", "min", "max"),
}
MEMBERS = (
    "table", "query", "item", "dimensions", "time", "target", "frequency", "horizon", "quantiles", "predictors",
    "items", "related", "metadata", "holidays", "filling", "log", "metric", "retention", "schedule", "retrain_days",
    "approval",
)  # fmt: skip
MOST_DIMENSIONS, MOST_RELATED, MOST_METADATA = 10, 13, 9  # columns, as the API's schemas have them
_OF_A_DAY = ("D", "W", "M", "Y")
_SCHEDULE = re.compile(r"rate\([1-9]\d* (minute|minutes|hour|hours|day|days)\)|cron\([^()']{9,100}\)")
_QUANTILE = re.compile(r"mean|0\.(0[1-9]|[1-9]\d?)")


def load(path: Path = FILE) -> dict[str, Definition]:
    """The definitions of a file, by name.

    Raises:
        DefinitionError: Anything in it is wrong.
        ConfigError: It cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{path}: {fault}", "a file of forecasts", "correct the path") from fault
    return read(text, path.name)


def read(text: str, path: str = FILE.name) -> dict[str, Definition]:
    """The definitions of a document, by name.

    Raises:
        DefinitionError: Anything in it is wrong.
    """
    root, mistakes, found = compose(text, path), Mistakes(path), {}
    if root is not None and not isinstance(root, yaml.MappingNode):
        mistakes.add(root, "the file is no mapping", "names of forecasts, each with a definition")
    elif root is not None:
        for key, node in root.value:
            name = str(key.value)
            if not NAME.fullmatch(name):
                mistakes.add(
                    key, f"a forecast is named {name}", "small letters, digits and _, at most 40, a letter first"
                )
            elif name in found:
                mistakes.add(key, f"{name} is defined twice", "it once")
            else:
                found[name] = _definition(name, Mapping(node, name, mistakes, MEMBERS), mistakes)
    mistakes.raise_any()
    return found


def _definition(name: str, given: Mapping, mistakes: Mistakes) -> Definition:
    columns, frequency = Columns(given), given.text("frequency", "D", FREQUENCIES)
    item, time, target = columns.text("item"), columns.moment("time"), columns.number("target")
    dimensions = columns.texts("dimensions", MOST_DIMENSIONS)
    if len({item, time, target, *dimensions}) < 3 + len(dimensions) and all((item, time, target)):
        given.wrong("dimensions", "item, time, target and dimensions share a column", "different columns")
    if frequency not in _OF_A_DAY and columns.are_days(time):
        given.wrong("frequency", f"frequency {frequency} of {time}, which holds days", f"one of {', '.join(_OF_A_DAY)}")
    items = given.mapping("items", ("top", "by", "days"))
    retention = given.mapping("retention", ("runs", "days"))
    schedule = given.text("schedule")
    if schedule and not _SCHEDULE.fullmatch(schedule):
        given.wrong("schedule", f"schedule is {schedule}", "rate(1 day) or cron(0 2 * * ? *)")
    holiday = given.text("holidays", "", sorted(holidays.COUNTRIES))
    if holiday and frequency in ("W", "M", "Y"):
        given.wrong("holidays", f"holidays with frequency {frequency}", "a frequency of a day or less")
    related = _series(given, "related", (item, time), mistakes)
    return Definition(
        name=name,
        table=columns.table,
        query=_query(given),
        item=item,
        dimensions=dimensions,
        time=time,
        target=target,
        frequency=frequency,
        horizon=given.number("horizon", None, 1, 500),
        quantiles=_quantiles(given, mistakes),
        predictors=_predictors(given, mistakes),
        top=items.number("top", None, 1, 100_000) if items else 0,
        top_by=columns.of(items).number("by") if items else "",
        top_days=items.number("days", 1, 1, 10_000) if items and "days" in items else 1,
        related=related,
        metadata=_series(given, "metadata", (item,), mistakes),
        holidays=holiday,
        filling=_filling(given),
        is_log=given.flag("log"),
        metric=given.text("metric", "WAPE", METRICS),
        keep_runs=retention.number("runs", 2, 1, 50) if retention else 2,
        keep_days=retention.number("days", 0, 0, 3650) if retention and "days" in retention else 0,
        schedule=schedule,
        retrain_days=given.number("retrain_days", 0, 0, 365) if "retrain_days" in given else 0,
        needs_approval=given.flag("approval"),
    )


def _query(given: Mapping) -> str:
    query = given.text("query").strip().rstrip(";").strip()
    if query and not re.match(r"(?i)(select|with)\s", query):
        given.wrong("query", f"query is {query[:30]}", "a SELECT")
    return query


def _quantiles(given: Mapping, mistakes: Mistakes) -> tuple[str, ...]:
    found = given.texts("quantiles") or ("0.1", "0.5", "0.9")
    wrong = [one for one in found if not _QUANTILE.fullmatch(one)]
    for node in given.nodes("quantiles"):
        if str(node.value) in wrong:
            mistakes.add(node, f"quantiles has {node.value}", "0.01 to 0.99 or mean")
    if len({one.rstrip("0") for one in found}) < len(found):
        given.wrong("quantiles", f"quantiles has one twice: {', '.join(found)}", "each once")
    if len(found) > 5:
        given.wrong("quantiles", f"{len(found)} quantiles", "at most 5")
    return found


def _predictors(given: Mapping, mistakes: Mistakes) -> tuple[Predictor, ...]:
    nodes, names, found = given.nodes("predictors"), (AUTO, *algorithms.NAMES), []
    least = least_windows(len(nodes))
    for node in nodes:
        if isinstance(node, yaml.ScalarNode):
            if node.value not in names:
                mistakes.add(node, f"predictors has {node.value}", f"one of {', '.join(names)}")
            found.append(Predictor(str(node.value), windows=1 if node.value == AUTO else least))
            continue
        one = Mapping(node, "a predictor", mistakes, ("algorithm", "hyperparameters", "windows"))
        algorithm = one.text("algorithm", None, names)
        parameters = _parameters(one, algorithm, mistakes)
        windows = one.number("windows", least, least, 5) if "windows" in one else least
        windows = 1 if algorithm == AUTO else windows
        if algorithm == AUTO and "windows" in one:
            one.wrong("windows", "auto has windows", "none: an AutoPredictor chooses its own")
        found.append(Predictor(algorithm, parameters, windows))
    if len(nodes) > 9:
        given.wrong("predictors", f"{len(nodes)} predictors", "at most 9")
    return tuple(found) or (Predictor(AUTO),)


def _parameters(one: Mapping, algorithm: str, mistakes: Mistakes) -> dict[str, str]:
    node, found = one.member("hyperparameters"), {}
    if "hyperparameters" not in one:
        return {}
    if not isinstance(node, yaml.MappingNode) or algorithm == AUTO:
        mistakes.add(node, "hyperparameters", "a mapping, of an algorithm that has some; auto has none")
        return {}
    for key, value in node.value:
        name, text = str(key.value), str(value.value)
        try:
            if algorithm in algorithms.NAMES:
                algorithms.check_parameters(algorithm, {name: text})
            found[name] = text
        except ApiError as fault:
            mistakes.add(key, fault.message, f"a hyperparameter of {algorithm}")
    return found


def _series(given: Mapping, name: str, shared: tuple[str, ...], mistakes: Mistakes) -> Series | None:
    """Related series have item and time, metadata the item alone; both are named as in the target unless said."""
    one = given.mapping(name, ("table", "query", "item", "time", "columns"))
    if one is None:
        return None
    columns, is_related = Columns(one), len(shared) > 1
    taken = columns.texts("columns", MOST_RELATED if is_related else MOST_METADATA, are_numbers=is_related)
    if not taken:
        one.wrong("columns", f"{name} has no columns", f"some of {', '.join(columns.names) or 'the query'}")
    item = columns.text("item", shared[0])
    time = columns.moment("time", shared[1]) if is_related else ""
    if not is_related and "time" in one:
        one.wrong("time", f"{name} has a time", "none: metadata hold for ever")
    return Series(columns.table, _query(one), item, time, taken)


def _filling(given: Mapping) -> dict[str, str]:
    one = given.mapping("filling", tuple(FILLING))
    return {name: one.text(name, choices=choices) for name, choices in FILLING.items() if name in one} if one else {}
