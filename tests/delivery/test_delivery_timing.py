"""When somebody is told: slots and quiet hours by the clock on the wall, pauses that grow and end."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpgeo.delivery import is_due, is_over, is_quiet, last_slot, next_attempt, next_slot
from kpgeo.model.delivery import Delivery, DeliveryKind
from kpgeo.options.deliver import DeliverOptions
from kpgeo.options.subscribers import Subscriber

_PARIS = {"id": "a", "folder": "f", "time_zone": "Europe/Paris"}
_MOMENTS = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2028, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def _daily(hour: int) -> Subscriber:
    return Subscriber.model_validate({**_PARIS, "frequency": "daily", "hour": hour})


def test_a_daily_hour_is_that_of_the_wall_clock_before_and_after_summer_time() -> None:
    assert last_slot(_daily(7), _utc("2026-03-28T12:00")) == _utc("2026-03-28T06:00")
    assert last_slot(_daily(7), _utc("2026-03-29T12:00")) == _utc("2026-03-29T05:00")
    assert last_slot(_daily(7), _utc("2026-10-25T12:00")) == _utc("2026-10-25T06:00")


@pytest.mark.fault(10)
def test_an_hour_that_is_left_out_or_comes_twice_is_one_slot_a_day() -> None:
    # 2026-03-29: 02:00 does not exist in Paris; 2026-10-25: 02:00 comes twice.
    assert last_slot(_daily(2), _utc("2026-03-29T23:00")) == _utc("2026-03-29T01:00")
    assert last_slot(_daily(2), _utc("2026-10-25T23:00")) == _utc("2026-10-25T00:00")
    assert next_slot(_daily(2), _utc("2026-10-25T00:30")) == _utc("2026-10-26T01:00")


@given(now=_MOMENTS, hour=st.integers(0, 23), weekday=st.sampled_from(["monday", "sunday"]), is_weekly=st.booleans())
def test_slots_are_in_order_and_no_farther_than_their_frequency(
    now: dt.datetime, hour: int, weekday: str, *, is_weekly: bool
) -> None:
    frequency = "weekly" if is_weekly else "daily"
    one = Subscriber.model_validate({**_PARIS, "frequency": frequency, "hour": hour, "weekday": weekday})
    last, following = last_slot(one, now), next_slot(one, now)
    assert last <= now < following
    days = 7 if is_weekly else 1
    assert abs((following - last) - dt.timedelta(days=days)) <= dt.timedelta(hours=1)
    assert is_due(one, last - dt.timedelta(seconds=1), now)
    assert not is_due(one, last, now)


def test_weekly_is_told_once_a_week_even_where_runs_are_seldom() -> None:
    one = Subscriber.model_validate({**_PARIS, "frequency": "weekly", "weekday": "monday", "hour": 7})
    monday = _utc("2026-03-09T06:00")
    assert not is_due(one, monday, monday + dt.timedelta(days=6, hours=23))
    assert is_due(one, monday, monday + dt.timedelta(days=9)), "the Monday that nobody ran on is made good on Wednesday"


@pytest.mark.fault(10)
def test_quiet_hours_pass_midnight_and_summer_time() -> None:
    one = Subscriber.model_validate({**_PARIS, "quiet": {"start": "21:00", "end": "06:30"}})
    winter, summer = "2026-03-28", "2026-03-29"
    assert is_quiet(one, "email:a@b.c", _utc(f"{winter}T05:29"))
    assert not is_quiet(one, "email:a@b.c", _utc(f"{winter}T05:30"))
    assert is_quiet(one, "email:a@b.c", _utc(f"{summer}T04:29"))
    assert not is_quiet(one, "email:a@b.c", _utc(f"{summer}T04:30"))
    assert not is_quiet(one, "atom:feed", _utc(f"{winter}T02:00")), "a feed wakes nobody"


def test_pauses_double_up_to_the_longest_and_differ_from_delivery_to_delivery() -> None:
    options = DeliverOptions(first_retry_s=100.0, max_retry_s=1000.0)
    now = _utc("2026-03-01T00:00")
    pauses = [(next_attempt(_delivery("d", tries), now, options) - now).total_seconds() for tries in range(60)]
    assert all(low <= pause <= high for pause, low, high in zip(pauses, (80, 160, 320), (100, 200, 400), strict=False))
    assert max(pauses) <= 1000.0
    assert min(pauses[4:]) >= 800.0
    assert next_attempt(_delivery("d", 0), now, options) != next_attempt(_delivery("e", 0), now, options)
    asked = next_attempt(_delivery("d", 0), now, options, asked_s=700.0)
    assert (asked - now).total_seconds() == 700.0
    asked = next_attempt(_delivery("d", 0), now, options, asked_s=1e9)
    assert (asked - now).total_seconds() == 1000.0


def test_a_delivery_has_an_end_by_attempts_and_by_days() -> None:
    options = DeliverOptions(give_up_attempts=5, give_up_days=2.0)
    made = _utc("2026-03-01T00:00")
    assert not is_over(_delivery("d", 4), made, options)
    assert is_over(_delivery("d", 5), made, options)
    late = made + dt.timedelta(days=2)
    assert is_over(_delivery("d", 2), late, options)
    assert not is_over(_delivery("d", 1), late, options), "one that was asked for by hand is tried again"


def _delivery(delivery_id: str, attempts: int) -> Delivery:
    made = _utc("2026-03-01T00:00")
    return Delivery(
        id=delivery_id, subscriber="a", channel="email:a@b.c", kind=DeliveryKind.ALERTS, items=(), body={},
        made_at=made, next_at=made, attempts=attempts,
    )  # fmt: skip
