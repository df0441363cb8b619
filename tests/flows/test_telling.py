"""Who is told what: each thing once, nothing old, in quiet nothing, and what a receiver refuses comes to an end."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import sqlite3
from pathlib import Path

import pytest

from kpgeo import flows
from kpgeo.alerts import entry_of, fold_reviews
from kpgeo.model.alert import MachineState
from kpgeo.model.delivery import DeliveryKind, DeliveryState
from kpgeo.model.errors import BadInputError
from kpgeo.model.ledger import EntryKind
from kpgeo.model.review import DismissalReason, Review, ReviewAct, ReviewStep
from tests.delivery.desk import AOI, NOW, Desk, Thing, payload_of
from tests.delivery.receivers import answers, hangs, hook_server, mail_server
from tests.servers.programs import free_port

_DAY, _HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
_FOLDER = '[[subscriber]]\nid = "a"\nfolder = "for-a"\n'
_PROVISIONAL, _CONFIRMED = MachineState.PROVISIONAL, MachineState.CONFIRMED
_KEY = b"0123456789abcdef01234567"
_SECRET = f"whsec_{base64.b64encode(_KEY).decode()}"


def _mail(port: int, more: str = "") -> str:
    return f"""
domain = "kpgeo.example.org"
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "kpgeo@example.org"
[[subscriber]]
id = "a"
email = ["a@example.org"]
{more}"""


def _hook(url: str, more: str = "") -> str:
    place = f'[[subscriber.webhook]]\nurl = "{url}"\nsecrets = [{{ env = "KP_HOOK" }}]\n'
    return f'[[subscriber]]\nid = "a"\n{more}{place}'


def _told(desk: Desk) -> list[list[str]]:
    """Return the alerts of each page in the subscriber's folder, oldest page first."""
    pages = sorted((desk.room.products / "for-a").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    found = [json.loads(page.read_text()) for page in pages]
    return [[f"{item['alert']['alert']} {item['alert']['state']}" for item in one["data"]["items"]] for one in found]


def test_each_thing_is_told_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER)
    things = [Thing(1, _PROVISIONAL, 2), Thing(2, _PROVISIONAL, 1)]
    desk.decide(things)
    assert len(desk.tell().sent) == 1
    assert _told(desk) == [["alert-1 provisional", "alert-2 provisional"]]
    again = desk.tell(NOW + _HOUR)
    assert (again.made, again.sent, again.waiting) == (0, (), 0)
    desk.decide([*things, Thing(1, _CONFIRMED)])
    desk.tell(NOW + _DAY)
    assert _told(desk)[1:] == [["alert-1 confirmed"]]


def test_a_new_subscriber_is_not_told_years_of_old_news(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER, deliver="old_news_days = 30\n")
    desk.decide([Thing(number, _CONFIRMED, back=number * 4) for number in range(15)])
    desk.tell()
    assert _told(desk) == [["alert-0 confirmed"]], (
        "the others are of dekads that ended 30 days or more before the newest"
    )
    desk.subscribe(_FOLDER + '[[subscriber]]\nid = "b"\natom = "b"\n')
    desk.tell(NOW + _DAY)
    assert (desk.room.products / "feeds" / "b.atom").read_text().count("<entry>") == 1


def test_a_re_decision_that_makes_other_events_of_the_same_tells_nothing_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER)
    things = [Thing(1, _PROVISIONAL, 2), Thing(1, _CONFIRMED, 1), Thing(2, _CONFIRMED, 70)]
    desk.decide(things)
    desk.tell()
    desk.decide([*things, Thing(3, _CONFIRMED, 60)], salt="other")
    assert desk.tell(NOW + _DAY).made == 0
    assert _told(desk) == [["alert-1 provisional", "alert-1 confirmed"]]


