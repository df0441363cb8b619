"""Deliveries: what was put together for one subscriber and channel, and what became of it."""

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class DeliveryKind(StrEnum):
    """What a delivery tells."""

    ALERTS = "alerts"
    ALARM = "alarm"
    UNSEEN = "unseen"


class DeliveryState(StrEnum):
    """What became of a delivery."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given-up"


class Frequency(StrEnum):
    """How often a subscriber is told."""

    EACH_RUN = "each-run"
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One message to one subscriber by one channel.

    Attributes
    ----------
    id : str
        Hash of subscriber, channel and items: receivers tell a repetition by it.
    channel : str
        Kind and name, such as `email:analyst@example.org`.
    items : tuple of str
        Ids of the outbox items it tells.
    body : dict
        Plain JSON of all that it says. It is fixed when the delivery is made, so that each attempt says the same.
    made_at, next_at, sent_at : datetime
        When it was put together, when it is tried next, and when it was delivered (None: not yet); UTC.
    attempts : int
    error : str
        Why the last attempt failed; "" where none did.
    """

    id: str
    subscriber: str
    channel: str
    kind: DeliveryKind
    items: tuple[str, ...]
    body: dict[str, Any] = field(hash=False, repr=False)
    made_at: dt.datetime
    next_at: dt.datetime
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    error: str = ""
    sent_at: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """What a subscriber knows by one channel.

    Attributes
    ----------
    since, asked_at : datetime
        When the channel was first met, and when it was last asked whether there is anything to tell.
    items : frozenset of str
        Outbox items it was told, or that were old news to it.
    told : frozenset of str
        Those of them it was told.
    newest : dict
        By AOI id, the newest dekad that was decided when it was last told.
    last_made : dict
        By kind of delivery, when the last one was made.
    """

    subscriber: str
    channel: str
    since: dt.datetime
    asked_at: dt.datetime
    items: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    newest: dict[str, int] = field(default_factory=dict, hash=False)
    last_made: dict[DeliveryKind, dt.datetime] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class News:
    """An item of the outbox as delivery sees it.

    Attributes
    ----------
    was_decided : bool
        Whether an event of the machine made it; else an alarm or a review did.
    is_overturned : bool
        Whether later scenes overturned that event.
    is_beside : bool
        Whether it is of a method that does not speak.
    adopted_at : datetime or None
        When a person let the method speak that it is of; None where none had to.
    follows : frozenset of str
        Alerts at the place of its own that methods which spoke before announced.
    """

    id: str
    aoi_id: str
    kind: str
    payload: dict[str, Any] = field(hash=False)
    dekad: int
    was_decided: bool = False
    is_overturned: bool = False
    is_beside: bool = False
    adopted_at: dt.datetime | None = None
    follows: frozenset[str] = frozenset()

    @property
    def holds(self) -> bool:
        """Say whether what it tells holds still."""
        return not (self.is_overturned or self.is_beside)
