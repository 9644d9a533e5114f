"""The kinds of resources: how they are named, listed, limited and told of, one row each.

Every operation on resources is made from this table and from the members of botocore's shapes; what a Create has to
check beside them stands in `creation`.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of resource.

    Attributes:
        resource: Its name in ARNs, in job.json and in messages.
        noun: The stem of its operations and members: Create<noun>, <noun>Arn, <noun>Name.
        plural: What List answers, and the end of its name.
        parents: The member that names its parents; a parent cannot be deleted while a child is there.
        in_arn: The kind of the parent whose name stands before its own in the ARN; empty for none.
        filters: Keys that List filters by, beside Status.
        total: The quota on their number.
        at_once: The quota on how many are made at a time; empty for what is there at once.
        is_stoppable: Whether StopResource takes it.
        told_as: How EventBridge calls its creation and its deletion; empty where nothing is told.
    """

    resource: str
    noun: str
    plural: str
    total: str
    parents: str = ""
    in_arn: str = ""
    filters: tuple[str, ...] = ()
    at_once: str = ""
    is_stoppable: bool = False
    told_as: tuple[str, str] = ("", "")

    @property
    def arn_member(self) -> str:
        return f"{self.noun}Arn"

    @property
    def name_member(self) -> str:
        return f"{self.noun}Name"

    @property
    def is_job(self) -> bool:
        """Whether a worker makes it."""
        return bool(self.at_once)

    @property
    def words(self) -> str:
        return self.resource.replace("-", " ")

    @property
    def plural_words(self) -> str:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.plural).lower()


_CREATION, _DELETION = "Creation State Change", "Deletion State Change"

ALL = (
    Kind("dataset", "Dataset", "Datasets", "datasets", told_as=("", f"Forecast Dataset {_DELETION}")),
    Kind("dataset-group", "DatasetGroup", "DatasetGroups", "dataset_groups"),
    Kind(
        "dataset-import-job",
        "DatasetImportJob",
        "DatasetImportJobs",
        "imports",
        parents="DatasetArn",
        in_arn="dataset",
        filters=("DatasetArn",),
        at_once="imports_at_once",
        is_stoppable=True,
        told_as=("Forecast Dataset Import Job State Change", f"Forecast Dataset Import Job {_DELETION}"),
    ),
    Kind(
        "predictor",
        "Predictor",
        "Predictors",
        "predictors",
        parents="DatasetGroupArn",
        filters=("DatasetGroupArn",),
        at_once="predictors_at_once",
        is_stoppable=True,
        told_as=(f"Forecast Predictor {_CREATION}", f"Forecast Predictor {_DELETION}"),
    ),
    Kind(
        "predictor-backtest-export-job",
        "PredictorBacktestExportJob",
        "PredictorBacktestExportJobs",
        "backtest_exports",
        parents="PredictorArn",
        in_arn="predictor",
        filters=("PredictorArn",),
        at_once="backtest_exports_at_once",
        is_stoppable=True,
        told_as=("Forecast Predictor Backtest Export Job State Change", ""),
    ),
    Kind(
        "forecast",
        "Forecast",
        "Forecasts",
        "forecasts",
        parents="PredictorArn",
        filters=("DatasetGroupArn", "PredictorArn"),
        at_once="forecasts_at_once",
        is_stoppable=True,
        told_as=(f"Forecast Forecast {_CREATION}", f"Forecast Forecast {_DELETION}"),
    ),
    Kind(
        "forecast-export-job",
        "ForecastExportJob",
        "ForecastExportJobs",
        "forecast_exports",
        parents="ForecastArn",
        in_arn="forecast",
        filters=("ForecastArn",),
        at_once="forecast_exports_at_once",
        is_stoppable=True,
        told_as=("Forecast Forecast Export Job State Change", ""),
    ),
    Kind(
        "what-if-analysis",
        "WhatIfAnalysis",
        "WhatIfAnalyses",
        "what_if_analyses",
        parents="ForecastArn",
        filters=("WhatIfAnalysisArn",),
        at_once="what_if_analyses_at_once",
    ),
    Kind(
        "what-if-forecast",
        "WhatIfForecast",
        "WhatIfForecasts",
        "what_if_forecasts",
        parents="WhatIfAnalysisArn",
        in_arn="what-if-analysis",
        filters=("WhatIfForecastArn",),
        at_once="what_if_forecasts_at_once",
    ),
    Kind(
        "what-if-forecast-export",
        "WhatIfForecastExport",
        "WhatIfForecastExports",
        "what_if_exports",
        parents="WhatIfForecastArns",
        filters=("WhatIfForecastExportArn",),
        at_once="what_if_exports_at_once",
    ),
)

KINDS = {kind.resource: kind for kind in ALL}
