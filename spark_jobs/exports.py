"""Amazon Forecast's export files as rows of gold.sales_forecast and gold.forecast_backtest. Pure: bytes to Arrow.

Rows come in several parts and may be repeated across them; what cannot be read is one line that names the file.
"""

import csv
import datetime
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from lakehouse.errors import ContractError
from lakehouse.runs import Run
from lakehouse.tables import GOLD_FORECAST_BACKTEST, GOLD_SALES_FORECAST, Table
from spark_jobs.arrow import arrow_schema

VALUES = "forecasted-values/"  # the folder of a backtest's export with what is read here
LAST_YEAR = 9000
_ITEM = "item_id"
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class _Layout:
    """The columns of an export: times and numbers by their names there, with the names they have in the table."""

    times: Mapping[str, str]
    numbers: Mapping[str, str]


_FORECAST = _Layout({"date": "forecast_at"}, {})
_BACKTEST = _Layout(
    {
        "timestamp": "forecast_at",
        "backtestwindow_start_time": "window_start_at",
        "backtestwindow_end_time": "window_end_at",
    },
    {"target_value": "actual"},
)


def forecast(run: Run, files: Files) -> pa.Table:
    """The rows of gold.sales_forecast, sorted by their key.

    Args:
        run: What made them.
        files: By key, the CSV files of CreateForecastExportJob: `item_id,[dimensions…],date,p10,…[,mean]`. Files that
            are empty or have but a header count for nothing, and so does a row that is there twice.

    Raises:
        ContractError: A column is missing, a cell is no number or no time, or two rows of one key differ.
    """
    return _rows(run, files, _FORECAST, GOLD_SALES_FORECAST)


def backtest(run: Run, files: Files) -> pa.Table:
    """The rows of gold.forecast_backtest, sorted by their key.

    Args:
        run: What made them.
        files: By key, the CSV files of CreatePredictorBacktestExportJob under `forecasted-values/`: `item_id,
            [dimensions…],timestamp,target_value,backtestwindow_start_time,backtestwindow_end_time,[mean,]p10,…`.

    Raises:
        ContractError: As of `forecast`.
    """
    return _rows(run, files, _BACKTEST, GOLD_FORECAST_BACKTEST)


def levels(run: Run) -> dict[str, str]:
    """The quantiles of a run: by the export's column, the level.

    Example:
        >>> from types import SimpleNamespace
        >>> levels(SimpleNamespace(quantiles=("0.90", "mean", "0.05")))
        {'p5': '0.05', 'p90': '0.9'}

    Raises:
        ContractError: One is no number between 0 and 1.
    """
    found = {}
    for text in run.quantiles:
        if text == "mean":
            continue
        try:
            level = Decimal(text)
        except InvalidOperation:
            level = Decimal(0)
        if not (level.is_finite() and 0 < level < 1):
            raise ContractError(f"quantile {text!r}", "one between 0 and 1, or mean")
        found[level] = (f"p{int(level * 100)}", f"{level.normalize():f}")
    return {column: level for _, (column, level) in sorted(found.items())}


def moment(text: str) -> datetime.datetime:
    """A time as an export or a run has it.

    Example:
        >>> moment("2019-02-01T00:00:00Z").isoformat()
        '2019-02-01T00:00:00+00:00'

    Raises:
        ContractError: It is none.
    """
    try:
        found: datetime.datetime = _moments(pa.chunked_array([[text]], pa.string()))[0].as_py()
    except ValueError as fault:
        raise ContractError(f"time {text[:100]!r}", "one like 2019-02-01T00:00:00Z") from fault
    return found


def _rows(run: Run, files: Files, layout: _Layout, table: Table) -> pa.Table:
    asked = levels(run)
    with_mean = "mean" in run.quantiles
    numbers = [*layout.numbers, *(["mean"] if with_mean else []), *asked]
    convert: dict[str, Callable[[pa.ChunkedArray], pa.Array]] = {
        **dict.fromkeys((_ITEM, *run.dimensions), lambda cells: cells),
        **dict.fromkeys(layout.times, _moments),
        **dict.fromkeys(numbers, lambda cells: _numbers(cells, run.is_log)),
    }
    parts = [part for key in sorted(files) if (part := _part(key, files[key], convert)) is not None]
    if not parts:
        return arrow_schema(table).empty_table()
    cells = pa.concat_tables(parts)
    cells = cells.group_by(cells.column_names).aggregate([])
    keys = [_ITEM, *run.dimensions, *layout.times]
    _refuse_doubles(cells, keys)
    cells = cells.sort_by([(name, "ascending") for name in (*layout.times, _ITEM, *run.dimensions)])
    return _table(run, cells, {**layout.times, **layout.numbers}, asked, table)


