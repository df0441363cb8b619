"""The subscribers a pipeline tells: whether their file holds, and whether the secrets it names are there."""

import datetime as dt
from collections.abc import Iterator, Sequence

from kpgeo.delivery import signature_headers
from kpgeo.flows.doctor.finding import Finding, counted, good, of_error, warned
from kpgeo.flows.telling.office import read_subscribers, require_watched
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.errors import KpgeoError
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.subscribers import SecretPlace, Subscribers

_CHECK = "subscribers"
_MEND_FILE = "Correct what is named there in the file of subscribers."
_MEND_SECRET = "Set it before delivering; see docs/how-to/deliver-alerts.md."  # noqa: S105 - a sentence


def subscriber_findings(pipeline: Pipeline, watches: Sequence[Watch]) -> Iterator[Finding]:
    """Read the file of subscribers, and look for each secret that it names. No secret is shown."""
    try:
        subscribers = read_subscribers(pipeline)
        if subscribers is None:
            return
        if len(watches) == len(pipeline.aois):
            require_watched(subscribers, [watch.aoi.id for watch in watches])
    except KpgeoError as error:
        yield of_error(_CHECK, error, _MEND_FILE)
        return
    faults = [*_mail_faults(subscribers), *_hook_faults(subscribers)]
    for who, fault in faults:
        yield warned(_CHECK, f"{who}: {fault.where}: {fault.what}", fault.remedy or _MEND_SECRET)
    if not faults:
        yield good(_CHECK, f"{counted(len(subscribers.subscriber), 'subscriber')}, and the secrets they need")


def _mail_faults(subscribers: Subscribers) -> Iterator[tuple[str, KpgeoError]]:
    mail = subscribers.mail
    for place in () if mail is None else (mail.user, mail.password):
        if place is not None:
            yield from _absent("mail", place, subscribers)


def _hook_faults(subscribers: Subscribers) -> Iterator[tuple[str, KpgeoError]]:
    """Yield which secrets of webhooks are not there, or sign nothing."""
    for one in subscribers.subscriber:
        for place in (place for hook in one.webhook for place in hook.secrets):
            absent = list(_absent(one.id, place, subscribers))
            yield from absent
            if not absent:
                try:
                    signature_headers("doctor", b"", [place.read(subscribers.folder)], dt.datetime.now(dt.UTC))
                except KpgeoError as error:
                    yield one.id, error


def _absent(who: str, place: SecretPlace, subscribers: Subscribers) -> Iterator[tuple[str, KpgeoError]]:
    try:
        place.read(subscribers.folder)
    except KpgeoError as error:
        yield who, error