def test_after_months_without_a_run_nothing_is_lost(tmp_path: Path) -> None:
    """What happened since the channel was last told is news, however long ago that is."""
    desk = Desk(tmp_path, _FOLDER)
    newest = desk.newest
    desk.newest = newest - 12
    desk.decide([])
    desk.tell(NOW - 120 * _DAY)
    desk.newest = newest
    desk.decide([Thing(1, _CONFIRMED, 11), Thing(2, _CONFIRMED, 5)])
    desk.tell()
    assert _told(desk) == [["alert-1 confirmed", "alert-2 confirmed"]]


def test_what_scenes_overturned_before_it_was_told_is_not_told_and_after_it_is_taken_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER)
    desk.decide([Thing(1, _CONFIRMED, 1), Thing(2, _CONFIRMED, 1)])
    tables = desk.room.tables()
    for item in tables.pending_outbox():
        tables.mark_sent(item.id)  # the folder of the outbox has them: they are not withdrawn from it
    tables.close()
    desk.decide([Thing(1, _CONFIRMED, 1)], salt="")
    desk.tell()
    assert _told(desk) == [["alert-1 confirmed"]]
    desk.decide([])
    desk.tell(NOW + _DAY)
    assert _told(desk)[1:] == [["alert-1 overturned"]]
    assert desk.tell(NOW + 2 * _DAY).made == 0
    page = next((desk.room.products / "for-a").glob("*.html")).parent
    assert any("not upheld by later scenes" in one.read_text() for one in page.glob("*.html"))


def test_what_another_method_finds_beside_is_told_to_nobody_until_it_is_adopted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER)
    desk.decide([Thing(1)])
    desk.tell()
    desk.decide([Thing(1), Thing(2), Thing(3)], salt="new", lineage="belief-3-def")
    assert desk.tell(NOW + _DAY).made == 0
    tables = desk.room.tables()
    tables.methods.adopt(AOI, "belief-3-def", by="x", known_alerts={"alert-2": ["alert-1"]}, said={})
    tables.close()
    desk.tell(NOW + 2 * _DAY)
    assert _told(desk) == [["alert-1 confirmed"], ["alert-3 confirmed"]], "of the place of alert-2 people were told"


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("", ["alert-1 confirmed", "alert-2 provisional", "alert-3 confirmed"]),
        ("min_area_ha = 2.0", ["alert-3 confirmed"]),
        ("min_confidence = 0.95", ["alert-2 provisional"]),
        ('states = ["confirmed"]', ["alert-1 confirmed", "alert-3 confirmed"]),
        ('questions = ["activity-where-none-declared"]', ["alert-1 confirmed"]),
    ],
)
def test_thresholds_choose(tmp_path: Path, rule: str, told: list[str]) -> None:
    desk = Desk(tmp_path, f"{_FOLDER}{rule}\n")
    desk.decide(
        [
            Thing(1, more={"question": "activity-where-none-declared"}),
            Thing(2, _PROVISIONAL, more={"confidence": 0.99}),
            Thing(3, more={"area_ha": 3.0}),
        ]
    )
    desk.tell()
    assert sorted(item for page in _told(desk) for item in page) == told


def test_the_end_and_the_withdrawal_of_an_alert_reach_whoever_was_told_of_it_and_no_one_else(tmp_path: Path) -> None:
    desk = Desk(tmp_path, f"{_FOLDER}min_area_ha = 2.0\n")
    large, small = Thing(1, more={"area_ha": 3.0}), Thing(2)
    desk.decide([large, small])
    desk.tell()
    for alert in ("alert-1", "alert-2"):
        said = payload_of(Thing(int(alert[-1])), desk.newest)
        desk.put("alert-withdrawn", {**said, "state": "withdrawn", "withdrawn": "a road"}, aoi=AOI)
    desk.decide([large, small, Thing(2, MachineState.FINISHED)])
    desk.tell(NOW + _DAY)
    assert _told(desk) == [["alert-1 confirmed"], ["alert-1 withdrawn"]]


