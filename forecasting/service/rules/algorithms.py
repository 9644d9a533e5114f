"""The algorithms of legacy predictors: their ARNs, their training parameters, and what may be tuned.

Source: the pages of the algorithms in the Amazon Forecast developer guide. They name the parameters; their ranges are
in no copy that could be read, so any sane positive value is taken.
"""

import importlib.util
import math
from collections.abc import Mapping
from typing import Any

from forecasting.service.faults import invalid

PREFIX = "arn:aws:forecast:::algorithm/"
# In the order in which AWS lists its options.
NAMES = ("CNN-QR", "Deep_AR_Plus", "NPTS", "ETS", "ARIMA", "Prophet")

_COUNT, _AMOUNT, _BOOLEAN = "a positive whole number", "a positive number", "true or false"
_COUNT_OR_ZERO = "a whole number of at least 0"
Allowed = str | tuple[str, ...]
_LIKELIHOODS = ("student-T", "beta", "deterministic-L1", "gaussian", "negative-binomial", "piecewise-linear")
_PARAMETERS: Mapping[str, Mapping[str, Allowed]] = {
    "CNN-QR": {
        "context_length": _COUNT,
        "use_related_data": ("ALL", "NONE", "HISTORICAL", "FORWARD_LOOKING"),
        "use_item_metadata": ("ALL", "NONE"),
        "epochs": _COUNT,
    },
    "Deep_AR_Plus": {
        "context_length": _COUNT,
        "epochs": _COUNT,
        "learning_rate": _AMOUNT,
        "learning_rate_decay": _AMOUNT,
        "likelihood": _LIKELIHOODS,
        "max_learning_rate_decays": _COUNT_OR_ZERO,
        "num_averaged_models": _COUNT,
        "num_cells": _COUNT,
        "num_layers": _COUNT,
        "prediction_length": _COUNT,  # the horizon once more: the service shows it, and a sample sends it back
    },
    "NPTS": {
        "context_length": _COUNT,
        "kernel_type": ("exponential", "uniform"),
        "exp_kernel_weights": _AMOUNT,
        "use_seasonal_model": _BOOLEAN,
        "use_default_time_features": _BOOLEAN,
    },
    "ETS": {},
    "ARIMA": {},
    "Prophet": {},
}
TUNABLE = ("CNN-QR", "Deep_AR_Plus")


def algorithm(arn: str) -> str:
    """The name of an algorithm.

    Raises:
        ApiError: It is none of AWS's, or its package is not installed here.
    """
    name = arn.removeprefix(PREFIX)
    if not arn.startswith(PREFIX) or name not in NAMES:
        options = ",".join(f"{PREFIX}{known}" for known in NAMES)
        raise invalid(f"Invalid Algorithm ARN specified: {arn}. Options: {options}")
    if name == "Prophet" and importlib.util.find_spec("prophet") is None:
        raise invalid(f"{arn} needs the package of the extra `prophet`, which is not installed; run `make prophet`")
    return name


def check_parameters(name: str, parameters: Mapping[str, str]) -> None:
    """TrainingParameters of an algorithm.

    Raises:
        ApiError: It has no such parameter, or not this value of it.
    """
    for parameter, value in parameters.items():
        allowed = _PARAMETERS[name].get(parameter)
        if allowed is None:
            raise invalid(f"Invalid Training parameter: {parameter} specified for algorithmArn: {PREFIX}{name}")
        if not _is_allowed(value, allowed):
            expected = allowed if isinstance(allowed, str) else f"one of {', '.join(allowed)}"
            raise invalid(
                f"Invalid value {value} of the Training parameter: {parameter} specified for "
                f"algorithmArn: {PREFIX}{name}. Expected {expected}"
            )


def check_tuning(name: str, config: Mapping[str, Any]) -> None:
    """The HPOConfig of an algorithm that can be tuned.

    Raises:
        ApiError: A range is of no parameter of the algorithm, is empty, or holds what the parameter may not be.
    """
    ranges = config.get("ParameterRanges", {})
    for one in ranges.get("CategoricalParameterRanges", []):
        for value in one["Values"]:
            check_parameters(name, {one["Name"]: value})
    for one in (*ranges.get("IntegerParameterRanges", []), *ranges.get("ContinuousParameterRanges", [])):
        if one["MinValue"] > one["MaxValue"]:
            raise invalid(f"The range of {one['Name']} is empty: {one['MinValue']} to {one['MaxValue']}")
        check_parameters(name, {one["Name"]: str(one["MinValue"])})
    names = [one["Name"] for kind in ranges.values() for one in kind]
    if len(names) != len(set(names)):
        raise invalid("A parameter has two ranges")


def _is_allowed(value: str, allowed: Allowed) -> bool:
    if not isinstance(allowed, str):
        return value.lower() in (one.lower() for one in allowed)  # shown as `student-t`, written `student-T`
    if allowed == _BOOLEAN:
        return value.lower() in ("true", "false")
    try:
        number = float(value)
    except ValueError:
        return False
    if not math.isfinite(number):
        return False
    if allowed == _AMOUNT:
        return number > 0
    return number == int(number) and number >= (1 if allowed == _COUNT else 0)
