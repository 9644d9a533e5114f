"""Periods in which a whole business stood still although it is open at such times.

It is seen from the past alone; what is known ahead about closing comes as covariates.
"""

import numpy as np
from numpy.typing import NDArray

CHANCE = 1e-6  # that all series happen to be zero in a period of that season


def closed(target: NDArray[np.float64], season: int) -> NDArray[np.bool_]:
    """Find the periods in which every series is zero, and that is no chance.

    The chance is the product over the series of how often each is zero in that season. One series alone is never
    enough: its zeros are demand.

    Args:
        target: (n, t), NaN where nothing was observed.
        season: Periods in a season.

    Returns:
        (t,).
    """
    observed = ~np.isnan(target)
    is_zero = observed & (target == 0)
    counts = observed.sum(axis=0)
    found = (counts > 1) & (is_zero.sum(axis=0) == counts)
    for start in range(season):
        columns = slice(start, None, season)
        if not found[columns].any():
            continue
        often = (is_zero[:, columns].sum(axis=1) + 1) / (observed[:, columns].sum(axis=1) + 2)
        chances = np.where(observed[:, columns], np.log(often)[:, None], 0.0).sum(axis=0)
        found[columns] &= chances < np.log(CHANCE)
    return found
