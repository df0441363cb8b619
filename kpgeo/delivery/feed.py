"""An Atom feed (RFC 4287) of what was delivered by one channel."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from kpgeo.delivery.message import Message
from kpgeo.delivery.pages import as_html, as_text

_ATOM = "http://www.w3.org/2005/Atom"
_BEGIN_YEAR = "2024"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One delivery in a feed."""

    message: Message
    made_at: dt.datetime


def as_feed(name: str, title: str, domain: str, entries: Sequence[Entry]) -> bytes:
    """Return a feed, the newest entry first, as UTF-8 XML.

    Ids are `tag:` URIs (RFC 4151) of the delivery's id, so that a reader shows each delivery once. `updated` follows
    from the entries alone: a feed written twice is the same feed.

    Parameters
    ----------
    entries : sequence of Entry
        At least one, in any order.
    """
    ET.register_namespace("", _ATOM)
    newest_first = sorted(entries, key=lambda entry: (entry.made_at, entry.message.id), reverse=True)
    feed = ET.Element(
        f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": newest_first[0].message.language}
    )
    _put(feed, "id", f"tag:{domain},{_BEGIN_YEAR}:feed/{name}")
    _put(feed, "title", title)
    _put(feed, "updated", _moment(newest_first[0].made_at))
    _put(_put(feed, "author"), "name", "kpgeo")
    _put(feed, "generator", "kpgeo")
    for entry in newest_first:
        _put_entry(feed, entry, domain)
    ET.indent(feed)
    text = ET.tostring(feed, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _put_entry(feed: ET.Element, entry: Entry, domain: str) -> None:
    message = entry.message
    one = _put(feed, "entry")
    _put(one, "id", f"tag:{domain},{_BEGIN_YEAR}:{message.id}")
    _put(one, "title", message.subject)
    _put(one, "updated", _moment(entry.made_at))
    _put(one, "published", _moment(entry.made_at))
    link = next((card.link for card in message.cards if card.link), "")
    if link:
        ET.SubElement(one, f"{{{_ATOM}}}link", {"rel": "alternate", "type": "text/html", "href": link})
    _put(one, "summary", as_text(message).partition("\n\n")[2][:2000])
    content = _put(one, "content", as_html(message, {}, is_whole=False))
    content.set("type", "html")


def _put(parent: ET.Element, name: str, text: str = "") -> ET.Element:
    element = ET.SubElement(parent, f"{{{_ATOM}}}{name}")
    element.text = text or None
    return element


def _moment(moment: dt.datetime) -> str:
    """Write a moment as RFC 3339 has it."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