def _part(key: str, body: bytes, convert: Mapping[str, Callable[[pa.ChunkedArray], pa.Array]]) -> pa.Table | None:
    """The wanted columns of a file, converted; None for an empty one."""
    body = body.removeprefix(b"\xef\xbb\xbf").strip(b"\r\n") + b"\n"
    if not body.strip():
        return None
    try:
        header = next(csv.reader(io.StringIO(body.decode(), newline="")))
        missing = [name for name in convert if name not in header]
        if missing or len(set(header)) < len(header):
            what = f"no column {missing[0]}" if missing else "a column twice"
            raise ContractError(f"{key}: {what}; it has {', '.join(header)}", f"columns {', '.join(convert)}")
        cells = arrow_csv.read_csv(
            io.BytesIO(body),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string())),
        )
    except (UnicodeDecodeError, csv.Error, pa.ArrowException) as fault:
        raise ContractError(f"{key}: {' '.join(str(fault).split())[:200]}", "CSV in UTF-8") from fault
    repeated = [pc.equal(cells[name], name) for name in convert]  # a header within the file, as of files put together
    is_header = repeated[0]
    for one in repeated[1:]:
        is_header = pc.and_(is_header, one)
    cells = cells.filter(pc.invert(is_header))
    columns = {}
    for name, read in convert.items():
        try:
            columns[name] = read(cells[name])
        except ValueError as fault:  # pyarrow's own are such, too
            bad = _first_bad(cells[name], read)
            raise ContractError(f"{key}: {name} is {bad!r}", "a time" if read is _moments else "a number") from fault
    return pa.table(columns)


def _first_bad(cells: pa.ChunkedArray, read: Callable[[pa.ChunkedArray], pa.Array]) -> str:
    for cell in pc.unique(cells).to_pylist():
        try:
            read(pa.chunked_array([[cell]], pa.string()))
        except ValueError:
            return str(cell)[:100]
    return ""


def _moments(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times, UTC, with a Z at their end or none.

    Raises:
        ValueError: One is no time.
    """
    moments = pc.cast(pc.replace_substring_regex(cells, "Z$", ""), pa.timestamp("us"))
    if pc.any(pc.greater(pc.year(moments), LAST_YEAR)).as_py():
        raise ValueError("a year that no period can follow")
    return pc.assume_timezone(moments, "UTC")


def _numbers(cells: pa.ChunkedArray, is_log: bool) -> pa.Array:
    """Numbers, an empty cell for none; turned back where they are log(1 + x).

    Raises:
        ValueError: One is no finite number.
    """
    texts = pc.if_else(pc.equal(cells, ""), None, cells)
    values = pc.cast(texts, pa.float64()).combine_chunks()
    if is_log:
        with np.errstate(over="ignore"):
            turned = np.expm1(values.to_numpy(zero_copy_only=False))
        values = pa.array(turned, mask=np.asarray(values.is_null()))
    if not pc.all(pc.is_finite(values), min_count=0).as_py():
        raise ValueError("not finite")
    return values


def _refuse_doubles(cells: pa.Table, keys: Sequence[str]) -> None:
    counts = cells.group_by(list(keys)).aggregate([([], "count_all")])
    twice = counts.filter(pc.greater(counts["count_all"], 1))
    if len(twice):
        first = ", ".join(f"{name} {twice[name][0].as_py()}" for name in keys)
        raise ContractError(f"rows that differ for {first}", "one for each series and time")


def _table(run: Run, cells: pa.Table, renamed: Mapping[str, str], asked: Mapping[str, str], table: Table) -> pa.Table:
    count = len(cells)
    given = {renamed.get(name, name): cells[name] for name in cells.column_names}
    fixed = {
        "forecast_name": run.forecast_name,
        "run_id": run.run_id,
        "predictor": run.predictor,
        "made_at": moment(run.made_at),
        "source_table": run.source_table,
        "item_column": run.item_column,
        "target_column": run.target_column,
        "frequency": run.frequency,
    }
    made = {
        "dimensions": _maps({name: cells[name] for name in sorted(run.dimensions)}, count, pa.string()),
        "quantiles": _maps({level: cells[column] for column, level in asked.items()}, count, pa.float64()),
        "forecast_date": pc.cast(pc.cast(given["forecast_at"], pa.timestamp("us")), pa.date32(), safe=False),
    }
    columns = []
    for field in arrow_schema(table):
        if field.name in fixed:
            columns.append(pa.repeat(pa.scalar(fixed[field.name], field.type), count))
        elif field.name in made:
            columns.append(made[field.name])
        else:
            columns.append(given[field.name] if field.name in given else pa.nulls(count, field.type))
    return pa.table(columns, schema=arrow_schema(table))


def _maps(columns: Mapping[str, pa.ChunkedArray], count: int, kind: pa.DataType) -> pa.Array:
    """One map a row, of each column's value under its name."""
    width = len(columns)
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * width)
    names = pa.array(list(columns) * count, pa.string())
    # the columns lie one after the other: value k of row n is at k · count + n
    order = (np.arange(width) * count + np.arange(count)[:, None]).ravel()
    values = pa.chunked_array([chunk for column in columns.values() for chunk in column.chunks], kind).combine_chunks()
    return pa.MapArray.from_arrays(offsets, names, values.take(pa.array(order, pa.int64())))
