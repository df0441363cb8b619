"""A participant on a few pages: what it declared, what was seen, what the one says of the other, what to ask."""

from collections.abc import Sequence
from dataclasses import replace

from kpgeo.brief.capacity import declared_picture, how_capacity_is_read, what_is_not_shown, write_comparisons
from kpgeo.brief.compose import chrome_of, finished, release_of
from kpgeo.brief.content import Block, BriefContent, Column, Fact, Facts, Heading, Notice, Paragraph, Table
from kpgeo.brief.declared_chart import period_rows
from kpgeo.brief.declared_tables import (
    declared_in_words,
    declared_table,
    in_order,
    write_findings,
)
from kpgeo.brief.inputs import FieldFacts, ParticipantInputs
from kpgeo.brief.priors import write_priors, write_spread
from kpgeo.brief.reading import months_seen, new_area_of
from kpgeo.brief.vocabulary import SHORT_VERDICT
from kpgeo.brief.words import Words, plain
from kpgeo.model.aoi import Language
from kpgeo.model.calendar import Period, date_of
from kpgeo.options.brief import BriefOptions

_DAYS_A_YEAR = 365.25


def compose_participant(inputs: ParticipantInputs, language: Language, options: BriefOptions) -> BriefContent:
    """Write a participant's page in one language.

    Every number is one of the comparisons, figures and findings given. Figures and findings older than
    `years_of_figures` before the last period are left out.

    Returns
    -------
    BriefContent
        For `render_pdf`, `render_html` and `render_docx`. The same inputs give the same content, pictures included.

    Raises
    ------
    BadInputError
        For a language kpgeo does not speak.
    """
    words = Words(language)
    shown = _recent(inputs, options)
    span = _periods(shown)
    name = words.country(inputs.iso3, inputs.participant)
    labels = [words.between(span[0].label, span[-1].label)] if span else []
    return BriefContent(
        language=language,
        title=words.say("Declared and seen: {participant}", participant=plain(name, 80)),
        subtitle=plain(" · ".join([*labels, *(words.name(aoi.name(language)) for aoi in inputs.aois)])),
        label=_label(inputs, words),
        footer=plain(" · ".join(["kpgeo", plain(name, 80), *labels])),
        date=date_of(span[-1].end_day - 1 if span else 0),
        blocks=finished(_blocks(shown, words, options), words),
        chrome=chrome_of(words),
    )


def _periods(inputs: ParticipantInputs) -> list[Period]:
    return sorted({one.period for one in inputs.comparisons} or {one.period for one in inputs.totals})


def _recent(inputs: ParticipantInputs, options: BriefOptions) -> ParticipantInputs:
    """Leave out what is older than the page goes back, and what is later than its last period."""
    span = _periods(inputs)
    if not span:
        return inputs
    first_day = min(span[0].start_day, span[-1].end_day - round(_DAYS_A_YEAR * options.years_of_figures))

    def is_shown(period: Period) -> bool:
        return first_day <= period.start_day and period.end_day <= span[-1].end_day

    return replace(
        inputs,
        declared=[one for one in inputs.declared if is_shown(one.period)],
        totals=[one for one in inputs.totals if is_shown(one.period)],
        findings=[one for one in inputs.findings if is_shown(Period.parse(one.periods[-1]))],
    )


def _label(inputs: ParticipantInputs, words: Words) -> str:
    """Return who may read the page: as restricted as the most restricted AOI on it."""
    releases = [release for aoi in inputs.aois if (release := release_of(aoi, words))]
    return " · ".join([*releases[:1], *([words.say("SIMULATED WORLD")] if inputs.simulated else [])])


def _blocks(inputs: ParticipantInputs, words: Words, options: BriefOptions) -> list[Block]:
    places = {aoi.id: words.name(aoi.name(words.language)) for aoi in inputs.aois}
    rows = period_rows(inputs.comparisons, inputs.totals)
    blocks: list[Block] = [Heading(text=words.say("At a glance"), key="glance"), *_glance(inputs, words)]
    if rows:
        blocks.append(declared_picture(rows, words, options.picture_dpi))
    blocks.append(Heading(text=words.say("Period by period"), key="periods"))
    blocks += write_comparisons(inputs.comparisons, words)
    blocks.append(Heading(text=words.say("Declared figures"), key="declared"))
    if inputs.declared:
        blocks.append(declared_table(inputs.declared, places, words))
    else:
        blocks.append(Paragraph(text=words.say("No declared figure is known to kpgeo for this area or participant.")))
    blocks.append(Heading(text=words.say("What the statistical checks ask"), key="findings"))
    blocks += write_findings(inputs.findings, options.max_findings_listed, words)
    blocks.append(Heading(text=words.say("What the capacity rests on"), key="capacity"))
    if any(stratum.priors for aoi in inputs.aois for stratum in aoi.strata):
        blocks.append(Paragraph(text=how_capacity_is_read(words)))
    blocks += write_spread(inputs.comparisons, words)
    blocks += write_priors(inputs.aois, words)
    blocks.append(Heading(text=words.say("Where kpgeo looked"), key="fields"))
    blocks.append(_fields_table(inputs, words))
    blocks.append(Heading(text=words.say("What it does not show"), key="not-shown"))
    blocks.append(what_is_not_shown(words))
    return blocks


