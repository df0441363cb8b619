"""Moments with and without a zone, at every edge where a text becomes a day: in UTC, or refused."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from kpgeo import cli
from kpgeo.catalog.candidates import ItemError
from kpgeo.catalog.fields import moment_of
from kpgeo.model.calendar import date_in_utc, date_of, day_of
from kpgeo.model.errors import BadInputError
from kpgeo.production.cells import read_date
from kpgeo.registry import read_labels

pytestmark = pytest.mark.fault(11)

moments = st.datetimes(dt.datetime(1985, 1, 2), dt.datetime(2099, 1, 1))  # noqa: DTZ001 - zones are given to them
offsets = st.integers(-14 * 4, 14 * 4).map(lambda quarters: dt.timezone(dt.timedelta(minutes=15 * quarters)))


@given(moments, offsets)
def test_a_moment_with_a_zone_is_a_day_in_utc(moment: dt.datetime, zone: dt.timezone) -> None:
    text = moment.replace(tzinfo=zone).isoformat()
    expected = moment.replace(tzinfo=zone).astimezone(dt.UTC)
    assert date_in_utc(text) == expected.date() == date_of(day_of(moment_of(text)))


@given(moments)
def test_a_moment_without_a_zone_is_refused_unless_it_is_a_date(moment: dt.datetime) -> None:
    with pytest.raises(ItemError, match="datetime-without-zone"):
        moment_of(moment.isoformat())
    with pytest.raises(BadInputError, match="time zone"):
        day_of(moment)
    if moment.time() != dt.time():
        with pytest.raises(BadInputError, match="without a time zone"):
            date_in_utc(moment.isoformat())
    assert date_in_utc(f"{moment:%Y-%m-%d}T00:00:00") == date_in_utc(f"{moment:%Y-%m-%d}") == moment.date()


@pytest.mark.fault(10)
def test_a_leap_second_keeps_its_day() -> None:
    assert date_in_utc("2016-12-31T23:59:60Z") == dt.date(2016, 12, 31)
    assert moment_of("2016-12-31T23:59:60Z").date() == dt.date(2016, 12, 31)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2024-02-30", "2023-02-29", "2024-13-01", "2024-01-01T25:00Z", "2024-01-01T00:00+99:00",
             "2024-01-01 nonsense", "20240101", "2024-W01-1", "0000-01-01", "9999-12-31T23:00:00-10:00", "٢٠٢٤-٠١-٠١"]
)  # fmt: skip
def test_what_is_no_date_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadInputError, match=r"date|calendar"):
        date_in_utc(text)


def _labels(path: Path, **properties: Any) -> Path:
    ring = [[-6.6, 8.0], [-6.59, 8.0], [-6.59, 8.01], [-6.6, 8.01], [-6.6, 8.0]]
    feature = {
        "type": "Feature",
        "properties": {"state": "dug", **properties},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


def test_labels_in_geojson(tmp_path: Path) -> None:
    """A GIS writes a date column as moments: the day is that in UTC, and the zone is not cut away."""
    (label,) = read_labels(_labels(tmp_path / "a.geojson", **{"from": "2024-01-05T23:30:00-05:00"}))
    assert label.start_day == day_of(dt.date(2024, 1, 6))
    (label,) = read_labels(_labels(tmp_path / "b.geojson", **{"from": "2024-01-05T00:00:00"}))
    assert label.start_day == day_of(dt.date(2024, 1, 5))
    for text in ("2024-01-05T23:30:00", "2024-01-05 or so"):
        with pytest.raises(BadInputError, match=r"features\[0\]"):
            read_labels(_labels(tmp_path / "c.geojson", **{"from": text}))


def test_dates_in_declared_figures() -> None:
    assert read_date("2025-06-30", "row 2") == dt.date(2025, 6, 30)
    for text in ("2025-06-30T23:30:00-05:00", "30/06/2025", "2025-02-29"):
        with pytest.raises(BadInputError, match=r"date|calendar"):
            read_date(text, "row 2")


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize("text", ["2024-01-05T23:30:00-05:00", "2024-01-05T00:00:00", "05/01/2024", "2023-02-29"])
def test_days_on_the_command_line_are_dates_alone(small_world: Path, tmp_path: Path, option: str, text: str) -> None:
    words = ["plan", str(small_world / "pipeline.toml"), "--workspace", str(tmp_path / "w"), option, text]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 2
    assert option in done.stderr
    assert "2024-08-31" in done.stderr, "the message shows how to write it"
