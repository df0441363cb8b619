"""Sections 1 to 3: mandate and question, the mining sector, declared figures."""

from kpgeo.brief.content import Block, Bullets, Column, Heading, Paragraph, Table
from kpgeo.brief.declared_tables import declared_table, write_findings
from kpgeo.brief.draft import Draft
from kpgeo.brief.vocabulary import DEPOSIT, QUESTION, REGIME
from kpgeo.brief.words import NBSP, plain
from kpgeo.model.aoi import RegulatoryPeriod
from kpgeo.model.geometry import area_ha


def write_mandate(draft: Draft) -> list[Block]:
    """Section 1: what the brief is for, what kpgeo can say and what it cannot."""
    words, inputs = draft.words, draft.inputs
    blocks: list[Block] = [
        Heading(text=words.say("1. Mandate and question"), key="mandate"),
        Paragraph(
            text=words.say(
                "This brief prepares a review visit or a review mission of the Kimberley Process to {aoi} "
                "({participant}). It covers {start} to {end} and serves the three questions for which the Working "
                "Group on Monitoring uses imagery:",
                aoi=draft.aoi_name,
                participant=draft.participant,
                start=words.date(inputs.start_day),
                end=words.date(inputs.end_day - 1),
            )
        ),
        Bullets(items=tuple(words.say(text) for text in QUESTION.values())),
        Paragraph(
            text=words.say(
                "Imagery can show where ground was dug, when, and how much of it, with an interval; and it can show "
                "whether that much ground could have yielded a declared figure. It cannot show who digs, whether the "
                "digger holds a title, what mineral is taken, how many carats were found, or where the stones went. "
                "Statistics, footprint, registers and the eyes of the mission have to answer that; imagery alone "
                "decides nothing."
            )
        ),
    ]
    if draft.options.room_for_notes:
        blocks.append(_mandate_form(draft))
    return blocks


def _mandate_form(draft: Draft) -> Table:
    """Leave room for what kpgeo does not know about the mission."""
    words = draft.words
    labels = (
        words.say("Trigger of the visit or mission"),
        words.say("Dates"),
        words.say("Team and lead"),
        words.say("Institutions and contacts"),
        words.say("Recommendations of the last review, and their status"),
        words.say("Changes of law or institutions since the last annual report"),
    )
    return Table(
        caption=words.say("To be completed by the Working Group: kpgeo does not know these"),
        columns=(Column(title=words.say("Item"), width=1.3), Column(title=words.say("Entry"), width=2.7)),
        rows=tuple((label, "") for label in labels),
        is_form=True,
    )


def write_sector(draft: Draft) -> list[Block]:
    """Section 2: the area, its strata, seasons and regimes."""
    words = draft.words
    blocks: list[Block] = [
        Heading(text=words.say("2. Mining sector"), key="sector"),
        Table(
            caption=words.say("The area watched"),
            columns=(Column(title=words.say("Item"), width=1.0), Column(title=words.say("Entry"), width=3.0)),
            rows=tuple(_aoi_rows(draft)),
        ),
    ]
    blocks.append(
        _strata_table(draft) if draft.inputs.aoi.strata else Paragraph(text=words.say("No stratum is recorded."))
    )
    regimes = [regime for regime in draft.inputs.aoi.regimes if _concerns(regime, draft)]
    if regimes:
        blocks.append(_regime_table(draft, regimes))
    else:
        blocks.append(Paragraph(text=words.say("No embargo, suspension or compliant zone is recorded for the period.")))
    return blocks


def _concerns(regime: RegulatoryPeriod, draft: Draft) -> bool:
    """Say whether a regime overlaps the brief's period."""
    is_open = regime.end_day is None or regime.end_day > draft.inputs.start_day
    return regime.start_day < draft.inputs.end_day and is_open


