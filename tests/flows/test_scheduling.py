"""When runs are due, and which silence is an alarm: reckoned, without a run."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpgeo.flows.schedule.alarm import say_alarm
from kpgeo.flows.schedule.silence import Sight, judge
from kpgeo.flows.schedule.slots import due_after, due_before, due_between, due_run
from kpgeo.model.errors import BadInputError
from kpgeo.model.schedule import Alarm, AlarmKind, RunEntry
from kpgeo.options.schedule import ScheduleOptions

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
DAILY = ScheduleOptions(every="day", hour_utc=4)
moments = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2090, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001 - hypothesis puts the zone in
schedules = st.builds(
    ScheduleOptions,
    every=st.sampled_from(["day", "week", "dekad"]),
    hour_utc=st.integers(0, 23),
    weekday=st.sampled_from(["monday", "thursday", "sunday"]),
)


def _at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def _run(began: dt.datetime, code: int | None = 0, options: ScheduleOptions = DAILY, **more) -> RunEntry:
    given = {"due_at": due_before(options, began), "ended_at": began + HOUR / 2, "exit_code": code, **more}
    return RunEntry(id=f"run-{began:%Y%m%dT%H%M%S}", pipeline="p", host="h", began_at=began, **given)


@given(schedules, moments)
def test_every_moment_lies_between_two_due_moments(options, moment):
    before, after = due_before(options, moment), due_after(options, moment)
    assert before <= moment < after
    assert due_between(options, before, after) == [after]
    assert before.hour == options.hour_utc


@given(schedules, moments)
def test_it_does_not_matter_in_which_time_zone_a_moment_is_said(options, moment):
    for zone in (dt.timezone(dt.timedelta(hours=14)), dt.timezone(dt.timedelta(hours=-11, minutes=-30))):
        assert due_before(options, moment.astimezone(zone)) == due_before(options, moment)
        assert due_after(options, moment.astimezone(zone)) == due_after(options, moment)


@pytest.mark.parametrize(("every", "count"), [("day", 366), ("week", 52), ("dekad", 36)])
def test_in_a_leap_year_asked_every_hour_each_due_moment_is_served_once(every, count):
    options = ScheduleOptions(every=every, hour_utc=4)
    now, runs = _at("2028-01-01T00:07"), [_run(_at("2027-12-31T23:07"), options=options)]
    while now.year == 2028:
        due = due_run(options, runs[-20:], now)
        if due.due_at is not None:
            assert due.missed == 0
            assert now - due.due_at < HOUR
            runs.append(_run(now, options=options))
        now += HOUR
    served = [run.due_at for run in runs[1:]]
    assert served == due_between(options, _at("2028-01-01T00:00"), _at("2029-01-01T00:00"))
    assert len(served) == count


def test_a_missed_week_is_made_up_for_by_one_run():
    runs = [_run(_at("2026-03-01T04:07"))]
    due = due_run(DAILY, runs, _at("2026-03-08T11:07"))
    assert (due.due_at, due.missed) == (_at("2026-03-08T04:00"), 6)
    assert due.sentence == "Due since 2026-03-08 04:00 UTC, and makes up for 6 before it."
    after = due_run(DAILY, [*runs, _run(_at("2026-03-08T11:07"))], _at("2026-03-08T12:07"))
    assert after.due_at is None
    assert after.sentence == "Not due until 2026-03-09 04:00 UTC: the last run that was due is done."


def test_without_catching_up_a_missed_run_waits_for_the_next():
    options = DAILY.model_copy(update={"catch_up": False})
    runs = [_run(_at("2026-03-01T04:07"))]
    assert due_run(options, runs, _at("2026-03-02T09:00")).due_at is not None, "within the grace it is only late"
    assert due_run(options, runs, _at("2026-03-02T11:00")).not_before == _at("2026-03-03T04:00")
    assert due_run(options, [], _at("2026-03-02T11:00")).due_at is not None, "the first run waits for nothing"


def test_a_run_that_failed_is_due_again_at_once_but_not_for_ever():
    now = _at("2026-03-02T04:07")
    runs = [_run(_at("2026-03-01T04:07"))]
    for number, code in enumerate((4, None, 1)):
        assert due_run(DAILY, runs, now + number * HOUR / 60).due_at is not None
        runs.append(_run(now + number * HOUR / 60, code))
    refused = due_run(DAILY, runs, now + HOUR / 2)
    assert refused.not_before == now + HOUR
    assert "3 times within an hour" in refused.reason
    assert due_run(DAILY, runs, now + HOUR).due_at is not None


def test_a_run_done_in_part_has_served_and_one_of_other_days_has_not():
    now = _at("2026-03-02T06:00")
    assert due_run(DAILY, [_run(now - HOUR, 3)], now).due_at is None
    assert due_run(DAILY, [_run(now - HOUR, 0, due_at=None)], now).due_at == _at("2026-03-02T04:00")


@pytest.mark.fault(10)
def test_a_clock_set_back_makes_no_run_due_twice_nor_never():
    runs = [_run(_at("2026-03-01T04:07")), _run(_at("2026-03-02T04:00"))]
    assert due_run(DAILY, runs, _at("2026-03-02T03:50")).not_before == _at("2026-03-03T04:00"), "by ten minutes"
    # Served in a year that has not come: the clock was wrong, and what it wrote down holds nobody up.
    wrong = [runs[0], _run(_at("2036-01-01T04:07"))]
    assert due_run(DAILY, wrong, _at("2026-03-02T04:07")).due_at == _at("2026-03-02T04:00")


def test_a_pipeline_without_a_schedule_is_never_due():
    with pytest.raises(BadInputError, match="no schedule"):
        due_run(ScheduleOptions(), [], _at("2026-03-02T04:07"))


def _judged(sight: Sight, now: dt.datetime, options: ScheduleOptions = DAILY) -> dict[AlarmKind, Alarm]:
    return {one.kind: one for one in judge(options, sight, now)}


def _sight(*runs: RunEntry, is_held: bool = False, **more) -> Sight:
    return Sight(pipeline="p", runs=runs, is_held=is_held, **more)


def test_all_is_well_while_runs_are_done_when_due():
    sight = _sight(_run(_at("2026-03-01T04:07")), _run(_at("2026-03-02T04:07")))
    assert _judged(sight, _at("2026-03-03T09:59")) == {}


def test_a_run_is_late_then_missing():
    sight = _sight(_run(_at("2026-03-01T04:07")))
    late = _judged(sight, _at("2026-03-02T10:01"))
    assert set(late) == {AlarmKind.LATE}
    assert late[AlarmKind.LATE].since == _at("2026-03-02T04:00")
    assert say_alarm(late[AlarmKind.LATE]) == "The run of p that was due on 2026-03-02 04:00 UTC is not done."
    both = _judged(sight, _at("2026-03-04T10:01"))
    assert set(both) == {AlarmKind.LATE, AlarmKind.MISSING}
    assert both[AlarmKind.LATE].since == late[AlarmKind.LATE].since
    told = say_alarm(both[AlarmKind.MISSING], "fr")
    assert told == "Aucun passage de p n’est achevé depuis le 2026-03-01 04:00 UTC ; 3 étaient prévus."


def test_where_no_run_has_ever_begun_that_is_said_at_once():
    alarm = _judged(_sight(), _at("2026-03-04T10:01"))[AlarmKind.MISSING]
    assert say_alarm(alarm) == "No run of p was ever done; one is due since 2026-03-04 04:00 UTC."


def test_a_long_run_is_given_its_time_and_one_that_hangs_is_not():
    began = _at("2026-03-02T04:07")
    runs = (_run(_at("2026-03-01T04:07")), _run(began, None, ended_at=None))
    assert _judged(_sight(*runs, is_held=True), began + 23 * HOUR) == {}
    hung = _judged(_sight(*runs, is_held=True), began + 25 * HOUR)
    assert "under way since 2026-03-02 04:07 UTC" in say_alarm(hung[AlarmKind.LATE])
    crashed = _judged(_sight(*runs, is_held=False), began + 23 * HOUR)
    assert set(crashed) == {AlarmKind.LATE}, "nobody holds the workspace: it was cut short"


def test_an_alarm_stands_while_a_run_that_may_end_it_is_under_way():
    runs = (_run(_at("2026-03-01T04:07")), _run(_at("2026-03-05T04:07"), None, ended_at=None))
    standing = frozenset({AlarmKind.LATE})
    sight = _sight(*runs, is_held=True, standing=standing)
    assert set(_judged(sight, _at("2026-03-05T05:00"))) == standing


def test_runs_that_fail_in_a_row_and_only_those():
    failed = [_run(_at(f"2026-03-0{day}T04:07"), code) for day, code in ((2, 5), (3, None), (4, 4))]
    now = _at("2026-03-04T05:00")
    alarm = _judged(_sight(_run(_at("2026-03-01T04:07")), *failed), now)[AlarmKind.FAILED]
    assert alarm.since == failed[0].began_at
    assert say_alarm(alarm) == "The last 3 runs of p failed, since 2026-03-02 04:07 UTC (exit code 4)."
    assert AlarmKind.FAILED not in _judged(_sight(*failed, _run(now)), now)
    assert AlarmKind.FAILED not in _judged(_sight(*failed[1:]), now)
    cut = _judged(_sight(*failed[:2], replace(failed[2], exit_code=None)), now)[AlarmKind.FAILED]
    assert "cut short" in say_alarm(cut)


@pytest.mark.fault(24)
def test_a_catalogue_that_is_gone_is_an_alarm_although_another_stands_in():
    gone = {"unanswered": ("a.example: s2", "b.example: s1")}
    runs = [_run(_at(f"2026-03-0{day}T04:07"), 3, **gone) for day in (1, 2)]
    now = _at("2026-03-03T05:00")
    assert _judged(_sight(*runs, _run(now, 3)), now) == {}
    back = _run(_at("2026-03-03T04:07"), 3, unanswered=("a.example: s2",))
    alarms = judge(DAILY, _sight(*runs, back), now)
    assert [(one.kind, one.subject) for one in alarms] == [(AlarmKind.CATALOGUE, "a.example: s2")]
    assert say_alarm(alarms[0]).startswith("The catalogue a.example: s2 has not answered the last 3 runs of p")


@pytest.mark.fault(50)
def test_an_area_of_which_nothing_was_seen_is_an_alarm_of_its_own():
    now = _at("2026-03-31T05:00")
    seen = {"civ-seguela": now - 31 * DAY, "civ-tortiya": now - 30 * DAY}
    (alarm,) = judge(DAILY, _sight(_run(now - HOUR), seen_until=seen), now)
    assert (alarm.kind, alarm.subject) == (AlarmKind.BLIND, "civ-seguela")
    assert "31 days" in say_alarm(alarm)
    assert "nada" in say_alarm(alarm, "pt").lower()


def test_each_language_says_each_alarm():
    facts = {"due": 3, "done": "x", "under_way": "", "days": 31, "runs": 3, "code": 4}
    variants = [{}, {"done": ""}, {"under_way": "y"}, {"code": ""}]
    for kind in AlarmKind:
        for other in variants:
            alarm = Alarm(kind=kind, pipeline="p", subject="s", since=_at("2026-03-01"), facts={**facts, **other})
            told = {say_alarm(alarm, language) for language in ("en", "fr", "pt")}
            over = {say_alarm(replace(alarm, ended_at=_at("2026-03-02")), language) for language in ("en", "fr", "pt")}
            assert len(told) == len(over) == 3
            assert not told & over


_EARLY = _at("2026-03-01T04:07")
_FAILED = tuple(_run(_at(f"2026-03-02T04:0{minute}"), 4) for minute in (7, 8))


@pytest.mark.parametrize(
    ("options", "sight", "now", "kind"),
    [
        ({"grace_h": 2.0}, _sight(_run(_EARLY)), "2026-03-02T07:00", AlarmKind.LATE),
        (
            {"long_run_h": 7.0},
            _sight(_run(_EARLY), _run(_at("2026-03-02T04:07"), None, ended_at=None), is_held=True),
            "2026-03-02T12:00",
            AlarmKind.LATE,
        ),
        ({"missing_runs": 2}, _sight(_run(_EARLY)), "2026-03-03T05:00", AlarmKind.MISSING),
        ({"failed_runs": 2}, _sight(_run(_EARLY), *_FAILED), "2026-03-02T05:00", AlarmKind.FAILED),
        (
            {"blind_days": 5},
            _sight(_run(_EARLY), seen_until={"a": _EARLY - 6 * DAY}),
            "2026-03-01T05:00",
            AlarmKind.BLIND,
        ),
    ],
)
def test_each_option_of_an_alarm_moves_it(options, sight, now, kind):
    assert kind not in _judged(sight, _at(now))
    assert kind in _judged(sight, _at(now), DAILY.model_copy(update=options))


def test_tries_in_an_hour_are_an_option():
    runs = [_run(_EARLY), *_FAILED]
    assert due_run(DAILY, runs, _at("2026-03-02T04:10")).due_at is not None
    assert due_run(DAILY.model_copy(update={"tries_per_hour": 2}), runs, _at("2026-03-02T04:10")).due_at is None
