"""Composition.

The sections in their order, numbered pictures and tables, and no character that could steer a reader.
"""

from collections.abc import Sequence
from dataclasses import replace

from kpgeo.brief.capacity import write_capacity
from kpgeo.brief.content import (
    Block,
    BriefContent,
    Bullets,
    Column,
    Fact,
    Facts,
    Heading,
    Notice,
    Paragraph,
    Picture,
    Table,
)
from kpgeo.brief.draft import Draft
from kpgeo.brief.evidence import standing_area, write_evidence
from kpgeo.brief.inputs import BriefInputs
from kpgeo.brief.itinerary import write_itinerary
from kpgeo.brief.limits import write_caveats, write_unseen
from kpgeo.brief.mandate import write_declared, write_mandate, write_sector
from kpgeo.brief.maps import overview_map
from kpgeo.brief.reading import new_area_of
from kpgeo.brief.vocabulary import SHORT_VERDICT
from kpgeo.brief.words import Words, plain
from kpgeo.model.aoi import Aoi, Language
from kpgeo.model.calendar import date_of
from kpgeo.model.site import SiteStatus
from kpgeo.options.brief import BriefOptions


def compose_brief(inputs: BriefInputs, language: Language, options: BriefOptions) -> BriefContent:
    """Write the brief of an AOI and period in one language.

    Parameters
    ----------
    inputs : BriefInputs
        What is known; any part may be empty, and the brief then says that it is.
    language : {"en", "fr", "pt"}
    options : BriefOptions

    Returns
    -------
    BriefContent
        For `render_pdf`, `render_html` and `render_docx`. The same inputs give the same content, pictures included.

    Raises
    ------
    BadInputError
        For a language kpgeo does not speak.
    """
    draft = Draft.begin(inputs, language, options)
    words = draft.words
    sections = [
        _write_glance(draft),
        write_mandate(draft),
        write_sector(draft),
        write_declared(draft),
        write_evidence(draft),
        write_capacity(draft),
        write_itinerary(draft),
        write_unseen(draft),
        write_caveats(draft),
    ]
    period = f"{words.date(inputs.start_day)} – {words.date(inputs.end_day - 1)}"
    return BriefContent(
        language=language,
        title=words.say("Mission brief: {aoi}", aoi=draft.aoi_name),
        subtitle=f"{draft.participant} · {period}",
        label=label_of(draft),
        footer=f"kpgeo · {draft.aoi_name} · {period}",
        date=date_of(inputs.end_day - 1),
        blocks=finished([block for section in sections for block in section], words),
        chrome=chrome_of(words),
    )


def chrome_of(words: Words) -> dict[str, str]:
    """Return the few words that renderers need themselves."""
    return {
        "contents": words.say("Contents"),
        "skip": words.say("Skip to the text"),
        "page_of": words.say("Page {page} of {pages}"),
    }


def release_of(aoi: Aoi, words: Words) -> str:
    """Return who may read what is written about an AOI; "" where anybody may."""
    return words.say("KP ONLY – not for release") if aoi.sensitivity == "kp-only" else ""


def label_of(draft: Draft) -> str:
    """Return who may read the brief, for the head of every page."""
    words = draft.words
    release = release_of(draft.inputs.aoi, words)
    parts = [release] if release else []
    if draft.inputs.simulated:
        parts.append(words.say("SIMULATED WORLD"))
    return " · ".join(parts)


def _write_glance(draft: Draft) -> list[Block]:
    """Write the first page: the few numbers, what they are not, and the map."""
    words, inputs = draft.words, draft.inputs
    listed = draft.sites[: draft.options.max_sites_listed]
    caveats = [
        words.say("Preliminary. Imagery never decides alone: read with statistics, footprint and registers."),
        words.say("Not marked does not mean undisturbed."),
    ]
    if draft.left_out():
        caveats.append(draft.left_out())
    if inputs.simulated:
        caveats.insert(0, words.say("This is a simulated world: nothing here is about a real place."))
    return [
        Heading(text=words.say("At a glance"), key="glance"),
        Facts(items=tuple(_facts(draft))),
        Notice(title=words.say("How to read this brief"), items=tuple(caveats)),
        Picture(
            png=overview_map(inputs, listed, words, draft.options.picture_dpi),
            alt=_map_alt(draft),
            caption=words.say(
                "The area at the end of the period ({date}). Numbers are the ranks of the sites, the same on every "
                "page.",
                date=words.date(inputs.end_day - 1),
            ),
        ),
    ]


