"""Timestamp formats in Joda's letters, against Python's own dates."""

import doctest
import re
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.data import timestamps
from forecasting.data.timestamps import TimestampFormat, compiled, parse
from lakehouse.errors import ContractError

pytestmark = pytest.mark.unit


def one(text: str, form: str) -> datetime | None:
    (found,) = parse(pa.array([text]), [TimestampFormat.of(form)])
    return None if np.isnat(found) else found.item()


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("yyyy-MM-dd HH:mm:ss", "2019-08-21 15:00:00", "2019-08-21T15:00:00"),
        ("yyyy-MM-dd HH:mm:ss", "2019-08-21 24:00:00", None),
        ("yyyy-MM-dd HH:mm:ss", "2019-08-21 23:60:00", None),
        ("yyyy-MM-dd HH:mm:ss", "2019-08-21 23:59:60", None),
        ("yyyy-MM-dd HH:mm:ss", "2019-08-21", None),
        ("yyyy-MM-dd HH:mm:ss", "2019-08-21  15:00:00", None),
        ("yyyy-MM-dd HH:mm:ss", "\t2019-8-1 5:0:0 ", "2019-08-01T05:00:00"),  # Joda reads fewer digits, too
        ("yyyy-MM-dd", "2019-08-21", "2019-08-21T00:00:00"),
        ("yyyy-MM-dd", "2019-08-21 15:00:00", None),
        ("yyyy-MM-dd", "19-08-21", None),
        ("yyyy-MM-dd", "2019-02-29", None),
        ("yyyy-MM-dd", "2020-02-29", "2020-02-29T00:00:00"),
        ("yyyy-MM-dd", "1900-02-29", None),
        ("yyyy-MM-dd", "2019-00-01", None),
        ("yyyy-MM-dd", "2019-13-01", None),
        ("yyyy-MM-dd", "2019-01-00", None),
        ("yyyy-MM-dd", "0000-01-01", None),
        ("yyyy-MM-dd", "٢٠١٩-01-01", None),  # digits of another script
        ("yyyy-MM-dd", "2019-01-01\n2019-01-02", None),
        ("yyyy-MM-dd", "", None),
        ("yyyy-MM-dd hh:mm:ss", "2014-01-01 13:00:00", "2014-01-01T13:00:00"),
        ("yyyy-MM-dd hh:mm:ss", "2014-01-01 00:00:00", "2014-01-01T00:00:00"),
        ("yyyy-MM-dd hh:mm:ss", "2014-01-01 12:00:00", "2014-01-01T12:00:00"),
        ("yyyy-MM-dd KK:mm", "2014-01-01 23:01", "2014-01-01T23:01:00"),
        ("yyyy-MM-dd kk:mm", "2014-01-01 24:01", "2014-01-01T00:01:00"),
        ("yyyy-MM-dd kk:mm", "2014-01-01 00:01", None),
        ("M/d/yyyy h:mm a", "1/31/2020 12:05 AM", "2020-01-31T00:05:00"),
        ("M/d/yyyy h:mm a", "1/31/2020 12:05 pm", "2020-01-31T12:05:00"),
        ("M/d/yyyy h:mm a", "1/31/2020 13:05 pm", None),
        ("M/d/yyyy K a", "1/31/2020 11 PM", "2020-01-31T23:00:00"),
        ("M/d/yyyy K a", "1/31/2020 12 PM", None),
        ("M/d/yyyy H a", "1/31/2020 15 AM", "2020-01-31T15:00:00"),
        ("yyyy-MM-dd'T'HH:mm:ss", "2019-08-21T15:00:00", "2019-08-21T15:00:00"),
        ("yyyy-MM-ddTHH:mm:ss", "2019-08-21T15:00:00", "2019-08-21T15:00:00"),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2019-08-21T15:00:00Z", "2019-08-21T15:00:00"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSZ", "2019-08-21T15:00:00.999+0530", "2019-08-21T09:30:00"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2019-08-21T15:00:00-01:00", "2019-08-21T16:00:00"),
        ("yyyy-MM-dd'T'HH:mm:ssX", "2019-08-21T15:00:00Z", "2019-08-21T15:00:00"),
        ("yyyy-MM-dd'T'HH:mm:ssX", "2019-08-21T15:00:00+24:00", None),
        ("yyyyMMddHHmmss", "20190821150000", "2019-08-21T15:00:00"),
        ("yyyyMMddHHmmss", "2019082115000", None),
        ("yyyyMMdd", "20190821", "2019-08-21T00:00:00"),
        ("dd.MM.yy", "01.02.49", "2049-02-01T00:00:00"),
        ("dd.MM.yy", "01.02.50", "1950-02-01T00:00:00"),
        ("dd MMM yyyy", "21 aug 2019", "2019-08-21T00:00:00"),
        ("EEE, dd MMMM yyyy", "Wed, 21 August 2019", "2019-08-21T00:00:00"),
        ("dd MMM yyyy", "21 foo 2019", None),
        ("yyyy-DDD", "2020-366", "2020-12-31T00:00:00"),
        ("yyyy-DDD", "2019-366", None),
        ("yyyy-MM", "2019-08", "2019-08-01T00:00:00"),
        ("yyyy", "2019", "2019-01-01T00:00:00"),
        ("yyyy 'o''clock' H", "2019 o'clock 7", "2019-01-01T07:00:00"),
        ("yyyy''MM", "2019'02", "2019-02-01T00:00:00"),
    ],
)
def test_a_text_is_the_moment_that_its_format_says(form: str, text: str, expected: str | None) -> None:
    assert one(text, form) == (datetime.fromisoformat(expected) if expected else None)


