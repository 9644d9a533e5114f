"""A TimeSeriesSelector: the series that are to be forecast, as a file of their keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecasting.data import importing
from forecasting.data.schema import Attribute, Schema
from lakehouse.errors import ContractError

PLACE = "#place"  # no name of an attribute


def read(selector: Mapping[str, Any], keys: tuple[str, ...], *, client: Any, scratch: Path) -> pa.Table:
    """The keys of the chosen series.

    Args:
        selector: The API's TimeSeriesSelector.
        keys: The columns that tell series apart: the item's, then the dimensions.
        client: Of boto3, for S3.
        scratch: A folder for what must lie on disk meanwhile.

    Returns:
        Strings, a column for each of the file's.

    Raises:
        ContractError: The schema lacks the item or has what is no key, or a file has a fault.
        SourceError: S3 does not answer.
    """
    source = selector["TimeSeriesIdentifiers"]
    names = [one["AttributeName"] for one in source["Schema"]["Attributes"]]
    if keys[0] not in names or not set(names) <= set(keys) or len(set(names)) < len(names):
        raise ContractError(
            f"a TimeSeriesSelector with the columns {', '.join(names)}", f"{', '.join(keys)}", "correct its schema"
        )
    schema = Schema(tuple(Attribute(name, "string") for name in names), keys[0])
    path = source["DataSource"]["S3Config"]["Path"]
    return importing.rows(path, schema, source, client=client, scratch=scratch)


def chosen(keys: pa.Table, wanted: pa.Table) -> NDArray[np.bool_]:
    """Which series are wanted; those that nobody knows are passed over, as the service does.

    Args:
        keys: A row per series `(n)`: the item's column, then the dimensions; strings.
        wanted: Some of these columns; a column that is left out may have any value.

    Returns:
        `(n,)`

    Raises:
        ContractError: Not one series is left.
    """
    names = wanted.column_names
    numbered = pa.table({name: keys[name] for name in names} | {PLACE: pa.array(np.arange(len(keys)))})
    found = numbered.join(wanted.group_by(names).aggregate([]), names, join_type="left semi")[PLACE].to_numpy()
    if not len(found):
        raise ContractError(
            f"a TimeSeriesSelector of {len(wanted)} series, none of them known", "series of the predictor", "name some"
        )
    mask = np.zeros(len(keys), np.bool_)
    mask[found] = True
    return mask
