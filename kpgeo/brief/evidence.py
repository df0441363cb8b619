"""Section 4: what the satellites saw, and what they may have mistaken."""

from collections.abc import Callable

from kpgeo.brief.chips import area_by_month, site_picture
from kpgeo.brief.content import Block, Bullets, Column, Heading, Paragraph, Picture, Table
from kpgeo.brief.coverage import write_coverage
from kpgeo.brief.draft import Draft
from kpgeo.brief.growth import write_growth
from kpgeo.brief.inputs import Chip, ChipPair
from kpgeo.brief.reading import SiteReading
from kpgeo.brief.surroundings import say_surroundings
from kpgeo.brief.vocabulary import EVENT, STATE, STATUS
from kpgeo.brief.words import noop
from kpgeo.model.calendar import date_of
from kpgeo.model.production import Activity
from kpgeo.model.site import Area, SiteEventKind, SiteStatus, sum_areas

ELONGATED = 6.0
WATERY_FRAC = 0.3
THIN_LOOK_FRAC = 0.5


def write_evidence(draft: Draft) -> list[Block]:
    """Section 4."""
    words = draft.words
    return [
        Heading(text=words.say("4. Satellite evidence"), key="evidence"),
        *write_coverage(draft),
        *_write_activity(draft),
        *_write_changes(draft),
        *_write_pictures(draft),
        *write_growth(draft),
        *_write_confounders(draft),
    ]


def _write_activity(draft: Draft) -> list[Block]:
    words = draft.words
    standing = [reading.site.area for reading in draft.sites if reading.site.status is not SiteStatus.CLOSED]
    active = sum(reading.site.status is SiteStatus.ACTIVE for reading in draft.sites)
    paused = sum(reading.site.status is SiteStatus.PAUSED for reading in draft.sites)
    blocks: list[Block] = [Heading(text=words.say("4.2 Activity"), level=2, key="activity")]
    if draft.sites:
        text = words.say(
            "At the end of the period: active sites {active}, paused sites {paused}, together {area}.",
            active=words.number(active),
            paused=words.number(paused),
            area=draft.area_in_words(sum_areas(standing)),
        )
        blocks.append(
            Paragraph(text=text + " " + words.say("Intervals of sums are added end to end, which is cautious."))
        )
    else:
        blocks.append(Paragraph(text=words.say("No site stands in the tables at the end of the period.")))
    activities = [row for comparison in draft.inputs.comparisons for row in comparison.activities]
    if activities:
        blocks.append(_activity_table(draft, activities))
    else:
        blocks.append(Paragraph(text=words.say("No activity was measured for a reporting period.")))
    return blocks


def _activity_table(draft: Draft, activities: list[Activity]) -> Table:
    words = draft.words
    unique = {(row.period, row.stratum_id): row for row in activities}
    rows = [
        (
            words.name(row.period.label),
            draft.stratum_name(row.stratum_id),
            draft.area(row.new_area),
            draft.area(row.standing_area),
            words.number(row.sites),
            words.percent(row.coverage_frac),
        )
        for _, row in sorted(unique.items())
    ]
    return Table(
        caption=words.say("Activity by reporting period and stratum, hectares with 90 % interval"),
        columns=(
            Column(title=words.say("Period"), width=0.8),
            Column(title=words.say("Stratum"), width=1.8),
            Column(title=words.say("Newly dug, ha"), width=1.4, align="right"),
            Column(title=words.say("Standing, ha"), width=1.4, align="right"),
            Column(title=words.say("Active sites"), width=0.7, align="right"),
            Column(title=words.say("Seen"), width=0.7, align="right"),
        ),
        rows=tuple(rows),
    )


def _write_changes(draft: Draft) -> list[Block]:
    words = draft.words
    blocks: list[Block] = [Heading(text=words.say("4.3 Sites and what became of them"), level=2, key="sites")]
    if not draft.sites:
        return [
            *blocks,
            Paragraph(text=words.say("No site was found. That is not the same as no digging: see section 7.")),
        ]
    lines = _sentences(draft, _CHANGES)
    if lines:
        blocks.append(Bullets(items=tuple(lines)))
    else:
        blocks.append(Paragraph(text=words.say("No site opened, grew, fell quiet or closed in the period.")))
    listed = draft.sites[: draft.options.max_sites_listed]
    blocks.append(_site_table(draft, list(listed)))
    ids = words.listed([f"{reading.number} {reading.site.id}" for reading in listed])
    blocks.append(Paragraph(text=words.say("Ids in kpgeo: {ids}.", ids=ids), is_note=True))
    if len(draft.sites) > len(listed):
        left = len(draft.sites) - len(listed)
        blocks.append(
            Paragraph(
                text=words.say_many(
                    "{n} further site of lower rank is not listed here; it is in the export.",
                    "{n} further sites of lower rank are not listed here; they are in the export.",
                    left,
                ),
                is_note=True,
            )
        )
    return blocks


