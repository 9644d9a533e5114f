"""The service model of botocore: which operations there are and what their members must be.

Loaded with the first request and not before, so that a gateway nobody asks for forecasts does not carry it.
"""

import functools
from collections.abc import Mapping
from typing import Any

# Shape and OperationModel are untyped in botocore; the alias says which values are meant.
Shape = Any
Operation = Any

PREFIXES = {"AmazonForecast": "forecast", "AmazonForecastRuntime": "forecastquery"}


@functools.cache
def service(name: str) -> Any:
    """The model of a service by its name, such as `forecast` or `forecastquery`."""
    from botocore.loaders import create_loader  # noqa: PLC0415
    from botocore.model import ServiceModel  # noqa: PLC0415

    return ServiceModel(create_loader().load_service_model(name, "service-2"), name)


def operation(target: str, prefixes: Mapping[str, str] = PREFIXES) -> Operation | None:
    """The operation that an X-Amz-Target names; None if there is no such one.

    Args:
        target: Such as `AmazonForecast.ListForecasts`.
        prefixes: The service's name by the target's prefix.
    """
    prefix, _, name = target.partition(".")
    if prefix not in prefixes:
        return None
    found = service(prefixes[prefix])
    return found.operation_model(name) if name in found.operation_names else None


def output(name: str) -> Shape:
    """The output of an operation of `forecast`."""
    return service("forecast").operation_model(name).output_shape
