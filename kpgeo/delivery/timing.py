"""When somebody is told: by the clock on his wall, whatever summer time does to it, and not in his quiet hours."""

import datetime as dt

from kpgeo.model.delivery import Delivery, Frequency
from kpgeo.model.ids import digest
from kpgeo.options.deliver import DeliverOptions
from kpgeo.options.subscribers import Subscriber

_DAY = dt.timedelta(days=1)
_MOST_DOUBLINGS = 40


def last_slot(subscriber: Subscriber, now: dt.datetime) -> dt.datetime:
    """Return the latest moment, at or before `now`, at which a subscriber is told; `now` where it is each run.

    An hour that a change to summer time leaves out is the first one after it; one that comes twice is the first.
    """
    if subscriber.frequency is Frequency.EACH_RUN:
        return now
    day = now.astimezone(subscriber.zone).date()
    slots = (_slot(subscriber, day - back * _DAY) for back in range(9))
    return next(slot for slot in slots if slot is not None and slot <= now)


def next_slot(subscriber: Subscriber, now: dt.datetime) -> dt.datetime:
    """Return the first moment after `now` at which a subscriber is told; `now` where it is each run."""
    if subscriber.frequency is Frequency.EACH_RUN:
        return now
    day = now.astimezone(subscriber.zone).date()
    slots = (_slot(subscriber, day + ahead * _DAY) for ahead in range(9))
    return next(slot for slot in slots if slot is not None and slot > now)


def is_due(subscriber: Subscriber, last: dt.datetime, now: dt.datetime) -> bool:
    """Say whether a subscriber is to be told who was told, or met, at `last`."""
    return subscriber.frequency is Frequency.EACH_RUN or last < last_slot(subscriber, now)


def is_quiet(subscriber: Subscriber, channel: str, now: dt.datetime) -> bool:
    """Say whether a channel is to be left alone now. Feeds and folders wake nobody."""
    if subscriber.quiet is None or channel.partition(":")[0] not in {"email", "webhook"}:
        return False
    return subscriber.quiet.holds(now.astimezone(subscriber.zone).time())


def next_attempt(delivery: Delivery, now: dt.datetime, options: DeliverOptions, asked_s: float = 0.0) -> dt.datetime:
    """Return when to try again after the attempt that is being made: pauses double, and differ a little.

    The jitter follows from the delivery, so that many that failed at once do not come back at once.
    """
    doubled = options.first_retry_s * 2.0 ** min(delivery.attempts, _MOST_DOUBLINGS)
    share = int(digest(delivery.id, delivery.attempts)[:8], 16) / 0xFFFFFFFF
    pause_s = min(doubled, options.max_retry_s) * (0.8 + 0.2 * share)
    return now + dt.timedelta(seconds=max(pause_s, min(asked_s, options.max_retry_s)))


def is_over(delivery: Delivery, now: dt.datetime, options: DeliverOptions) -> bool:
    """Say whether a delivery that failed once more is to be given up. One that was asked for anew is tried twice."""
    is_old = now - delivery.made_at >= dt.timedelta(days=options.give_up_days) and delivery.attempts > 1
    return is_old or delivery.attempts >= options.give_up_attempts


def _slot(subscriber: Subscriber, day: dt.date) -> dt.datetime | None:
    """Return when a subscriber is told on a day of his; None where he is not."""
    if subscriber.frequency is Frequency.WEEKLY and day.weekday() != subscriber.weekday_number:
        return None
    return dt.datetime.combine(day, dt.time(subscriber.hour), tzinfo=subscriber.zone).astimezone(dt.UTC)