_CHANGES: tuple[tuple[str, Callable[[SiteReading], bool]], ...] = (
    (noop("New: {sites}."), lambda reading: reading.is_new),
    (noop("Expanded: {sites}."), lambda reading: reading.has(SiteEventKind.GREW) and not reading.is_new),
    (noop("Taken up again: {sites}."), lambda reading: reading.has(SiteEventKind.RESUMED)),
    (
        noop("Fallen quiet: {sites}."),
        lambda reading: reading.has(SiteEventKind.PAUSED) and reading.site.status is SiteStatus.PAUSED,
    ),
    (noop("Closed: {sites}."), lambda reading: reading.has(SiteEventKind.CLOSED)),
    (
        noop("Split or merged: {sites}."),
        lambda reading: reading.has(SiteEventKind.SPLIT) or reading.has(SiteEventKind.MERGED),
    ),
)
_DOUBTS: tuple[tuple[str, Callable[[SiteReading], bool]], ...] = (
    (
        noop("Long and narrow, like a road, a canal or a dyke working: {sites}."),
        lambda reading: reading.site.elongation >= ELONGATED,
    ),
    (
        noop("Largely water, like washing ponds, but also like a dam or a flood: {sites}."),
        lambda reading: reading.site.pond_frac >= WATERY_FRAC,
    ),
    (
        noop("Seen only in part in the last dekad: {sites}."),
        lambda reading: reading.site.look_frac < THIN_LOOK_FRAC,
    ),
)


def _sentences(draft: Draft, kinds: tuple[tuple[str, Callable[[SiteReading], bool]], ...]) -> list[str]:
    """Return one sentence for each kind that at least one site is of."""
    found = []
    for text, is_wanted in kinds:
        chosen = [reading for reading in draft.sites if is_wanted(reading)]
        if chosen:
            found.append(draft.words.say(text, sites=draft.sites_named(chosen)))
    return found


def _site_table(draft: Draft, readings: list[SiteReading]) -> Table:
    words = draft.words
    rows = []
    for reading in readings:
        site = reading.site
        kinds = dict.fromkeys(words.say(EVENT[event.kind]) for event in reading.events)
        rows.append(
            (
                str(reading.number),
                words.say(STATUS[site.status]),
                words.short_date(site.opened_day),
                words.short_date(site.last_day),
                draft.area(site.area),
                words.percent(site.confidence),
                words.say(STATE[reading.alert.state]) if reading.alert else "–",
                words.listed(list(kinds)) or "–",
            )
        )
    return Table(
        caption=words.say("Sites in order of rank, areas in hectares with 90 % interval"),
        columns=(
            Column(title=words.say("No."), width=0.4, align="right"),
            Column(title=words.say("Status"), width=0.75),
            Column(title=words.say("Opened about"), width=0.95),
            Column(title=words.say("Last clear look"), width=0.95),
            Column(title=words.say("Area, ha"), width=1.3, align="right"),
            Column(title=words.say("Confidence"), width=0.8, align="right"),
            Column(title=words.say("Alert"), width=1.1),
            Column(title=words.say("In the period"), width=1.2),
        ),
        rows=tuple(rows),
        note=words.say(
            "Rank: open sites before closed ones; then how far repeated looks confirm the alert; then growth in the "
            "period times confidence; then area. Confidence is the probability that the ground is mined, not that it "
            "is mined for diamonds."
        ),
    )


def _write_pictures(draft: Draft) -> list[Block]:
    words = draft.words
    shown = draft.sites[: draft.options.max_sites_with_chips]
    if not shown:
        return []
    blocks: list[Block] = [
        Heading(text=words.say("4.4 Before and after"), level=2, key="pictures"),
        Paragraph(
            text=words.say(
                "Both pictures of a site show the same ground with the same stretch of brightness. The line is the "
                "outline of the site at the end of the period, drawn on both."
            )
        ),
    ]
    without = []
    for reading in shown:
        pair = draft.inputs.chips.get(reading.site.id, ChipPair())
        missing = _missing_chips(draft, pair)
        if pair.before is None and pair.after is None:
            without.append(reading)
        else:
            blocks += [_site_figure(draft, reading, pair, missing), *_around(draft, reading)]
    if without:
        text = words.say("No clear image was found, before or after: {sites}.", sites=draft.sites_named(without))
        blocks.append(Paragraph(text=text))
    return blocks


