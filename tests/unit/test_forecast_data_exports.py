"""Exports, byte by byte, beside a real one of the service."""

import csv
import doctest
import io
import lzma
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyarrow import parquet

from forecasting.data import artefact, backtest, backtest_export, forecast_export, numerals, parts, what_if_export
from forecasting.data.artefact import Artefact
from forecasting.data.backtest import Backtest, Window
from forecasting.data.parts import Export
from lakehouse.errors import ContractError, SourceError
from tests.unit.memory_s3 import MemoryS3

pytestmark = pytest.mark.unit

REAL = Path(__file__).parents[1] / "data" / "aws_forecast_samples" / "bike_backtest_accuracies.csv.xz"
NIGHT = datetime(2020, 4, 26, 0, 30, 23, tzinfo=timezone(timedelta(hours=2)))
TO = Export("night", NIGHT, "s3://shop/out/")
DAYS = np.arange("2019-02-01", "2019-02-03", dtype="datetime64[D]")


def forecast(
    folder: Path, items: list[str], step: float = 1.0, types: tuple[str, ...] = ("mean", "0.9", "0.05")
) -> Path:
    folder.mkdir(exist_ok=True)
    keys = pa.table({"item_id": items, "store": ["=s,1"] * len(items)})
    values = np.arange(len(items) * 2 * len(types), dtype=float).reshape(len(items), 2, len(types)) * step
    artefact.write(folder, Artefact(keys, artefact.moments(DAYS), types, values, "now"))
    return folder


def test_a_forecast_is_exported_as_the_service_does(tmp_path: Path) -> None:
    client = MemoryS3()
    written = forecast_export.run(forecast(tmp_path, ["b", 'a "x"'], -(2.0**-10)), TO, client=client)
    assert written == ["s3://shop/out/night_2020-04-25T22-30-23Z_part0.csv"]
    assert client.objects == {
        "out/night_2020-04-25T22-30-23Z_part0.csv": b"item_id,store,date,p5,p90,mean\n"
        b'"a ""x""","=s,1",2019-02-01T00:00:00Z,-0.0078125,-0.0068359375,-0.005859375\n'
        b'"a ""x""","=s,1",2019-02-02T00:00:00Z,-0.0107421875,-0.009765625,-0.0087890625\n'
        b'b,"=s,1",2019-02-01T00:00:00Z,-0.001953125,-9.765625E-4,-0.0\n'
        b'b,"=s,1",2019-02-02T00:00:00Z,-0.0048828125,-0.00390625,-0.0029296875\n'
    }


def test_a_destination_without_a_slash_is_a_folder_all_the_same(tmp_path: Path) -> None:
    client = MemoryS3()
    forecast_export.run(forecast(tmp_path, ["a"]), Export("job", NIGHT, "s3://shop/out"), client=client)
    assert list(client.objects) == ["out/job_2020-04-25T22-30-23Z_part0.csv"]


def test_parquet_has_the_same_columns_and_cells(tmp_path: Path) -> None:
    client, folder = MemoryS3(), forecast(tmp_path, ["b", "a"])
    request = {"Destination": {"S3Config": {"Path": "s3://shop/x", "KMSKeyArn": "arn:aws:kms:x"}}, "Format": "PARQUET"}
    forecast_export.run(folder, Export.of("job", NIGHT, request), client=client)
    table = parquet.read_table(io.BytesIO(client.objects["x/job_2020-04-25T22-30-23Z_part0.parquet"]))
    forecast_export.run(folder, Export("job", NIGHT, "s3://shop/y"), client=client)
    text = client.objects["y/job_2020-04-25T22-30-23Z_part0.csv"].decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert table.column_names == rows[0]
    assert [[str(value) for value in row.values()] for row in table.to_pylist()] == rows[1:]


def test_a_key_of_kms_encrypts(tmp_path: Path) -> None:
    client = MemoryS3()
    forecast_export.run(forecast(tmp_path, ["a"]), Export("job", NIGHT, "s3://shop", kms_key="arn:k"), client=client)
    assert client.encryption == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:k"}


def test_parts_hold_whole_series_and_each_has_a_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "ROWS", 5)
    client, items = MemoryS3(), [f"item_{number:02}" for number in range(7)]
    written = forecast_export.run(forecast(tmp_path, items), TO, client=client)
    assert [path.rsplit("_", 1)[1] for path in written] == [f"part{number}.csv" for number in range(4)]
    rows = [client.objects[path.removeprefix("s3://shop/")].decode().splitlines() for path in written]
    assert {lines[0] for lines in rows} == {"item_id,store,date,p5,p90,mean"}
    assert [line.split(",")[0] for lines in rows for line in lines[1:]] == [item for item in items for _ in range(2)]


def test_a_forecast_without_series_leaves_a_header(tmp_path: Path) -> None:
    client = MemoryS3()
    forecast_export.run(forecast(tmp_path, []), TO, client=client)
    assert list(client.objects.values()) == [b"item_id,store,date,p5,p90,mean\n"]