def _glance(inputs: ParticipantInputs, words: Words) -> list[Block]:
    watched = sum(one.is_watched for one in inputs.fields)
    facts = [*_latest(inputs, words)]
    facts.append(
        Fact(
            value=words.say(
                "{watched} of {known}", watched=words.number(watched), known=words.number(len(inputs.fields))
            ),
            label=words.say("known fields watched"),
            note=_share_watched(inputs.fields, words),
        )
    )
    cautions = [
        words.say("Preliminary. Imagery never decides alone: read with statistics, footprint and registers."),
        words.say("A figure that is explained is not thereby confirmed; one that is not asks for a reason."),
        words.say("Not marked does not mean undisturbed."),
    ]
    if inputs.simulated:
        cautions.insert(0, words.say("This is a simulated world: nothing here is about a real place."))
    return [Facts(items=tuple(facts)), Notice(title=words.say("How to read this page"), items=tuple(cautions))]


def _latest(inputs: ParticipantInputs, words: Words) -> list[Fact]:
    """Return the facts of the latest period compared."""
    ordered = in_order(inputs.comparisons)
    if not ordered:
        return []
    latest = ordered[-1]
    area, period = new_area_of(latest), words.name(latest.period.label)
    facts = [
        Fact(
            value=words.say(SHORT_VERDICT[latest.verdict]),
            label=words.say("declared figure, {period}", period=period),
            note=declared_in_words(latest.declared, words)
            + (" ct" if latest.declared is not None and latest.declared.carats is not None else ""),
        )
    ]
    if area is not None:
        facts.append(
            Fact(
                value=words.area(area.ha),
                label=words.say("newly dug, {period}", period=period),
                note=words.between(words.hectares(area.low_ha), words.area(area.high_ha)),
            )
        )
    facts.append(
        Fact(
            value=words.percent(latest.coverage_frac),
            label=words.say("of ground and time seen, {period}", period=period),
        )
    )
    return facts


def _share_watched(fields: Sequence[FieldFacts], words: Words) -> str:
    total = sum(one.area_ha for one in fields)
    if not total:
        return ""
    share = sum(one.area_ha for one in fields if one.is_watched) / total
    return words.say("{share} of their area", share=words.percent(share))


def _fields_table(inputs: ParticipantInputs, words: Words) -> Block:
    """Return the fields that kpgeo knows: watched or not, and how much of each was seen."""
    if not inputs.fields:
        return Paragraph(text=words.say("kpgeo knows no field of this participant."))
    span = _periods(inputs)
    ordered = sorted(inputs.fields, key=lambda one: (not one.is_watched, _field_name(one, words)))
    return Table(
        caption=words.say("Fields of the participant that kpgeo knows"),
        columns=(
            Column(title=words.say("Field"), width=2.2),
            Column(title="km²", width=0.8, align="right"),
            Column(title=words.say("Watched"), width=1.6),
            Column(title=words.say("Seen"), width=0.8, align="right"),
        ),
        rows=tuple(
            (
                _field_name(one, words),
                words.rounded(one.area_ha / 100.0, 3),
                _watched_in_words(one, words),
                _seen_in_words(one, span, words),
            )
            for one in ordered
        ),
        note=words.say(
            "“Seen”: of ground and time, over the periods shown. Fields kpgeo does not know are in no number here."
        ),
    )


def _field_name(field: FieldFacts, words: Words) -> str:
    return words.name(field.names.get(words.language) or field.names.get("en") or "?")


def _watched_in_words(field: FieldFacts, words: Words) -> str:
    if not field.is_watched:
        return words.say("not watched")
    if field.left_out is None:
        return words.say("watched")
    return words.say("watched; {share} left out by choice", share=words.percent(field.left_out.share_frac))


def _seen_in_words(field: FieldFacts, span: Sequence[Period], words: Words) -> str:
    if not field.is_watched or not span:
        return "–"
    months = months_seen(field.coverage, span[0].start_day, span[-1].end_day)
    return words.percent(sum(month.seen_frac for month in months) / len(months))