@pytest.mark.parametrize(
    "form", ["", "dd-MM", "yyyy yyyy", "yyyy-MM-dd 'T", "yyyy-ww", "GGGG yyyy", "yyyy-MM-dd z", "YYYY uu"]
)
def test_a_format_that_cannot_be_read_is_refused_with_its_text(form: str) -> None:
    with pytest.raises(ContractError, match=re.escape(repr(form))):
        TimestampFormat.of(form)


def test_without_a_format_a_time_or_a_date_is_read_each_for_itself() -> None:
    found = parse(pa.array(["2019-01-02", "2019-01-02 03:04:05", "x", "2019-01-02"]), compiled(None))
    assert found.tolist() == [
        datetime(2019, 1, 2),
        datetime(2019, 1, 2, 3, 4, 5),
        None,
        datetime(2019, 1, 2),
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), min_size=1, max_size=8),
    st.integers(-23 * 60, 23 * 60),
)
def test_what_python_writes_is_read_back(times: list[datetime], minutes: int) -> None:
    times = [time.replace(microsecond=0) for time in times]
    zone = timezone(timedelta(minutes=minutes))
    abroad = [time.replace(tzinfo=UTC).astimezone(zone) for time in times]
    for form, texts in {
        "yyyy-MM-dd HH:mm:ss": [time.isoformat(" ") for time in times],
        "yyyy-MM-dd'T'HH:mm:ssZ": [time.isoformat() for time in abroad],
        "D yyyy KK:mm:ss a": [f"{time.timetuple().tm_yday} {time.year:04} {time:%I:%M:%S %p}" for time in times],
        "MMM d hh:mm:ss a yyyy": [f"{time:%b %d %I:%M:%S %p} {time.year:04}" for time in times],
    }.items():
        given_ = [text.replace(" 12:", " 00:") for text in texts] if "KK" in form else texts
        assert parse(pa.array(given_), compiled(form)).tolist() == times


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("0123456789-: 9"), max_size=20))
def test_a_text_is_refused_where_python_refuses_it(text: str) -> None:
    found = one(text, "yyyy-MM-dd HH:mm:ss")
    fields = re.fullmatch(r" *([0-9]{4})-([0-9]{1,2})-([0-9]{1,2}) ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2}) *", text)
    try:
        expected = datetime(*map(int, fields.groups())) if fields else None
    except ValueError:
        expected = None
    assert found == expected


def test_the_examples_hold() -> None:
    assert doctest.testmod(timestamps).failed == 0
