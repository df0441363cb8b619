"""What a delivery says, as plain facts: fixed when it is made, worded when it is sent."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from kpgeo.model.aoi import Language
from kpgeo.model.delivery import Delivery, DeliveryKind, Frequency
from kpgeo.model.errors import BadInputError


@dataclass(frozen=True, kw_only=True)
class Told:
    """One item of the outbox, as it is told. `payload` is as `alerts.outbox_entries` has it."""

    id: str
    aoi: str
    kind: str
    payload: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, kw_only=True)
class SeenSpan:
    """How much of an AOI was seen in some days. `look_frac` is None where no run looked; 0–1 else."""

    start: dt.date
    end: dt.date
    look_frac: float | None = None
    optical_frac: float | None = None


@dataclass(frozen=True, kw_only=True)
class SeenAoi:
    """What was and was not seen of one AOI.

    Attributes
    ----------
    names, strata : dict
        By language; strata by id first.
    spans : tuple of SeenSpan
        The dekads since the last delivery, oldest first; both days are within.
    faults : dict
        By reason, how much of these days could not be used.
    left_out : dict or None
        What is not watched by choice, as `model.aoi.LeftOut`.
    operating : dict or None
        As `alerts.operating_content`.
    """

    aoi: str
    names: dict[str, str] = field(hash=False)
    strata: dict[str, dict[str, str]] = field(default_factory=dict, hash=False)
    spans: tuple[SeenSpan, ...] = ()
    faults: dict[str, int] = field(default_factory=dict, hash=False)
    left_out: dict[str, Any] | None = field(default=None, hash=False)
    operating: dict[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A picture of the ground: the name of its file, and what took it when."""

    name: str
    day: dt.date
    sensor: str


@dataclass(frozen=True, kw_only=True)
class Shots:
    """A site before and after; None where there is no clear picture."""

    before: Shot | None = None
    after: Shot | None = None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How much a message shows."""

    top_sites: int
    listed_sites: int
    page_url: str = ""


@dataclass(frozen=True, kw_only=True)
class Digest:
    """All that one delivery says."""

    kind: DeliveryKind
    pipeline: str
    subscriber: str
    language: Language
    frequency: Frequency
    layout: Layout
    items: tuple[Told, ...] = ()
    seen: tuple[SeenAoi, ...] = ()
    shots: dict[str, Shots] = field(default_factory=dict, hash=False)


_DIGEST = TypeAdapter(Digest)


def content_of(digest: Digest) -> dict[str, Any]:
    """Return a digest as plain JSON."""
    content: dict[str, Any] = _DIGEST.dump_python(digest, mode="json")
    return content


def digest_of(delivery: Delivery) -> Digest:
    """Return what a delivery says.

    Raises
    ------
    BadInputError
        Another kpgeo put it together, in a form this one does not know.
    """
    try:
        return _DIGEST.validate_python(delivery.body)
    except ValidationError as error:
        raise BadInputError(
            "What the delivery says cannot be read.", where=delivery.id, remedy="Use the kpgeo that put it together."
        ) from error