def test_what_people_dismissed_before_it_was_told_is_told_only_once_it_is_reopened(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER)
    things = [Thing(1, _PROVISIONAL, 2), Thing(2, _PROVISIONAL, 2)]
    desk.decide(things)
    _review(desk, "alert-1", ReviewAct.DISMISS, DismissalReason.FARMING)
    desk.tell()
    assert _told(desk) == [["alert-2 provisional"]]
    _review(desk, "alert-2", ReviewAct.DISMISS, DismissalReason.FARMING)
    desk.decide([*things, Thing(1, _CONFIRMED), Thing(2, _CONFIRMED)])
    desk.tell(NOW + _DAY)
    assert _told(desk)[1:] == [["alert-2 confirmed"]], "who heard of it hears what becomes of it"
    _review(desk, "alert-1", ReviewAct.REOPEN)
    desk.tell(NOW + 2 * _DAY)
    assert _told(desk)[2:] == [["alert-1 provisional", "alert-1 confirmed"]]


def _review(desk: Desk, alert_id: str, act: ReviewAct, reason: DismissalReason | None = None) -> None:
    tables = desk.room.tables()
    known = fold_reviews(tables.ledger.entries()).get(alert_id, Review(alert_id=alert_id, aoi_id=AOI))
    tables.ledger.append([entry_of(known, ReviewStep(act=act, by="Awa", reason=reason, text="Looked."), None)])
    tables.close()


def test_subscribers_to_other_areas_and_unknown_ones(tmp_path: Path) -> None:
    desk = Desk(tmp_path, f'{_FOLDER}aois = ["elsewhere"]\n')
    desk.decide([Thing(1)])
    with pytest.raises(BadInputError, match="does not watch 'elsewhere'"):
        desk.tell()


def test_a_weekly_digest_waits_for_its_hour_and_holds_the_week(tmp_path: Path) -> None:
    desk = Desk(tmp_path, f'{_FOLDER}frequency = "weekly"\nweekday = "monday"\nhour = 7\n')
    desk.decide([Thing(1)])
    assert desk.tell().made == 0
    desk.decide([Thing(1), Thing(2)])
    (trial,) = flows.try_delivery(desk.pipeline, workspace=desk.room.path, now=NOW)
    assert (trial.later, len(trial.messages)) == (2, 0)
    assert desk.tell(dt.datetime(2026, 3, 16, 6, 59, tzinfo=dt.UTC)).made == 0
    desk.tell(dt.datetime(2026, 3, 16, 7, 0, tzinfo=dt.UTC))
    assert _told(desk) == [["alert-1 confirmed", "alert-2 confirmed"]]
    assert desk.tell(dt.datetime(2026, 3, 17, 7, 0, tzinfo=dt.UTC)).made == 0


@pytest.mark.fault(50)
def test_a_week_without_news_in_which_nothing_was_seen_is_told_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER)
    desk.decide([], look_frac=0.05)
    assert desk.tell().made == 0, "a new subscriber waits a week"
    assert [one.kind for one in desk.tell(NOW + 7 * _DAY).sent] == [DeliveryKind.UNSEEN]
    assert desk.tell(NOW + 8 * _DAY).made == 0
    assert [one.kind for one in desk.tell(NOW + 14 * _DAY).sent] == [DeliveryKind.UNSEEN]
    page = next((desk.room.products / "for-a").glob("*.html")).read_text()
    assert "This is not “all quiet”" in page


@pytest.mark.fault(50)
def test_a_run_that_begins_some_seconds_sooner_than_a_week_ago_is_a_week_later(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER)
    desk.decide([], look_frac=0.05)
    desk.tell()
    assert desk.tell(NOW + 6 * _DAY).made == 0
    assert [one.kind for one in desk.tell(NOW + 7 * _DAY - dt.timedelta(seconds=3)).sent] == [DeliveryKind.UNSEEN]


def test_a_week_without_news_that_was_seen_needs_no_message(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER)
    desk.decide([], look_frac=0.9)
    desk.tell()
    assert desk.tell(NOW + 7 * _DAY).made == 0