def test_a_destination_that_cannot_be_written_is_told_with_awss_code(tmp_path: Path) -> None:
    client, folder = MemoryS3(), forecast(tmp_path, ["a"])
    with pytest.raises(
        ContractError, match=r"writing s3://other/night_.*_part0\.csv in the bucket other: .*NoSuchBucket"
    ):
        forecast_export.run(folder, Export("night", NIGHT, "s3://other"), client=client)
    client.refuse("AccessDenied", 403)
    with pytest.raises(ContractError, match="in the bucket shop: S3 says AccessDenied"):
        forecast_export.run(folder, TO, client=client)
    client.refuse("InternalError", 500)
    with pytest.raises(SourceError, match="InternalError"):
        forecast_export.run(folder, TO, client=client)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)


@given(
    st.lists(
        st.tuples(CELLS, CELLS, st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))), max_size=8
    )
)
def test_csv_is_read_back_by_the_standard_library(rows: list[tuple[str, str, float | None]]) -> None:
    one, two, number = zip(*rows, strict=True) if rows else ((), (), ())
    table = pa.table(
        {"one": pa.array(one, pa.string()), "t,wo": pa.array(two, pa.string()), "n": pa.array(number, pa.float64())}
    )
    text = parts.csv(table, "not defined").decode()
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read[0] == ["one", "t,wo", "n"]
    assert [(a, b, None if c == "not defined" else float(c)) for a, b, c in read[1:]] == rows
    assert text.count("\r\n") == sum("\r\n" in cell for row in rows for cell in row[:2])


def real() -> list[list[str]]:
    return list(csv.reader(io.StringIO(lzma.decompress(REAL.read_bytes()).decode())))


def test_every_number_of_the_real_export_is_written_as_there() -> None:
    numbers = sorted({cell for row in real()[1:] for cell in row[4:] if cell != "not defined"})
    assert len(numbers) == 11_911
    assert numerals.texts(pa.array([float(one) for one in numbers])).to_pylist() == numbers


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), max_size=20))
def test_a_column_of_numbers_is_written_like_one_number_after_the_other(values: list[float | None]) -> None:
    expected = [None if value is None else numerals.text(value) for value in values]
    assert numerals.texts(pa.array(values, pa.float64())).to_pylist() == expected


HOURS = [np.arange(f"2017-06-{day}", f"2017-06-{day + 1}", dtype="datetime64[h]") for day in range(19, 24)]


def windows(items: int, quantiles: int) -> list[Window]:
    rng = np.random.default_rng(1)
    return [
        Window(
            hours,
            rng.random((items, 24)),
            rng.random((items, 24)),
            rng.random((items, 24, quantiles)),
            np.ones((items, 24), np.bool_),
        )
        for hours in HOURS
    ]


def exported(folder: Path, made: Backtest, metrics: backtest.ItemMetrics, export: Export = TO) -> dict[str, bytes]:
    client = MemoryS3()
    backtest.write(folder, made, metrics)
    backtest_export.run(folder, export, client=client)
    return client.objects


def test_accuracies_come_out_as_in_the_real_export(tmp_path: Path) -> None:
    """Its Computed values are put in for the engine's; columns, times, `not defined` and Summary must come out."""
    header, *lines = real()
    names = header[4:]
    expected = {tuple(line[:4]): line[4:] for line in lines}
    items = sorted({line[0] for line in lines})
    starts = sorted({line[2] for line in lines if line[1] == "Computed"})

    def metrics(window: Window) -> Mapping[str, NDArray[np.float64]]:
        start, end = f"{window.times[0]}:00:00", f"{window.times[-1]}:00:00"
        cells = np.array(
            [
                [np.nan if one == "not defined" else float(one) for one in expected[item, "Computed", start, end]]
                for item in items
            ]
        )
        rest = {name: np.full(len(items), np.nan) for name in ("Average wQL", "MAPE", "MASE")}
        return rest | dict(zip(names, cells.T, strict=True))

    made = Backtest(pa.table({"item_id": items}), ["0.65", "0.90"], True, windows(len(items), 2))
    body = exported(tmp_path, made, metrics)["out/accuracy-metrics-values/night_2020-04-25T22-30-23Z_part0.csv"]
    columns, *rows = list(csv.reader(io.StringIO(body.decode())))
    assert columns == [*header[:6], "Average wQL", *header[6:], "MAPE", "MASE"]
    places = [columns.index(name) for name in names]
    found = {tuple(row[:4]): [row[place] for place in places] for row in rows}
    assert len(rows) == len(found) == 467 * 6
    assert found.keys() == expected.keys()
    assert [f"{hours[0]}:00:00" for hours in HOURS] == starts
    undefined = 0
    for key, cells in found.items():
        if key[1] == "Computed":
            assert cells == expected[key]
        elif "not defined" in expected[key]:
            undefined += 1
            assert cells == expected[key]
        else:
            assert np.array(cells, float) == pytest.approx(np.array(expected[key], float), rel=1e-12)
    assert undefined < 467