def _around(draft: Draft, reading: SiteReading) -> list[Block]:
    """Return what lies around a site, where the AOI file has any layer of it; nothing of it was detected."""
    known = draft.inputs.surroundings.get(reading.site.id)
    if known is None or not known.is_known:
        return []
    return [Bullets(items=say_surroundings(known, draft.words.language))]


def _site_title(draft: Draft, reading: SiteReading) -> str:
    return draft.words.say("Site {number}", number=reading.number)


def _site_figure(draft: Draft, reading: SiteReading, pair: ChipPair, missing: list[str]) -> Picture:
    words = draft.words
    caption = _site_text(draft, reading)
    scenes = [_scene_text(draft, chip) for chip in (pair.before, pair.after) if chip]
    if scenes:
        caption += " " + words.say("Scenes: {scenes}.", scenes="; ".join(scenes))
    return Picture(
        png=site_picture(
            reading,
            pair,
            words,
            epsg=draft.inputs.grid.epsg,
            margin_m=draft.options.chip_margin_m,
            dpi=draft.options.picture_dpi,
        ),
        alt=_site_alt(draft, reading, pair, missing),
        caption=" ".join([caption, *missing]),
    )


def _site_text(draft: Draft, reading: SiteReading) -> str:
    """Say what a site is, in one sentence."""
    words, site = draft.words, reading.site
    return words.say(
        "Site {number} ({stratum}), {status}: {area}, confidence {confidence}, opened about {opened}.",
        number=reading.number,
        stratum=draft.stratum_name(site.stratum_id),
        status=words.say(STATUS[site.status]),
        area=draft.area_in_words(site.area),
        confidence=words.percent(site.confidence),
        opened=words.date(site.opened_day),
    )


def _scene_text(draft: Draft, chip: Chip) -> str:
    words = draft.words
    bands = f", {'/'.join(words.name(band) for band in chip.bands)}" if chip.bands else ""
    return f"{words.sensor(chip.sensor)} {words.moment(chip.datetime)}{bands} [{words.name(chip.scene_id)}]"


def _missing_chips(draft: Draft, pair: ChipPair) -> list[str]:
    words, inputs = draft.words, draft.inputs
    missing = []
    if pair.before is None:
        missing.append(words.say("No clear image was found before {date}.", date=words.date(inputs.start_day)))
    if pair.after is None:
        missing.append(words.say("No clear image was found up to {date}.", date=words.date(inputs.end_day - 1)))
    return missing


def _site_alt(draft: Draft, reading: SiteReading, pair: ChipPair, missing: list[str]) -> str:
    """Say the picture of a site in words."""
    words = draft.words
    parts = [_site_title(draft, reading) + "."]
    if pair.before:
        parts.append(words.say("Before: {scene}.", scene=_scene_text(draft, pair.before)))
    if pair.after:
        parts.append(words.say("After: {scene}.", scene=_scene_text(draft, pair.after)))
    parts += missing
    months = [
        f"{words.month(date.year, date.month)} {words.say('not seen') if area is None else draft.area(area)}"
        for day, area in area_by_month(reading)
        for date in [date_of(day)]
    ]
    parts.append(words.say("Area in hectares by month: {months}.", months="; ".join(months)))
    return " ".join(parts)


def _write_confounders(draft: Draft) -> list[Block]:
    words, aoi = draft.words, draft.inputs.aoi
    items = [
        words.say(
            "Gold: gold and diamonds are dug in the same way and often in the same place. The area is mining, not "
            "diamond mining."
        ),
        words.say(
            "Fields, young orchards, roads, borrow pits, villages, dry river beds and floods can look like fresh "
            "ground."
        ),
    ]
    months = {month.month for month in draft.months}
    if aoi.seasons and months & set(aoi.seasons.burn_months):
        items.append(words.say("The period includes the burning season: burn scars are dark and bare for weeks."))
    items += _sentences(draft, _DOUBTS)
    return [
        Heading(text=words.say("4.6 What may be mistaken for mining"), level=2, key="confounders"),
        Bullets(items=tuple(items)),
    ]


def standing_area(draft: Draft) -> Area:
    """Return the area of all sites that are not closed."""
    return sum_areas([reading.site.area for reading in draft.sites if reading.site.status is not SiteStatus.CLOSED])
