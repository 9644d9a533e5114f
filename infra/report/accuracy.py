"""How good forecasts are, in words: one table for the terminal and for the page. Pure."""
# ruff: noqa: RUF001, RUF002  (a minus sign and a dash are meant)

import math
from collections.abc import Mapping

HEADS = ("forecast", "predictor", "WAPE", "seasonal naive", "better by", "wQL", "MASE", "seconds")
_LOSS = "AverageWeightedQuantileLoss"


def row(
    name: str, predictor: str, wape: float, naive: float, metrics: Mapping[str, float], seconds: float
) -> tuple[str, ...]:
    """The cells under HEADS.

    Args:
        name: Of the forecast.
        predictor: What made it.
        wape: Of its backtest.
        naive: WAPE of the seasonal naive forecast on the same points.
        metrics: Of its backtest, as the API names them.
        seconds: That the run took.

    Example:
        >>> row("tea", "NPTS", 0.3, 0.4, {"MASE": 0.75}, 12.34)
        ('tea', 'NPTS', '0.300', '0.400', '25.0 %', '–', '0.750', '12.3')
    """
    figures = [figure(value) for value in (metrics.get(_LOSS), metrics.get("MASE"))]
    return (name, predictor, figure(wape), figure(naive), gain(wape, naive), *figures, f"{seconds:.1f}")


def figure(value: float | None) -> str:
    """Three decimals; a dash for what is not known.

    Example:
        >>> figure(0.2), figure(math.nan)
        ('0.200', '–')
    """
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def gain(wape: float, naive: float) -> str:
    """By how much an error is less than another, in per cent of that.

    Example:
        >>> gain(0.3, 0.4), gain(0.5, 0.4), gain(0.3, math.nan)
        ('25.0 %', '−25.0 %', '–')
    """
    if math.isnan(wape) or math.isnan(naive) or not naive:
        return "–"
    return f"{100 * (1 - wape / naive):.1f} %".replace("-", "−")
