"""What is said: in three languages, on clean lines, useful without a click, never "all quiet"."""

import base64
import datetime as dt
import email
import email.policy
import hashlib
import hmac
import io
import json
import re
import string
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kpgeo.delivery import (
    Digest,
    Entry,
    Envelope,
    Layout,
    SeenAoi,
    SeenSpan,
    Shot,
    Shots,
    Told,
    as_feed,
    as_html,
    as_letter,
    as_payload,
    as_text,
    compose_message,
    content_of,
    digest_of,
    draw_thumbnail,
    inline_sources,
    rank_items,
    signature_headers,
)
from kpgeo.delivery.words import phrases
from kpgeo.model.alert import MachineState, Question
from kpgeo.model.aoi import LANGUAGES
from kpgeo.model.delivery import Delivery, DeliveryKind, Frequency
from kpgeo.model.errors import BadInputError
from kpgeo.model.schedule import AlarmKind
from tests.delivery.desk import AOI, NOW, Thing, payload_of

_HOSTILE = [
    "a\r\nBcc: all@example.org",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred\x1b[0m",
    "x\u202egnp.exe",
    "{mark} {0} %s ${x} {{7*7}}",
    "=?utf-8?q?x?=",
    "\x00\ud800",
]
_ENVELOPE = Envelope(
    sender="kpgeo@example.org", sender_name="kpgeo", recipient="a@example.org", domain="kpgeo.example.org", date=NOW,
    unsubscribe="mailto:kpgeo@example.org?subject=stop",
)  # fmt: skip


def _told(number: int, state: MachineState = MachineState.CONFIRMED, **more: Any) -> Told:
    payload = {**payload_of(Thing(number, state), 2000), **more}
    return Told(id=f"outbox-{number}-{state}", aoi=AOI, kind=f"alert-{state}", payload=payload)


def _delivery(items: tuple[Told, ...] = (), language: Any = "en", **more: Any) -> tuple[Delivery, Digest]:
    kind = more.pop("kind", DeliveryKind.ALERTS)
    spans = (SeenSpan(start=dt.date(2026, 3, 1), end=dt.date(2026, 3, 10), look_frac=0.874, optical_frac=0.3),)
    seen = (SeenAoi(aoi=AOI, names={"en": "Here", "fr": "Ici", "pt": "Aqui"}, spans=spans),)
    digest = Digest(
        kind=kind, pipeline="p", subscriber="a", language=language, frequency=Frequency.DAILY, items=items,
        **{"layout": Layout(top_sites=5, listed_sites=3), "seen": seen, **more},
    )  # fmt: skip
    delivery = Delivery(
        id="delivery-0123456789ab", subscriber="a", channel="email:a@example.org", kind=kind,
        items=tuple(item.id for item in items), body=content_of(digest), made_at=NOW, next_at=NOW,
    )  # fmt: skip
    return delivery, digest


def test_every_phrase_has_every_language_with_the_same_values() -> None:
    fields = string.Formatter()
    for table, entries in phrases().items():
        for key, entry in entries.items():
            assert set(entry) == set(LANGUAGES), f"{table}.{key}"
            values = {
                language: {name for _, name, _, _ in fields.parse(text) if name} for language, text in entry.items()
            }
            assert len({frozenset(one) for one in values.values()}) == 1, f"{table}.{key}"
            assert all(text.strip() for text in entry.values()), f"{table}.{key}"
            assert not any(word in text.lower() for text in entry.values() for word in ("illegal", "illégal", "ilegal"))


def test_every_state_question_and_alarm_has_a_word() -> None:
    known = phrases()
    assert {str(one) for one in Question} <= set(known["questions"])
    assert {f"alert-{one}" for one in ("provisional", "confirmed", "expired", "finished")} <= set(known["states"])
    assert {f"alarm-{one}" for one in AlarmKind} <= set(known["alarms"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_says_all_of_it_in_its_language(language: Any) -> None:
    left_out = {"area_ha": 5000.0, "share_frac": 0.25, "why": "by rule"}
    seen = replace(_delivery()[1].seen[0], left_out=left_out, faults={"unreadable": 2, "catalogue-failed": 1})
    items = (_told(1), _told(2, MachineState.PROVISIONAL))
    message = compose_message(*_delivery(items, language, seen=(seen,)))
    text = " ".join(as_text(message).split())
    place = {"en": "Here", "fr": "Ici", "pt": "Aqui"}[language]
    words = phrases()
    assert message.subject.startswith("[KP ONLY]")
    assert place in message.subject
    assert words["states"]["alert-confirmed"][language] in text
    assert words["questions"]["which-sites-to-visit"][language] in text
    assert words["phrases"]["not-marked"][language] in text
    shown = re.sub(r"\s", "", text)
    for part in ("8.20000,-6.60000", "87%", "30%", "13%", "25%", "2.5" if language == "en" else "2,5", "90%", "70%"):
        assert part in shown, part
    others = [one for one in LANGUAGES if one != language]
    assert not any(words["phrases"]["not-marked"][one] in text for one in others)


def test_the_same_site_is_shown_once_as_it_stands_last_and_surer_ones_first() -> None:
    early = _told(1, MachineState.PROVISIONAL, dekad="2026-02-D1")
    late = _told(1, MachineState.CONFIRMED, dekad="2026-03-D1")
    big = _told(2, MachineState.PROVISIONAL, area_ha=50.0)
    small = _told(3, MachineState.PROVISIONAL, area_ha=0.1)
    assert [item.id for item in rank_items((small, late, early, big))] == [late.id, big.id, small.id]


def test_what_is_too_much_is_counted() -> None:
    message = compose_message(*_delivery(tuple(_told(number) for number in range(12))))
    assert (len(message.cards), len(message.rows)) == (5, 3)
    assert "4 further sites" in message.further


def test_a_week_in_which_nothing_was_seen_is_not_told_as_quiet() -> None:
    spans = tuple(SeenSpan(start=dt.date(2026, 3, day), end=dt.date(2026, 3, day + 9)) for day in (1, 11))
    seen = (SeenAoi(aoi=AOI, names={"en": "Here"}, spans=spans),)
    message = compose_message(*_delivery(kind=DeliveryKind.UNSEEN, seen=seen))
    assert "not seen" in message.subject
    assert "This is not “all quiet”" in message.lead[0]
    (line,) = message.unseen
    assert "1 Mar 2026 to 20 Mar 2026: no run looked" in line.replace("\u00a0", " ")


@pytest.mark.fault(38)
@pytest.mark.parametrize("hostile", _HOSTILE)
def test_hostile_text_becomes_one_clean_line_everywhere(hostile: str) -> None:
    item = _told(1, site=hostile, gaps=[hostile], withdrawn=hostile, alert=hostile, question=hostile, stratum=hostile)
    seen = SeenAoi(aoi=AOI, names={"en": hostile}, strata={hostile: {"en": hostile}})
    alarm = Told(id="o", aoi="", kind="alarm-late", payload={"sentences": {"en": hostile}, "pipeline": hostile})
    layout = Layout(top_sites=5, listed_sites=3, page_url="https://kpgeo.example.org")
    delivery, digest = _delivery((item, alarm), seen=(seen,), layout=layout)
    message = compose_message(delivery, digest)
    text, page = as_text(message), as_html(message, {})
    raw = as_letter(message, {}, _ENVELOPE)
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    assert letter["Bcc"] is None
    assert letter["To"] == "a@example.org"
    assert len(letter.get_all("Subject")) == 1
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x1b\u202a-\u202e\ud800-\udfff]", text)
    assert not re.search(r"<script|<img src=x", page)
    ET.fromstring(as_feed("f", "t", "kpgeo.example.org", [Entry(message=message, made_at=NOW)]))
    json.loads(as_payload(delivery, digest, message))


def test_a_letter_is_the_same_bytes_each_time_with_both_forms_and_its_pictures() -> None:
    shot = Shot(name="picture-a.jpg", day=dt.date(2026, 3, 1), sensor="Sentinel-2")
    shots = {"site-1": Shots(before=shot, after=None)}
    delivery, digest = _delivery((_told(1),), shots=shots)
    picture = draw_thumbnail(np.zeros((64, 64, 3), dtype=np.uint8), [[(0.2, 0.2), (0.8, 0.8)]], 15_000)
    raw = as_letter(compose_message(delivery, digest), {"picture-a.jpg": picture, "other.jpg": b"x"}, _ENVELOPE)
    assert raw == as_letter(compose_message(delivery, digest_of(delivery)), {"picture-a.jpg": picture}, _ENVELOPE)
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    assert letter["Message-ID"] == "<delivery-0123456789ab@kpgeo.example.org>"
    assert letter["List-Unsubscribe"] == "<mailto:kpgeo@example.org?subject=stop>"
    kinds = [part.get_content_type() for part in letter.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/jpeg"]
    parts = list(letter.walk())
    assert f'src="cid:{parts[4]["Content-ID"].strip("<>")}"' in parts[3].get_content()
    assert parts[4].get_content() == picture
    assert not re.search(r"(src|href)=\"(?!cid:|mailto:)", parts[3].get_content()), "nothing is fetched from anywhere"
    assert b"\n" not in raw.replace(b"\r\n", b""), "lines end as RFC 5321 has it"
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_pictures_that_are_gone_are_left_out() -> None:
    shot = Shot(name="gone.jpg", day=dt.date(2026, 3, 1), sensor="Sentinel-2")
    message = compose_message(*_delivery((_told(1),), shots={"site-1": Shots(before=shot)}))
    assert "<img" not in as_html(message, {})
    assert "<img" in as_html(message, inline_sources({"gone.jpg": b"x"}))


@pytest.mark.parametrize("limit_bytes", [15_000, 6_000])
def test_a_thumbnail_fits_shows_its_outline_and_carries_no_metadata(limit_bytes: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    content = draw_thumbnail(noise, [[(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.25)]], limit_bytes)
    assert 0 < len(content) <= limit_bytes
    picture = Image.open(io.BytesIO(content))
    assert picture.size[0] == picture.size[1]
    assert not picture.getexif()
    assert b"Exif" not in content
    dark = draw_thumbnail(np.zeros((64, 64, 3), dtype=np.uint8), [[(0.0, 0.5), (1.0, 0.5)]], 15_000)
    shown = np.asarray(Image.open(io.BytesIO(dark)))
    assert shown[shown.shape[0] // 2].mean() > 150
    assert shown[5].mean() < 40
    assert draw_thumbnail(noise, [], 100) == b""


def test_a_feed_has_what_rfc_4287_requires() -> None:
    entries = []
    for number in range(3):
        delivery, digest = _delivery((_told(number),))
        made_at = NOW + dt.timedelta(hours=number)
        entries.append(
            Entry(message=compose_message(replace(delivery, id=f"delivery-{number}"), digest), made_at=made_at)
        )
    raw = as_feed("focal", "kpgeo", "kpgeo.example.org", entries)
    assert raw == as_feed("focal", "kpgeo", "kpgeo.example.org", entries[::-1])
    feed = ET.fromstring(raw)
    atom = "{http://www.w3.org/2005/Atom}"
    assert feed.tag == f"{atom}feed"
    for name in ("id", "title", "updated"):
        assert len(feed.findall(f"{atom}{name}")) == 1
    assert feed.findtext(f"{atom}author/{atom}name") == "kpgeo"
    assert feed.findtext(f"{atom}updated") == "2026-03-12T11:00:00Z", "that of the newest entry"
    found = feed.findall(f"{atom}entry")
    ids = [one.findtext(f"{atom}id") for one in found]
    assert ids == [f"tag:kpgeo.example.org,2024:delivery-{number}" for number in (2, 1, 0)]
    for one in found:
        assert one.findtext(f"{atom}title")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one.findtext(f"{atom}updated") or "")
        content = one.find(f"{atom}content")
        assert content is not None
        assert content.get("type") == "html"
        assert "<table" in (content.text or "")


def test_signatures_are_those_of_the_specification() -> None:
    """In the steps of the specification: base64 of HMAC-SHA256 over id.timestamp.body, keyed by the bytes."""
    old, new = (b"k" * 24, b"n" * 64)
    secrets = [f"whsec_{base64.b64encode(key).decode()}" for key in (new, old)]
    headers = signature_headers("delivery-1", b'{"a":1}', secrets, dt.datetime(2026, 3, 12, 9, 0, 0, 999, dt.UTC))
    stamp = headers["webhook-timestamp"]
    assert stamp == "1773306000"
    signed = b"delivery-1." + stamp.encode() + b'.{"a":1}'
    wanted = ["v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in (new, old)]
    assert headers["webhook-signature"].split(" ") == wanted
    assert headers["webhook-id"] == "delivery-1"


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "c2VjcmV0" * 8, "whsec_***", "whsec_" + "QUJD" * 40]
)
def test_a_secret_of_the_wrong_form_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(BadInputError) as caught:
        signature_headers("d", b"", [secret], NOW)
    assert not secret.removeprefix("whsec_") or secret.removeprefix("whsec_") not in str(caught.value)
