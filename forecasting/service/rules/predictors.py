"""What both ways of making a predictor ask: horizon, quantiles, frequency, dimensions, attributes, backtests.

Rules that need the length of the data are kept by the job, which alone reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forecasting.service.faults import invalid
from forecasting.service.rules.algorithms import TUNABLE, algorithm, check_parameters, check_tuning
from forecasting.service.rules.domains import DOMAINS, NUMERIC, RELATED, TARGET, attributes
from forecasting.service.rules.filling import TARGET_DEFAULTS, check_filling
from forecasting.service.rules.intervals import interval

DEFAULT_TYPES = ["0.1", "0.5", "0.9"]
DEFAULT_METRIC = "AverageWeightedQuantileLoss"
MOST_TYPES = 5
LONGEST_HORIZON = 500
_BOUNDARY_OF = {"D": "Hour", "W": "DayOfWeek", "M": "DayOfMonth", "Y": "Month"}


@dataclass(frozen=True)
class Schemas:
    """The datasets of a group, as far as rules need to know them."""

    domain: str
    target: Mapping[str, Any]
    related: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None

    @property
    def item(self) -> str:
        return DOMAINS[self.domain].item

    @property
    def dimensions(self) -> list[str]:
        """Attributes of the target that a forecast can be made for, beside the item."""
        found = attributes(self.target["Schema"])
        return [name for name, kind in found.items() if kind == "string" and name != self.item]

    @property
    def features(self) -> list[str]:
        """Numeric attributes of the related time series."""
        found = attributes(self.related["Schema"]) if self.related else {}
        return [name for name, kind in found.items() if kind in NUMERIC]


def check_types(types: list[str]) -> None:
    """ForecastTypes: at most five, each once, quantiles between 0 and 1."""
    if len(types) > MOST_TYPES:
        raise invalid(f"At most {MOST_TYPES} ForecastTypes can be specified, not {len(types)}")
    numbers = ["mean" if one == "mean" else float(one) for one in types]
    if len(set(numbers)) != len(numbers):
        raise invalid(f"ForecastTypes must be unique: {', '.join(types)}")
    if 0.0 in numbers:
        raise invalid("ForecastTypes must be between 0.01 and 0.99, or mean")


def check_horizon(horizon: int) -> None:
    """ForecastHorizon, as far as it does not depend on the data."""
    if not 1 <= horizon <= LONGEST_HORIZON:
        raise invalid(f"Invalid ForecastHorizon: {horizon}. Expected 1 to {LONGEST_HORIZON}")


def check_frequency(text: str, schemas: Schemas) -> None:
    """ForecastFrequency against the frequencies of the group's data."""
    wanted = interval(text, "ForecastFrequency")
    collected = schemas.target.get("DataFrequency")
    if collected and wanted.seconds < interval(collected, "DataFrequency").seconds:
        raise invalid(f"The ForecastFrequency {text} is finer than the {TARGET} dataset's DataFrequency {collected}")
    beside = schemas.related["DataFrequency"] if schemas.related else None
    if beside and interval(beside, "DataFrequency") != wanted:
        raise invalid(f"The ForecastFrequency {text} must equal the {RELATED} dataset's DataFrequency {beside}")


def check_boundary(boundary: Mapping[str, Any], frequency: str) -> None:
    """TimeAlignmentBoundary: the unit one finer than the frequency's, and that alone."""
    unit = interval(frequency, "ForecastFrequency").unit
    expected = _BOUNDARY_OF.get(unit)
    if expected is None:
        raise invalid(f"A forecast with the frequency {frequency} has no TimeAlignmentBoundary")
    if set(boundary) != {expected}:
        raise invalid(f"The TimeAlignmentBoundary of a forecast with the frequency {frequency} must be {expected}")


