"""Section 6: which sites to see, where they are, what to ask, and what would settle it."""

from kpgeo.brief.content import Block, Bullets, Column, Heading, Paragraph, Table
from kpgeo.brief.draft import Draft
from kpgeo.brief.evidence import ELONGATED, THIN_LOOK_FRAC, WATERY_FRAC
from kpgeo.brief.places import decimal_text, dms_text, mgrs_text, utm_text
from kpgeo.brief.reading import SiteReading
from kpgeo.brief.vocabulary import ASK, CONTROLS, QUESTION
from kpgeo.model.alert import Question
from kpgeo.model.site import SiteStatus


def itinerary_of(draft: Draft) -> list[SiteReading]:
    """Return the sites proposed, in order of rank; closed ones are left out."""
    still = [reading for reading in draft.sites if reading.site.status is not SiteStatus.CLOSED]
    return still[: draft.options.max_sites_in_itinerary]


def write_itinerary(draft: Draft) -> list[Block]:
    """Section 6."""
    words = draft.words
    blocks: list[Block] = [Heading(text=words.say("6. Proposed itinerary"), key="itinerary")]
    readings = itinerary_of(draft)
    if not readings:
        blocks.append(Paragraph(text=words.say("No open site is known; kpgeo proposes none.")))
    else:
        blocks += [
            Paragraph(
                text=words.say(
                    "Sites stand in order of rank, not of the road: kpgeo does not know roads, fords or permits to "
                    "enter. Coordinates are WGS 84; decimal ones keep the decimal point, to be typed as they stand."
                )
            ),
            _place_table(draft, readings),
            *_write_questions(draft, readings),
        ]
    blocks += _write_controls(draft)
    return blocks


def _place_table(draft: Draft, readings: list[SiteReading]) -> Table:
    words, decimals = draft.words, draft.options.coordinate_decimals
    rows = []
    for reading in readings:
        lon, lat = reading.site.lon_lat
        rows.append(
            (
                str(reading.number),
                decimal_text(lon, lat, decimals),
                dms_text(lon, lat, decimals, words.letters),
                utm_text(lon, lat),
                mgrs_text(lon, lat),
                draft.area(reading.site.area),
            )
        )
    return Table(
        caption=words.say("Where the sites are (a point inside each site)"),
        columns=(
            Column(title=words.say("No."), width=0.4, align="right"),
            Column(title=words.say("Latitude, longitude"), width=1.5),
            Column(title=words.say("Degrees, minutes, seconds"), width=1.9),
            Column(title=words.say("UTM: zone, east, north (m)"), width=1.3),
            Column(title="MGRS", width=1.4),
            Column(title=words.say("Area, ha"), width=1.2, align="right"),
        ),
        rows=tuple(rows),
    )


def question_of(reading: SiteReading) -> Question:
    """Return the question a site's alert serves; without an alert, whether to visit it."""
    return reading.alert.question if reading.alert else Question.WHICH_SITES_TO_VISIT


def _write_questions(draft: Draft, readings: list[SiteReading]) -> list[Block]:
    """Say once, for each question, which sites it is for, and for each site what in particular to look at."""
    words = draft.words
    rows = []
    for question, (ask, confirm, refute) in ASK.items():
        chosen = [reading for reading in readings if question_of(reading) is question]
        if chosen:
            asked = f"{words.say(QUESTION[question])} {words.say(ask)}"
            rows.append((draft.numbers_of(chosen), asked, words.say(confirm), words.say(refute)))
    table = Table(
        caption=words.say("What to ask, and what would settle it"),
        columns=(
            Column(title=words.say("Sites"), width=0.6),
            Column(title=words.say("Question to ask"), width=1.6),
            Column(title=words.say("Would confirm"), width=1.5),
            Column(title=words.say("Would refute"), width=1.5),
        ),
        rows=tuple(rows),
    )
    columns: tuple[Column, ...] = (
        Column(title=words.say("No."), width=0.35, align="right"),
        Column(title=words.say("Look at in particular"), width=2.2),
    )
    notes = draft.options.room_for_notes
    if notes:
        columns += (Column(title=words.say("Notes of the mission"), width=2.2),)
    looks = Table(
        caption=words.say("Site by site"),
        columns=columns,
        rows=tuple((str(r.number), _look_at(draft, r), *([""] if notes else [])) for r in readings),
        is_form=notes,
    )
    return [table, looks]


def _look_at(draft: Draft, reading: SiteReading) -> str:
    """Say what is particular about a site."""
    words, site = draft.words, reading.site
    parts = [words.say("{stratum}.", stratum=_capital(draft.stratum_name(site.stratum_id)))]
    if reading.is_new:
        parts.append(words.say("New in the period, opened about {date}.", date=words.date(site.opened_day)))
    elif reading.grown.ha > 0.0:
        parts.append(
            words.say(
                "Grew by about {area} (between {low} and {high}) in the period, last about {date}.",
                area=words.area(reading.grown.ha),
                low=words.hectares(reading.grown.low_ha),
                high=words.area(reading.grown.high_ha),
                date=words.date(site.grown_day),
            )
        )
    if site.status is SiteStatus.PAUSED:
        parts.append(words.say("No fresh digging lately: given up, or waiting for the season?"))
    if site.elongation >= ELONGATED:
        parts.append(words.say("Long and narrow: road, canal or dyke working?"))
    if site.pond_frac >= WATERY_FRAC:
        parts.append(words.say("Much open water: washing ponds, dam or flood?"))
    if site.look_frac < THIN_LOOK_FRAC:
        parts.append(words.say("Seen only in part lately."))
    return " ".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _write_controls(draft: Draft) -> list[Block]:
    words, aoi = draft.words, draft.inputs.aoi
    items = []
    if aoi.seasons and aoi.seasons.dry_months:
        months = words.months(aoi.seasons.dry_months)
        items.append(
            words.say(
                "Season: the dry months are {months}; digging is then at its height, washing follows the rains.",
                months=months,
            )
        )
    items.append(
        words.say(
            "Do no harm: exact places of artisanal diggers can endanger people. Share coordinates only with those who "
            "need them."
        )
    )
    blocks: list[Block] = [Bullets(items=tuple(items))]
    if draft.options.room_for_notes:
        blocks.append(
            Table(
                caption=words.say("Internal controls to walk through, from the pit to the importer"),
                columns=(
                    Column(title=words.say("Step"), width=1.6),
                    Column(title=words.say("Document seen"), width=1.4),
                    Column(title=words.say("Remarks"), width=1.8),
                ),
                rows=tuple((words.say(step), "", "") for step in CONTROLS),
                is_form=True,
            )
        )
    return blocks
