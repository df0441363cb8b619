"""A message as an e-mail: the same bytes for the same delivery, whenever and however often it is sent."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from kpgeo.delivery.message import Message
from kpgeo.delivery.pages import as_html, as_text
from kpgeo.delivery.words import plain


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """Whom a letter is from and for.

    Attributes
    ----------
    domain : str
        The right side of the Message-ID.
    date : datetime
        When the delivery was made.
    unsubscribe : str
        A `mailto:` or `https://` address for List-Unsubscribe; "" is none.
    """

    sender: str
    sender_name: str
    recipient: str
    domain: str
    date: dt.datetime
    reply_to: str = ""
    unsubscribe: str = ""


def as_letter(message: Message, pictures: Mapping[str, bytes], envelope: Envelope) -> bytes:
    """Return a letter: plain text and, beside it, HTML with its pictures (JPEG) inside.

    The Message-ID is the delivery's id, so that two copies of one letter are one to whoever sorts the mail. Headers are
    made of clean lines: no text from elsewhere can begin another header.
    """
    letter = EmailMessage(policy=policy.SMTP)
    letter["Subject"] = plain(message.subject, 200)
    letter["From"] = _address(envelope.sender, envelope.sender_name)
    letter["To"] = _address(envelope.recipient)
    if envelope.reply_to:
        letter["Reply-To"] = _address(envelope.reply_to)
    letter["Date"] = format_datetime(envelope.date.astimezone(dt.UTC))
    letter["Message-ID"] = f"<{message.id}@{envelope.domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter["Sensitivity"] = "Company-Confidential"
    letter["Content-Language"] = message.language
    letter["X-Auto-Response-Suppress"] = "All"
    if envelope.unsubscribe:
        letter["List-Unsubscribe"] = f"<{envelope.unsubscribe}>"
    letter.set_content(as_text(message), cte="quoted-printable")
    named = {shot.name for card in message.cards for shot in card.shots}
    shown = {name: content for name, content in sorted(pictures.items()) if name in named}
    sources = {name: f"cid:{name}@{envelope.domain}" for name in shown}
    letter.add_alternative(as_html(message, sources), subtype="html", cte="quoted-printable")
    page = letter.get_payload()[-1]  # type: ignore[index]
    for name, content in shown.items():
        page.add_related(  # type: ignore[union-attr]
            content, "image", "jpeg", cid=f"<{name}@{envelope.domain}>", filename=name, disposition="inline"
        )
    for number, part in enumerate(part for part in letter.walk() if part.is_multipart()):
        part.set_boundary(f"=_{message.id}_{number}")
    return letter.as_bytes()


def _address(text: str, name: str = "") -> Address:
    user, _, domain = text.rpartition("@")
    return Address(display_name=plain(name, 60), username=user, domain=domain)
