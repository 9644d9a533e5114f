"""How a predictor is to aggregate and fill attributes: the parameters of `filling` and their values.

Source: FeaturizationMethod and AttributeConfig in the API reference.
"""

import math
from collections.abc import Mapping

from forecasting.service.faults import invalid

AGGREGATIONS = ("sum", "avg", "first", "min", "max")
_FILLS = ("zero", "value", "median", "mean", "min", "max")
_TARGET: Mapping[str, tuple[str, ...]] = {
    "aggregation": AGGREGATIONS,
    "frontfill": ("none",),
    "middlefill": ("nan", *_FILLS),
    "backfill": ("nan", *_FILLS),
}
TARGET_DEFAULTS = {"aggregation": "sum", "backfill": "zero", "frontfill": "none", "middlefill": "zero"}
_RELATED: Mapping[str, tuple[str, ...]] = {"middlefill": _FILLS, "backfill": _FILLS, "futurefill": _FILLS}


def check_filling(attribute: str, parameters: Mapping[str, str], *, is_target: bool) -> None:
    """The parameters for one attribute.

    Args:
        attribute: Its name.
        parameters: Values by parameter, `<parameter>_value` included.
        is_target: Whether it is the target; the others are related time series.

    Raises:
        ApiError: An unknown parameter or value, or `value` without a number.
    """
    allowed = _TARGET if is_target else _RELATED
    for name, value in parameters.items():
        filled = name.removesuffix("_value")
        if name.endswith("_value") and filled in allowed and filled.endswith("fill") and filled != "frontfill":
            _check_number(attribute, name, value)
            if parameters.get(filled) != "value":
                raise invalid(f"{name} of the attribute {attribute} needs {filled} to be value")
        elif name not in allowed:
            raise invalid(
                f"Invalid parameter {name} for the attribute {attribute}. Valid parameters: {', '.join(allowed)}"
            )
        elif value not in allowed[name]:
            raise invalid(
                f"Invalid value {value} of {name} for the attribute {attribute}. "
                f"Valid values: {', '.join(allowed[name])}"
            )
        elif value == "value" and f"{name}_value" not in parameters:
            raise invalid(f"{name} of the attribute {attribute} is value and needs {name}_value")


def _check_number(attribute: str, name: str, value: str) -> None:
    try:
        right = math.isfinite(float(value))
    except ValueError:
        right = False
    if not right:
        raise invalid(f"Invalid value {value} of {name} for the attribute {attribute}. Expected a number")
