"""The plan of a run: every request that the state machine is going to make, in the words of the API.

Pure: what it depends on (definition, versions of tables, bucket, …) is given. The same input gives the same plan, but
for the folders of its files, which belong to an attempt.
"""

from dataclasses import dataclass, replace
from typing import Any

from forecasting.definitions.definition import AUTO, Definition, Predictor, least_windows
from forecasting.pipeline import names, predictors, sql
from forecasting.pipeline.predictors import tags
from lakehouse import places, runs
from lakehouse.errors import ContractError

Request = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """Where a run happens.

    Args:
        bucket: Of the environment.
        role: ARN of the role by which Forecast reads and writes it.
        place: Region and account.
        prefix: Put before the names of databases.
        attempt: Name of the execution: letters, digits, - and _.
    """

    bucket: str
    role: str
    place: names.Place
    prefix: str
    attempt: str


@dataclass(frozen=True)
class Wishes:
    """What a message may change of a definition for one run; None and () leave it as it is."""

    horizon: int | None = None
    windows: int | None = None
    algorithms: tuple[str, ...] = ()

    def apply(self, definition: Definition) -> Definition:
        """The definition as wished; an algorithm that it names keeps its hyperparameters.

        Raises:
            ContractError: Several predictors with a window too few to choose one.
        """
        known = {one.algorithm: one for one in reversed(definition.predictors)}
        predictors = tuple(known.get(name, Predictor(name)) for name in self.algorithms) or definition.predictors
        least = least_windows(len(predictors))
        if self.windows and self.windows < least:
            raise ContractError(
                f"NumberOfBacktestWindows {self.windows} with {len(predictors)} predictors",
                f"{least} at least: the older ones choose the predictor, the newest tells how good it is",
            )
        predictors = tuple(
            one if one.algorithm == AUTO else replace(one, windows=max(self.windows or one.windows, least))
            for one in predictors
        )
        return replace(definition, horizon=self.horizon or definition.horizon, predictors=predictors)


def run_id(definition: Definition, versions: dict[str, str], upload: str = "") -> str:
    """Digest of all that decides a run's result: 5 letters of the definition, 9 of the data.

    Args:
        definition: As wished.
        versions: What tells a table's content, by table.
        upload: Of the uploaded file that takes the table's place.
    """
    return definition_id(definition) + names.digest([versions, upload], 9)


def definition_id(definition: Definition) -> str:
    """Digest of what a definition says of results; how long they are kept and when they are made is no part of it."""
    kept = {"keep_runs": 0, "keep_days": 0, "schedule": "", "retrain_days": 0, "needs_approval": False}
    known = definition.to_dict() | kept
    series = [sql.target(definition)]
    return names.digest([known, series], 5)


def plan(definition: Definition, run: str, site: Site, *, upload: str = "", trained_by: str = "") -> Request:
    """All of a run.

    Args:
        definition: As wished.
        run: Its id.
        site: Where.
        upload: Key of a file to import in place of the table's rows; "" for the table.
        trained_by: An earlier run whose predictors serve once more; "" to train.

    Returns:
        `facts`, `datasets`, `group`, `predictors`, `forecast`, `export`, `backtest`: requests, and what polls need.
    """
    datasets = _datasets(definition, run, site, upload)
    group = names.resource(definition.name, names.digest([one["create"]["DatasetName"] for one in datasets], 5))
    group_arn, name = site.place.arn("dataset-group", group), names.resource(definition.name, run)
    forecast_arn, trained = site.place.arn("forecast", name), names.resource(definition.name, trained_by or run)
    return {
        "facts": _query("" if upload else sql.facts(definition, site.prefix), site, [definition.name, run]),
        "datasets": datasets,
        "group": {
            "DatasetGroupName": group,
            "Domain": "CUSTOM",
            "DatasetArns": [one["arn"] for one in datasets],
            "Tags": tags(definition, run),
        },
        "group_arn": group_arn,
        "predictors": [
            predictors.predictor(definition, one, names.resource(trained, str(number)), group_arn, run)
            for number, one in enumerate(definition.predictors, start=1)
        ],
        "forecast": {"name": name, "arn": forecast_arn, "types": list(definition.quantiles)},
        "export": {
            "create": {
                "ForecastExportJobName": name,
                "ForecastArn": forecast_arn,
                "Destination": _destination(definition, run, site, "export"),
                "Format": "CSV",
                "Tags": tags(definition, run),
            },
            "arn": site.place.arn("forecast-export-job", name, name),
        },
        "backtest": {"name": name, "destination": _destination(definition, run, site, "backtest")},
        "tags": tags(definition, run),
    }


