"""A message as plain text and as HTML that needs nothing else: no script, no address but the links it is given."""

import base64
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from kpgeo.delivery.message import Card, Message
from kpgeo.delivery.words import Wording

_WIDTH = 76
_COLOURS = {
    "alert-confirmed": "#b3400f",
    "alert-provisional": "#d1871f",
    "alert-withdrawn": "#5a6a72",
    "alert-overturned": "#5a6a72",
}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("kpgeo.delivery", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def as_html(message: Message, sources: Mapping[str, str], *, is_whole: bool = True) -> str:
    """Return a message as HTML: a whole page, or what stands in its body.

    Parameters
    ----------
    sources : mapping
        By a picture's name, what its `src` says: a `cid:` or a `data:` address. Pictures that are not in it are left
        out.
    """
    template = _environment().get_template("message.html.j2" if is_whole else "message.body.j2")
    shown = _with_pictures(message, sources)
    return template.render(m=shown, sources=sources, colours=_COLOURS, open=_open(message))


def inline_sources(pictures: Mapping[str, bytes]) -> dict[str, str]:
    """Return pictures (JPEG) as `data:` addresses."""
    return {name: f"data:image/jpeg;base64,{base64.b64encode(one).decode('ascii')}" for name, one in pictures.items()}


def as_text(message: Message) -> str:
    """Return a message as plain text of short lines."""
    parts = [f"{message.mark}. {message.mark_note}", _underlined(message.title), *message.lead]
    parts += ["\n".join(_wrapped(f"{place}: {counts}") for place, counts in message.counts)]
    parts += _section(message.heads["alarms"], message.alarms)
    if message.cards:
        parts += [
            _underlined(message.heads["top"]),
            *(_card(card, number) for number, card in enumerate(message.cards, 1)),
        ]
    if message.rows:
        rows = [", ".join(filter(None, (state, area, place, site))) for site, state, area, place in message.rows]
        parts += _section(message.heads["more"], rows)
    parts += [message.further]
    parts += _section(message.heads["unseen"], message.unseen)
    parts += _section(message.heads["stands"], message.stands)
    parts += ["--\n" + _wrapped(message.footer)]
    return "\n\n".join(_wrapped(part) if "\n" not in part else part for part in parts if part) + "\n"


def _card(card: Card, number: int) -> str:
    begin = f"{number}. "
    lines = [_wrapped(f"{card.state[:1].upper()}{card.state[1:]}, {card.title}", begin)]
    texts = [card.place, *card.facts, card.question, card.link]
    return "\n".join([*lines, *(_wrapped(text, " " * len(begin)) for text in texts if text)])


def _section(head: str, lines: Sequence[str]) -> list[str]:
    return [_underlined(head), "\n".join(_wrapped(line, "- ") for line in lines)] if lines else []


def _underlined(text: str) -> str:
    return f"{text}\n{'=' * len(text)}"


def _wrapped(text: str, begin: str = "") -> str:
    """Return a text in lines; those after the first are set in as far as the first begins."""
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _with_pictures(message: Message, sources: Mapping[str, str]) -> Message:
    """Return a message whose pictures are all at hand."""

    def shown(card: Card) -> Card:
        shots = tuple(shot if shot.name in sources else replace(shot, name=None) for shot in card.shots)
        return replace(card, shots=shots if any(shot.name for shot in shots) else ())

    return replace(message, cards=tuple(map(shown, message.cards)))


def _open(message: Message) -> str:
    return Wording(message.language).say("open")
