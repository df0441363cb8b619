"""From facts to what a person reads: one message in one language, shown alike as text, page, mail and feed entry."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kpgeo.delivery.content import Digest, Shot, Told
from kpgeo.delivery.unseen import unseen_lines
from kpgeo.delivery.words import Wording, plain
from kpgeo.model.aoi import Language
from kpgeo.model.delivery import Delivery, DeliveryKind

_ORDER = (
    "alert-confirmed",
    "alert-provisional",
    "alert-withdrawn",
    "alert-overturned",
    "alert-finished",
    "alert-expired",
)
_OVER = "alarm-ended"
_SUBJECT_LIMIT = 150
_MOST_GAPS = 4


@dataclass(frozen=True, kw_only=True)
class ShotView:
    """A picture with its caption; `name` is None where there is none."""

    caption: str
    alt: str
    name: str | None


@dataclass(frozen=True, kw_only=True)
class Card:
    """One site, shown in full."""

    title: str
    state: str
    kind: str
    place: str
    facts: tuple[str, ...]
    question: str
    link: str
    shots: tuple[ShotView, ...]


@dataclass(frozen=True, kw_only=True)
class Message:
    """What one delivery says, in words. Every text is one clean line.

    Attributes
    ----------
    counts : tuple of (str, str)
        AOI, and what changed there.
    rows : tuple of (str, str, str, str)
        Sites by a line: site, what became of it, area, place.
    """

    id: str
    language: Language
    subject: str
    mark: str
    mark_note: str
    title: str
    lead: tuple[str, ...]
    counts: tuple[tuple[str, str], ...]
    cards: tuple[Card, ...]
    rows: tuple[tuple[str, str, str, str], ...]
    further: str
    alarms: tuple[str, ...]
    unseen: tuple[str, ...]
    stands: tuple[str, ...]
    footer: str
    heads: dict[str, str]


def compose_message(delivery: Delivery, digest: Digest) -> Message:
    """Return what a delivery says, in its subscriber's language."""
    writer = _Writer(delivery, digest)
    return Message(
        id=delivery.id,
        language=digest.language,
        subject=writer.subject(),
        mark=writer.words.say("mark"),
        mark_note=writer.words.say("mark-note"),
        title=writer.title(),
        lead=writer.lead(),
        counts=tuple(writer.counts()),
        cards=tuple(writer.card(item) for item in writer.sites[: digest.layout.top_sites]),
        rows=tuple(writer.row(item) for item in writer.listed()),
        further=writer.further(),
        alarms=tuple(writer.alarm(item) for item in writer.alarms),
        unseen=() if digest.kind is DeliveryKind.ALARM else tuple(unseen_lines(digest.seen, writer.words)),
        stands=tuple(writer.stands()),
        footer=writer.footer(),
        heads={
            name: writer.words.say(f"head-{name}") for name in ("counts", "top", "more", "unseen", "stands", "alarms")
        },
    )