def test_alarms_reach_those_who_asked_at_once_and_their_end_too(tmp_path: Path) -> None:
    both = _FOLDER + 'frequency = "weekly"\nalarms = true\n' + '[[subscriber]]\nid = "b"\nfolder = "for-b"\n'
    desk = Desk(tmp_path, both)
    desk.decide([])
    desk.tell()
    said = {"alarm": "alarm-1", "pipeline": "desk", "raised_at": NOW.isoformat(), "sentences": {"en": "A run is late."}}
    desk.put("alarm-late", {**said, "ended_at": None})
    desk.put("alarm-late", {**said, "alarm": "alarm-2", "pipeline": "another", "ended_at": None})
    (sent,) = desk.tell(NOW + _HOUR).sent
    assert (sent.kind, sent.subscriber) == (DeliveryKind.ALARM, "a")
    desk.put("alarm-ended", {**said, "ended_at": (NOW + _HOUR).isoformat()})
    desk.put("alarm-ended", {**said, "alarm": "alarm-3", "ended_at": (NOW + _HOUR).isoformat()})
    (over,) = desk.tell(NOW + 2 * _HOUR).sent
    assert len(over.items) == 1, "the end of an alarm nobody was told of is no news"
    pages = [path.read_text() for path in (desk.room.products / "for-a").glob("*.html")]
    assert any("A run is late." in page and "silence from kpgeo does not mean" in page for page in pages)
    assert any("kpgeo works again" in page for page in pages)
    assert not (desk.room.products / "for-b").exists()


def test_an_alarm_gets_through_while_a_run_holds_the_workspace(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER + "alarms = true\n")
    desk.decide([])
    desk.put("alarm-late", {"alarm": "x", "pipeline": "desk", "raised_at": NOW.isoformat(), "sentences": {}})
    with desk.room.lock():
        assert len(desk.tell().sent) == 1


def test_quiet_hours_hold_a_letter_back_and_lose_nothing(tmp_path: Path) -> None:
    with mail_server() as (mailbox, port):
        desk = Desk(tmp_path, _mail(port, 'quiet = { start = "20:00", end = "06:00" }\ntime_zone = "Europe/Paris"\n'))
        desk.decide([Thing(1)])
        night = dt.datetime(2026, 3, 28, 23, 0, tzinfo=dt.UTC)  # the night summer time begins
        assert desk.tell(night).made == 0
        assert desk.tell(dt.datetime(2026, 3, 29, 3, 59, tzinfo=dt.UTC)).made == 0
        assert len(desk.tell(dt.datetime(2026, 3, 29, 4, 0, tzinfo=dt.UTC)).sent) == 1
        assert len(mailbox.raw) == 1


def test_a_letter_arrives_whole(tmp_path: Path) -> None:
    with mail_server() as (mailbox, port):
        desk = Desk(tmp_path, _mail(port, 'language = "fr"\n'))
        desk.decide([Thing(1), Thing(2, _PROVISIONAL)])
        (sent,) = desk.tell().sent
    (letter,) = mailbox.letters
    assert mailbox.recipients == ["a@example.org"]
    assert letter["Message-ID"] == f"<{sent.id}@kpgeo.example.org>"
    assert letter["Subject"].startswith("[KP ONLY] kpgeo, Ici\u00a0: ")
    text = letter.get_body(("plain",)).get_content()
    assert "Ce qui n’a pas été vu" in text
    assert "8.20000, -6.60000" in text
    assert "90\u00a0%" in text


