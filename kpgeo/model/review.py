"""Reviews: what people make of an alert. Kept apart from what the machine makes of it; neither overwrites the other."""

import datetime as dt
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

from kpgeo.model.errors import RuleError
from kpgeo.model.ledger import MACHINE, Entry, EntryKind

REVIEW_KINDS = frozenset({EntryKind.REVIEW, EntryKind.FIELD_FINDING, EntryKind.REVIEW_CARRIED})
"""Kinds of entry that reviews are folded from."""
NAME_LIMIT = 80
TEXT_LIMIT = 2000
# Letters and marks that show nothing: with one of them, one person could sign as two.
_UNSEEN = frozenset(map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)))
_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK"})
_NAME = "Give your name with --by, or set KPGEO_ANALYST: letters, figures, spaces and . ' - _ @ ( )."


class ReviewState(StrEnum):
    """Where people stand with an alert."""

    NEW = "new"
    TRIAGED = "triaged"
    IN_REVIEW = "in-review"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    DUPLICATE = "duplicate"
    NEEDS_IMAGERY = "needs-imagery"
    NEEDS_FIELD = "needs-field"
    AUDITED = "audited"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class ReviewAct(StrEnum):
    """What a person does to a review."""

    TRIAGE = "triage"
    BEGIN = "begin"
    CONFIRM = "confirm"
    DISMISS = "dismiss"
    DUPLICATE = "duplicate"
    NEED_IMAGERY = "needs-imagery"
    NEED_FIELD = "needs-field"
    AUDIT = "audit"
    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"
    UNDO = "undo"
    NOTE = "note"
    FIELD = "field"
    SECOND = "second"


class DismissalReason(StrEnum):
    """Why an alert is dismissed."""

    FIRE_SCAR = "fire-scar"
    FARMING = "farming"
    FLOOD = "flood"
    SANDBAR = "sandbar"
    ROAD_QUARRY = "road-quarry"
    GOLD = "gold-not-diamond"
    SETTLEMENT = "settlement"
    CLOUD_HAZE = "cloud-haze"
    SENSOR_ARTEFACT = "sensor-artefact"
    GEOLOCATION = "geolocation-shift"
    OLD_CHANGE = "old-change"
    DUPLICATE = "duplicate"
    OUTSIDE_AOI = "outside-aoi"
    OTHER = "other"


class FieldState(StrEnum):
    """What was found on the ground. It does not overwrite what imagery showed."""

    UNVISITED = "unvisited"
    CONFIRMED = "visited-confirmed"
    NOT_FOUND = "visited-not-found"
    INACCESSIBLE = "inaccessible"


@dataclass(frozen=True, kw_only=True)
class FieldFinding:
    """What somebody found where an alert is.

    Attributes
    ----------
    on : date or None
        The day of the visit, or of the attempt; None where nobody went.
    visited_by : str
        Who went there; it need not be who writes it down.
    photos : tuple of str
        SHA-256 of each photograph, hexadecimal.
    by, at
        Who wrote it down, and when (UTC); set when it is read from the ledger.
    """

    state: FieldState
    on: dt.date | None = None
    visited_by: str = ""
    photos: tuple[str, ...] = ()
    text: str = ""
    by: str = ""
    at: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class AlertSeen:
    """What the machine said of an alert when a person took a step: who asks later what was on the table finds it here.

    Attributes
    ----------
    lineage : str
        Of the detector.
    raised_dekad, dekad : int
        When it was raised, and as of which dekad it was seen.
    state : str
        The machine's.
    first_day, last_day : int
        First day of digging, last clear look.
    hits, looked_dekads : int
        Dekads seen mined out of dekads looked at.
    lon, lat : float
        A point inside the site, degrees (EPSG:4326).
    """

    site_id: str
    lineage: str
    raised_dekad: int
    dekad: int
    state: str
    question: str
    confidence: float
    area_ha: float
    area_low_ha: float
    area_high_ha: float
    first_day: int
    last_day: int
    hits: int
    looked_dekads: int
    lon: float
    lat: float
    stratum: str


@dataclass(frozen=True, kw_only=True)
class ReviewStep:
    """A step somebody wants to take.

    Attributes
    ----------
    by : str
        Who takes it, as `read_person` gives it.
    seen : int or None
        `Review.seq` of the review it was decided on; None takes the review as it stands.
    reason : DismissalReason or None
        Of a dismissal.
    text : str
        Reason, remark or note in words.
    of : str
        The alert this one is a duplicate of.
    verdict : ReviewState or None
        Of a blind second review: confirmed or dismissed.
    finding : FieldFinding or None
        Of a `field` step.
    """

    act: ReviewAct
    by: str
    seen: int | None = None
    reason: DismissalReason | None = None
    text: str = ""
    of: str = ""
    verdict: ReviewState | None = None
    finding: FieldFinding | None = None


@dataclass(frozen=True, kw_only=True)
class ReviewNote:
    """What somebody remarked, when (UTC)."""

    by: str
    at: dt.datetime | None
    text: str


@dataclass(frozen=True, kw_only=True)
class SecondVerdict:
    """What a second person made of an alert without being shown what the first had made of it."""

    by: str
    verdict: ReviewState
    reason: DismissalReason | None


