"""A predictor's configuration, in which CreatePredictor and CreateAutoPredictor differ in spelling alone.

It reads requests; what they mean for rows stands in panels.py, what for models in training.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forecasting.engine.frequency import Boundary, Frequency

MONTHS = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE",
    "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER",
)  # fmt: skip
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
MEAN = "mean"
WITH_METADATA = ("CNN-QR", "Deep_AR_Plus")  # of the single algorithms those that know items by their metadata
AUTO_WINDOWS = 2  # the API has no member for them

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Configuration:
    """What a predictor is to be.

    Args:
        frequency: Of the forecast.
        horizon: Periods to forecast.
        types: Forecast types as they were asked for: `0.1`, `mean`.
        dimensions: Forecast dimensions.
        attributes: By attribute, its aggregation and filling.
        countries: Whose holidays count.
        algorithm: Name of the algorithm; None for the weighted combination, AUTOML for the best single one.
        parameters: The algorithm's own.
        metric: What is optimised.
        windows: Of the backtest.
        offset: Periods between the newest window's start and the end of the data.
    """

    frequency: Frequency
    horizon: int
    types: tuple[str, ...]
    dimensions: tuple[str, ...]
    attributes: Mapping[str, Mapping[str, str]]
    countries: tuple[str, ...]
    algorithm: str | None
    parameters: Mapping[str, str]
    metric: str
    windows: int
    offset: int

    @classmethod
    def of(cls, request: Json) -> "Configuration":
        """Read a Create request as it is carried out, or what Describe shows of it."""
        legacy = request.get("FeaturizationConfig")
        config = legacy or request
        evaluation = request.get("EvaluationParameters") or {}
        horizon = int(request["ForecastHorizon"])
        return cls(
            Frequency.parse(config["ForecastFrequency"], boundary(request.get("TimeAlignmentBoundary") or {})),
            horizon,
            tuple(request["ForecastTypes"]),
            tuple(config.get("ForecastDimensions") or ()),
            _featurized(legacy) if legacy else _configured(request["DataConfig"]),
            _countries(request),
            _algorithm(request) if legacy else None,
            request.get("TrainingParameters") or {},
            request["OptimizationMetric"],
            int(evaluation.get("NumberOfBacktestWindows", 1 if legacy else AUTO_WINDOWS)),
            int(evaluation.get("BackTestWindowOffset", horizon)),
        )

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles among the forecast types."""
        return quantiles(self.types)

    @property
    def knows_metadata(self) -> bool:
        """Whether an item without a history can be forecast."""
        return self.algorithm is None or self.algorithm == "AUTOML" or self.algorithm in WITH_METADATA


def quantiles(types: tuple[str, ...] | list[str]) -> tuple[float, ...]:
    """The quantiles among forecast types.

    Example:
        >>> quantiles(["0.50", "mean", ".9"])
        (0.5, 0.9)
    """
    return tuple(float(one) for one in types if one != MEAN)


def boundary(given: Json) -> Boundary:
    """A TimeAlignmentBoundary.

    Example:
        >>> boundary({"DayOfWeek": "SUNDAY", "Hour": 6})
        Boundary(month=None, day_of_month=None, day_of_week=6, hour=6)
    """
    month, day = given.get("Month"), given.get("DayOfWeek")
    return Boundary(
        MONTHS.index(month) + 1 if month else None,
        given.get("DayOfMonth"),
        DAYS.index(day) if day else None,
        given.get("Hour"),
    )


def _algorithm(request: Json) -> str | None:
    return "AUTOML" if request.get("PerformAutoML") else str(request["AlgorithmArn"]).rpartition("/")[2]


def _featurized(config: Json) -> dict[str, Mapping[str, str]]:
    return {
        one["AttributeName"]: method.get("FeaturizationMethodParameters") or {}
        for one in config.get("Featurizations") or ()
        for method in one.get("FeaturizationPipeline") or ()
    }


def _configured(config: Json) -> dict[str, Mapping[str, str]]:
    return {one["AttributeName"]: one["Transformations"] for one in config.get("AttributeConfigs") or ()}


def _countries(request: Json) -> tuple[str, ...]:
    supplementary = (request.get("InputDataConfig") or {}).get("SupplementaryFeatures") or ()
    found = [one["Value"] for one in supplementary if one["Name"] == "holiday"]
    for one in (request.get("DataConfig") or {}).get("AdditionalDatasets") or ():
        found += (one.get("Configuration") or {}).get("CountryCode", []) if one["Name"] == "holiday" else []
    return tuple(dict.fromkeys(found))