@pytest.mark.fault(3)
def test_a_mail_server_that_is_dead_for_a_week_loses_and_doubles_nothing(tmp_path: Path) -> None:
    port = free_port()
    desk = Desk(tmp_path, _mail(port), deliver="send_timeout_s = 5.0\n")
    things: list[Thing] = []
    for hours in range(0, 7 * 24, 12):
        if hours % 24 == 0:
            things.append(Thing(hours // 24))
            desk.decide(things)
        report = desk.tell(NOW + hours * _HOUR)
        assert not report.sent
        assert not report.given_up
        assert report.exit_code == 0
    waiting = desk.deliveries()
    assert len(waiting) == 7
    assert all(one.state is DeliveryState.WAITING for one in waiting)
    assert max(one.attempts for one in waiting) < 40
    assert "Connection refused" in max(waiting, key=lambda one: one.attempts).error
    with mail_server(port=port) as (mailbox, _):
        for hours in range(0, 48, 16):
            desk.tell(NOW + (7 * 24 + hours) * _HOUR)
    assert len(mailbox.raw) == 7
    assert len({letter["Message-ID"] for letter in mailbox.letters}) == 7
    assert all(one.state is DeliveryState.SENT for one in desk.deliveries())
    told = [item for one in desk.deliveries() for item in one.items]
    assert len(told) == len(set(told)) == 7


def test_a_delivery_is_given_up_in_the_end_shown_told_to_others_and_tried_again_by_hand(tmp_path: Path) -> None:
    port = free_port()
    others = '[[subscriber]]\nid = "b"\nfolder = "for-b"\nalarms = true\nmin_area_ha = 9.0\n'
    desk = Desk(tmp_path, _mail(port, others), deliver="give_up_days = 3.0\nmax_retry_s = 40000.0\n")
    desk.decide([Thing(1)])
    given_up = []
    for hours in range(0, 5 * 24, 24):
        report = desk.tell(NOW + hours * _HOUR)
        given_up += [(hours, one.id, report.exit_code) for one in report.given_up]
    ((hours, delivery_id, code),) = given_up
    assert (hours, code) == (72, 3)
    (page,) = (desk.room.products / "for-b").glob("*.html")
    assert "Nothing more is tried for a by email" in page.read_text()
    assert "a@example.org" not in page.read_text(), "an address is nobody else's business"
    tables = desk.room.tables()
    entries = tables.ledger.entries(kind=EntryKind.DELIVERY)
    assert {entry.body["state"] for entry in entries} == {"given-up", "sent"}
    assert "a@example.org" not in json.dumps([dict(entry.body) for entry in entries])
    flows.retry_delivery(tables, delivery_id)
    tables.close()
    with mail_server(port=port) as (mailbox, _):
        assert delivery_id in [one.id for one in desk.tell(dt.datetime.now(dt.UTC) + _HOUR).sent]
    assert sum(delivery_id in letter["Message-ID"] for letter in mailbox.letters) == 1
    tables = desk.room.tables()
    with pytest.raises(BadInputError, match="not sent twice"):
        flows.retry_delivery(tables, delivery_id)
    with pytest.raises(BadInputError, match="no such delivery"):
        flows.retry_delivery(tables, "delivery-0")
    tables.close()


def test_a_receiver_that_left_the_file_is_not_written_to(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _mail(free_port()))
    desk.decide([Thing(1)])
    desk.tell()
    desk.subscribe(_FOLDER)
    report = desk.tell(NOW + _HOUR)
    assert [(one.subscriber, one.error[:27]) for one in report.given_up] == [("a", "The file of subscribers nam")]


def test_a_webhook_is_signed_as_the_specification_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KP_HOOK", _SECRET)
    with hook_server() as server:
        desk = Desk(tmp_path, _hook(server.url))
        desk.decide([Thing(1)])
        (sent,) = desk.tell().sent
    ((path, headers, body),) = server.requests
    assert path == "/hook"
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == sent.id
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(_KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    content = json.loads(body)
    assert content["type"] == "kpgeo.alerts"
    assert content["data"]["mark"] == "KP ONLY"
    assert [item["alert"]["alert"] for item in content["data"]["items"]] == ["alert-1"]
    assert content["data"]["not_seen"]
    assert _SECRET not in json.dumps([str(one) for one in desk.deliveries()])


def test_a_webhook_is_tried_again_with_one_id_and_one_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KP_HOOK", _SECRET)
    with hook_server() as server:
        server.script = [answers(500), answers(429, Retry_After="7200"), answers(404), hangs(2.0)]
        desk = Desk(tmp_path, _hook(server.url), deliver="send_timeout_s = 1.0\n")
        desk.decide([Thing(1)])
        errors = []
        for hours in (0, 1, 2, 4, 8, 16):
            report = desk.tell(NOW + hours * _HOUR)
            errors += [one.error for one in report.failed]
    assert len(server.requests) == 5, "for two hours it asked to be left alone, and was"
    assert ["500" in errors[0], "429" in errors[1], "404" in errors[2], "in time" in errors[3]] == [True] * 4
    assert len({headers["webhook-id"] for _, headers, _ in server.requests}) == 1
    assert len({body for _, _, body in server.requests}) == 1
    assert [one.state for one in desk.deliveries()] == [DeliveryState.SENT]


@pytest.mark.parametrize("code", [400, 410, 422])
def test_a_webhook_that_will_never_be_taken_is_given_up_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setenv("KP_HOOK", _SECRET)
    with hook_server() as server:
        server.script = [answers(code)]
        desk = Desk(tmp_path, _hook(server.url))
        desk.decide([Thing(1)])
        report = desk.tell()
    assert [str(code) in one.error for one in report.given_up] == [True]
    assert report.exit_code == 3


@pytest.mark.fault(41)
def test_a_webhook_follows_no_redirect_and_reaches_no_private_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KP_HOOK", _SECRET)
    with hook_server() as inner, hook_server() as server:
        server.script = [answers(307, Location=inner.url), answers(302, Location="http://169.254.169.254/latest")]
        desk = Desk(tmp_path / "a", _hook(server.url))
        desk.decide([Thing(1)])
        assert "redirects" in desk.tell().failed[0].error
        assert "redirects" in desk.tell(NOW + _DAY).failed[0].error
        assert not inner.requests
        for number, url in enumerate((inner.url, inner.url.replace("http:", "https:"), "https://169.254.169.254/x")):
            strict = Desk(tmp_path / f"b{number}", _hook(url))
            text = strict.pipeline_path.read_text().replace('["127.0.0.1", "localhost"]', "[]")
            strict.pipeline_path.write_text(text)
            strict.decide([Thing(1)])
            (failed,) = strict.tell().failed
            assert "private" in failed.error or "without TLS" in failed.error
    assert not inner.requests


@pytest.mark.fault(43)
def test_a_missing_secret_is_said_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KP_HOOK", raising=False)
    with hook_server() as server:
        desk = Desk(tmp_path, _hook(server.url))
        desk.decide([Thing(1)])
        (trial,) = flows.try_delivery(desk.pipeline, workspace=desk.room.path, now=NOW)
        assert "KP_HOOK" in trial.faults[0]
        assert "not there" in desk.tell().failed[0].error
        assert not server.requests
        monkeypatch.setenv("KP_HOOK", _SECRET)
        assert len(desk.tell(NOW + _DAY).sent) == 1
    stored = (desk.room.path / "kpgeo.db").read_bytes()
    assert _SECRET.encode() not in stored
    assert base64.b64encode(_KEY) not in stored


def test_trying_keeps_and_sends_nothing(tmp_path: Path) -> None:
    port = free_port()
    desk = Desk(tmp_path, _mail(port, 'atom = "feed"\n'))
    desk.decide([Thing(1)])
    trials = flows.try_delivery(desk.pipeline, workspace=desk.room.path, now=NOW, out=tmp_path / "out")
    assert [len(one.messages) for one in trials] == [1, 1]
    assert desk.deliveries() == []
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".html", ".html", ".txt", ".txt"]
    assert not (desk.room.products / "feeds").exists()


def test_a_feed_holds_the_newest_and_each_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, '[[subscriber]]\nid = "a"\natom = "feed"\n', deliver="feed_entries = 3\n")
    things = []
    for day in range(5):
        things.append(Thing(day))
        desk.decide(things)
        desk.tell(NOW + day * _DAY)
    text = (desk.room.products / "feeds" / "feed.atom").read_text()
    assert text.count("<entry>") == 3
    newest = sorted(desk.deliveries(), key=lambda one: one.made_at)[-3:]
    assert all(text.count(f"2024:{one.id}<") == 1 for one in newest)


def test_a_subscriber_may_not_use_a_folder_of_kpgeo(tmp_path: Path) -> None:
    for name in ("outbox", "feeds", "pictures"):
        desk = Desk(tmp_path / name, f'[[subscriber]]\nid = "a"\nfolder = "{name}"\n')
        with pytest.raises(BadInputError, match="used by kpgeo itself"):
            desk.tell()


def test_a_delivery_that_another_kpgeo_put_together_holds_no_other_up(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _mail(free_port(), 'folder = "for-a"\n'))
    desk.decide([Thing(1)])
    desk.tell()
    with sqlite3.connect(desk.room.path / "kpgeo.db") as connection:
        connection.execute("UPDATE deliveries SET body = '{}' WHERE state = 'waiting'")
    connection.close()
    desk.decide([Thing(1), Thing(2)])
    report = desk.tell(NOW + _DAY)
    assert [one.channel for one in report.sent] == ["folder:for-a"]
    assert any("cannot be read" in one.error for one in report.failed)


def _adopt(desk: Desk, lineage: str, known: dict[str, list[str]]) -> None:
    tables = desk.room.tables()
    tables.methods.adopt(AOI, lineage, by="x", known_alerts=known, said={})
    tables.close()


def test_what_later_scenes_overturn_of_a_method_that_speaks_no_more_is_told_to_nobody(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER)
    desk.decide([Thing(1)])
    desk.tell()
    desk.decide([Thing(2)], salt="new", lineage="belief-3-def")
    _adopt(desk, "belief-3-def", {"alert-2": ["alert-1"]})
    desk.decide([])
    assert desk.tell(NOW + _DAY).made == 0
    assert _told(desk) == [["alert-1 confirmed"]], "the method that speaks holds that there is digging"


def test_who_waits_for_a_weekly_digest_loses_no_alert_when_another_method_is_adopted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER + 'frequency = "weekly"\n[[subscriber]]\nid = "b"\nfolder = "for-b"\n')
    desk.decide([Thing(1)])
    desk.tell()
    assert _told(desk) == [], "the week is not over"
    desk.decide([Thing(2)], salt="new", lineage="belief-3-def")
    _adopt(desk, "belief-3-def", {"alert-2": ["alert-1"]})
    sent = desk.tell(NOW + 4 * _DAY).sent
    assert _told(desk) == [["alert-2 confirmed"]]
    assert [one.subscriber for one in sent] == ["a"], "b was told of that place"


