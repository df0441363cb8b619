"""Delivery: what is told to whom, in words, as mail, feed and webhook, and when."""

from kpgeo.delivery.content import (
    Digest,
    Layout,
    SeenAoi,
    SeenSpan,
    Shot,
    Shots,
    Told,
    content_of,
    digest_of,
)
from kpgeo.delivery.feed import Entry, as_feed
from kpgeo.delivery.hook import HookError, as_payload, post_hook, signature_headers
from kpgeo.delivery.letter import Envelope, as_letter
from kpgeo.delivery.message import Message, compose_message, rank_items
from kpgeo.delivery.pages import as_html, as_text, inline_sources
from kpgeo.delivery.thumbs import draw_thumbnail
from kpgeo.delivery.timing import is_due, is_over, is_quiet, last_slot, next_attempt, next_slot
from kpgeo.delivery.words import Wording

__all__ = [
    "Digest",
    "Entry",
    "Envelope",
    "HookError",
    "Layout",
    "Message",
    "SeenAoi",
    "SeenSpan",
    "Shot",
    "Shots",
    "Told",
    "Wording",
    "as_feed",
    "as_html",
    "as_letter",
    "as_payload",
    "as_text",
    "compose_message",
    "content_of",
    "digest_of",
    "draw_thumbnail",
    "inline_sources",
    "is_due",
    "is_over",
    "is_quiet",
    "last_slot",
    "next_attempt",
    "next_slot",
    "post_hook",
    "rank_items",
    "signature_headers",
]