def _aoi_rows(draft: Draft) -> list[tuple[str, str]]:
    words, aoi, grid = draft.words, draft.inputs.aoi, draft.inputs.grid
    rows = [
        (words.say("Area"), f"{draft.aoi_name} ({plain(aoi.id)})"),
        (words.say("Participant"), draft.participant),
        (words.say("Country"), f"{words.country(aoi.iso3, aoi.country)} ({words.name(aoi.iso3)})"),
        (words.say("Deposit, as recorded"), plain(aoi.deposit, 300)),
        (words.say("Size"), f"{words.rounded(area_ha(aoi.geometry) / 100.0, 3)}{NBSP}km²"),
        (words.say("Boundary from"), draft.source(aoi.source)),
        (words.say("Grid"), f"EPSG:{grid.epsg}, {words.trimmed(grid.res_m)}{NBSP}m"),
    ]
    if aoi.seasons:
        dry, burn = words.months(aoi.seasons.dry_months), words.months(aoi.seasons.burn_months)
        rows.append((words.say("Dry months"), f"{dry or '–'} ({draft.source(aoi.seasons.source)})"))
        rows.append((words.say("Burning months"), burn or "–"))
    if aoi.notes:
        rows.append((words.say("Notes"), plain(aoi.notes, 600)))
    return rows


def _strata_table(draft: Draft) -> Table:
    words = draft.words
    rows = []
    for stratum in draft.inputs.aoi.strata:
        count = sum(reading.site.stratum_id == stratum.id for reading in draft.sites)
        rows.append(
            (
                draft.stratum_name(stratum.id),
                words.say(DEPOSIT[stratum.deposit_type]),
                words.rounded(area_ha(stratum.geometry) / 100.0, 3),
                words.number(count),
                draft.source(stratum.source),
            )
        )
    return Table(
        caption=words.say("Strata: parts of the area where one type of deposit is worked"),
        columns=(
            Column(title=words.say("Stratum"), width=1.6),
            Column(title=words.say("Deposit"), width=1.0),
            Column(title="km²", width=0.6, align="right"),
            Column(title=words.say("Sites"), width=0.6, align="right"),
            Column(title=words.say("Source, mark and confidence"), width=2.2),
        ),
        rows=tuple(rows),
        note=words.say("A dyke and an alluvial flat are never averaged: grade and gravel differ too much."),
    )


def _regime_table(draft: Draft, regimes: list[RegulatoryPeriod]) -> Table:
    words = draft.words
    rows = []
    for regime in regimes:
        note = regime.note.get(words.language) or regime.note.get("en") or ""
        end = words.say("open") if regime.end_day is None else words.short_date(regime.end_day - 1)
        rows.append(
            (
                words.say(REGIME[regime.kind]),
                words.short_date(regime.start_day),
                end,
                plain(note, 300),
                draft.source(regime.source),
            )
        )
    return Table(
        caption=words.say("Regimes in force in the period"),
        columns=(
            Column(title=words.say("Regime"), width=1.0),
            Column(title=words.say("From"), width=0.9),
            Column(title=words.say("To"), width=0.9),
            Column(title=words.say("Note"), width=2.0),
            Column(title=words.say("Source, mark and confidence"), width=1.8),
        ),
        rows=tuple(rows),
    )


def write_declared(draft: Draft) -> list[Block]:
    """Section 3: what was declared, each vintage on its own row."""
    words = draft.words
    blocks: list[Block] = [Heading(text=words.say("3. Declared figures"), key="declared")]
    if not draft.inputs.declared:
        return [
            *blocks,
            Paragraph(text=words.say("No declared figure is known to kpgeo for this area or participant.")),
        ]
    text = words.say(
        "Zero, “no production” and a missing submission are three different things and are kept apart. A revised "
        "figure is a new row: the vintage says which one was published when."
    )
    years = draft.options.years_of_figures
    text += " " + words.say_many(
        "Figures of the last year are shown; earlier ones are in the tables.",
        "Figures of the last {n} years are shown; earlier ones are in the tables.",
        years,
    )
    table = declared_table(draft.inputs.declared, {draft.inputs.aoi.id: words.say("this area")}, words)
    return [*blocks, Paragraph(text=text), table, *_findings(draft)]


def _findings(draft: Draft) -> list[Block]:
    """Return what the statistical checks ask of the participant's figures, if any are known."""
    words = draft.words
    heading = Heading(text=words.say("3.1 What the statistical checks ask"), level=2, key="findings")
    return [heading, *write_findings(draft.inputs.findings, draft.options.max_findings_listed, words)]