def test_what_becomes_of_a_place_reaches_who_heard_of_it_from_the_method_before(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER + "min_area_ha = 2.0\n")
    desk.decide([Thing(1, more={"area_ha": 3.0}), Thing(3)])
    desk.tell()
    new = [Thing(2), Thing(4)]
    desk.decide(new, salt="new", lineage="belief-3-def")
    _adopt(desk, "belief-3-def", {"alert-2": ["alert-1"], "alert-4": ["alert-3"]})
    for number in (2, 4):
        said = payload_of(Thing(number), desk.newest)
        desk.put("alert-withdrawn", {**said, "state": "withdrawn", "withdrawn": "a road"}, aoi=AOI)
    desk.tell(NOW + _DAY)
    assert _told(desk) == [["alert-1 confirmed"], ["alert-2 withdrawn"]]


def test_what_only_the_adopted_method_found_is_told_however_long_ago_it_began(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _FOLDER)
    desk.decide([Thing(1)])
    desk.tell()
    desk.decide([Thing(2, back=9), Thing(3, back=9)], salt="new", lineage="belief-3-def")
    desk.tell(NOW + _DAY)
    _adopt(desk, "belief-3-def", {"alert-2": ["alert-1"]})
    desk.tell(NOW + 2 * _DAY)
    assert _told(desk) == [["alert-1 confirmed"], ["alert-3 confirmed"]]
    assert desk.tell(NOW + 3 * _DAY).made == 0
