"""A parcel check on one page: the answer, its evidence, its gaps."""

from collections import Counter
from collections.abc import Sequence

from kpgeo.brief.compose import chrome_of, release_of
from kpgeo.brief.content import Block, BriefContent, Bullets, Column, Fact, Facts, Heading, Notice, Paragraph, Table
from kpgeo.brief.declared_tables import interval_in_words, odds_in_words
from kpgeo.brief.limits import gap_in_words
from kpgeo.brief.vocabulary import ANSWER
from kpgeo.brief.words import Words, plain
from kpgeo.model.aoi import Aoi, Language
from kpgeo.model.calendar import date_of
from kpgeo.model.parcel import ParcelCheck
from kpgeo.model.run import Gap

_MAX_GAPS = 8


def compose_parcel(check: ParcelCheck, aoi: Aoi, gaps: Sequence[Gap], language: Language) -> BriefContent:
    """Write a parcel check as a page in one language, for `render_pdf`, `render_html` and `render_docx`."""
    words, parcel = Words(language), check.parcel
    name = plain(parcel.id, 60)
    return BriefContent(
        language=language,
        title=words.say("Parcel check: {parcel}", parcel=name),
        subtitle=f"{plain(aoi.name(language), 80)} · {parcel.period.label}",
        label=release_of(aoi, words),
        footer=f"kpgeo · {name} · {parcel.period.label}",
        date=date_of(parcel.period.end_day - 1),
        blocks=tuple(_blocks(check, gaps, words)),
        chrome=chrome_of(words),
    )


def _blocks(check: ParcelCheck, gaps: Sequence[Gap], words: Words) -> list[Block]:
    area = check.activity.new_area
    sentences = [plain(line) for line in check.sentences[words.language]]
    return [
        Heading(text=words.say("The answer"), key="answer"),
        Facts(
            items=(
                Fact(value=words.say(ANSWER[check.answer]), label=words.say("declared so far, this origin and period")),
                Fact(
                    value=words.area(area.ha),
                    label=words.say("newly dug, {period}", period=check.parcel.period.label),
                    note=words.between(words.hectares(area.low_ha), words.area(area.high_ha)),
                ),
                Fact(value=words.percent(check.activity.coverage_frac), label=words.say("of the ground seen")),
            )
        ),
        Bullets(items=tuple(sentences)),
        Heading(text=words.say("The evidence"), key="evidence"),
        _table(check, words),
        Heading(text=words.say("What was not seen"), key="gaps"),
        *_gaps(gaps, words),
        Notice(
            title=words.say("How to read this page"),
            items=(
                words.say("Preliminary. Imagery never decides alone: read with statistics, footprint and registers."),
                words.say("Not marked does not mean undisturbed."),
            ),
        ),
    ]


def _table(check: ParcelCheck, words: Words) -> Table:
    parcel = check.parcel
    rows = [
        (words.say("This parcel"), words.trimmed(parcel.carats, 2), odds_in_words(check.prob_parcel, words)),
        (
            words.say("Declared so far"),
            words.trimmed(parcel.cumulative_ct, 2),
            odds_in_words(check.prob_cumulative, words),
        ),
        (words.say("Capacity by newly dug area (5–95 %)"), interval_in_words(check.capacity, words), ""),
        (words.say("Capacity by people at work (5–95 %)"), interval_in_words(check.labour, words), ""),
    ]
    return Table(
        caption=words.say("Weights held against capacity"),
        columns=(
            Column(title="", width=1.6),
            Column(title=words.say("ct"), align="right"),
            Column(title=words.say("Capacity below declared"), align="right"),
        ),
        rows=tuple(rows),
    )


def _gaps(gaps: Sequence[Gap], words: Words) -> list[Block]:
    counted = Counter(gap_in_words(gap.reason.partition(":")[0], words) for gap in gaps)
    if not counted:
        return [Paragraph(text=words.say("Every acquisition found could be read."))]
    lines = [f"{text} ({count})" for text, count in counted.most_common(_MAX_GAPS)]
    return [Bullets(items=tuple(lines))]