def _facts(draft: Draft) -> list[Fact]:
    words = draft.words
    active = sum(reading.site.status is SiteStatus.ACTIVE for reading in draft.sites)
    opened = sum(reading.is_new for reading in draft.sites)
    seen = sum(month.seen_frac for month in draft.months) / len(draft.months)
    little = sum(month.seen_frac < draft.options.low_coverage_frac for month in draft.months)
    standing = standing_area(draft)
    facts = [
        Fact(
            value=words.number(active),
            label=words.say_many("active site", "active sites", active),
            note=words.say_many("{n} opened in the period", "{n} opened in the period", opened),
        ),
        Fact(
            value=words.area(standing.ha),
            label=words.say("standing area"),
            note=words.between(words.hectares(standing.low_ha), words.area(standing.high_ha)),
        ),
        Fact(
            value=words.percent(seen),
            label=words.say("of the ground seen"),
            note=words.say_many("{n} month little seen", "{n} months little seen", little),
        ),
    ]
    latest = max(draft.inputs.comparisons, key=lambda one: (one.period.end_day, one.period, one.id), default=None)
    area = new_area_of(latest) if latest else None
    if latest and area:
        interval = words.between(words.hectares(area.low_ha), words.area(area.high_ha))
        facts.insert(
            1,
            Fact(
                value=words.area(area.ha),
                label=words.say("newly dug, {period}", period=words.name(latest.period.label)),
                note=interval,
            ),
        )
        facts.append(
            Fact(
                value=words.say(SHORT_VERDICT[latest.verdict]),
                label=words.say("declared figure, {period}", period=words.name(latest.period.label)),
                note=words.say("see section 5"),
            )
        )
    return facts


def _map_alt(draft: Draft) -> str:
    words = draft.words
    alt = words.say_many(
        "Map of {aoi} with its boundary, its strata and {n} site.",
        "Map of {aoi} with its boundary, its strata and {n} sites.",
        len(draft.sites),
        aoi=draft.aoi_name,
    )
    return alt + " " + words.say("Coordinates of the sites proposed are in section 6.")


def finished(blocks: Sequence[Block], words: Words) -> tuple[Block, ...]:
    """Give pictures and tables their numbers, and make every text plain, whoever wrote it."""
    pictures, tables = 0, 0
    numbered: list[Block] = []
    for block in blocks:
        if isinstance(block, Picture):
            pictures += 1
            prefix = words.say("Figure {number}.", number=pictures)
            numbered.append(replace(block, caption=plain(f"{prefix} {block.caption}"), alt=plain(block.alt)))
        elif isinstance(block, Table):
            tables += 1
            prefix = words.say("Table {number}.", number=tables)
            numbered.append(_plain_table(replace(block, caption=f"{prefix} {block.caption}")))
        else:
            numbered.append(_plain_block(block))
    return tuple(numbered)


def _plain_table(table: Table) -> Table:
    return replace(
        table,
        caption=plain(table.caption),
        columns=tuple(Column(title=plain(c.title), width=c.width, align=c.align) for c in table.columns),
        rows=tuple(tuple(plain(cell) for cell in row) for row in table.rows),
        note=plain(table.note),
    )


def _plain_block(block: Heading | Paragraph | Bullets | Notice | Facts) -> Block:
    if isinstance(block, Heading | Paragraph):
        return replace(block, text=plain(block.text))
    if isinstance(block, Facts):
        return Facts(
            items=tuple(Fact(value=plain(f.value), label=plain(f.label), note=plain(f.note)) for f in block.items)
        )
    if isinstance(block, Notice):
        return Notice(title=plain(block.title), items=tuple(plain(item) for item in block.items))
    return Bullets(items=tuple(plain(item) for item in block.items))