def _datasets(definition: Definition, run: str, site: Site, upload: str) -> list[Request]:
    attributes = [
        (sql.ITEM, "string"),
        *((column, "string") for column in definition.dimensions),
        (sql.TIMESTAMP, "timestamp"),
        (sql.TARGET, "float"),
    ]
    query = "" if upload else sql.target(definition, site.prefix)
    found = [_dataset(definition, run, site, "target", (attributes, query, upload))]
    if series := definition.related:
        attributes = [(sql.ITEM, "string"), (sql.TIMESTAMP, "timestamp"), *((one, "float") for one in series.columns)]
        found.append(
            _dataset(definition, run, site, "related", (attributes, sql.related(definition, series, site.prefix), ""))
        )
    if series := definition.metadata:
        attributes = [(sql.ITEM, "string"), *((one, "string") for one in series.columns)]
        found.append(_dataset(definition, run, site, "metadata", (attributes, sql.metadata(series, site.prefix), "")))
    return found


_KINDS = {"target": "TARGET_TIME_SERIES", "related": "RELATED_TIME_SERIES", "metadata": "ITEM_METADATA"}


def _dataset(
    definition: Definition, run: str, site: Site, kind: str, content: tuple[list[tuple[str, str]], str, str]
) -> Request:
    """A data set, whose name tells its schema, and the import of this run into it."""
    attributes, query, upload = content
    name = names.resource(definition.name, names.digest([attributes, definition.frequency], 5), kind)
    arn, is_metadata = site.place.arn("dataset", name), kind == "metadata"
    folder = f"s3://{site.bucket}/{runs.files(definition.name, run, 'input')}{kind}/{site.attempt}/"
    source = f"s3://{site.bucket}/{upload}" if upload else folder
    create: Request = {
        "DatasetName": name,
        "Domain": "CUSTOM",
        "DatasetType": _KINDS[kind],
        "Schema": {"Attributes": [{"AttributeName": one, "AttributeType": type_} for one, type_ in attributes]},
        "Tags": tags(definition, ""),
    }
    start: Request = {
        "DatasetImportJobName": names.resource("run", run),
        "DatasetArn": arn,
        "DataSource": {"S3Config": {"Path": source, "RoleArn": site.role}},
        "Format": "CSV" if upload else "PARQUET",
        "ImportMode": "FULL",
        "Tags": tags(definition, run),
    }
    if not is_metadata:
        create["DataFrequency"] = definition.frequency
        start["TimestampFormat"] = sql.timestamp_format(definition.frequency)
    return {
        "kind": kind,
        "create": create,
        "arn": arn,
        "import": start,
        "import_arn": site.place.arn("dataset-import-job", name, start["DatasetImportJobName"]),
        "query": _query(sql.unload(query, folder) if query else "", site, [name, run]),
        "needs_query": bool(query),
    }


def _query(text: str, site: Site, which: list[str]) -> Request:
    return {
        "QueryString": text,
        "ResultConfiguration": {"OutputLocation": f"s3://{site.bucket}/{places.ATHENA}"},
        "QueryExecutionContext": {"Database": f"{site.prefix}gold"},
        # A retried call asks for the same execution.
        "ClientRequestToken": names.digest([site.attempt, *which], 40),
    }


def _destination(definition: Definition, run: str, site: Site, kind: str) -> Request:
    path = f"s3://{site.bucket}/{runs.files(definition.name, run, kind)}{site.attempt}/"
    return {"S3Config": {"Path": path, "RoleArn": site.role}}