def check_dimensions(dimensions: list[str], schemas: Schemas) -> None:
    """ForecastDimensions: some of the target's, and all of the related time series'."""
    wrong = [name for name in dimensions if name not in schemas.dimensions]
    if wrong:
        known = ", ".join(schemas.dimensions) or "none"
        raise invalid(f"Invalid ForecastDimensions: {', '.join(wrong)}. Dimensions of the {TARGET} dataset: {known}")
    if len(set(dimensions)) != len(dimensions):
        raise invalid("ForecastDimensions must be unique")
    if schemas.related is None:
        return
    found = attributes(schemas.related["Schema"])
    loose = [name for name, kind in found.items() if kind == "string" and name not in (schemas.item, *dimensions)]
    if loose:
        raise invalid(
            f"The attribute(s) [{', '.join(loose)}] present in the {RELATED} schema should be of numeric type such as "
            "`integer` or `float`, or be added as a forecast dimension"
        )


def check_attributes(given: list[tuple[str, Mapping[str, str]]], schemas: Schemas) -> None:
    """Aggregation and filling, attribute by attribute."""
    names = [name for name, _ in given]
    if len(set(names)) != len(names):
        raise invalid(f"An attribute is configured twice: {', '.join(names)}")
    target = DOMAINS[schemas.domain].target
    for name, parameters in given:
        if name != target and name not in schemas.features:
            known = ", ".join((target, *schemas.features))
            raise invalid(f"The attribute {name} cannot be configured. Target and related time series: {known}")
        check_filling(name, parameters, is_target=name == target)


def featurized(config: Mapping[str, Any]) -> list[tuple[str, Mapping[str, str]]]:
    """Parameters by attribute of a FeaturizationConfig."""
    found = []
    for one in config.get("Featurizations", []):
        for method in one.get("FeaturizationPipeline", []):
            found.append((one["AttributeName"], method.get("FeaturizationMethodParameters", {})))
    return found


def completed(config: Mapping[str, Any], schemas: Schemas) -> dict[str, Any]:
    """A FeaturizationConfig with the defaults of the target, as DescribePredictor shows it (docs/decisions/0076)."""
    target = DOMAINS[schemas.domain].target
    given = dict(featurized(config)).get(target, {})
    filling = {
        "FeaturizationMethodName": "filling",
        "FeaturizationMethodParameters": {**TARGET_DEFAULTS, **given},
    }
    others = [one for one in config.get("Featurizations", []) if one["AttributeName"] != target]
    return {**config, "Featurizations": [{"AttributeName": target, "FeaturizationPipeline": [filling]}, *others]}


def check_evaluation(parameters: Mapping[str, int], horizon: int) -> dict[str, int]:
    """EvaluationParameters with their defaults."""
    windows = parameters.get("NumberOfBacktestWindows", 1)
    offset = parameters.get("BackTestWindowOffset", horizon)
    if not 1 <= windows <= 5:
        raise invalid(f"Invalid NumberOfBacktestWindows: {windows}. Expected 1 to 5")
    if offset < horizon:
        raise invalid(f"The BackTestWindowOffset {offset} is smaller than the ForecastHorizon {horizon}")
    return {"NumberOfBacktestWindows": windows, "BackTestWindowOffset": offset}


def check_algorithm(request: Mapping[str, Any]) -> None:
    """Either AutoML or an algorithm, and only what goes with it."""
    if request.get("PerformAutoML"):
        wrong = [name for name in ("AlgorithmArn", "HPOConfig", "TrainingParameters") if name in request]
        wrong += ["PerformHPO"] if request.get("PerformHPO") else []
        if wrong:
            raise invalid(f"{', '.join(wrong)} cannot be specified when PerformAutoML is true")
        return
    if "AlgorithmArn" not in request:
        raise invalid("AlgorithmArn is required when PerformAutoML is not true")
    if "AutoMLOverrideStrategy" in request:
        raise invalid("AutoMLOverrideStrategy is valid only when PerformAutoML is true")
    name = algorithm(request["AlgorithmArn"])
    check_parameters(name, request.get("TrainingParameters", {}))
    if request.get("PerformHPO"):
        if name not in TUNABLE:
            raise invalid(f"{request['AlgorithmArn']} does not support PerformHPO; {', '.join(TUNABLE)} do")
        check_tuning(name, request.get("HPOConfig", {}))
    elif "HPOConfig" in request:
        raise invalid("HPOConfig needs PerformHPO to be true")
