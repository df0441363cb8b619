"""Webhooks as Standard Webhooks 1.0.0 has them: a signed JSON body, one id for every attempt, no redirects."""

import base64
import binascii
import datetime as dt
import email.utils
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from kpgeo.delivery.content import Digest, Told
from kpgeo.delivery.message import Message
from kpgeo.model.delivery import Delivery
from kpgeo.model.errors import BadInputError, UpstreamError
from kpgeo.model.ledger import canonical
from kpgeo.wire import Access, FetchError, open_session

_PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64
# Sent again, such a request would be refused again. What the receiver's keeper can mend (401, 403, 404) is not in it.
_PERMANENT = frozenset({400, 405, 410, 411, 413, 414, 415, 422, 431})
_REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})


class HookError(UpstreamError):
    """A webhook that was not taken.

    Parameters
    ----------
    is_passing : bool
        Whether trying again may help.
    wait_s : float
        How long the receiver asks to be left alone.
    """

    def __init__(self, what: str, *, is_passing: bool, wait_s: float = 0.0, where: str = "") -> None:
        super().__init__(what, where=where)
        self.is_passing = is_passing
        self.wait_s = wait_s

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.what, self.is_passing, self.wait_s, self.where))


def _rebuild(what: str, is_passing: bool, wait_s: float, where: str) -> HookError:  # noqa: FBT001 - as given
    return HookError(what, is_passing=is_passing, wait_s=wait_s, where=where)


def as_payload(delivery: Delivery, digest: Digest, message: Message) -> bytes:
    """Return what a delivery says as JSON, for machines, with its sentences for people; the same at every attempt."""
    content = {
        "type": f"kpgeo.{digest.kind}",
        "timestamp": delivery.made_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        "data": {
            "delivery": delivery.id,
            "subscriber": digest.subscriber,
            "pipeline": digest.pipeline,
            "mark": message.mark,
            "language": digest.language,
            "title": message.subject,
            "items": [_item(item) for item in digest.items],
            "not_seen": list(message.unseen),
            "stands_for": list(message.stands),
        },
    }
    return canonical(content).encode("ascii")


def _item(item: Told) -> dict[str, Any]:
    """Return an item as the folder of the outbox has it."""
    name = "alarm" if item.kind.startswith("alarm-") else "alert"
    return {"id": item.id, "aoi": item.aoi, "kind": item.kind, name: item.payload}


def signature_headers(delivery_id: str, body: bytes, secrets: Sequence[str], now: dt.datetime) -> dict[str, str]:
    """Return the headers of a request: id, time and one signature for each secret.

    Raises
    ------
    BadInputError
        A secret is none: `whsec_` and 24 to 64 bytes in base 64. The message does not repeat it.
    """
    stamp = str(int(now.timestamp()))
    signed = f"{delivery_id}.{stamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode() for secret in secrets]
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


def post_hook(url: str, body: bytes, headers: dict[str, str], access: Access) -> None:
    """Send a request once, and return when the receiver has taken it.

    A redirect is not followed. A host with a private address is refused unless the pipeline names it in
    `wire.private_hosts`, and without TLS only such a host is told anything.

    Raises
    ------
    HookError
        It was not taken. The message names the host, not the address, which may hold a secret.
    """
    parts = urlsplit(url)
    where = parts.hostname or ""
    if parts.scheme != "https" and not access.is_trusted(where, parts.port or 80):
        raise HookError("Only hosts of wire.private_hosts are told anything without TLS.", is_passing=True, where=where)
    once = access.options.model_copy(update={"request_attempts": 1, "max_redirects": 0})
    patient = Access(options=once, trusted_hosts=access.trusted_hosts)
    try:
        with open_session(patient) as session:
            answer = session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json", "User-Agent": "kpgeo", **headers},
            )
            code, asked = answer.status_code, answer.headers.get("retry-after", "")
    except FetchError as error:
        is_redirect = error.fault in {"redirect-loop", "redirect-refused"}
        what = "The receiver redirects, which is not followed: give its new address." if is_redirect else error.what
        raise HookError(what, is_passing=True, where=where) from None
    except (ValueError, OSError):
        raise HookError("The address cannot be asked.", is_passing=False, where=where) from None
    if not 200 <= code < 300:
        raise HookError(
            f"The receiver answered {code}.", is_passing=code not in _PERMANENT, wait_s=_wait_s(asked), where=where
        )


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise BadInputError(
            "A webhook's secret is not of the right form.",
            where="webhook.secrets",
            remedy=f"It is {_PREFIX} and {_LEAST_BYTES} to {_MOST_BYTES} random bytes in base 64.",
        )
    return key


def _wait_s(text: str) -> float:
    """Return what Retry-After asks for in seconds; 0 where it cannot be read.

    >>> _wait_s("120"), _wait_s("soon"), _wait_s("Mon, 01 Jan 1990 00:00:00 GMT")
    (120.0, 0.0, 0.0)
    """
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return max((moment - dt.datetime.now(moment.tzinfo)).total_seconds(), 0.0)