class _Writer:
    """Words one digest."""

    def __init__(self, delivery: Delivery, digest: Digest) -> None:
        self.delivery = delivery
        self.digest = digest
        self.words = Wording(digest.language)
        self.alarms = [item for item in digest.items if item.kind.startswith("alarm-")]
        self.sites = rank_items([item for item in digest.items if not item.kind.startswith("alarm-")])
        self._aois = {one.aoi: one for one in digest.seen}

    def subject(self) -> str:
        """Return the subject, the mark first."""
        words = self.words
        if self.digest.kind is DeliveryKind.ALARM:
            key = "subject-over" if self._is_over() else "subject-alarm"
            said = words.say(key, what=words.listed(list(dict.fromkeys(map(self._alarm_name, self.alarms)))))
        elif self.digest.kind is DeliveryKind.UNSEEN:
            said = words.say("subject-unseen", places=self._places())
        else:
            said = words.say("subject", places=self._places(), counts=self._counted(self.sites))
        return plain(f"[{words.say('mark')}] {said}", _SUBJECT_LIMIT)

    def title(self) -> str:
        """Return the headline."""
        is_over = self.digest.kind is DeliveryKind.ALARM and self._is_over()
        return self.words.say("title-over" if is_over else f"title-{self.digest.kind}")

    def lead(self) -> tuple[str, ...]:
        """Return what stands under the headline."""
        if self.digest.kind is DeliveryKind.UNSEEN:
            return (self.words.say("lead-unseen"),)
        is_alarm = self.digest.kind is DeliveryKind.ALARM and not self._is_over()
        return (self.words.say("not-quiet"),) if is_alarm else ()

    def counts(self) -> list[tuple[str, str]]:
        """Return what changed, by AOI."""
        by_aoi: dict[str, list[Told]] = {}
        for item in self.sites:
            by_aoi.setdefault(item.aoi, []).append(item)
        return [(self._aoi_name(aoi), self._counted(items)) for aoi, items in sorted(by_aoi.items())]

    def card(self, item: Told) -> Card:
        """Return one site in full."""
        words, said = self.words, item.payload
        site = plain(said.get("site", ""), 60)
        shots = self.digest.shots.get(str(said.get("site", "")))
        views = (
            () if shots is None else (self._shot("before", shots.before, site), self._shot("after", shots.after, site))
        )
        question = said.get("question")
        return Card(
            title=site,
            state=words.named("states", item.kind),
            kind=item.kind,
            place=self._place(item),
            facts=tuple(self._facts(said)),
            question=words.named("questions", str(question)) if question else "",
            link=self._link(said),
            shots=views if any(view.name for view in views) else (),
        )

    def listed(self) -> list[Told]:
        """Return the sites that get a line."""
        layout = self.digest.layout
        return self.sites[layout.top_sites :][: layout.listed_sites]

    def row(self, item: Told) -> tuple[str, str, str, str]:
        """Return one site as a line."""
        said = item.payload
        area = self._area("short-area", said)
        return plain(said.get("site", ""), 60), self.words.named("states", item.kind), area, self._place(item)

    def further(self) -> str:
        """Say how many sites are not listed; "" where all are."""
        left = len(self.sites) - self.digest.layout.top_sites - len(self.listed())
        return self.words.say("further", n=self.words.number(left)) if left > 0 else ""

    def alarm(self, item: Told) -> str:
        """Return an alarm as a sentence: its own where it has one in this language."""
        words, said = self.words, item.payload
        own = said.get("sentences")
        if isinstance(own, dict) and own.get(words.language):
            return plain(own[words.language], 600)
        what, pipeline = self._alarm_name(item), said.get("pipeline") or self.digest.pipeline
        if item.kind == _OVER:
            return words.say("alarm-over", what=what, pipeline=pipeline)
        return words.say("alarm-since", what=what, pipeline=pipeline, since=words.date(str(said.get("since", ""))))

    def stands(self) -> list[str]:
        """Say how sure kpgeo is when it announces, and what a mark does not say."""
        if self.digest.kind is DeliveryKind.ALARM:
            return []
        told = [self._operating(one.operating) for one in self.digest.seen if one.operating]
        return [*dict.fromkeys(told), self.words.say("not-marked")]

    def footer(self) -> str:
        """Say whom it is for."""
        frequency = self.words.say(str(self.digest.frequency))
        return self.words.say("footer", subscriber=self.digest.subscriber, frequency=frequency, id=self.delivery.id)

    def _is_over(self) -> bool:
        return all(item.kind == _OVER for item in self.alarms)

    def _alarm_name(self, item: Told) -> str:
        kind = f"alarm-{item.payload.get('kind', '')}" if item.kind == _OVER else item.kind
        return self.words.named("alarms", kind)

    def _aoi_name(self, aoi: str) -> str:
        known = self._aois.get(aoi)
        return self.words.name({} if known is None else known.names, aoi)

    def _places(self) -> str:
        aois = [item.aoi for item in self.sites] or [one.aoi for one in self.digest.seen]
        names = sorted({self._aoi_name(aoi) for aoi in aois})
        if len(names) > 2:
            return self.words.say("more-places", first=names[0], n=len(names) - 1)
        return self.words.listed(names)

    def _counted(self, items: Sequence[Told]) -> str:
        counts = Counter(item.kind for item in items)
        kinds = sorted(counts, key=lambda kind: (_order(kind), kind))
        words = self.words
        return words.listed([words.say("count", state=words.named("states", kind), n=counts[kind]) for kind in kinds])

    def _place(self, item: Told) -> str:
        said = item.payload
        known = self._aois.get(item.aoi)
        stratum = (known.strata if known else {}).get(str(said.get("stratum", "")))
        parts = [self._aoi_name(item.aoi)] + ([self.words.name(stratum, "")] if stratum else [])
        lat, lon = _number(said, "lat"), _number(said, "lon")
        return self.words.listed(parts + ([f"{lat:.5f}, {lon:.5f}"] if lat is not None and lon is not None else []))

    def _area(self, key: str, said: dict[str, Any]) -> str:
        ha, low, high = (_number(said, name) for name in ("area_ha", "area_low_ha", "area_high_ha"))
        if ha is None or low is None or high is None:
            return ""
        return self.words.say(key, ha=self.words.ha(ha), low=self.words.ha(low), high=self.words.ha(high))

    def _facts(self, said: dict[str, Any]) -> list[str]:
        words = self.words
        facts = [self._area("area", said)]
        confidence, share = _number(said, "confidence"), _number(said, "true_share")
        if confidence is not None and share is not None:
            facts.append(
                words.say("confidence-shared", confidence=words.percent(confidence), share=words.percent(share))
            )
        elif confidence is not None:
            facts.append(words.say("confidence", confidence=words.percent(confidence)))
        if said.get("first_seen") and said.get("last_seen"):
            first, last = words.date(str(said["first_seen"])), words.date(str(said["last_seen"]))
            facts.append(words.say("since", first=first, last=last))
        hits, looked = _number(said, "hits"), _number(said, "looked_dekads")
        if hits is not None and looked is not None:
            facts.append(words.say("looks", hits=words.number(hits), looked=words.number(looked)))
        if said.get("gaps"):
            facts.append(words.say("not-seen", gaps=self._gaps(said["gaps"])))
        if said.get("withdrawn"):
            facts.append(words.say("note", reason=said["withdrawn"]))
        return [fact[:1].upper() + fact[1:] for fact in facts if fact]

    def _gaps(self, gaps: Sequence[str]) -> str:
        counts = Counter(str(gap).partition(":")[0] for gap in gaps)
        words = self.words
        return words.listed(
            [words.say("times", gap=words.named("gaps", gap), n=n) for gap, n in counts.most_common(_MOST_GAPS)]
        )

    def _link(self, said: dict[str, Any]) -> str:
        page, alert = self.digest.layout.page_url, said.get("alert")
        return f"{page.rstrip('/')}/alerts/{quote(plain(alert, 100), safe='')}" if page and alert else ""

    def _shot(self, when: str, shot: Shot | None, site: str) -> ShotView:
        words = self.words
        if shot is None:
            return ShotView(caption=words.say("no-picture"), alt="", name=None)
        date = words.date(shot.day)
        caption = f"{words.say(when, date=date)}, {plain(shot.sensor, 30)}"
        return ShotView(
            caption=caption,
            alt=words.say("picture-alt", site=site, date=date, sensor=shot.sensor),
            name=shot.name,
        )

    def _operating(self, point: dict[str, Any]) -> str:
        words = self.words
        confidence, ha = _number(point, "announced_from_confidence") or 0.0, _number(point, "min_area_ha") or 0.0
        rate = [_number(point, f"false_alerts_{name}") for name in ("per_1000km2_month", "low", "high")]
        said = {"confidence": words.percent(confidence), "ha": words.ha(ha)}
        if any(value is None for value in rate):
            return words.say("operating-unknown", **said)
        shown = {name: words.number(value or 0.0, 1) for name, value in zip(("rate", "low", "high"), rate, strict=True)}
        return words.say("operating", **said, **shown)


def rank_items(items: Sequence[Told]) -> list[Told]:
    """Return the last thing told of each alert: confirmed ones first, then the surer and larger ones."""
    last: dict[str, Told] = {}
    for item in sorted(items, key=lambda item: (str(item.payload.get("dekad", "")), item.id)):
        last[str(item.payload.get("alert", item.id))] = item
    return sorted(last.values(), key=_weight)


def _weight(item: Told) -> tuple[float, float, str]:
    said = item.payload
    size = (_number(said, "confidence") or 0.0) * (_number(said, "area_ha") or 0.0)
    return _order(item.kind), -size, item.id


def _order(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _number(said: dict[str, Any], key: str) -> float | None:
    value = said.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