def test_forecasted_values_are_laid_out_by_series_and_period(tmp_path: Path) -> None:
    days = DAYS.astype("datetime64[s]")
    actual = np.array([[1.0, np.nan], [0.0, 20_000_000.0]])
    quantiles = np.arange(8, dtype=float).reshape(2, 2, 2)
    window = Window(days, actual, -actual - 0.5, quantiles, ~np.isnan(actual))
    keys = pa.table({"item_id": ["a", "b"], "store": ["s", "t,u"]})
    made = Backtest(keys, ["0.1", "0.5"], True, [window])
    objects = exported(
        tmp_path, made, lambda window: {name: np.array([np.nan, 1.0]) for name in backtest.columns(["0.1", "0.5"])}
    )
    span = "2019-02-01T00:00:00,2019-02-02T00:00:00"
    assert objects["out/forecasted-values/night_2020-04-25T22-30-23Z_part0.csv"].decode().splitlines() == [
        "item_id,store,timestamp,target_value,backtestwindow_start_time,backtestwindow_end_time,mean,p10,p50",
        f"a,s,2019-02-01T00:00:00,1.0,{span},-1.5,0.0,1.0",
        f"a,s,2019-02-02T00:00:00,,{span},,2.0,3.0",
        f'b,"t,u",2019-02-01T00:00:00,0.0,{span},-0.5,4.0,5.0',
        f'b,"t,u",2019-02-02T00:00:00,2.0E7,{span},-2.00000005E7,6.0,7.0',
    ]
    assert objects["out/accuracy-metrics-values/night_2020-04-25T22-30-23Z_part0.csv"].decode().splitlines() == [
        "item_id,store,backtest_window,backtestwindow_start_time,backtestwindow_end_time,"
        "wQL[0.1],wQL[0.5],Average wQL,RMSE,WAPE,MAPE,MASE",
        f"a,s,Computed,{span}" + ",not defined" * 7,
        f'b,"t,u",Computed,{span}' + ",1.0" * 7,
        f"a,s,Summary,{span}" + ",not defined" * 7,
        f'b,"t,u",Summary,{span}' + ",1.0" * 7,
    ]
    without = exported(
        tmp_path,
        Backtest(keys, ["0.1", "0.5"], False, [window]),
        lambda _: {name: np.ones(2) for name in backtest.columns(["0.1", "0.5"])},
        Export("p", NIGHT, "s3://shop/p", "PARQUET"),
    )
    values, metrics = (parquet.read_table(io.BytesIO(body)) for _, body in sorted(without.items(), reverse=True))
    assert values.column_names[-3:] == ["backtestwindow_end_time", "p10", "p50"]
    assert metrics["MASE"].to_pylist() == [1.0] * 4


@given(
    st.lists(st.lists(st.one_of(st.just(np.nan), st.floats(-1e6, 1e6)), min_size=3, max_size=3), min_size=1, max_size=5)
)
def test_a_summary_is_the_mean_of_the_defined_windows(metric: list[list[float]]) -> None:
    found = backtest.summary([np.array(window) for window in metric])
    for item in range(3):
        defined = [window[item] for window in metric if not np.isnan(window[item])]
        if defined:
            assert found[item] == pytest.approx(sum(defined) / len(defined), abs=1e-9)
        else:
            assert np.isnan(found[item])


def test_what_if_forecasts_stand_beside_the_baseline(tmp_path: Path) -> None:
    base = forecast(tmp_path / "base", ["a", "b", "c"], types=("0.5",))
    cheap = forecast(tmp_path / "cheap", ["c", "a"], 10.0, types=("0.5",))
    dear = forecast(tmp_path / "dear", ["c", "a"], 0.5, types=("0.5",))
    client = MemoryS3()
    what_if_export.run(base, {"cheap": cheap, "dear": dear}, TO, client=client)
    assert client.objects["out/night_2020-04-25T22-30-23Z_part0.csv"].decode().splitlines() == [
        "date,item_id,store,Baseline_p50,cheap_p50,dear_p50",
        '2019-02-01T00:00:00Z,a,"=s,1",0.0,20.0,1.0',
        '2019-02-02T00:00:00Z,a,"=s,1",1.0,30.0,1.5',
        '2019-02-01T00:00:00Z,c,"=s,1",4.0,0.0,0.0',
        '2019-02-02T00:00:00Z,c,"=s,1",5.0,10.0,0.5',
    ]
    with pytest.raises(ContractError, match="base with other series"):
        what_if_export.run(base, {"cheap": cheap, "base": base}, TO, client=client)
    with pytest.raises(ContractError, match=r"a what-if forecast of .*'z'"):
        what_if_export.run(base, {"new": forecast(tmp_path / "new", ["z"], types=("0.5",))}, TO, client=client)


def test_rows_of_the_real_export_repeat_but_never_differ() -> None:
    """So that a reader who drops repeated rows loses nothing; ours writes each once."""
    every: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in real()[1:]:
        if row[1] == "Computed":
            every[tuple(row[:4])].add(",".join(row[4:]))
    assert {len(found) for found in every.values()} == {1}


def test_the_examples_hold() -> None:
    for module in (numerals, backtest):
        assert doctest.testmod(module).failed == 0
    assert doctest.testmod(parts, extraglobs={"UTC": UTC}).failed == 0
