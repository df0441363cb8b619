"""The content of a brief, bound to a language but not to a format: what the renderers have in common."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

from kpgeo.model.aoi import Language

Align = Literal["left", "right", "center"]


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A heading; `level` 1 is a section, 2 a part of it. `key` is its anchor."""

    text: str
    level: int = 1
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A paragraph; notes are set smaller."""

    text: str
    is_note: bool = False


@dataclass(frozen=True, kw_only=True)
class Bullets:
    """A list of short paragraphs."""

    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A framed list of sentences that must not be overlooked."""

    title: str
    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One number of the first page: the value, what it is, and its interval or reservation."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A row of facts."""

    items: tuple[Fact, ...]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table. `width` is relative to the other columns."""

    title: str
    width: float = 1.0
    align: Align = "left"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table: every row has one text a column.

    The first column names the row. Empty cells of a form are for handwriting.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    is_form: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A PNG with the words that stand for it. `width_frac` is its share of the text width."""

    png: bytes = field(repr=False)
    alt: str
    caption: str
    width_frac: float = 1.0


Block = Heading | Paragraph | Bullets | Notice | Facts | Table | Picture


@dataclass(frozen=True, kw_only=True)
class BriefContent:
    """A brief in one language.

    Attributes
    ----------
    date : date
        The last day the brief speaks of; renderers date their files with it, so that the same content gives the same
        bytes.
    label : str
        Who may read it, printed on every page ("KP ONLY ..."); "" where anybody may.
    chrome : dict
        The few words renderers need themselves: `contents`, `skip`, `page`, `page_of` (with `{page}` and `{pages}`),
        `figure`, `table`.
    """

    language: Language
    title: str
    subtitle: str
    label: str
    footer: str
    date: dt.date
    blocks: tuple[Block, ...]
    chrome: dict[str, str]
