"""Which half-years are compared."""

import datetime as dt
from types import SimpleNamespace

import pytest

from kpgeo.flows.comparing import half_years
from kpgeo.model.calendar import day_of, dekad_of


@pytest.mark.parametrize(
    ("begin", "last", "expected"),
    [
        ((2023, 7, 1), (2024, 1, 5), ["2023H2", "2024H1"]),
        ((2023, 10, 1), (2024, 7, 1), ["2024H1", "2024H2"]),
        ((2023, 7, 2), (2023, 12, 31), []),
        ((2023, 10, 1), None, []),
    ],
)
def test_a_half_year_that_had_begun_before_monitoring_is_not_compared(
    begin: tuple[int, int, int], last: tuple[int, int, int] | None, expected: list[str]
) -> None:
    history = SimpleNamespace(end=dt.date(*begin))
    head = SimpleNamespace(last_dekad=None if last is None else dekad_of(day_of(dt.date(*last))))
    bench = SimpleNamespace(watch=SimpleNamespace(pipeline=SimpleNamespace(history=history)), head=head)
    assert [period.label for period in half_years(bench)] == expected  # type: ignore[arg-type]