@dataclass(frozen=True, kw_only=True)
class Review:
    """A review as it stands: the fold of its entries in the ledger, which are its only store.

    Attributes
    ----------
    seq : int
        Place in the ledger of its last entry; 0 where there is none. A step names the one it was decided on.
    verdict : ReviewState or None
        Confirmed, dismissed or duplicate: what was judged, kept when it is audited, published or withdrawn.
    reason, text
        Of the dismissal, the withdrawal or the reopening that holds.
    duplicate_of : str
        The alert it is a duplicate of.
    judged_by, audited_by : str
        Who gave the verdict, and who audited it: two people.
    act, moved_by, moved_at, moved_seq
        The last step that moved the state.
    seen : AlertSeen or None
        What the machine said at the last step.
    carried_from, carried_to : str
        The alert whose review this was before, and the one it went on to, where the machine took back the first and
        raised the second at the same place.
    before : Review or None
        As it stood before the last step that moved it, for undoing it.
    """

    alert_id: str
    aoi_id: str = ""
    state: ReviewState = ReviewState.NEW
    seq: int = 0
    verdict: ReviewState | None = None
    reason: DismissalReason | None = None
    text: str = ""
    duplicate_of: str = ""
    judged_by: str = ""
    audited_by: str = ""
    act: ReviewAct | None = None
    moved_by: str = ""
    moved_at: dt.datetime | None = None
    moved_seq: int = 0
    seen: AlertSeen | None = None
    carried_from: str = ""
    carried_to: str = ""
    notes: tuple[ReviewNote, ...] = ()
    findings: tuple[FieldFinding, ...] = ()
    seconds: tuple[SecondVerdict, ...] = ()
    before: "Review | None" = field(default=None, repr=False)

    @property
    def field_state(self) -> FieldState:
        """Return what was last found on the ground."""
        return self.findings[-1].state if self.findings else FieldState.UNVISITED

    @property
    def is_touched(self) -> bool:
        """Say whether anybody did anything to it."""
        return self.seq > 0


def named_reviews(entry: Entry) -> tuple[str, ...]:
    """Return the other alerts an entry names: the one it was carried over from, the one it is a duplicate of."""
    return tuple(str(entry.body[name]) for name in ("from", "of") if entry.body.get(name))


def read_person(text: str, where: str = "--by") -> str:
    """Return a person's name as it is kept: NFC, one space between words.

    Raises
    ------
    RuleError
        `name`: it is empty, too long, kpgeo's own, or holds what names are not made of (control and direction
        characters, letters that show nothing, letters of Latin, Greek and Cyrillic mixed in one name).
    """
    name = " ".join(part for part in unicodedata.normalize("NFC", text).split(" ") if part)
    folded = _folded(name)
    if not folded or not any(char.isalpha() for char in folded):
        raise RuleError("Nobody says who does this.", rule="name", where=where, remedy=_NAME)
    if len(name) > NAME_LIMIT:
        raise RuleError(f"A name has at most {NAME_LIMIT} characters.", rule="name", where=where, remedy=_NAME)
    if strange := [char for char in name if not _is_of_names(char)]:
        raise RuleError(f"U+{ord(strange[0]):04X} is not part of a name.", rule="name", where=where, remedy=_NAME)
    scripts = {unicodedata.name(char, "").split(" ")[0] for char in folded if char.isalpha()}
    if len(scripts & _SCRIPTS) > 1:
        raise RuleError(
            "Letters of several scripts are mixed in one name.", rule="name", where=where, remedy="Type it anew."
        )
    if folded == _folded(MACHINE):
        raise RuleError(f"{MACHINE!r} is the machine's own name.", rule="name", where=where, remedy=_NAME)
    return name


def same_person(one: str, other: str) -> bool:
    """Say whether two names are one, whatever their case, spaces and forms of characters.

    >>> same_person("Awa  Koné", "AWA KONE" + chr(0x301))
    True
    """
    return _folded(one) == _folded(other)


def read_text(text: str, where: str = "--text") -> str:
    """Return what somebody wrote as it is kept: NFC, without spaces around it.

    Raises
    ------
    RuleError
        `text`: it is too long, or holds control, direction or other unseen characters (line breaks may stand in it).
    """
    kept = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    if len(kept) > TEXT_LIMIT:
        raise RuleError(f"A text has at most {TEXT_LIMIT} characters.", rule="text", where=where, remedy="Shorten it.")
    for char in kept:
        if char != "\n" and (unicodedata.category(char) in _UNSEEN_KINDS or char in _UNSEEN):
            raise RuleError(
                f"U+{ord(char):04X} cannot stand in a text.", rule="text", where=where, remedy="Take it out."
            )
    return kept


_UNSEEN_KINDS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _folded(name: str) -> str:
    """Return a name as names are compared."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(plain.split())


def _is_of_names(char: str) -> bool:
    code = ord(char)
    is_selector = 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or 0x180B <= code <= 0x180F
    if char in _UNSEEN or is_selector:
        return False
    return unicodedata.category(char)[0] in "LMN" or char in " .'’-_@()"
